import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker, type Job, type Processor, type QueueOptions, type WorkerOptions } from 'bullmq';
import { chooseBackend } from './backend.js';
import { bounded } from './bounded.js';
import { ErrorLog } from './error-log.js';
import type { LaneJob } from './queue-names.js';

const log = new ErrorLog('Queueing');
const FETCH_RETRY_MS = 250;
const FORCE_CLOSE_MS = 1_000;

/** BullMQ's queue on either backend, its errors heard from the first moment. */
export class LaneQueue<Data = LaneJob> extends Queue<Data, void, string> {
  constructor(name: string, options: QueueOptions) {
    super(name, options, chooseBackend as never);
    this.on('error', (error) => log.error('A queue has lost its server.', error, { queue: name }));
  }
}

/** BullMQ's worker on either backend: errors heard, no hot loop when fetching fails, an end that always comes. */
export class LaneWorker<Data = LaneJob> extends Worker<Data, void, string> {
  private abandoned = Promise.withResolvers<void>();

  constructor(name: string, processor: Processor<Data, void, string>, options: WorkerOptions) {
    super(name, processor, options, chooseBackend as never);
    this.on('error', (error) => log.error('A queue worker has met an error.', error, { queue: name }));
  }

  /** BullMQ repeats a failed fetch at once unless the server refused the connection; a full Redis would burn a core. */
  protected override async moveToActive(token: string, name?: string): Promise<Job<Data, void, string>> {
    try {
      return await super.moveToActive(token, name);
    } catch (error) {
      await delay(FETCH_RETRY_MS);
      throw error;
    }
  }

  /** Resolves when all is closed or the worker was abandoned. Calling it again is harmless. */
  override async close(force?: boolean): Promise<void> {
    await Promise.race([super.close(force), this.abandoned.promise]);
  }

  /** Drops the connections under whatever still runs. Its jobs are taken up by other workers when their locks end. */
  async abandon(): Promise<void> {
    await bounded(this.getBackend().close(true), FORCE_CLOSE_MS).catch((error: unknown) => {
      log.error('A queue worker could not close its connections.', error, { queue: this.name });
    });
    this.abandoned.resolve();
  }
}
