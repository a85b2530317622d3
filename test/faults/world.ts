import { expect } from 'vitest';
import { eventually } from '../support/accepting.js';
import { answeredTooEarly, readAnswers } from '../support/answers.js';
import { broken, doubles, readWorld, type World } from '../support/invariants.js';
import type { System } from '../support/system.js';
import { arrived, type Traffic } from '../support/traffic.js';

/** Seed of a run's random choices; printed, and taken from SEED to repeat a run. */
export function seeded(): { seed: number; between: (min: number, max: number) => number } {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.info(`SEED=${seed}`);
  let state = seed + 1;
  return {
    seed,
    between: (min, max) => {
      // mulberry32: short, and good enough to choose when to kill.
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return min + (((mixed ^ (mixed >>> 14)) >>> 0) % (max - min + 1));
    },
  };
}

/** Waits until nothing is left to do anywhere. */
export async function quiet(system: System): Promise<void> {
  await eventually(
    'every lane empty',
    async () => {
      const { rows } = await system.pool.query<{ n: number }>('select count(*)::int as n from lane_items');
      return rows[0]?.n === 0;
    },
    60_000,
  );
  await system.twilio.activity.settle(20_000);
  await system.desk.activity.settle(20_000);
}

/**
 * Everything written has arrived once, in order, and no invariant is broken. Nothing is marked: both providers can be asked
 * what became of an attempt. `before` is the world as the scenario began: what it counts is left out. With `lateEvents` events
 * may overtake each other on their way to us: one that got no answer is repeated after newer ones, one waits at a gateway for its key.
 * Such a message is delivered as it comes, flagged.
 */
export async function expectSound(
  system: System,
  traffic: Pick<Traffic, 'customers'>,
  options: { lateEvents?: boolean; conversations?: number; before?: World } = {},
): Promise<World> {
  const { lateEvents = false, conversations = 1, before } = options;
  await arrived(traffic.customers);
  await quiet(system);
  const world = await readWorld(system, traffic.customers);
  expect(broken(world)).toEqual([]);
  expect(answeredTooEarly(await readAnswers(system))).toEqual([]);
  const late = new Set(world.messages.filter(({ outOfOrder }) => outOfOrder).map(({ text }) => text));
  for (const customer of traffic.customers) {
    const answers = (texts: string[]) =>
      [...new Set(texts)].filter((text) => !(lateEvents && late.has(text)));
    expect(answers(customer.textsAtPhone())).toEqual(answers(customer.answers));
    // A text whose webhook nobody answered may arrive or not.
    const unanswered = new Set(customer.unanswered);
    const atDesk = [...new Set(customer.textsAtDesk())].filter((text) => !unanswered.has(text));
    expect(atDesk).toEqual(customer.written);
    expect(customer.conversationIds).toHaveLength(conversations);
  }
  const since = (count: (of: World) => number) => count(world) - (before ? count(before) : 0);
  expect(since(doubles)).toBe(0);
  expect(since(marks)).toBe(0);
  expect(unknowns(world)).toBe(0);
  return world;
}

function marks({ messages }: World): number {
  return messages.filter(({ possibleDuplicate }) => possibleDuplicate).length;
}

/** Sends of which nobody knows what became of them. */
function unknowns({ messages }: World): number {
  return messages
    .flatMap(({ attempts }) => attempts)
    .filter(({ kind, outcome }) => kind === 'send' && (outcome === 'sending' || outcome === 'uncertain'))
    .length;
}
