import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Direction, LaneDrain, WakeUp } from '#core';
import type { Upkeep } from '#persistence';
import { Metrics } from '#platform';
import type { BullWakeUps } from '#queueing';
import { Sweeper } from '../../apps/worker/src/sweeper.js';
import { eventually } from '../support/accepting.js';

const LANES_AT_ONCE = 4;

/** A lane being drained by a stand-in: it goes on until the test ends it. */
interface Drain {
  laneId: string;
  end(failure?: Error): void;
}

let due: WakeUp[];
let failing: boolean;
let begun: string[];
let woken: WakeUp[];
let running: Drain[];
let sweeper: Sweeper;

beforeEach(() => {
  due = [];
  failing = true;
  begun = [];
  woken = [];
  running = [];
  const upkeep: Pick<Upkeep, 'dueLanes' | 'sweepParked' | 'releaseConfigured' | 'openMergedWindows'> = {
    dueLanes: (limit) => Promise.resolve(due.slice(0, limit)),
    sweepParked: () => Promise.resolve([]),
    releaseConfigured: () => Promise.resolve([]),
    openMergedWindows: () => Promise.resolve([]),
  };
  const wakeUps: Pick<BullWakeUps, 'failing' | 'wake'> = {
    failing: () => failing,
    wake: (list) => void woken.push(...list),
  };
  const drain: Pick<LaneDrain, 'drain'> = {
    drain: (laneId) => {
      begun.push(laneId);
      return new Promise((resolve, reject) => {
        const one: Drain = {
          laneId,
          end: (failure) => {
            running.splice(running.indexOf(one), 1);
            if (failure) reject(failure);
            else resolve();
          },
        };
        running.push(one);
      });
    },
  };
  sweeper = new Sweeper({
    upkeep: upkeep as Upkeep,
    wakeUps: wakeUps as BullWakeUps,
    drain: drain as LaneDrain,
    metrics: new Metrics(),
    lanesAtOnce: LANES_AT_ONCE,
  });
});
afterEach(() => {
  for (const one of running.slice()) one.end();
});

function lanes(direction: Direction, count: number): WakeUp[] {
  return Array.from({ length: count }, (_, n) => ({ laneId: `${direction} ${n + 1}`, direction }));
}

function ofDirection(direction: Direction): string[] {
  return running.map(({ laneId }) => laneId).filter((laneId) => laneId.startsWith(direction));
}

describe('while the queue takes no wake-ups', () => {
  it('an inbound lane is drained although the outbound ones hang', async () => {
    due = [...lanes('outbound', 40), ...lanes('inbound', 1)];
    await sweeper.sweep();
    expect(ofDirection('outbound')).toHaveLength(LANES_AT_ONCE);
    expect(ofDirection('inbound')).toEqual(['inbound 1']);
  });

  it('a sweep comes to its end, and finds what came after, while lanes hang', async () => {
    due = lanes('outbound', 40);
    await sweeper.sweep();
    due = [...due, ...lanes('inbound', 2)];
    await sweeper.sweep();
    expect(ofDirection('inbound')).toEqual(['inbound 1', 'inbound 2']);
    // Nothing is drained twice at once, however often it is found.
    expect(begun).toHaveLength(new Set(begun).size);
  });

  it('lanes beyond the limit follow without another sweep, never more at once', async () => {
    due = lanes('outbound', 40);
    await sweeper.sweep();
    await eventually('all are drained', () => {
      expect(running.length).toBeLessThanOrEqual(LANES_AT_ONCE);
      const [one] = running;
      // A lane that fails gives its place up like one that is done.
      one?.end(begun.length % 3 === 0 ? new Error('storage') : undefined);
      return begun.length === 40;
    });
    expect(begun.toSorted()).toEqual(
      lanes('outbound', 40)
        .map(({ laneId }) => laneId)
        .toSorted(),
    );
  });

  it('idle begins no further lane, and ends when those that run are done', async () => {
    due = [...lanes('outbound', 40), ...lanes('inbound', 40)];
    await sweeper.sweep();
    let idle = false;
    const ended = sweeper.idle().then(() => (idle = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(idle).toBe(false);
    await eventually('it is idle', () => {
      for (const one of running.slice()) one.end();
      return idle;
    });
    await ended;
    expect(begun).toHaveLength(2 * LANES_AT_ONCE);
  });
});

describe('while the queue works', () => {
  it('lanes are woken there, and none is drained here', async () => {
    failing = false;
    due = [...lanes('outbound', 3), ...lanes('inbound', 2)];
    await sweeper.sweep();
    expect(woken).toEqual(due);
    expect(begun).toEqual([]);
  });
});
