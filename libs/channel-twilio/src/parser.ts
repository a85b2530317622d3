import { isFailure, OPTED_OUT, WebhookRefusedError } from '#core';
import type { Alias, AttemptReference, Channel, InboundMessageReceived, ReceiptReceived } from '#core';
import { lateOutcome, meaningOf } from './error-codes.js';
import { single } from './form.js';
import type { FormParameters } from './form.js';
import { contentOf } from './inbound-content.js';
import { contextOf, MESSAGE_SID } from './inbound-context.js';
import { receiptOf } from './status.js';

const SERVICE_SID = /^MG[0-9a-fA-F]{32}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Business-scoped ids are the longest addresses, about 140 characters. */
const MAX_ADDRESS_LENGTH = 200;
const CONTROL_CHARACTER = /\p{Cc}/u;
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
  const context = contextOf(form, to);
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
    content: { ...contentOf(form, channel), ...(context && { context }) },
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

/**
 * The business-scoped id comes first: it stays with a person whose number changes or is hidden. The parent's id is no
 * name of the person: it stands for all of a business's portfolios.
 */
function aliasesOf(channel: Channel, from: string, externalUserId: string | undefined): Alias[] {
  const names = externalUserId !== undefined && isAddress(externalUserId) ? [externalUserId, from] : [from];
  const values = new Set(names.map((name) => name.replace(CHANNEL_PREFIX, '')));
  return [...values].map((value) => ({ channel, value }));
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
