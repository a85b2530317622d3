import { Redis } from 'ioredis';
import { ErrorLog } from './error-log.js';
import type { QueueObserver } from './queue-observer.js';

const log = new ErrorLog('Queueing');

/**
 * Looks, after every connecting, whether Redis may evict keys when its memory is full: with any policy but
 * `noeviction` jobs vanish without a word. Never blocks or stops anything; a Redis that does not tell is left alone.
 */
export function watchEvictionPolicy(redis: Redis, observer: QueueObserver): void {
  const look = async (): Promise<void> => {
    const policy = evictionPolicy(await redis.info('memory'));
    if (policy === undefined) return;
    const possible = policy !== 'noeviction';
    observer.evictionPossible?.(possible);
    if (possible) {
      log.error('Redis may evict jobs: set maxmemory-policy to noeviction.', undefined, { policy });
    }
  };
  redis.on('ready', () => {
    look().catch((error: unknown) => log.error('The eviction policy of Redis could not be read.', error));
  });
}

const ASK_TIMEOUT_MS = 2_000;

/** Asks a Redis once; undefined where it does not tell. Rejects where it cannot be asked. */
export async function askEvictionPolicy(redisUrl: string): Promise<string | undefined> {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: ASK_TIMEOUT_MS,
    commandTimeout: ASK_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // What it says is what its calls reject with.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return evictionPolicy(await redis.info('memory'));
  } finally {
    redis.disconnect();
  }
}

/** The policy as `INFO memory` tells it. `CONFIG GET` is forbidden at many hosted servers. */
export function evictionPolicy(info: string): string | undefined {
  return /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
}
