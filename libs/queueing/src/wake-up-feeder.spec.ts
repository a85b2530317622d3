import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WakeUpOutcome } from './queue-observer.js';
import { WakeUpFeeder, type FedQueue } from './wake-up-feeder.js';

type Behaviour = 'works' | 'is slow' | 'refuses' | 'hangs';

/** A queue whose behaviour a test changes as it goes. */
function fakeQueue(): FedQueue & { behaviour: Behaviour; batches: string[][]; waiting: number } {
  const queue = {
    behaviour: 'works' as Behaviour,
    batches: [] as string[][],
    waiting: 0,
    addBulk: async (jobs: { data: { laneId: string } }[]): Promise<void> => {
      queue.batches.push(jobs.map(({ data }) => data.laneId));
      if (queue.behaviour === 'refuses') throw new Error('refused');
      if (queue.behaviour === 'is slow') await new Promise((resolve) => setTimeout(resolve, 3));
      if (queue.behaviour === 'hangs') await new Promise(() => undefined);
    },
    getWaitingCount: async (): Promise<number> => queue.waiting,
  };
  return queue;
}

describe(WakeUpFeeder.name, () => {
  let queue: ReturnType<typeof fakeQueue>;
  let outcomes: Partial<Record<WakeUpOutcome, number>>;
  let sut: WakeUpFeeder;
  const offer = (count: number): void => {
    for (let lane = 0; lane < count; lane += 1) sut.offer({ laneId: `lane-${lane}`, delayMs: 0 });
  };
  const pass = async (ms = 0): Promise<void> => {
    await vi.advanceTimersByTimeAsync(ms);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    queue = fakeQueue();
    outcomes = {};
    sut = new WakeUpFeeder(queue, 'inbound', {
      wakeUps: (outcome, _direction, count) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + count),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('adds what came in one tick as one batch', async () => {
    offer(3);
    expect(queue.batches).toEqual([]);
    await pass();
    expect(queue.batches).toEqual([['lane-0', 'lane-1', 'lane-2']]);
    expect(outcomes).toEqual({ added: 3 });
  });

  it('adds at once after a pause, else what ten milliseconds bring together', async () => {
    offer(1);
    await pass();
    offer(2);
    await pass(4);
    offer(1);
    await pass(5);
    expect(queue.batches.map((batch) => batch.length)).toEqual([1]);
    await pass(1);
    expect(queue.batches.map((batch) => batch.length)).toEqual([1, 3]);
    await pass(20);
    offer(1);
    await pass();
    expect(queue.batches.map((batch) => batch.length)).toEqual([1, 3, 1]);
  });

  it('adds no more often when adding takes longer than the next takes to come', async () => {
    queue.behaviour = 'is slow';
    for (let ms = 0; ms < 200; ms += 2) {
      offer(1);
      await pass(2);
    }
    await pass(20);
    expect(queue.batches.flat()).toHaveLength(100);
    expect(queue.batches.length).toBeLessThanOrEqual(21);
  });

  it('keeps two batches of a thousand in flight, ten thousand waiting, and no more', async () => {
    queue.behaviour = 'hangs';
    offer(2_000);
    await pass();
    offer(10_500);
    await pass();
    expect(queue.batches.map((batch) => batch.length)).toEqual([1_000, 1_000]);
    expect(outcomes).toEqual({ dropped: 500 });
  });

  it('gives an add up after a second and drops everything until one has got through', async () => {
    queue.behaviour = 'hangs';
    offer(1);
    await pass(1_100);
    expect(sut.failing).toBe(true);
    offer(5);
    expect(outcomes).toEqual({ failed: 1, dropped: 5 });
    const addsSoFar = queue.batches.length;
    await pass(5_000);
    // A probe that hangs is not joined by further ones.
    expect(queue.batches.length - addsSoFar).toBeLessThanOrEqual(1);
  });

  it('finds out by itself that the queue is back', async () => {
    queue.behaviour = 'refuses';
    offer(1);
    await pass();
    expect(sut.failing).toBe(true);
    await pass(3_000);
    expect(sut.failing).toBe(true);
    queue.behaviour = 'works';
    await pass(1_100);
    expect(sut.failing).toBe(false);
    offer(1);
    await pass();
    expect(queue.batches.at(-1)).toEqual(['lane-0']);
  });

  it('recovers from a probe that hung for ever', async () => {
    queue.behaviour = 'hangs';
    offer(1);
    await pass(3_000);
    queue.behaviour = 'works';
    await pass(40_000);
    expect(sut.failing).toBe(false);
  });

  it('leaves the waking to the sweeper while the queue is deep, and looks again', async () => {
    queue.waiting = 10_001;
    offer(1);
    await pass(1_000);
    offer(2);
    await pass();
    expect(outcomes).toEqual({ added: 1, suppressed: 2 });
    queue.waiting = 10_000;
    await pass(1_000);
    offer(1);
    await pass();
    offer(1);
    await pass();
    expect(outcomes).toEqual({ added: 2, suppressed: 3 });
  });

  it('takes nothing after stop, which sends what is at hand', async () => {
    offer(1);
    const stopped = sut.stop();
    await pass(10);
    await stopped;
    offer(1);
    await pass(10);
    expect(queue.batches).toEqual([['lane-0']]);
    expect(outcomes).toEqual({ added: 1, dropped: 1 });
  });
});
