import { isFailure } from '#core';
import type {
  Attachment,
  FetchedReceipt,
  InboundMessageReceived,
  MessageContent,
  ReceiptStatus,
} from '#core';
import { lateOutcome } from './errors.js';

/** A customer's message as the provider posts and lists it. */
export interface PigeonText {
  id: string;
  account: string;
  from: string;
  to: string;
  text?: string;
  files?: { url: string; type: string }[];
  place?: { latitude: string; longitude: string; label?: string };
  pressed?: { id: string; title: string };
  kind?: string;
  answers?: string;
  passedOn?: boolean;
}

/** One of our messages as the provider posts and lists it. */
export interface PigeonMessage {
  id: string;
  from: string;
  to: string;
  text: string;
  files: string[];
  status: string;
  code?: string;
  /** Epoch milliseconds. */
  createdAt: number;
}

const STATUSES: ReadonlyMap<string, ReceiptStatus> = new Map([
  ['waiting', 'queued'],
  ['flying', 'sending'],
  ['landed', 'sent'],
  ['handed-over', 'delivered'],
  ['opened', 'read'],
  ['returned', 'undelivered'],
  ['lost', 'failed'],
]);
const KEYWORDS = new Map([
  ['stop', 'stop'],
  ['start', 'start'],
  ['help', 'help'],
] as const);

/** The same event, whether the message was posted or listed: that is what its key is for. */
export function inboundOf(tenantId: string, post: PigeonText): InboundMessageReceived {
  const { id, account, from, to, text = '', answers, passedOn } = post;
  const keyword = (KEYWORDS as ReadonlyMap<string, 'stop' | 'start' | 'help'>).get(text.trim().toLowerCase());
  const context = {
    ...(answers !== undefined && { repliedTo: { providerMessageId: answers } }),
    ...(passedOn && { forwarded: 'once' as const }),
    ...(keyword && { keyword }),
  };
  return {
    kind: 'inbound-message',
    tenantId,
    dedupeKey: `pigeon:message:${account}:${id}`,
    providerMessageId: id,
    channel: 'sms',
    account,
    to,
    from,
    aliases: [{ channel: 'sms', value: from }],
    content: { ...contentOf(post), ...(Object.keys(context).length > 0 && { context }) },
    raw: rawOf(post),
  };
}

/** Undefined for a status that is not known: it makes no event, and nothing fails. */
export function receiptOf({ id, status: word, code }: PigeonMessage): FetchedReceipt | undefined {
  const status = STATUSES.get(word);
  if (status === undefined) return undefined;
  return {
    dedupeKey: `pigeon:status:${id}:${word}`,
    status,
    ...(code !== undefined && { providerCode: code }),
    ...(isFailure(status) && { late: lateOutcome(code) }),
  };
}

function contentOf({ text = '', files = [], place, pressed, kind }: PigeonText): MessageContent {
  if (files.length > 0) {
    const type = files.every((file) => file.type === 'text/vcard') ? 'contact' : 'attachments';
    return { type, ...(text && { text }), attachments: files.map(attachmentOf) };
  }
  if (place) return { type: 'location', ...place };
  if (pressed) return { type: 'choice', title: pressed.title, payload: pressed.id };
  return kind === undefined ? { type: 'text', text } : { type: 'unknown', kind };
}

function attachmentOf({ url, type }: { url: string; type: string }): Attachment {
  if (type === 'image/webp') return { url, contentType: type, kind: 'sticker' };
  return { url, contentType: type, ...(type === 'audio/ogg' && { kind: 'voice' as const }) };
}

function rawOf(post: PigeonText): Record<string, string> {
  const fields = Object.entries(post);
  return Object.fromEntries(
    fields.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
