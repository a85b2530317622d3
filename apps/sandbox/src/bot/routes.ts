import type { FastifyInstance } from 'fastify';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { Bot } from './bot.js';
import { type Causeway, RefusedError } from './causeway.js';
import { readEvent } from './event.js';

export interface BotOptions {
  /** What Causeway signs with: base64, with or without `whsec_`. */
  secret: string;
  causeway: Causeway;
}

const HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;

/**
 * `POST /bot`: the URL for a number's settings. 204 when the customer has their answer, 401 where the signature is not right,
 * 422 where Causeway refused the answer for good, 503 to be told once more.
 */
export function registerBot(app: FastifyInstance, { secret, causeway }: BotOptions): void {
  const verifier = new Webhook(secret);
  const bot = new Bot(causeway);
  app.post('/bot', async (request, reply) => {
    const headers = Object.fromEntries(HEADERS.map((name) => [name, String(request.headers[name] ?? '')]));
    let event: unknown;
    try {
      event = verifier.verify(typeof request.body === 'string' ? request.body : '', headers);
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      return reply.code(401).send({ error: 'Causeway has not signed this.' });
    }
    const message = readEvent(event);
    try {
      if (message) await bot.hear(message);
    } catch (error) {
      return reply
        .code(error instanceof RefusedError ? 422 : 503)
        .send({ error: error instanceof Error ? error.message : String(error) });
    }
    return reply.code(204).send();
  });
}
