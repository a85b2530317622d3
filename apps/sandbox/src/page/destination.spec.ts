import { describe, expect, it } from 'vitest';
import { destinationOf } from './destination.js';
import type { MessageResource } from './operator-api.js';

type Destinations = ('bot' | undefined)[];

function message(...parts: Destinations[]): MessageResource {
  return {
    id: 'm',
    threadId: 't',
    laneId: 'l',
    direction: 'inbound',
    authorType: 'user',
    seq: 1,
    content: { type: 'text', text: 'Hello' },
    delivery: 'submitted',
    possibleDuplicate: false,
    acceptedAt: '2026-01-01T12:00:00.000Z',
    parts: parts.map((attempts, index) => ({
      n: index + 1,
      attempts: attempts.map((destination, n) => ({
        id: `${index}-${n}`,
        startedAt: '2026-01-01T12:00:00.000Z',
        outcome: 'submitted',
        ...(destination && { destination }),
      })),
    })),
  };
}

describe(destinationOf.name, () => {
  it.each<{ what: string; parts: Destinations[]; expected: string | undefined }>([
    { what: 'not tried', parts: [], expected: undefined },
    { what: 'at the desk', parts: [[undefined], [undefined]], expected: 'desk' },
    { what: 'at the bot', parts: [['bot', 'bot']], expected: 'bot' },
    { what: 'at the desk, after the bot had been tried', parts: [['bot', undefined]], expected: 'desk' },
    { what: 'at both, after the agents', parts: [['bot'], [undefined]], expected: 'both' },
  ])('$what', ({ parts, expected }) => {
    expect(destinationOf(message(...parts))).toBe(expected);
  });

  it('says nothing of what goes to a phone', () => {
    expect(destinationOf({ ...message([undefined]), direction: 'outbound' })).toBeUndefined();
  });
});
