import type { Direction } from '#core';
import { bounded } from './bounded.js';
import { ADD_TIMEOUT_MS } from './connections.js';
import { ErrorLog } from './error-log.js';
import { LANE_JOB, type LaneJob } from './queue-names.js';
import type { QueueObserver, WakeUpOutcome } from './queue-observer.js';

/** What the feeder needs of a queue. */
export interface FedQueue {
  addBulk(jobs: { name: string; data: LaneJob; opts?: { delay?: number } }[]): Promise<unknown>;
  getWaitingCount(): Promise<number>;
}

/** A wake-up on its way into the queue; `delayMs` of 0 means now. */
export interface QueuedWakeUp {
  laneId: string;
  delayMs: number;
}

const MAX_BATCH = 1_000;
/** Adds go out at once when none did for so long, else together at its end: under load a pipeline of many costs half. */
const FLUSH_GAP_MS = 10;
const MAX_IN_FLIGHT = 2;
const MAX_PENDING = 10_000;
/** Above so many waiting jobs the workers have all the work they can do, and the sweeper does the waking. */
const MAX_WAITING = 10_000;
const COUNT_EVERY_MS = 1_000;
const PROBE_FIRST_MS = 250;
const PROBE_EVERY_MS = 1_000;
/** A probe that never comes to an end is given up for the next one. */
const PROBE_LOST_MS = 30_000;

const log = new ErrorLog('WakeUps');

/**
 * Puts wake-ups into one queue without ever making anyone wait: in batches, few of them in flight, each
 * given up after a second. When an add fails everything further is dropped (the sweeper heals) until one single
 * wake-up, tried again and again in the background, has got through. It must be a write: a full Redis still reads.
 */
export class WakeUpFeeder {
  private readonly pending: QueuedWakeUp[] = [];
  private inFlight = 0;
  private scheduled = false;
  private flushTimer: NodeJS.Timeout | undefined;
  private flushedAt = -Infinity;
  private probeTimer: NodeJS.Timeout | undefined;
  private probeStartedAt = -Infinity;
  private probing = false;
  private probeWith: string | undefined;
  private waiting = 0;
  private countedAt = -Infinity;
  private counting = false;
  private stopped = false;
  /** True while adds fail. */
  failing = false;

  constructor(
    private readonly queue: FedQueue,
    private readonly direction: Direction,
    private readonly observer: QueueObserver,
  ) {}

  /** Takes a wake-up or drops it; returns at once. */
  offer(wakeUp: QueuedWakeUp): void {
    this.countWaiting();
    if (this.failing) this.probeWith = wakeUp.laneId;
    if (this.stopped || this.failing || this.pending.length >= MAX_PENDING) return this.tell('dropped');
    if (this.waiting > MAX_WAITING) return this.tell('suppressed');
    this.pending.push(wakeUp);
    this.scheduleFlush();
  }

  /** Sends what is at hand, waits for it at most a second, and takes nothing more. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    clearTimeout(this.probeTimer);
    clearTimeout(this.flushTimer);
    this.flush();
    const deadline = performance.now() + ADD_TIMEOUT_MS;
    while (this.inFlight > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  private scheduleFlush(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    const flush = () => {
      this.scheduled = false;
      this.flush();
    };
    const inMs = this.flushedAt + FLUSH_GAP_MS - performance.now();
    // Everything that this turn of the event loop brings goes together.
    if (inMs <= 0) setImmediate(flush);
    else this.flushTimer = setTimeout(flush, inMs);
  }

  private flush(): void {
    while (this.inFlight < MAX_IN_FLIGHT && this.pending.length > 0) {
      this.flushedAt = performance.now();
      void this.add(this.pending.splice(0, MAX_BATCH));
    }
  }

  private async add(batch: QueuedWakeUp[]): Promise<void> {
    this.inFlight += 1;
    try {
      await bounded(this.put(batch), ADD_TIMEOUT_MS);
      this.tell('added', batch.length);
    } catch (error) {
      this.tell('failed', batch.length);
      this.fail(error, batch[0]?.laneId);
    } finally {
      this.inFlight -= 1;
    }
    if (this.stopped || this.pending.length >= MAX_BATCH) this.flush();
    else if (this.pending.length > 0) this.scheduleFlush();
  }

  private async put(batch: QueuedWakeUp[]): Promise<void> {
    await this.queue.addBulk(
      batch.map(({ laneId, delayMs }) => ({
        name: LANE_JOB,
        data: { laneId },
        ...(delayMs > 0 && { opts: { delay: delayMs } }),
      })),
    );
  }

  private fail(error: unknown, laneId: string | undefined): void {
    log.error('Wake-ups cannot be queued; the sweeper takes over.', error, { direction: this.direction });
    this.probeWith ??= laneId;
    const dropped = this.pending.splice(0).length;
    if (dropped > 0) this.tell('dropped', dropped);
    if (this.failing) return;
    this.failing = true;
    this.observer.failing?.(true, this.direction);
    this.probeIn(PROBE_FIRST_MS);
  }

  private probeIn(ms: number): void {
    if (this.stopped) return;
    this.probeTimer = setTimeout(() => void this.probe(), ms).unref();
  }

  private async probe(): Promise<void> {
    const lost = performance.now() - this.probeStartedAt > PROBE_LOST_MS;
    const laneId = this.probeWith;
    if (laneId === undefined || (this.probing && !lost)) return this.probeIn(PROBE_EVERY_MS);
    this.probing = true;
    this.probeStartedAt = performance.now();
    const work = this.put([{ laneId, delayMs: 0 }]).finally(() => (this.probing = false));
    try {
      await bounded(work, ADD_TIMEOUT_MS);
      this.recover();
    } catch (error) {
      log.error('Wake-ups cannot be queued; the sweeper takes over.', error, { direction: this.direction });
      this.probeIn(PROBE_EVERY_MS);
    }
  }

  private recover(): void {
    this.failing = false;
    this.probeWith = undefined;
    log.info('Wake-ups can be queued again.', { direction: this.direction });
    this.tell('added');
    this.observer.failing?.(false, this.direction);
  }

  /** Looks at the queue's depth in the background, at most once a second and never twice at once. */
  private countWaiting(): void {
    const now = performance.now();
    if (this.stopped || this.failing || this.counting || now - this.countedAt < COUNT_EVERY_MS) return;
    this.counting = true;
    this.countedAt = now;
    this.queue
      .getWaitingCount()
      .then(
        (count) => (this.waiting = count),
        // Nothing is known of the depth: adding decides for itself.
        () => (this.waiting = 0),
      )
      .finally(() => (this.counting = false));
  }

  private tell(outcome: WakeUpOutcome, count = 1): void {
    this.observer.wakeUps?.(outcome, this.direction, count);
  }
}
