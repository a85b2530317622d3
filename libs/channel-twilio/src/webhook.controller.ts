import { Controller, Inject, Optional, Post, Req, Res } from '@nestjs/common';
import { Acceptor, CannotStoreError, WebhookObserver, WebhookRefusedError } from '#core';
import type { WebhookDoor, WebhookOutcome } from '#core';
import { Configuration } from '#platform';
import { TwilioMessageDoor, TwilioStatusDoor } from './door.js';

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
  header(name: string, value: string): RawReply;
  send(body?: string): unknown;
}

/**
 * An answer without words: Twilio parses text/xml and sends nothing to the customer. A plain-text body would be
 * sent to them, an empty or a JSON one shows up in Twilio's debugger as an error.
 */
const NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>';
const RETRY_AFTER_SECONDS = '2';
const EMPTY = Buffer.alloc(0);

/** Twilio's webhooks. Answers only once the acceptor has committed, and never waits for anything else. */
@Controller('webhooks/twilio')
export class TwilioWebhookController {
  private readonly publicBaseUrl: string;

  constructor(
    @Inject(Configuration) configuration: Configuration,
    @Inject(TwilioMessageDoor) private readonly messageDoor: WebhookDoor,
    @Inject(TwilioStatusDoor) private readonly statusDoor: WebhookDoor,
    @Inject(Acceptor) private readonly acceptor: Acceptor,
    @Optional() @Inject(WebhookObserver) private readonly observer?: WebhookObserver,
  ) {
    this.publicBaseUrl = configuration.publicBaseUrl.replace(/\/+$/, '');
  }

  @Post('messages')
  async messages(@Req() request: RawRequest, @Res() reply: RawReply): Promise<void> {
    if (await this.take('twilio-messages', this.messageDoor, request, reply)) {
      reply.code(200).header('content-type', 'text/xml; charset=utf-8').send(NO_REPLY);
    }
  }

  @Post('status')
  async status(@Req() request: RawRequest, @Res() reply: RawReply): Promise<void> {
    if (await this.take('twilio-status', this.statusDoor, request, reply)) reply.code(204).send();
  }

  /** Whether the request was taken; otherwise it has been answered, with nothing that tells why. */
  private async take(door: string, at: WebhookDoor, request: RawRequest, reply: RawReply): Promise<boolean> {
    try {
      const outcome = await this.accept(at, request);
      this.observer?.ended(door, outcome);
      if (outcome !== 'invalid') return true;
      reply.code(400).send();
    } catch (error) {
      if (error instanceof WebhookRefusedError) {
        this.observer?.ended(door, error.reason);
        reply.code(error.status).send();
      } else if (error instanceof CannotStoreError) {
        this.observer?.ended(door, 'cannot-store');
        reply.code(503).header('retry-after', RETRY_AFTER_SECONDS).send();
      } else {
        throw error;
      }
    }
    return false;
  }

  private async accept(door: WebhookDoor, request: RawRequest): Promise<WebhookOutcome> {
    const events = await door.receive({
      method: request.method,
      url: this.publicBaseUrl + (request.raw.url ?? ''),
      headers: request.headers,
      body: Buffer.isBuffer(request.body) ? request.body : EMPTY,
    });
    if (events.length === 0) return 'ignored';
    const [result] = await this.acceptor.accept(events);
    return result ?? 'ignored';
  }
}
