import { isFailure, OPTED_OUT, WebhookRefusedError } from '#core';
import type {
  Alias,
  Attachment,
  AttemptReference,
  Channel,
  InboundMessageReceived,
  MessageContent,
  OptOutKeyword,
  ReceiptReceived,
} from '#core';
import { lateOutcome, meaningOf } from './error-codes.js';
import { single } from './form.js';
import type { FormParameters } from './form.js';
import { keywordOf } from './keywords.js';
import { receiptOf } from './status.js';

const MESSAGE_SID = /^(?:SM|MM)[0-9a-fA-F]{32}$/;
const SERVICE_SID = /^MG[0-9a-fA-F]{32}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const MEDIA_COUNT = /^\d{1,2}$/;
const MAX_MEDIA = 10;
/** Business-scoped ids are the longest addresses, about 140 characters. */
const MAX_ADDRESS_LENGTH = 200;
const CONTROL_CHARACTER = /\p{Cc}/u;
const VCARD = /^text\/(?:x-)?vcard\b/i;
/** `whatsapp:`, `rcs:`, `messenger:` …; a plain number has none. */
const CHANNEL_PREFIX = /^([a-z]+):/;

/**
 * A verified inbound message as an event. Shape is checked, content never rewritten.
 * Throws {@link WebhookRefusedError} 400.
 * Source: https://www.twilio.com/docs/messaging/guides/webhook-request
 */
export function parseMessage(tenantId: string, form: FormParameters): InboundMessageReceived {
  const account = single(form, 'AccountSid') ?? '';
  const messageSid = requireMessageSid(form);
  const from = requireAddress(form, 'From');
  const to = requireAddress(form, 'To');
  const channel = channelOf(to);
  const serviceId = single(form, 'MessagingServiceSid');
  const profileName = single(form, 'ProfileName');
  return {
    kind: 'inbound-message',
    tenantId,
    dedupeKey: `twilio:message:${account}:${messageSid}`,
    providerMessageId: messageSid,
    channel,
    account,
    to,
    ...(serviceId !== undefined && SERVICE_SID.test(serviceId) && { serviceId }),
    from,
    aliases: aliasesOf(channel, from, single(form, 'ExternalUserId')),
    ...(profileName !== undefined && { profileName }),
    content: withContext(
      contentOf(form),
      keywordOf(channel, single(form, 'OptOutType'), first(form, 'Body')),
    ),
    raw: form,
  };
}

/**
 * A verified status callback as at most one event: none for a status we do not know. `url` is the callback's own,
 * whose query names our attempt.
 * Throws {@link WebhookRefusedError} 400.
 * Source: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
 */
export function parseStatus(tenantId: string, form: FormParameters, url: string): ReceiptReceived[] {
  const messageSid = requireMessageSid(form);
  const messageStatus = single(form, 'MessageStatus');
  if (messageStatus === undefined) throw new WebhookRefusedError(400, 'missing-status');
  const eventType = single(form, 'EventType');
  const status = receiptOf(messageStatus, eventType);
  if (status === undefined) return [];
  const providerCode = single(form, 'ErrorCode');
  const attempt = attemptOf(url);
  return [
    {
      kind: 'receipt',
      tenantId,
      dedupeKey: `twilio:status:${messageSid}:${messageStatus}:${providerCode ?? ''}:${eventType ?? ''}`,
      providerMessageId: messageSid,
      status,
      ...(providerCode !== undefined && { providerCode }),
      ...(attempt && { attempt }),
      ...(isFailure(status) && { late: lateOutcome(providerCode) }),
      ...(meaningOf(providerCode)?.name === OPTED_OUT && { optedOut: true }),
    },
  ];
}

function requireMessageSid(form: FormParameters): string {
  const messageSid = single(form, 'MessageSid');
  if (messageSid === undefined || !MESSAGE_SID.test(messageSid)) {
    throw new WebhookRefusedError(400, 'malformed-message-sid');
  }
  return messageSid;
}

