import { expect } from 'vitest';
import { eventually } from '../support/accepting.js';
import { broken, doubles, readWorld, type World } from '../support/invariants.js';
import type { System } from '../support/system.js';
import type { Traffic } from '../support/traffic.js';

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
 * Everything written has arrived, in order, and no invariant is broken. `before` is the world as the scenario began:
 * what it counts is left out of the doubles. With `lateEvents` the desk itself may overtake: it repeats an event that
 * got no answer after newer ones, and such a message is delivered as it comes, flagged.
 */
export async function expectSound(
  system: System,
  traffic: Traffic,
  options: { kills?: number; lateEvents?: boolean; before?: World } = {},
): Promise<World> {
  const { kills = 0, lateEvents = false, before } = options;
  await traffic.arrived();
  await quiet(system);
  const world = await readWorld(system, traffic.customers);
  expect(broken(world)).toEqual([]);
  const late = new Set(world.messages.filter(({ outOfOrder }) => outOfOrder).map(({ text }) => text));
  for (const customer of traffic.customers) {
    const answers = (texts: string[]) =>
      [...new Set(texts)].filter((text) => !(lateEvents && late.has(text)));
    expect(answers(customer.textsAtPhone())).toEqual(answers(customer.answers));
    // A text whose webhook nobody answered may arrive or not.
    const unanswered = new Set(customer.unanswered);
    const atDesk = [...new Set(customer.textsAtDesk())].filter((text) => !unanswered.has(text));
    expect(atDesk).toEqual(customer.written);
    expect(customer.conversationIds).toHaveLength(1);
  }
  const repeated = doubles(world) - (before ? doubles(before) : 0);
  expect(repeated).toBeLessThanOrEqual(kills * LANES_PER_WORKER);
  expect(repeated).toBeLessThanOrEqual(unknownAttempts(world) - (before ? unknownAttempts(before) : 0));
  return world;
}

/** Attempts of which nobody ever learned what became of them. */
function unknownAttempts(world: World): number {
  return world.messages
    .flatMap(({ attempts }) => attempts)
    .filter(({ kind, outcome }) => kind === 'send' && (outcome === 'sending' || outcome === 'uncertain'))
    .length;
}
