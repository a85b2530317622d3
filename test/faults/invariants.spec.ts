import { describe, expect, it } from 'vitest';
import { answeredTooEarly, leftBehind } from '../support/answers.js';
import { CANARIES, canariesIn } from '../support/canaries.js';
import { broken, doubles, type World, type WorldMessage } from '../support/invariants.js';
import { leftBehindBy } from '../support/recovery.js';
import { Resources, type Sample } from '../storm/resources.js';

const LANE = 'lane-1';

function message(seq: number, changes: Partial<WorldMessage> = {}): WorldMessage {
  const id = `m${seq}`;
  return {
    id,
    laneId: LANE,
    direction: 'outbound',
    seq,
    contentType: 'text',
    text: `text ${seq}`,
    delivery: 'submitted',
    reason: null,
    possibleDuplicate: false,
    outOfOrder: false,
    itemState: null,
    parts: [{ n: 1, text: `text ${seq}` }],
    attempts: [attempt(id, seq)],
    ...changes,
  };
}

function attempt(messageId: string, startedAt: number, more = ''): WorldMessage['attempts'][number] {
  return {
    id: `${messageId}-a${more}`,
    partN: 1,
    kind: 'send',
    outcome: 'submitted',
    fence: 1,
    startedAt,
    receipt: null,
  };
}

/** Three messages, each written, stored, sent and taken once, in order. */
function soundWorld(): World {
  const messages = [message(1), message(2), message(3)];
  return {
    messages,
    taken: messages.map(({ id, text }) => ({ direction: 'outbound', messageId: id, partN: 1, text })),
    written: messages.map(({ text }) => ({ who: 'a customer', direction: 'outbound', text })),
  };
}

function change(world: World, seq: number, changes: Partial<WorldMessage>): void {
  world.messages = world.messages.map((each) => (each.seq === seq ? { ...each, ...changes } : each));
}

describe('the checker of invariants', () => {
  it('finds nothing in a sound world', () => {
    expect(broken(soundWorld())).toEqual([]);
    expect(doubles(soundWorld())).toBe(0);
  });

  const wrong: [string, RegExp, (world: World) => void][] = [
    ['an accepted text that is not stored', /^I1.*not stored/, (world) => world.messages.splice(1, 1)],
    ['a submitted message that never arrived', /^I1.*never arrived/, (world) => world.taken.splice(1, 1)],
    [
      'a part of several that never arrived',
      /^I1: part 2/,
      (world) => change(world, 3, { parts: [1, 2].map((n) => ({ n, text: `part ${n}` })) }),
    ],
    ['a submitted message without a part', /^I1.*no part/, (world) => change(world, 3, { parts: [] })],
    [
      "a delivery of nobody's message",
      /^I1.*nobody's/,
      (world) => world.taken.push({ direction: 'outbound', messageId: undefined, partN: 0, text: 'made up' }),
    ],
    [
      'a part that was taken twice in two attempts without a mark',
      /^I2.*unmarked/,
      (world) => {
        world.taken.push(...world.taken.slice(2));
        change(world, 3, { attempts: [attempt('m3', 3), attempt('m3', 4, 'b')] });
      },
    ],
    [
      'a marked part that was taken more often than tried',
      /^I2.*in 1 attempts/,
      (world) => {
        world.taken.push(...world.taken.slice(2));
        change(world, 3, { possibleDuplicate: true });
      },
    ],
    ['two messages that changed places', /^I3.*arrived after/, (world) => world.taken.reverse()],
    [
      'parts that changed places',
      /^I3.*arrived after/,
      (world) => {
        change(world, 3, { parts: [1, 2].map((n) => ({ n, text: `part ${n}` })) });
        world.taken.splice(2, 0, { direction: 'outbound', messageId: 'm3', partN: 2, text: 'part 2' });
      },
    ],
    ['seq that is not the order of writing', /^I3.*an earlier one/, (world) => world.written.reverse()],
    [
      'a message left open',
      /^I4.*left open/,
      (world) => change(world, 3, { delivery: 'open', itemState: 'open' }),
    ],
    [
      'a message left uncertain',
      /^I4.*left uncertain/,
      (world) => change(world, 3, { delivery: 'uncertain' }),
    ],
    ['a failure without a reason', /^I4.*for no reason/, (world) => change(world, 3, { delivery: 'failed' })],
    [
      'an item of a submitted message',
      /^I4.*its item/,
      (world) => change(world, 3, { itemState: 'sending' }),
    ],
    ['a submission by no attempt', /^I4.*without/, (world) => change(world, 3, { attempts: [] })],
    [
      'an attempt with an old fence',
      /^I5/,
      (world) => change(world, 1, { attempts: [{ ...attempt('m1', 1), fence: 2 }] }),
    ],
  ];
  it.each(wrong)('finds %s', (_name, expected, spoil) => {
    const world = soundWorld();
    spoil(world);
    expect(broken(world)).toContainEqual(expect.stringMatching(expected));
  });

  it('lets a double pass that is marked, and counts it', () => {
    const world = soundWorld();
    world.taken.push(...world.taken.slice(2));
    change(world, 3, { possibleDuplicate: true, attempts: [attempt('m3', 3), attempt('m3', 4, 'b')] });
    expect(broken(world)).toEqual([]);
    expect(doubles(world)).toBe(1);
  });

  it('lets a repeat pass after the provider reported a failure', () => {
    const world = soundWorld();
    world.taken.push(...world.taken.slice(2));
    const failed = { ...attempt('m3', 3), receipt: 'undelivered' };
    change(world, 3, { attempts: [failed, attempt('m3', 4, 'b')] });
    expect(broken(world)).toEqual([]);
  });
});

