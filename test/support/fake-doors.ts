import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import {
  isFailure,
  OPTED_OUT,
  WebhookRefusedError,
  type Attachment,
  type DeskEventReceived,
  type FetchedReceipt,
  type InboundMessageReceived,
  type MessageContent,
  type OptOutKeyword,
  type ReceiptReceived,
  type ReceiptStatus,
  type WebhookDoor,
  type WebhookRequest,
} from '#core';

const SECRET = 'fake-webhook-secret';
export const FAKE_SIGNATURE = 'x-fake-signature';
const STATUSES: readonly string[] = [
  'queued',
  'sending',
  'sent',
  'delivered',
  'read',
  'undelivered',
  'failed',
] satisfies ReceiptStatus[];
const KEYWORDS: readonly string[] = ['stop', 'start', 'help'] satisfies OptOutKeyword[];

/** A customer's message as the provider in memory posts it; beside it may stand whatever it likes. */
export interface FakeText {
  id: string;
  account: string;
  from: string;
  to: string;
  text?: string;
  files?: { url: string; type: string }[];
  place?: { latitude: number; longitude: number; label?: string };
  pressed?: { title: string; payload: string };
  /** Something else, in one word. */
  kind?: string;
  answers?: string;
  passedOn?: boolean;
}

/** How far one of our messages is, posted to the address that the send gave with its attempt. */
export interface FakeReceipt {
  id: string;
  status: string;
  code?: string;
}

/** A webhook as the provider in memory posts it. */
export function fakeWebhook(
  path: string,
  body: FakeText | FakeReceipt | FakeDeskPost | Record<string, unknown>,
): WebhookRequest {
  const bytes = Buffer.from(JSON.stringify(body));
  const url = `https://causeway.example${path}`;
  return { method: 'POST', url, headers: { [FAKE_SIGNATURE]: signature(url, bytes) }, body: bytes };
}

/** `POST /webhooks/fake/messages` */
export class FakeMessageDoor implements WebhookDoor {
  async receive(request: WebhookRequest): Promise<InboundMessageReceived[]> {
    const post = verified(request);
    const { id, account, from, to } = post;
    for (const each of [id, account, from, to]) {
      if (typeof each !== 'string' || each === '') throw new WebhookRefusedError(400, 'malformed');
    }
    // Every member has been looked at that has no default.
    return [inboundOf(post as unknown as FakeText)];
  }
}

/** `POST /webhooks/fake/status?m=…&a=…` */
export class FakeReceiptDoor implements WebhookDoor {
  async receive(request: WebhookRequest): Promise<ReceiptReceived[]> {
    const post = verified(request) as unknown as FakeReceipt;
    const receipt = fakeReceipt(post);
    if (!receipt) return [];
    const query = new URL(request.url).searchParams;
    const [messageId, attemptId] = [query.get('m'), query.get('a')];
    return [
      {
        kind: 'receipt',
        tenantId: 'tenant',
        providerMessageId: post.id,
        ...receipt,
        ...(messageId && attemptId && { attempt: { messageId, attemptId } }),
        ...(post.code === OPTED_OUT && { optedOut: true }),
      },
    ];
  }
}

/** What the desk in memory posts: neutral words, under the desk's own id of the event. */
export type FakeDeskPost = Pick<DeskEventReceived, 'eventId' | 'deskConversationId' | 'type' | 'occurredAt'> &
  Partial<Pick<DeskEventReceived, 'facts' | 'message' | 'typing' | 'create'>>;

/** `POST /webhooks/fake/desk` */
export class FakeDeskDoor implements WebhookDoor {
  async receive(request: WebhookRequest): Promise<DeskEventReceived[]> {
    const post = verified(request);
    for (const each of [post['eventId'], post['deskConversationId'], post['type']]) {
      if (typeof each !== 'string' || each === '' || each.length > 256) {
        throw new WebhookRefusedError(400, 'malformed');
      }
    }
    // Every member has been looked at that has no default.
    const { facts = {}, message, typing, create, ...rest } = post as unknown as FakeDeskPost;
    const { eventId, deskConversationId, type, occurredAt } = rest;
    return [
      {
        kind: 'desk-event',
        tenantId: 'tenant',
        eventId,
        deskConversationId,
        type,
        occurredAt,
        bodyDigest: createHash('sha256').update(request.body).digest('hex'),
        facts,
        ...(message && { message }),
        ...(typing && { typing }),
        ...(create && { create }),
        raw: request.body.toString(),
      },
    ];
  }
}

/** What a receipt says, whether it was posted or asked for; undefined for a status that nobody knows. */
export function fakeReceipt({ id, status, code }: FakeReceipt): FetchedReceipt | undefined {
  if (!isStatus(status)) return undefined;
  return {
    dedupeKey: `fake:status:${id}:${status}`,
    status,
    ...(code !== undefined && { providerCode: code }),
    ...(isFailure(status) && { late: 'failed' }),
  };
}

/** The message of a post. */
export function inboundOf(post: FakeText): InboundMessageReceived {
  const { id, account, from, to, text = '', answers, passedOn } = post;
  const word = text.trim().toLowerCase();
  const context = {
    ...(answers !== undefined && { repliedTo: { providerMessageId: answers } }),
    ...(passedOn && { forwarded: 'once' as const }),
    ...(isKeyword(word) && { keyword: word }),
  };
  return {
    kind: 'inbound-message',
    tenantId: 'tenant',
    dedupeKey: `fake:message:${account}:${id}`,
    providerMessageId: id,
    channel: 'sms',
    account,
    to,
    from,
    aliases: [{ channel: 'sms', value: from }],
    content: { ...contentOf(post), ...(Object.keys(context).length > 0 && { context }) },
    raw: Object.fromEntries(
      Object.entries(post).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    ),
  };
}

function contentOf({ text = '', files = [], place, pressed, kind }: FakeText): MessageContent {
  if (files.length > 0) {
    const isContact = files.every(({ type }) => type === 'text/vcard');
    return {
      type: isContact ? 'contact' : 'attachments',
      ...(text && { text }),
      attachments: files.map(attachmentOf),
    };
  }
  if (place) {
    const { latitude, longitude, label } = place;
    const degrees = { latitude: String(latitude), longitude: String(longitude) };
    return { type: 'location', ...degrees, ...(label !== undefined && { label }) };
  }
  if (pressed) return { type: 'choice', ...pressed };
  return kind === undefined ? { type: 'text', text } : { type: 'unknown', kind };
}

function attachmentOf({ url, type }: { url: string; type: string }): Attachment {
  if (type === 'image/webp') return { url, contentType: type, kind: 'sticker' };
  return { url, contentType: type, ...(type === 'audio/ogg' && { kind: 'voice' as const }) };
}

function verified({ url, headers, body }: WebhookRequest): Record<string, unknown> {
  const given = headers[FAKE_SIGNATURE];
  const wanted = Buffer.from(signature(url, body));
  const signed = Buffer.from(typeof given === 'string' ? given : '');
  if (signed.length !== wanted.length || !timingSafeEqual(signed, wanted)) {
    throw new WebhookRefusedError(403, 'bad-signature');
  }
  try {
    const parsed: unknown = JSON.parse(body.toString());
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Refused below.
  }
  throw new WebhookRefusedError(400, 'malformed');
}

function signature(url: string, body: Buffer): string {
  return createHmac('sha256', SECRET).update(`${url}\n`).update(body).digest('base64');
}

function isStatus(status: string): status is ReceiptStatus {
  return STATUSES.includes(status);
}

function isKeyword(word: string): word is OptOutKeyword {
  return KEYWORDS.includes(word);
}
