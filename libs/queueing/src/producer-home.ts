import { once } from 'node:events';
import type { ConnectionOptions } from 'bullmq';
import { Redis } from 'ioredis';
import {
  ADD_TIMEOUT_MS,
  producerPostgres,
  producerRedisOptions,
  type QueueingSettings,
} from './connections.js';
import { ErrorLog } from './error-log.js';
import { watchEvictionPolicy } from './eviction-policy.js';
import type { LaneQueue } from './lane-queue.js';
import type { QueueObserver } from './queue-observer.js';
import type { FedQueue } from './wake-up-feeder.js';
import type { SignalQueue } from './bull-signals.js';
import type { SignalJob } from './queue-names.js';

/** Less than a wake-up's whole time, so that nothing is added after it was given up. */
const CONNECT_GRACE_MS = ADD_TIMEOUT_MS / 2;

const log = new ErrorLog('Queueing');

/** What the queues that send stand on: one Redis connection for all of them, or pools of their own on Postgres. */
export class ProducerHome {
  private redis: Redis | undefined;

  constructor(
    private readonly settings: QueueingSettings,
    private readonly observer: QueueObserver,
  ) {}

  /** Opens the connection at the first call, when Nest builds the queues; never waits for the server. */
  connection(): ConnectionOptions {
    const { redisUrl, databaseUrl } = this.settings;
    if (!redisUrl) return producerPostgres(databaseUrl) as unknown as ConnectionOptions;
    this.redis ??= this.openRedis(redisUrl);
    return this.redis as unknown as ConnectionOptions;
  }

  /** The queue as wake-ups are fed to it: adding waits a little for a connection that is just being made. */
  feed(queue: LaneQueue): FedQueue {
    return {
      addBulk: async (jobs) => {
        await this.connected();
        const [job] = jobs;
        // A bulk goes through a pipeline, whose making alone (ioredis copies every script of BullMQ into it) takes
        // longer than adding one job.
        if (job && jobs.length === 1) return await queue.add(job.name, job.data, job.opts);
        return await queue.addBulk(jobs);
      },
      getWaitingCount: () => queue.getWaitingCount(),
    };
  }

  feedSignals(queue: LaneQueue<SignalJob>): SignalQueue {
    return {
      add: async (name, data, options) => {
        await this.connected();
        return await queue.add(name, data, options);
      },
    };
  }

  /** Closes the queues, then the connection that BullMQ leaves open because it is ours. */
  async close(queues: { close(): Promise<void> }[]): Promise<void> {
    try {
      await Promise.all(queues.map((queue) => queue.close()));
    } finally {
      this.redis?.disconnect();
    }
  }

  /** Without the offline queue a command in the first milliseconds of a process, or of a reconnect, would fail. */
  private async connected(): Promise<void> {
    const { redis } = this;
    if (!redis || redis.status === 'ready') return;
    await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_GRACE_MS) });
  }

  private openRedis(url: string): Redis {
    const redis = new Redis(url, producerRedisOptions);
    redis.on('error', (error: unknown) => log.error('The connection to Redis has failed.', error));
    watchEvictionPolicy(redis, this.observer);
    return redis;
  }
}
