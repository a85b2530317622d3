import { Controller, Inject, Logger, Optional, Post, Req, Res } from '@nestjs/common';
import { Acceptor, CannotStoreError, WebhookObserver, WebhookRefusedError } from '#core';
import type { WebhookDoor, WebhookOutcome } from '#core';
import { Configuration } from '#platform';
import { ChatGatewayDoor } from './door.js';

/** What this controller needs of Fastify's request. The body is a Buffer: the gateway parses no webhook's body. */
export interface RawRequest {
  method: string;
  headers: Record<string, string | string[] | undefined>;
  /** `raw.url` is path and query as received; `request.url` may have been rewritten. */
  raw: { url?: string | undefined };
  body?: unknown;
}

/** What it needs of Fastify's reply. */
export interface RawReply {
  code(status: number): RawReply;
  send(): unknown;
}

const DOOR = 'chat-gateway';
const EMPTY = Buffer.alloc(0);

/** The Chat Gateway's webhook: 204 · 401 bad signature · 400 · 413 · 503. Answers after the commit. */
@Controller('webhooks/chat-gateway')
export class ChatGatewayWebhookController {
  private readonly logger = new Logger(ChatGatewayWebhookController.name);
  private readonly publicBaseUrl: string;

  constructor(
    @Inject(Configuration) configuration: Pick<Configuration, 'publicBaseUrl'>,
    @Inject(ChatGatewayDoor) private readonly door: WebhookDoor,
    @Inject(Acceptor) private readonly acceptor: Acceptor,
    @Optional() @Inject(WebhookObserver) private readonly observer?: WebhookObserver,
  ) {
    this.publicBaseUrl = configuration.publicBaseUrl.replace(/\/+$/, '');
  }

  @Post()
  async receive(@Req() request: RawRequest, @Res() reply: RawReply): Promise<void> {
    try {
      const outcome = await this.accept(request);
      this.observer?.ended(DOOR, outcome);
      // What is new, known or in conflict is answered alike: another answer would only bring it again.
      reply.code(outcome === 'invalid' ? 400 : 204).send();
    } catch (error) {
      if (error instanceof WebhookRefusedError) {
        this.observer?.ended(DOOR, error.reason);
        reply.code(error.status).send();
      } else if (error instanceof CannotStoreError) {
        this.observer?.ended(DOOR, 'cannot-store');
        reply.code(503).send();
      } else {
        throw error;
      }
    }
  }

  private async accept({ method, headers, raw, body }: RawRequest): Promise<WebhookOutcome> {
    const events = await this.door.receive({
      method,
      url: this.publicBaseUrl + (raw.url ?? ''),
      headers,
      body: Buffer.isBuffer(body) ? body : EMPTY,
    });
    const [event] = events;
    if (!event) return 'ignored';
    const [result] = await this.acceptor.accept(events);
    if (result === 'conflict' && event.kind === 'desk-event') {
      // One event id with two bodies: a forgery that fits the checksum, or a broken promise of the far side.
      this.logger.error({
        msg: 'A Chat Gateway event id came again with another body.',
        eventId: event.eventId,
      });
    }
    return result ?? 'ignored';
  }
}
