import type { RedisOptions } from 'ioredis';
import type { PostgresPoolConfig } from 'bullmq';
import { QUEUE_SCHEMA } from './queue-names.js';

/** The part of the configuration that names the queue's home: Redis where `redisUrl` is set, else Postgres. */
export interface QueueingSettings {
  redisUrl?: string | undefined;
  databaseUrl: string;
}

/** How long an answer of the queue is waited for on the way of a wake-up. */
export const ADD_TIMEOUT_MS = 1_000;

const reconnectSoon = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), 1_000);

/**
 * Producers: everything fails fast. Only `commandTimeout` bounds a command on a frozen Redis; `socketTimeout` then
 * gives up the connection itself, which also frees the commands that still wait in it. Nothing is sent again after
 * a reconnect: whoever waited for it has long been told that it failed.
 */
export const producerRedisOptions: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  autoResendUnfulfilledCommands: false,
  commandTimeout: ADD_TIMEOUT_MS,
  connectTimeout: 2_000,
  socketTimeout: 3_000,
  keepAlive: 10_000,
  retryStrategy: reconnectSoon,
};

/**
 * Workers: the blocking read lasts up to ten seconds, so a `commandTimeout` would kill it, and BullMQ demands
 * `maxRetriesPerRequest: null`. `socketTimeout` lies well above that read and ends connections that went dead
 * without a word (the kernel alone takes a quarter of an hour).
 */
export const workerRedisOptions: RedisOptions = {
  maxRetriesPerRequest: null,
  connectTimeout: 5_000,
  socketTimeout: 30_000,
  keepAlive: 10_000,
  retryStrategy: reconnectSoon,
};

/** Marks a connection as Postgres for the choice of the backend. */
export class PostgresSettings {
  constructor(readonly pool: PostgresPoolConfig) {}
}

/** One pool per queue. `migrate: false`: tables are made by {@link migrateQueues} alone. */
export function producerPostgres(databaseUrl: string): PostgresSettings {
  return postgres(databaseUrl, {
    max: 2,
    connectionTimeoutMillis: ADD_TIMEOUT_MS,
    query_timeout: ADD_TIMEOUT_MS,
  });
}

/** One pool per worker, beside one connection that listens. */
export function workerPostgres(databaseUrl: string): PostgresSettings {
  return postgres(databaseUrl, { max: 4, connectionTimeoutMillis: 5_000, query_timeout: 10_000 });
}

function postgres(databaseUrl: string, pool: PostgresPoolConfig): PostgresSettings {
  return new PostgresSettings({
    connectionString: databaseUrl,
    schema: QUEUE_SCHEMA,
    migrate: false,
    keepAlive: true,
    idleTimeoutMillis: 10_000,
    ...pool,
  });
}
