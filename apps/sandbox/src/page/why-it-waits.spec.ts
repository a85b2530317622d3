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
const failed = {
  parts: [
    { n: 1, attempts: [{ id: 'a', startedAt: message.acceptedAt, outcome: 'not-sent', httpStatus: 429 }] },
  ],
};
const later = new Date(Date.now() + 60_000).toISOString();

describe(whyItWaits.name, () => {
  it.each([
    ['paused', {}, { pausedAt: message.acceptedAt }, /operator has paused/],
    ['held', { delivery: 'held', reason: 'unconfigured' }, {}, /Held: unconfigured/],
    [
      'behind',
      {},
      { head: { messageId: 'm1', seq: 1, delivery: 'open' } },
      /Waits for message 1 of its lane/,
    ],
    ['on its way', { delivery: 'sending' }, {}, /being given to the Chat Gateway right now/],
    ['unknown', { delivery: 'uncertain', direction: 'outbound' }, {}, /whether Twilio took it/],
    [
      'refused for now',
      failed,
      { failures: 3 },
      /Tried 3 times without success \(the Chat Gateway answered 429\)/,
    ],
    [
      'unreachable',
      { reason: 'connect-refused' },
      { failures: 1 },
      /could not be opened, once \(connect-refused\)/,
    ],
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