describe('the checker of answers (I6)', () => {
  const answered = { what: 'text SM1', answeredAt: 1_000, committedAt: 1_000.4 };

  it('lets pass what was committed before, within the same millisecond, too', () => {
    expect(answeredTooEarly([answered, { ...answered, committedAt: 990 }])).toEqual([]);
  });

  it.each([
    ['an answer before its commit', 1_020],
    ['an answer to what is not stored', undefined],
  ])('finds %s', (_name, committedAt) => {
    expect(answeredTooEarly([{ ...answered, committedAt }])).toEqual([
      expect.stringMatching(/^I6: text SM1/),
    ]);
  });
});

describe('the checker of bounds (I7)', () => {
  const sample: Sample = { atMs: 0, memoryMb: 100, handles: 50, postgresConnections: 30, redisMb: 3 };

  function violations(samples: Sample[]): string[] {
    const resources = new Resources(undefined as never);
    resources.samples.push(...samples);
    return resources.violations();
  }

  it('lets pass what stays as it is', () => {
    expect(violations(Array.from({ length: 900 }, () => sample))).toEqual([]);
  });

  it.each([
    ['memoryMb', 2_000],
    ['handles', 5_000],
    ['postgresConnections', 190],
    ['redisMb', 500],
  ] as const)('finds too much %s', (name, value) => {
    expect(violations([sample, { ...sample, [name]: value }])).toEqual([
      expect.stringMatching(new RegExp(`^I7: ${name}`)),
    ]);
  });

  it('finds memory that only grows', () => {
    const growing = Array.from({ length: 900 }, (_, n) => ({ ...sample, memoryMb: 100 + n / 3 }));
    expect(violations(growing)).toEqual([expect.stringMatching(/^I7: memory grows/)]);
    // Too short to tell growth from warming up.
    expect(violations(growing.slice(0, 599))).toEqual([]);
  });
});

describe('the checker of takeovers (I8)', () => {
  const times = { leaseMs: 3_000, sweepMs: 500 };

  it('lets pass what moves in time', () => {
    expect(leftBehindBy([{ laneId: LANE, tookMs: 5_499 }], times)).toEqual([]);
  });

  it.each([5_501, undefined])('finds a lane that is taken over after %s ms', (tookMs) => {
    expect(leftBehindBy([{ laneId: LANE, tookMs }], times)).toEqual([expect.stringMatching(/^I8/)]);
  });
});

describe('the checker of refusals (I9)', () => {
  const rows = { messages: 3, customers: 1 };

  it('lets pass what left nothing, and a 503', () => {
    expect(leftBehind(rows, { ...rows }, [400, 401, 403, 413, 503])).toEqual([]);
  });

  it.each([
    ['a row more', { ...rows, customers: 2 }, [403]],
    ['a row less', { ...rows, messages: 2 }, [403]],
    ['a new table', { ...rows, others: 1 }, [403]],
    ['a failure of ours', rows, [500]],
    ['a forgery that is taken', rows, [200]],
  ])('finds %s', (_name, after, statuses) => {
    expect(leftBehind(rows, after, statuses)).toEqual([expect.stringMatching(/^I9/)]);
  });
});

describe('the search for what must not be shown (I10)', () => {
  it.each(['authToken', 'apiKey', 'adminApiKey', 'customerPrefix', 'text'] as const)('finds %s', (name) => {
    const line = `{"msg":"A line.","field":"to ${CANARIES[name]}000001"}`;
    expect(canariesIn('a log', ['{"msg":"A line."}', line])).toEqual([expect.stringMatching(/^I10: a log/)]);
  });

  it('finds nothing in ids and constant sentences', () => {
    const line = '{"laneId":"0195f1d2-7c1e-7b1a-9d2e-1c5f3a7b9d11","msg":"The worker is running."}';
    expect(canariesIn('a log', [line])).toEqual([]);
  });
});