function requireAddress(form: FormParameters, name: 'From' | 'To'): string {
  const address = single(form, name);
  if (address === undefined || !isAddress(address)) throw new WebhookRefusedError(400, 'malformed-address');
  return address;
}

function isAddress(value: string): boolean {
  return value.length <= MAX_ADDRESS_LENGTH && !CONTROL_CHARACTER.test(value);
}

function channelOf(address: string): Channel {
  const prefix = CHANNEL_PREFIX.exec(address)?.[1];
  if (prefix === undefined) return 'sms';
  if (prefix === 'whatsapp') return 'whatsapp';
  throw new WebhookRefusedError(400, 'unsupported-channel');
}

/** The business-scoped id comes first: it stays with a person whose number changes or is hidden. */
function aliasesOf(channel: Channel, from: string, externalUserId: string | undefined): Alias[] {
  const names = externalUserId !== undefined && isAddress(externalUserId) ? [externalUserId, from] : [from];
  const values = new Set(names.map((name) => name.replace(CHANNEL_PREFIX, '')));
  return [...values].map((value) => ({ channel, value }));
}

function contentOf(form: FormParameters): MessageContent {
  const text = first(form, 'Body');
  const attachments = attachmentsOf(form);
  if (attachments.length > 0) {
    const type = attachments.every((each) => VCARD.test(each.contentType ?? '')) ? 'contact' : 'attachments';
    return { type, ...(text && { text }), attachments };
  }
  return locationOf(form, text) ?? choiceOf(form, text) ?? { type: 'text', text: text ?? '' };
}

function withContext(content: MessageContent, keyword: OptOutKeyword | undefined): MessageContent {
  return keyword === undefined ? content : { ...content, context: { keyword } };
}

function attachmentsOf(form: FormParameters): Attachment[] {
  const count = single(form, 'NumMedia') ?? '0';
  if (!MEDIA_COUNT.test(count) || Number(count) > MAX_MEDIA) {
    throw new WebhookRefusedError(400, 'malformed-media-count');
  }
  return Array.from({ length: Number(count) }, (_, n) => {
    const url = single(form, `MediaUrl${n}`);
    const contentType = single(form, `MediaContentType${n}`);
    return { ...(url !== undefined && { url }), ...(contentType !== undefined && { contentType }) };
  }).filter((attachment) => attachment.url !== undefined);
}

function locationOf(form: FormParameters, text: string | undefined): MessageContent | undefined {
  const latitude = single(form, 'Latitude');
  const longitude = single(form, 'Longitude');
  if (latitude === undefined || longitude === undefined) return undefined;
  const label = single(form, 'Label');
  const address = single(form, 'Address');
  return {
    type: 'location',
    latitude,
    longitude,
    ...(label !== undefined && { label }),
    ...(address !== undefined && { address }),
    ...(text && { text }),
  };
}

/** A tapped button or list entry. `ListTitle` and `ListId` are not documented any more but have been seen. */
function choiceOf(form: FormParameters, text: string | undefined): MessageContent | undefined {
  const payload = single(form, 'ButtonPayload') ?? single(form, 'ListId');
  const title = single(form, 'ButtonText') ?? single(form, 'ListTitle');
  if (payload === undefined && title === undefined) return undefined;
  return {
    type: 'choice',
    title: title ?? (text || payload) ?? '',
    ...(payload !== undefined && { payload }),
  };
}

/** Content is never refused for being repeated: the first value is shown, all are kept in `raw`. */
function first(form: FormParameters, name: string): string | undefined {
  const value = form[name];
  return typeof value === 'string' ? value : value?.[0];
}

/** Our own correlation id from `?m={messageId}&a={attemptId}`; a malformed one is no reason to refuse a receipt. */
function attemptOf(url: string): AttemptReference | undefined {
  const queryAt = url.indexOf('?');
  if (queryAt === -1) return undefined;
  const query = new URLSearchParams(url.slice(queryAt + 1));
  const messageId = query.get('m');
  const attemptId = query.get('a');
  if (!messageId || !attemptId || !UUID.test(messageId) || !UUID.test(attemptId)) return undefined;
  return { messageId, attemptId };
}
