import 'reflect-metadata';
import { createLogger, notifyReady, onShutdownRequested, runMain } from '#platform';
import { startWorker } from './worker.js';

await runMain('worker', async (configuration) => {
  const logger = createLogger('worker', configuration);
  const worker = await startWorker(configuration, logger);
  onShutdownRequested(async (reason) => {
    logger.info({ reason }, 'The worker is stopping.');
    await worker.stop();
  });
  logger.info({ port: worker.port }, 'The worker is running.');
  notifyReady({ port: worker.port });
});
