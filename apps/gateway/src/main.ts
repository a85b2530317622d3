import 'reflect-metadata';
import { createLogger, notifyReady, onShutdownRequested, runMain } from '#platform';
import { createGateway } from './gateway.js';

await runMain('gateway', async (configuration) => {
  const logger = createLogger('gateway', configuration);
  const gateway = await createGateway(configuration, logger);
  onShutdownRequested(async (reason) => {
    logger.info({ reason }, 'The gateway is stopping.');
    await gateway.stop();
  });
  const { port } = await gateway.listen();
  logger.info({ port }, 'The gateway is listening.');
  notifyReady({ port });
});
