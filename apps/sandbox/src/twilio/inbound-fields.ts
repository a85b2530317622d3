import type { InboundText } from './inbound.js';
import { isWhatsApp } from './messages.js';

/** What a click on an advertisement says about it. */
export interface Referral {
  body?: string;
  headline?: string;
  sourceId?: string;
  sourceType?: string;
  sourceUrl?: string;
  mediaId?: string;
  mediaContentType?: string;
  mediaUrl?: string;
  ctwaClid?: string;
}

/** The form fields of what a text is beside a text. */
export function contentParams(text: InboundText): Record<string, string> {
  return {
    ...locationParams(text),
    ...choiceParams(text),
    ...referralParams(text),
    ...(text.forwarded === undefined
      ? {}
      : { Forwarded: 'true', FrequentlyForwarded: String(text.forwarded === 'frequently') }),
  };
}

/** Of WhatsApp: `interactive` was seen in a real webhook, the others are the channel's own names. */
export function messageType(text: InboundText): string {
  if (text.messageType !== undefined) return text.messageType;
  if (text.button !== undefined || text.listReply !== undefined) return 'interactive';
  if (text.location !== undefined) return 'location';
  const contentType = text.media?.[0]?.contentType;
  if (text.contact !== undefined || contentType === 'text/vcard') return 'contacts';
  if (contentType === undefined) return 'text';
  if (contentType === 'image/webp') return 'sticker';
  const [kind = ''] = contentType.split('/');
  return ['image', 'audio', 'video'].includes(kind) ? kind : 'document';
}

/** What the phone shows as the text. */
export function shownText({ body, button, listReply }: InboundText): string {
  return body === '' ? (button?.text ?? listReply?.title ?? '') : body;
}

/** What only WhatsApp has, by name; undefined when the text has nothing of it, or is one of WhatsApp. */
export function foreignToSms(text: InboundText): string | undefined {
  if (isWhatsApp(text.from)) return undefined;
  const names = [
    'location',
    'button',
    'listReply',
    'repliedTo',
    'forwarded',
    'referral',
    'hiddenNumber',
  ] as const;
  return names.find((name) => text[name] !== undefined);
}

function locationParams({ location }: InboundText): Record<string, string> {
  if (location === undefined) return {};
  const { latitude, longitude, label, address } = location;
  return {
    Latitude: String(latitude),
    Longitude: String(longitude),
    ...(label === undefined ? {} : { Label: label }),
    ...(address === undefined ? {} : { Address: address }),
  };
}

function choiceParams({ button, listReply }: InboundText): Record<string, string> {
  if (button !== undefined) {
    const { text, payload } = button;
    const data = { type: 'button_reply', button_reply: { id: payload, title: text } };
    return { ButtonText: text, ButtonPayload: payload, InteractiveData: JSON.stringify(data) };
  }
  if (listReply === undefined) return {};
  const data = { type: 'list_reply', list_reply: listReply };
  return {
    ButtonText: listReply.title,
    ButtonPayload: listReply.id,
    InteractiveData: JSON.stringify(data),
  };
}

function referralParams({ referral }: InboundText): Record<string, string> {
  if (referral === undefined) return {};
  const fields = Object.entries(referral).map(([name, value]): [string, string] => [
    `Referral${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    String(value),
  ]);
  return { ...Object.fromEntries(fields), ReferralNumMedia: referral.mediaUrl === undefined ? '0' : '1' };
}
