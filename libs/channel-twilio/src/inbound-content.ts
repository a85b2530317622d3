import { WebhookRefusedError } from '#core';
import type { Attachment, Channel, MessageContent } from '#core';
import { first, single } from './form.js';
import type { FormParameters } from './form.js';
import { jsonObject, memberText } from './json-parameter.js';
import type { JsonObject } from './json-parameter.js';

const MEDIA_COUNT = /^\d{1,2}$/;
export const MAX_MEDIA = 10;
const VCARD = /^text\/(?:x-)?vcard\b/i;
const OGG = /^audio\/ogg\b/i;
const WEBP = /^image\/webp\b/i;
const KIND = /^[\w-]{1,40}$/;
/** Where a reply to a list or a button stands in `InteractiveData`, whichever spelling it has. */
const REPLIES = ['list_reply', 'button_reply', 'listReply', 'buttonReply', 'reply'];
/** Fields of a form that are shown, and how much of each. */
const MAX_FORM_FIELDS = 50;
const MAX_FIELD_LENGTH = 500;

/**
 * What a customer's message carries. Throws {@link WebhookRefusedError} 400 for a media count that cannot be; JSON within
 * parameters that is none is passed over.
 * Source: https://www.twilio.com/docs/messaging/guides/webhook-request
 */
export function contentOf(form: FormParameters, channel: Channel): MessageContent {
  const text = first(form, 'Body');
  const attachments = [...mediaOf(form, channel), ...referralMediaOf(form)].slice(0, MAX_MEDIA);
  if (attachments.length > 0) return attachmentContent(text, attachments);
  return (
    locationOf(form, text) ??
    choiceOf(form, text) ??
    formOf(form, text) ??
    unknownOf(form, text) ?? { type: 'text', text: text ?? '' }
  );
}

/** A contact where nothing but contact cards came. */
export function attachmentContent(text: string | undefined, attachments: Attachment[]): MessageContent {
  const type = attachments.every((each) => VCARD.test(each.contentType ?? '')) ? 'contact' : 'attachments';
  return { type, ...(text && { text }), attachments };
}

/** One medium as its channel means it: WhatsApp's stickers are WebP images, and its voice messages Ogg audio. */
export function attachmentOf(
  channel: Channel,
  url: string | undefined,
  contentType: string | undefined,
): Attachment {
  const kind =
    channel !== 'whatsapp' || contentType === undefined
      ? undefined
      : WEBP.test(contentType)
        ? 'sticker'
        : OGG.test(contentType)
          ? 'voice'
          : undefined;
  return {
    ...(url !== undefined && { url }),
    ...(contentType !== undefined && { contentType }),
    ...(kind && { kind }),
  };
}

function mediaOf(form: FormParameters, channel: Channel): Attachment[] {
  const count = single(form, 'NumMedia') ?? '0';
  if (!MEDIA_COUNT.test(count) || Number(count) > MAX_MEDIA) {
    throw new WebhookRefusedError(400, 'malformed-media-count');
  }
  const isSticker = single(form, 'MessageType')?.toLowerCase() === 'sticker';
  return Array.from({ length: Number(count) }, (_, n) => {
    const attachment = attachmentOf(
      channel,
      single(form, `MediaUrl${n}`),
      single(form, `MediaContentType${n}`),
    );
    return isSticker ? { ...attachment, kind: 'sticker' as const } : attachment;
  }).filter((attachment) => attachment.url !== undefined);
}

/** The picture or film of the advertisement that led the customer here. */
function referralMediaOf(form: FormParameters): Attachment[] {
  const url = single(form, 'ReferralMediaUrl');
  const contentType = single(form, 'ReferralMediaContentType');
  return url === undefined ? [] : [{ url, ...(contentType !== undefined && { contentType }) }];
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
  const reply = replyIn(jsonObject(single(form, 'InteractiveData')));
  const payload = single(form, 'ButtonPayload') ?? single(form, 'ListId') ?? memberText(reply, 'id');
  const title = single(form, 'ButtonText') ?? single(form, 'ListTitle') ?? memberText(reply, 'title');
  if (payload === undefined && title === undefined) return undefined;
  return {
    type: 'choice',
    title: title ?? (text || payload) ?? '',
    ...(payload !== undefined && { payload }),
  };
}

function replyIn(interactive: JsonObject): JsonObject {
  const holders = [interactive, interactive['interactive'], interactive['data']];
  for (const holder of holders) {
    for (const name of REPLIES) {
      const reply = member(holder, name);
      if (typeof reply === 'object' && reply !== null) return reply as JsonObject;
    }
  }
  return interactive;
}

function member(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name)
    ? (holder as JsonObject)[name]
    : undefined;
}

/** A form that the customer has filled in: field by field, the whole of it as the payload. */
function formOf(form: FormParameters, text: string | undefined): MessageContent | undefined {
  const payload = single(form, 'FlowData');
  if (payload === undefined) return undefined;
  const fields = Object.entries(jsonObject(payload))
    .filter(([name]) => name !== 'flow_token')
    .slice(0, MAX_FORM_FIELDS)
    .map(([name, value]) => `${name}: ${shown(value).slice(0, MAX_FIELD_LENGTH)}`.toWellFormed());
  return { type: 'choice', title: [text, ...fields].filter(Boolean).join('\n'), payload };
}

/** What nests deeper is not shown; it stays in the payload. */
function shown(value: unknown): string {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one !== 'object').join(', ');
}

/** Nothing that we can read, and Twilio says that it is no text: a reaction, an order, a kind yet to come. */
function unknownOf(form: FormParameters, text: string | undefined): MessageContent | undefined {
  const kind = single(form, 'MessageType')?.toLowerCase();
  if (text || kind === undefined || kind === 'text') return undefined;
  return { type: 'unknown', ...(KIND.test(kind) && { kind }) };
}
