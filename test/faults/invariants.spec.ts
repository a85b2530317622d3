import { describe, expect, it } from 'vitest';
import { CANARIES, canariesIn } from '../support/canaries.js';
import { broken, doubles, type World, type WorldMessage } from '../support/invariants.js';

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
