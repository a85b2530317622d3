import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WakeUp } from '#core';
import { BullWakeUps } from './bull-wake-ups.js';
import type { FedQueue } from './wake-up-feeder.js';

describe(BullWakeUps.name, () => {
  let added: string[];
  let refuses: boolean;
  let sut: BullWakeUps;

  const queue = (): FedQueue => ({
    addBulk: async (jobs) => {
      if (refuses) throw new Error('refused');
      added.push(...jobs.map(({ data }) => data.laneId));
    },
    getWaitingCount: async () => 0,
  });
  const wake = async (laneId: string, changes: Partial<WakeUp> = {}, passMs = 0): Promise<void> => {
    sut.wake([{ laneId, direction: 'inbound', ...changes }]);
    await vi.advanceTimersByTimeAsync(passMs);
  };

  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['performance', 'setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'],
    });
    added = [];
    refuses = false;
    sut = new BullWakeUps({ inbound: queue(), outbound: queue(), close: async () => undefined });
  });
  afterEach(async () => {
    const stopped = sut.stop();
    await vi.advanceTimersByTimeAsync(2_000);
    await stopped;
    vi.useRealTimers();
  });

  it('wakes a lane at once, then once more for whatever comes within 200 ms', async () => {
    for (let n = 0; n < 5; n += 1) await wake('a', {}, 20);
    expect(added).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(250);
    expect(added).toEqual(['a', 'a']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(added).toEqual(['a', 'a']);
  });

  it('leaves a lane that nobody has claimed since to the wake-up it had', async () => {
    for (let n = 0; n < 15; n += 1) await wake('a', { fence: '7' }, 100);
    expect(added).toEqual(['a']);
  });

  it('wakes it all the same every two seconds, should that one be lost', async () => {
    for (let n = 0; n < 45; n += 1) await wake('a', { fence: '7' }, 100);
    expect(added).toEqual(['a', 'a', 'a']);
  });

  it('wakes it again as soon as somebody has claimed it', async () => {
    await wake('a', { fence: '7' }, 300);
    await wake('a', { fence: '8' }, 50);
    expect(added).toEqual(['a', 'a']);
    // Within 200 ms of the last one: later, yet not never.
    await wake('a', { fence: '9' }, 50);
    expect(added).toEqual(['a', 'a']);
    await vi.advanceTimersByTimeAsync(200);
    expect(added).toEqual(['a', 'a', 'a']);
  });

  it('takes no fence of another lane, nor of one that is held, for its own', async () => {
    await wake('a', { fence: '7' });
    await wake('b', { fence: '7' }, 300);
    expect(added.toSorted()).toEqual(['a', 'b']);
    await wake('a', {}, 300);
    await wake('a', {}, 300);
    expect(added.toSorted()).toEqual(['a', 'a', 'a', 'b']);
  });

  it('takes nothing for queued that was dropped while the queue was away', async () => {
    refuses = true;
    await wake('a', { fence: '7' }, 50);
    expect(sut.failing()).toBe(true);
    // The last one is what the queue is tried with.
    for (const lane of ['b', 'c']) await wake(lane, { fence: '7' });
    refuses = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect([sut.failing(), added]).toEqual([false, ['c']]);
    await wake('b', { fence: '7' }, 300);
    expect(added).toEqual(['c', 'b']);
  });

  it('never leaves work behind that no wake-up and no worker will find, whoever holds the lane when', async () => {
    const step = fc.oneof(
      { arbitrary: fc.record({ does: fc.constant('text'), passMs: fc.nat({ max: 120 }) }), weight: 3 },
      fc.record({ does: fc.constantFrom('job', 'release'), passMs: fc.constant(0) }),
    );
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
        added = [];
        const name = `lane-${(runs += 1)}`;
        // A lane as workers treat it: a claim moves its fence; whoever holds it takes all there is, last of all on release.
        const lane = { fence: 0, held: false, waiting: 0 };
        for (const { does, passMs } of steps) {
          if (does === 'text') {
            lane.waiting += 1;
            await wake(name, lane.held ? {} : { fence: String(lane.fence) }, passMs);
          } else if (does === 'release') {
            if (lane.held) Object.assign(lane, { held: false, waiting: 0 });
          } else if (added.splice(0).length > 0 && !lane.held && lane.waiting > 0) {
            Object.assign(lane, { fence: lane.fence + 1, held: true });
          }
        }
        await vi.advanceTimersByTimeAsync(300);
        expect(lane.waiting > 0 && !lane.held && added.length === 0).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
