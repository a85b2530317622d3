import { expect } from 'vitest';
import { eventually } from '../support/accepting.js';
import { answeredTooEarly, readAnswers } from '../support/answers.js';
import { broken, doubles, readWorld, type World } from '../support/invariants.js';
import type { System } from '../support/system.js';
import { arrived, type Traffic } from '../support/traffic.js';

/** Lanes that one worker works on at once, both directions together: what one kill can leave uncertain. */
export const LANES_PER_WORKER = 64;

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
 * Everything written has arrived, in order, and no invariant is broken; what arrived twice is marked, and there is at
 * most one for each attempt whose outcome nobody knows: a kill leaves at most one such attempt per lane of the worker.
 * `before` is the world as the scenario began: what it counts is left out. With `lateEvents` the desk itself may overtake: it repeats an event that
 * got no answer after newer ones, and such a message is delivered as it comes, flagged.
 */
export async function expectSound(
  system: System,
  traffic: Pick<Traffic, 'customers'>,
  options: { kills?: number; lateEvents?: boolean; conversations?: number; before?: World } = {},
): Promise<World> {
  const { kills = 0, lateEvents = false, conversations = 1, before } = options;
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
  const cutOff = since((of) => sendsThatEnded(of, 'sending'));
  expect(cutOff).toBeLessThanOrEqual(kills * LANES_PER_WORKER);
  // A machine that is busy with other things may let deadlines pass: each is an unknown outcome, too.
  expect(since(doubles)).toBeLessThanOrEqual(cutOff + since((of) => sendsThatEnded(of, 'uncertain')));
  return world;
}

/** Attempts with this outcome; one that is `sending` for good was cut off by its worker's death. */
function sendsThatEnded(world: World, as: 'sending' | 'uncertain'): number {
  return world.messages
    .flatMap(({ attempts }) => attempts)
    .filter(({ kind, outcome }) => kind === 'send' && outcome === as).length;
}
