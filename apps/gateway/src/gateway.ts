import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { listenError, PinoLogger, ProblemFilter, type ConfigurationByRole, type Logger } from '#platform';
import { GatewayModule } from './gateway.module.js';
import { Backends } from './backends.js';
import { MAX_BODY_BYTES, observeTooLarge, readBodies } from './bodies.js';
import { mountOpenApi } from './operator-api/open-api.js';

export type GatewayConfiguration = ConfigurationByRole['gateway'];

/** Far above any link to a file of ours: its token names the file, and is longer than a parameter may be by default. */
const MAX_PARAMETER_LENGTH = 2_048;
/** How long open requests may take to end when the gateway stops, milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000;

export interface Gateway {
  app: NestFastifyApplication;
  /** Resolves when it accepts connections; rejects with one line that names the variable when the port is taken. */
  listen(): Promise<{ port: number }>;
  /** No new requests, then the running ones, then wake-ups, then connections. Bounded. */
  stop(): Promise<void>;
}

/** The HTTP edge: webhooks, operator API, health and metrics. */
export async function createGateway(configuration: GatewayConfiguration, logger: Logger): Promise<Gateway> {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    // A webhook's signature covers the path as sent; nothing is decided by what a client says of itself.
    trustProxy: false,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    requestTimeout: 15_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
  });
  const backends = new Backends(configuration, logger);
  const app = await NestFactory.create<NestFastifyApplication>(
    GatewayModule.forRoot(configuration, logger, backends),
    adapter,
    { logger: new PinoLogger(logger), bodyParser: false, abortOnError: false },
  );
  readBodies(app);
  observeTooLarge(app);
  app.useGlobalFilters(new ProblemFilter(logger));
  mountOpenApi(app);

  return {
    app,
    listen: async () => {
      const { host, port } = configuration;
      await app.listen(port, host).catch((error: unknown) => {
        throw listenError(error, { host, port });
      });
      const address = app.getHttpServer().address();
      return { port: typeof address === 'object' && address ? address.port : port };
    },
    stop: async () => {
      const closing = app.close();
      await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS).unref())]);
      await backends.close();
    },
  };
}
