import { isFailure, WebhookRefusedError } from '#core';
import type { Attachment, FetchedReceipt, InboundMessageReceived, ListedInbound } from '#core';
import { lateOutcome } from './error-codes.js';
import type { FormParameters } from './form.js';
import { attachmentContent, attachmentOf, MAX_MEDIA } from './inbound-content.js';
import { parseMessage } from './parser.js';
import { receiptOf } from './status.js';

/** A resource as the API's JSON has it. */
type Resource = Readonly<Record<string, unknown>>;

/** The resources of a page under this name, whatever else the answer holds. */
export function resourcesIn(body: unknown, name: 'messages' | 'media_list'): Resource[] {
  const list = typeof body === 'object' && body !== null ? (body as Resource)[name] : undefined;
  return Array.isArray(list) ? list.filter((one) => typeof one === 'object' && one !== null) : [];
}

/**
 * A message of a customer's as its webhook would have told it, as far as the resource goes: it has no names, no places and no
 * choices. Undefined for what no customer wrote, and for what no webhook would be taken for.
 * Source: https://www.twilio.com/docs/messaging/api/message-resource
 */
export function listedInbound(tenantId: string, resource: Resource): ListedInbound | undefined {
  if (resource['direction'] !== 'inbound' || resource['status'] !== 'received') return undefined;
  const form: FormParameters = {};
  const fields = {
    AccountSid: 'account_sid',
    MessageSid: 'sid',
    From: 'from',
    To: 'to',
    Body: 'body',
    MessagingServiceSid: 'messaging_service_sid',
  };
  for (const [name, field] of Object.entries(fields)) {
    const value = resource[field];
    if (typeof value === 'string') form[name] = value;
  }
  try {
    const event = parseMessage(tenantId, form);
    const attachments = mediaCount(resource['num_media']);
    return {
      attachments,
      event: {
        ...event,
        raw: rawOf(resource),
        ...writtenAt(resource),
        ...(attachments > 0 && contentWith(event, Array<Attachment>(attachments).fill({}))),
      },
    };
  } catch (error) {
    if (error instanceof WebhookRefusedError) return undefined;
    throw error;
  }
}

/** The message with the attachments of its media list, addressed as in a webhook. */
export function withMedia(
  event: InboundMessageReceived,
  media: readonly Resource[],
  apiBaseUrl: string,
): InboundMessageReceived {
  const attachments = media
    .slice(0, MAX_MEDIA)
    .flatMap(({ uri, content_type: contentType }): Attachment[] => {
      if (typeof uri !== 'string') return [];
      const url = new URL(uri.replace(/\.json$/, ''), apiBaseUrl).href;
      return [attachmentOf(event.channel, url, typeof contentType === 'string' ? contentType : undefined)];
    });
  return attachments.length === 0 ? event : { ...event, ...contentWith(event, attachments) };
}

/** What a message resource says of how far it came, under the key of the callback that would say so. */
export function fetchedReceipt(resource: Resource): FetchedReceipt | undefined {
  const { sid, status: messageStatus, error_code: errorCode } = resource;
  if (typeof sid !== 'string' || typeof messageStatus !== 'string') return undefined;
  const status = receiptOf(messageStatus);
  if (status === undefined) return undefined;
  const providerCode = typeof errorCode === 'number' && errorCode > 0 ? String(errorCode) : undefined;
  const eventType = status === 'read' ? 'READ' : '';
  return {
    dedupeKey: `twilio:status:${sid}:${messageStatus}:${providerCode ?? ''}:${eventType}`,
    status,
    ...(providerCode !== undefined && { providerCode }),
    ...(isFailure(status) && { late: lateOutcome(providerCode) }),
  };
}

/** `date_sent` is when Twilio called the webhook. */
function writtenAt({ date_sent: sent }: Resource): Pick<InboundMessageReceived, 'writtenAt'> {
  const at = new Date(typeof sent === 'string' ? sent : Number.NaN);
  return Number.isNaN(at.getTime()) ? {} : { writtenAt: at };
}

function contentWith(
  { content }: InboundMessageReceived,
  attachments: Attachment[],
): Pick<InboundMessageReceived, 'content'> {
  const text = 'text' in content ? content.text : undefined;
  const { context } = content;
  return { content: { ...attachmentContent(text, attachments), ...(context && { context }) } };
}

function mediaCount(numMedia: unknown): number {
  return typeof numMedia === 'string' && /^\d{1,2}$/.test(numMedia)
    ? Math.min(Number(numMedia), MAX_MEDIA)
    : 0;
}

/** The resource's own fields; what is null says nothing, and what is nested stays JSON. */
function rawOf(resource: Resource): Record<string, string> {
  return Object.fromEntries(
    Object.entries(resource).flatMap(([name, value]) =>
      value === null || value === undefined
        ? []
        : [[name, typeof value === 'string' ? value : JSON.stringify(value)]],
    ),
  );
}
