import { createHmac, timingSafeEqual } from 'node:crypto';
import { WebhookRefusedError } from '#core';
import type { InboundMessageReceived, ReceiptReceived, WebhookDoor, WebhookRequest } from '#core';
import { isOptOut } from './errors.js';
import { inboundOf, receiptOf, type PigeonMessage, type PigeonText } from './posts.js';

export interface PigeonDoorOptions {
  tenantId: string;
  /** More than one while it is being changed. */
  webhookSecrets: readonly string[];
}

/** `POST /webhooks/pigeon/messages`: a customer wrote. */
export class PigeonMessageDoor implements WebhookDoor {
  constructor(private readonly options: PigeonDoorOptions) {}

  async receive(request: WebhookRequest): Promise<InboundMessageReceived[]> {
    const post = verified(request, this.options);
    if (!isText(post)) throw new WebhookRefusedError(400, 'malformed');
    return [inboundOf(this.options.tenantId, post)];
  }
}

/** `POST /webhooks/pigeon/status?m={messageId}&a={attemptId}`: how far one of our messages has come. */
export class PigeonStatusDoor implements WebhookDoor {
  constructor(private readonly options: PigeonDoorOptions) {}

  async receive(request: WebhookRequest): Promise<ReceiptReceived[]> {
    const post = verified(request, this.options);
    if (!isMessage(post)) throw new WebhookRefusedError(400, 'malformed');
    const receipt = receiptOf(post);
    if (!receipt) return [];
    const query = new URL(request.url).searchParams;
    const [messageId, attemptId] = [query.get('m'), query.get('a')];
    return [
      {
        kind: 'receipt',
        tenantId: this.options.tenantId,
        providerMessageId: post.id,
        ...receipt,
        ...(messageId && attemptId && { attempt: { messageId, attemptId } }),
        ...(isOptOut(post.code) && { optedOut: true }),
      },
    ];
  }
}

/** The provider signs address and body. */
export function signature(secret: string, url: string, body: Buffer): string {
  return createHmac('sha256', secret).update(`${url}\n`).update(body).digest('base64');
}

/** What was posted, once it is certain who posted it. */
function verified({ url, headers, body }: WebhookRequest, { webhookSecrets }: PigeonDoorOptions): unknown {
  const given = headers['x-pigeon-signature'];
  const isSigned = webhookSecrets.some(
    (secret) => typeof given === 'string' && isSame(given, signature(secret, url, body)),
  );
  if (!isSigned) throw new WebhookRefusedError(403, 'bad-signature');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new WebhookRefusedError(400, 'malformed');
  }
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function isText(post: unknown): post is PigeonText {
  return hasTexts(post, ['id', 'account', 'from', 'to']);
}

function isMessage(post: unknown): post is PigeonMessage {
  return hasTexts(post, ['id', 'status']);
}

function hasTexts(post: unknown, names: string[]): boolean {
  if (typeof post !== 'object' || post === null) return false;
  const fields = new Map<string, unknown>(Object.entries(post));
  return names.every((name) => typeof fields.get(name) === 'string' && fields.get(name) !== '');
}
