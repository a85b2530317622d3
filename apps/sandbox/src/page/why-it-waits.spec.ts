import { describe, expect, it } from 'vitest';
import type { LaneResource, MessageResource } from './operator-api.js';
import { whyItWaits } from './why-it-waits.js';

const message: MessageResource = {
  id: 'm2',
  threadId: 't',
  laneId: 'l',
  direction: 'inbound',
  authorType: 'user',
  seq: 2,
  content: { type: 'text', text: 'Hello' },
  delivery: 'open',
  possibleDuplicate: false,
  acceptedAt: '2026-01-01T12:00:00.000Z',
  parts: [],
};
const lane: LaneResource = {
  id: 'l',
  threadId: 't',
  direction: 'inbound',
  blocked: false,
  waiting: 1,
  failures: 0,
  head: { messageId: 'm2', seq: 2, delivery: 'open' },
};
const explanation = 'The Chat Gateway was away. It is tried again by itself.';
const later = new Date(Date.now() + 60_000).toISOString();

describe(whyItWaits.name, () => {
  it.each([
    ['paused', {}, { pausedAt: message.acceptedAt }, /operator has paused/],
    ['held', { delivery: 'held', explanation }, {}, /^The Chat Gateway was away/],
    [
      'behind',
      {},
      { head: { messageId: 'm1', seq: 1, delivery: 'open' } },
      /Waits for message 1 of its lane/,
    ],
    ['on its way', { delivery: 'sending' }, {}, /being given to the Chat Gateway right now/],
    ['unknown', { delivery: 'uncertain', direction: 'outbound' }, {}, /^Whether Twilio has it/],
    ['unknown, for a reason', { delivery: 'uncertain', explanation }, {}, /^The Chat Gateway was away/],
    [
      'refused for now',
      { explanation },
      { failures: 3 },
      /^Tried 3 times without success\. The Chat Gateway was/,
    ],
    ['unreachable', {}, { failures: 1 }, /^Tried once without success\.$/],
    ['opening', {}, {}, /conversation is being opened/],
    ['next', { direction: 'outbound' }, {}, /A worker takes it next/],
  ] as const)('%s', (_what, change, laneChange, words) => {
    const waits = whyItWaits(
      { ...message, ...change } as MessageResource,
      { ...lane, ...laneChange },
      undefined,
    );
    expect(waits?.why).toMatch(words);
  });

  it('says until when, while that is ahead', () => {
    expect(whyItWaits(message, { ...lane, failures: 1, notBefore: later }, undefined)?.until).toBe(later);
    const past = message.acceptedAt;
    expect(whyItWaits(message, { ...lane, failures: 1, notBefore: past }, undefined)).not.toHaveProperty(
      'until',
    );
  });

  it('says nothing of what is at its end', () => {
    for (const delivery of ['submitted', 'failed'] as const) {
      expect(whyItWaits({ ...message, delivery }, undefined, 'active')).toBeUndefined();
    }
  });
});
