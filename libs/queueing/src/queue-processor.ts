import { WorkerHost } from '@nestjs/bullmq';
import { WaitingError, type Job } from 'bullmq';
import { ErrorLog } from './error-log.js';
import type { LaneWorker } from './lane-queue.js';

/** How long a worker whose handlers have all ended may take for its own bookkeeping. */
const BOOKKEEPING_MS = 2_000;

/**
 * Postgres is the truth, so a job is never given up for having stalled; a dead worker's jobs move again after
 * 10 s (measured; 60 s with BullMQ's defaults).
 */
export const workerOptions = {
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

const log = new ErrorLog('QueueProcessor');

/** A BullMQ processor of one queue. It runs between `start` and {@link stop} only, whatever Nest's hooks do. */
export abstract class QueueProcessor<Data> extends WorkerHost<LaneWorker<Data>> {
  /** As in the log. */
  protected abstract readonly queue: string;
  private handle: ((job: Job<Data>) => Promise<void>) | undefined;
  private stopping: Promise<void> | undefined;
  private idle: (() => void) | undefined;
  private running = 0;

  /** Hands jobs to `handle`, `concurrency` at once. What it throws is logged, never retried by the queue. */
  protected run(handle: (job: Job<Data>) => Promise<void>, concurrency: number): void {
    this.handle = handle;
    this.worker.concurrency = concurrency;
    this.worker.run().catch((error: unknown) => log.error('A queue worker has ended.', error));
  }

  /** A handler came to its end. */
  protected ended(_failed: boolean, _durationMs: number): void {
    // Whoever counts overrides this.
  }

  /** Called by BullMQ for each job; always ends well, save when the job is handed back because we are stopping. */
  override async process(job: Job<Data>, token?: string): Promise<void> {
    if (this.stopping || !this.handle) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    this.running += 1;
    const startedAt = performance.now();
    let failed = false;
    try {
      await this.handle(job);
    } catch (error) {
      failed = true;
      log.error('A handler has failed.', error, { queue: this.queue });
    } finally {
      this.running -= 1;
      if (this.running === 0) this.idle?.();
      this.ended(failed, performance.now() - startedAt);
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
    log.warn('A queue worker was closed by force.', { queue: this.queue, handlers: this.running });
    await worker.abandon();
  }

  private whenIdle(): Promise<void> {
    if (this.running === 0) return Promise.resolve();
    return new Promise((resolve) => (this.idle = resolve));
  }

  /** Before `onModuleInit` there is no worker, and asking for it throws. */
  private startedWorker(): LaneWorker<Data> | undefined {
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
