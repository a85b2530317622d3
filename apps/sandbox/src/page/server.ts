import { existsSync } from 'node:fs';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import { type BotOptions, registerBot } from '../bot/routes.js';
import { isForeign } from '../common/foreigners.js';
import { Live } from './live.js';
import { answerError, registerRoutes } from './routes.js';
import type { Sandbox } from './sandbox.js';

export interface PageOptions {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Where `npm run build` puts the page. */
  files: string;
  /** The example bot; none without it. */
  bot?: BotOptions | undefined;
}

const HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** A page that is being served. */
export interface Page {
  url: string;
  close(): Promise<void>;
}

/** Serves the page and the sandbox's API; resolves when it listens. */
export async function startPage(sandbox: Sandbox, { host, port, files, bot }: PageOptions): Promise<Page> {
  const app = fastify({ bodyLimit: 256 * 1024, forceCloseConnections: true });
  // JSON, whatever it calls itself: plain `curl -d` does. Other sites are kept out by their origin.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  const live = new Live(sandbox);
  app.setErrorHandler((error, _request, reply) => answerError(error, reply));
  refuseForeigners(app, host);
  registerRoutes(app, sandbox, live);
  if (bot) registerBot(app, bot);
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

function refuseForeigners(app: FastifyInstance, host: string): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(HEADERS);
    if (!isForeign(request.headers, host)) return undefined;
    return reply.code(403).send({ error: 'This page answers to its own address only.' });
  });
}
