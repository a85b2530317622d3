import { Processor, WorkerHost } from '@nestjs/bullmq';
import type { Type } from '@nestjs/common';
import { WaitingError, type ConnectionOptions, type Job } from 'bullmq';
import type { Direction } from '#core';
import { ErrorLog } from './error-log.js';
import { LaneWorker } from './lane-queue.js';
import { queueNames, type LaneJob } from './queue-names.js';
import type { QueueObserver } from './queue-observer.js';

/** Drains one lane; provided by the application. What it throws is logged, never retried by the queue. */
export abstract class LaneHandler {
  abstract handle(laneId: string, direction: Direction): Promise<void>;
}

/** How long a worker whose handlers have all ended may take for its own bookkeeping. */
const BOOKKEEPING_MS = 2_000;

/**
 * Postgres is the truth, so a job is never given up for having stalled; a dead worker's jobs move again after
 * 10 s (measured; 60 s with BullMQ's defaults).
 */
const workerOptions = {
  autorun: false,
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 1_000_000,
  // After a refused connection; the default is 15 s.
  runRetryDelay: 1_000,
  // How long an idle worker of the Postgres backend may overlook a delayed job that was added while it waited.
  drainDelay: 1,
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 0 },
};

const log = new ErrorLog('LaneProcessor');

/** One direction's BullMQ processor. It runs between {@link start} and {@link stop} only, whatever Nest's hooks do. */
export abstract class LaneProcessor extends WorkerHost<LaneWorker> {
  protected abstract readonly direction: Direction;
  protected abstract readonly observer: QueueObserver;
  private handler: LaneHandler | undefined;
  private stopping: Promise<void> | undefined;
  private idle: (() => void) | undefined;
  private running = 0;

  start(handler: LaneHandler, concurrency: number): void {
    this.handler = handler;
    this.worker.concurrency = concurrency;
    this.worker.run().catch((error: unknown) => log.error('A queue worker has ended.', error));
  }

  /** Called by BullMQ for each job; always ends well, save when the job is handed back because we are stopping. */
  override async process(job: Job<LaneJob>, token?: string): Promise<void> {
    if (this.stopping || !this.handler) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    this.running += 1;
    const startedAt = performance.now();
    let failed = false;
    try {
      await this.handler.handle(job.data.laneId, this.direction);
    } catch (error) {
      failed = true;
      log.error('Draining a lane has failed.', error, { direction: this.direction });
    } finally {
      this.running -= 1;
      if (this.running === 0) this.idle?.();
      this.observer.handled?.(this.direction, failed, performance.now() - startedAt);
    }
  }

  /**
   * Takes no more jobs, waits for running handlers until the deadline, then drops the connections under them. When
   * no handler runs, a queue that is away is not waited for. Never rejects; a second call waits for the first.
   */
  stop(deadlineMs: number): Promise<void> {
    this.stopping ??= this.close(deadlineMs);
    return this.stopping;
  }

  private async close(deadlineMs: number): Promise<void> {
    const worker = this.startedWorker();
    if (!worker) return;
    const timers = new AbortController();
    const after = (ms: number): Promise<'late'> => later(ms, timers.signal);
    const closed = worker.close().then(
      () => 'closed' as const,
      () => 'late' as const,
    );
    const outcome = await Promise.race([
      closed,
      after(deadlineMs),
      this.whenIdle().then(() => after(BOOKKEEPING_MS)),
    ]);
    timers.abort();
    if (outcome === 'closed') return;
    log.warn('A queue worker was closed by force.', { direction: this.direction, handlers: this.running });
    await worker.abandon();
  }

  private whenIdle(): Promise<void> {
    if (this.running === 0) return Promise.resolve();
    return new Promise((resolve) => (this.idle = resolve));
  }

  /** Before `onModuleInit` there is no worker, and asking for it throws. */
  private startedWorker(): LaneWorker | undefined {
    try {
      return this.worker;
    } catch {
      return undefined;
    }
  }
}

function later(ms: number, signal: AbortSignal): Promise<'late'> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('late'), ms);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    if (signal.aborted) clearTimeout(timer);
  });
}

/**
 * Makes the processor class of one direction. Options of @nestjs/bullmq's decorator are static, and without a
 * connection of their own workers would inherit the producer's, whose `commandTimeout` kills the blocking read.
 */
export function laneProcessorClass(
  direction: Direction,
  connection: unknown,
  observer: QueueObserver,
): Type<LaneProcessor> {
  class DirectionProcessor extends LaneProcessor {
    protected override readonly direction = direction;
    protected override readonly observer = observer;
  }
  Processor(queueNames[direction], { ...workerOptions, connection: connection as ConnectionOptions })(
    DirectionProcessor,
  );
  return DirectionProcessor;
}
