import type { Direction } from '#core';

/**
 * What became of wake-ups. `added`: in the queue. `coalesced`: another one of the last 200 ms stands for it.
 * `suppressed`: the queue is so deep that the sweeper does the waking. `dropped`: the queue is away or too slow.
 * `failed`: an add was tried and did not succeed in time.
 */
export type WakeUpOutcome = 'added' | 'coalesced' | 'suppressed' | 'dropped' | 'failed';

/** Where the queues tell what they do; the application turns it into metrics. Never throws, labels hold no data. */
export interface QueueObserver {
  wakeUps?(outcome: WakeUpOutcome, direction: Direction, count: number): void;
  /** Adds fail (true) or work again (false). */
  failing?(failing: boolean, direction: Direction): void;
  /** A handler ended; `failed` when it threw. */
  handled?(direction: Direction, failed: boolean, durationMs: number): void;
  /** Redis may (false: does not) evict keys, which loses jobs without a word. */
  evictionPossible?(possible: boolean): void;
}
