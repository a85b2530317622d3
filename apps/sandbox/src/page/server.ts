import { existsSync } from 'node:fs';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import { Live } from './live.js';
import { answerError, registerRoutes } from './routes.js';
import type { Sandbox } from './sandbox.js';

export interface PageOptions {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Where `npm run build` puts the page. */
  files: string;
}

const HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** A page that is being served. */
export interface Page {
  url: string;
  close(): Promise<void>;
}

/** Serves the page and the sandbox's API; resolves when it listens. */
export async function startPage(sandbox: Sandbox, { host, port, files }: PageOptions): Promise<Page> {
  const app = fastify({ bodyLimit: 256 * 1024, forceCloseConnections: true });
  const live = new Live(sandbox);
  app.setErrorHandler((error, _request, reply) => answerError(error, reply));
  refuseForeigners(app, LOOPBACK.test(host));
  registerRoutes(app, sandbox, live);
  if (existsSync(files)) await app.register(fastifyStatic, { root: files, cacheControl: true, maxAge: 0 });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `There is nothing at ${request.url.split('?')[0]}.` }),
  );
  const url = await app.listen({ host, port });
  return {
    url,
    close: async () => {
      live.close();
      await app.close();
    },
  };
}

/** Another site in the same browser must neither read this page (by a name that leads here) nor send to it. */
function refuseForeigners(app: FastifyInstance, onLoopback: boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(HEADERS);
    const { host = '', origin } = request.headers;
    const isForeign = origin !== undefined && URL.parse(origin)?.host !== host;
    if (isForeign || (onLoopback && !LOOPBACK.test(host))) {
      return reply.code(403).send({ error: 'This page answers to its own address only.' });
    }
    return undefined;
  });
}
