import { runMigrations } from 'bullmq';
import { Client } from 'pg';
import { QUEUE_SCHEMA } from './queue-names.js';

/**
 * Brings BullMQ's own schema in the database of `databaseUrl` up to date; needed only where the queues live in
 * Postgres. Everything happens in one transaction behind BullMQ's advisory lock: twice, or two at once, is fine.
 *
 * @returns the schema's version
 */
export async function migrateQueues(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  // An idle client that loses its server emits this beside rejecting the query; unheard it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await runMigrations(client, QUEUE_SCHEMA);
  } finally {
    await client.end();
  }
}
