import { setTimeout as delay } from 'node:timers/promises';
import {
  createRedisBackend,
  PostgresConnection,
  PostgresQueueBackend,
  type BackendFactory,
  type IQueueBackend,
} from 'bullmq';
import { SteadyClient } from '#platform';
import { PostgresSettings } from './connections.js';

const RETRY_MS = 500;

/**
 * BullMQ keeps the outcome of its first look at the database for good: one that failed (Postgres still starting, not
 * yet migrated) would leave the queue broken until the process ends. This one looks again until it succeeds.
 */
class PatientPostgresConnection extends PostgresConnection {
  private untilReady: Promise<void> | undefined;

  constructor({ pool }: PostgresSettings) {
    super({ ...pool, Client: SteadyClient });
    // BullMQ makes the connection that listens by itself.
    Reflect.set(this, 'pgModule', { Client: SteadyClient });
  }

  override waitUntilReady(): Promise<void> {
    this.untilReady ??= this.lookAgainUntilReady();
    return this.untilReady;
  }

  private async lookAgainUntilReady(): Promise<void> {
    while (!this.isClosing) {
      try {
        return await super.waitUntilReady();
      } catch (error) {
        if (this.listenerCount('error') > 0) this.emit('error', error);
        Reflect.set(this, 'readyPromise', undefined);
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
    throw new Error('Connection is closed.');
  }
}

/**
 * Redis or Postgres, by the kind of connection given. @nestjs/bullmq has no option for the backend, so our queue
 * and worker classes pass this factory on.
 */
export const chooseBackend: BackendFactory<IQueueBackend, unknown> = (name, options, kind = {}) => {
  const { connection } = options;
  if (!(connection instanceof PostgresSettings)) {
    return createRedisBackend(name, options as Parameters<typeof createRedisBackend>[1], kind);
  }
  const postgres = new PatientPostgresConnection(connection);
  return new PostgresQueueBackend(
    postgres,
    name,
    options as never,
    true,
    kind.withBlockingConnection ? name : undefined,
  );
};
