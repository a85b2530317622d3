import { describe, expect, it } from 'vitest';
import { linkArrivals, linkBubbles, linkByAttempt, linkByProviderId } from './links.js';
import type { BridgeMessage } from './state.js';

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();

function message(id: string, text: string, second: number, more: Partial<BridgeMessage> = {}): BridgeMessage {
  return {
    id,
    direction: 'inbound',
    authorType: 'user',
    seq: 1,
    text,
    kind: 'text',
    files: [],
    delivery: 'submitted',
    possibleDuplicate: false,
    acceptedAt: at(second),
    attempts: [],
    parts: 1,
    ...more,
  };
}

describe(linkBubbles.name, () => {
  it('gives each bubble the message of its text, newest to newest', () => {
    const bubbles = [
      { id: 'a', text: 'yes', at: at(0) },
      { id: 'b', text: 'no', at: at(10) },
      { id: 'c', text: 'yes', at: at(20) },
    ];
    const links = linkBubbles(bubbles, [
      message('3', 'yes', 20),
      message('1', 'yes', 0),
      message('2', 'no', 10),
    ]);
    expect([...links].map(([id, link]) => `${id}${link.id}`).sort()).toEqual(['a1', 'b2', 'c3']);
  });

  it('leaves a bubble alone that the bridge has not taken, though an older one was alike', () => {
    const bubbles = [
      { id: 'a', text: 'yes', at: at(0) },
      { id: 'b', text: 'yes', at: at(20) },
    ];
    const links = linkBubbles(bubbles, [message('1', 'yes', 0)]);
    expect([...links.keys()]).toEqual(['a']);
  });
});

describe(linkArrivals.name, () => {
  const bubble = (id: string, text: string) => ({ id, text, at: at(0) });

  it('gives each bubble its message, in order', () => {
    const links = linkArrivals(
      [bubble('a', 'yes'), bubble('b', 'no'), bubble('c', 'yes')],
      [message('2', 'no', 1), message('3', 'yes', 2), message('1', 'yes', 0)],
    );
    expect([...links].map(([id, link]) => `${id}${link.id}`).sort()).toEqual(['a1', 'b2', 'c3']);
  });

  it('gives what came again to the message that is marked', () => {
    const links = linkArrivals(
      [bubble('a', 'yes'), bubble('b', 'yes'), bubble('c', 'yes')],
      [message('1', 'yes', 0, { possibleDuplicate: true }), message('2', 'yes', 1)],
    );
    expect([...links].map(([id, link]) => `${id}${link.id}`)).toEqual(['a1', 'b1', 'c2']);
  });
});

describe(linkByAttempt.name, () => {
  it('gives a bubble the message that was being sent when it came', () => {
    const sent = (id: string, from: number, to?: number) =>
      message(id, '', from, {
        attempts: [
          {
            id,
            part: 1,
            startedAt: at(from),
            outcome: 'submitted',
            ...(to !== undefined && { endedAt: at(to) }),
          },
        ],
      });
    const bubbles = [5, 12, 21, 40].map((second) => ({ id: `at ${second}`, at: at(second) }));
    const links = linkByAttempt(bubbles, [sent('1', 4, 6), sent('2', 20, 22), sent('3', 30)]);
    expect([...links].map(([id, link]) => [id, link.id])).toEqual([
      ['at 5', '1'],
      ['at 21', '2'],
      ['at 40', '3'],
    ]);
  });
});

describe(linkByProviderId.name, () => {
  it('finds the message by the attempt that made the text, whichever part it is', () => {
    const attempts = ['SM1', 'SM2'].map((providerId, index) => ({
      id: providerId,
      part: index + 1,
      startedAt: at(0),
      outcome: 'submitted',
      providerId,
    }));
    const links = linkByProviderId(
      [{ id: 'SM2' }, { id: 'SM9' }],
      [message('1', 'long', 0, { attempts, receipt: 'delivered' })],
    );
    expect(Object.fromEntries(links)).toEqual({
      SM2: { id: '1', delivery: 'submitted', receipt: 'delivered', possibleDuplicate: false },
    });
  });
});
