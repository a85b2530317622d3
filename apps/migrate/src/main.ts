import { createLogger, runMain } from '#platform';
import { migrateDatabase } from '#persistence';
import { migrateQueues } from '#queueing';

/** Brings the database of `DATABASE_URL` up to date, and BullMQ's own schema in it where the queues live there. */
await runMain('migrate', async (configuration) => {
  const logger = createLogger('migrate', configuration);
  const [migrations, queueVersion] = await Promise.all([
    migrateDatabase(configuration.databaseUrl),
    configuration.redisUrl === undefined ? migrateQueues(configuration.databaseUrl) : undefined,
  ]);
  logger.info({ migrations, queueVersion }, 'The database is up to date.');
});
