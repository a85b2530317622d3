import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { WebhookObserver } from '#core';

/** The largest body that is read at all. The doors have smaller limits of their own and answer 413 themselves. */
export const MAX_BODY_BYTES = 1024 * 1024 + 64 * 1024;

/**
 * How bodies are read: webhooks get the bytes as they came, because their signatures cover them; only the operator API
 * gets parsed JSON, by Fastify's own parser, which refuses `__proto__`.
 */
export function readBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void) => {
      if (isWebhook(request)) done(null, body);
      // Many clients name a type even where they send nothing.
      else if (body.length === 0) done(null, undefined);
      else void parseJson(request, body.toString('utf8'), done);
    },
  );
  fastify.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    (_request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void) =>
      done(null, body),
  );
}

/** Doors by their paths. */
const DOORS: ReadonlyMap<string, string> = new Map([
  ['/webhooks/twilio/messages', 'twilio-messages'],
  ['/webhooks/twilio/status', 'twilio-status'],
  ['/webhooks/chat-gateway', 'chat-gateway'],
]);

/** A body beyond {@link MAX_BODY_BYTES} is answered before any door hears of it: it is refused, and counted like the others. */
export function observeTooLarge(app: NestFastifyApplication): void {
  const observer = app.get(WebhookObserver);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onError', (request, _reply, error, done) => {
      const door = DOORS.get(request.url.split('?', 1)[0] ?? '');
      if (door !== undefined && error.statusCode === 413) observer.ended(door, 'body-too-large');
      done();
    });
}

function isWebhook(request: FastifyRequest): boolean {
  return request.url.startsWith('/webhooks/');
}
