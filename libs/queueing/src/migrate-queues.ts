import { runMigrations } from 'bullmq';
import { SteadyClient } from '#platform';
import { QUEUE_SCHEMA } from './queue-names.js';

/**
 * Brings BullMQ's own schema in the database of `databaseUrl` up to date; needed only where the queues live in
 * Postgres. Everything happens in one transaction behind BullMQ's advisory lock: twice, or two at once, is fine.
 *
 * @returns the schema's version
 */
export async function migrateQueues(databaseUrl: string): Promise<number> {
  const client = new SteadyClient({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await runMigrations(client, QUEUE_SCHEMA);
  } finally {
    await client.end();
  }
}
