import { randomBytes } from 'node:crypto';

import type { RenderedContent } from './content.js';
import type { InboundText } from './inbound.js';

export type MessageStatus =
  'accepted' | 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'undelivered' | 'failed' | 'received';

/** A message as the simulator keeps it. Instants are epoch milliseconds. */
export interface StoredMessage {
  sid: string;
  accountSid: string;
  messagingServiceSid: string | null;
  from: string | null;
  to: string;
  body: string;
  numMedia: number;
  media: StoredMedia[];
  direction: 'inbound' | 'outbound-api' | 'outbound-reply';
  status: MessageStatus;
  errorCode: number | null;
  createdAtMs: number;
  sentAtMs: number | null;
  updatedAtMs: number;
  numSegments: number;
  statusCallback: string | null;
  /** Of a customer's: what it says beside its body and media. */
  beside?: SaidBeside;
  /** Of ours: what Twilio is to fetch. */
  mediaUrls: string[];
  /** Of ours: what the phone shows of a content template. */
  content: RenderedContent | null;
  /** The code that it will fail with, though it was accepted. */
  lateErrorCode: number | null;
}

export type SaidBeside = Pick<InboundText, 'location' | 'contact' | 'repliedTo' | 'forwarded'>;

export interface StoredMedia {
  /** Of the instance, without `.json`. */
  uri: string;
  contentType: string;
  announcedContentType?: string;
}

/** A Twilio SID: two letters and 32 hexadecimal digits. */
export function newSid(prefix: string): string {
  return prefix + randomBytes(16).toString('hex');
}

export function isWhatsApp(address: string): boolean {
  return address.startsWith('whatsapp:');
}

/** The instance resource in Twilio's exact shape: numbers as strings, RFC 2822 dates, null where not yet known. */
export function messageResource(message: StoredMessage): Record<string, unknown> {
  const uri = `/2010-04-01/Accounts/${message.accountSid}/Messages/${message.sid}`;
  return {
    body: message.body,
    num_segments: String(message.numSegments),
    direction: message.direction,
    from: message.from,
    date_updated: rfc2822(message.updatedAtMs),
    price: null,
    error_message: message.errorCode === null ? null : `Error ${message.errorCode}`,
    uri: `${uri}.json`,
    account_sid: message.accountSid,
    num_media: String(message.numMedia),
    to: message.to,
    date_created: rfc2822(message.createdAtMs),
    status: message.status,
    sid: message.sid,
    date_sent: message.sentAtMs === null ? null : rfc2822(message.sentAtMs),
    messaging_service_sid: message.messagingServiceSid,
    error_code: message.errorCode,
    price_unit: 'USD',
    api_version: '2010-04-01',
    subresource_uris: { media: `${uri}/Media.json` },
  };
}

/** `GET Messages/{Sid}/Media/{Sid}.json` */
export function mediaResource(
  media: StoredMedia,
  parent: { messageSid: string; accountSid: string; createdAtMs: number },
): Record<string, unknown> {
  return {
    sid: media.uri.split('/').at(-1),
    account_sid: parent.accountSid,
    parent_sid: parent.messageSid,
    content_type: media.announcedContentType ?? media.contentType,
    date_created: rfc2822(parent.createdAtMs),
    date_updated: rfc2822(parent.createdAtMs),
    uri: `${media.uri}.json`,
  };
}

/** `GET Messages/{Sid}/Media.json`, always one page. */
export function mediaList(message: StoredMessage): Record<string, unknown> {
  const uri = `/2010-04-01/Accounts/${message.accountSid}/Messages/${message.sid}/Media.json?PageSize=50&Page=0`;
  return {
    first_page_uri: uri,
    end: Math.max(0, message.media.length - 1),
    previous_page_uri: null,
    media_list: message.media.map((media) => mediaResource(media, { ...message, messageSid: message.sid })),
    uri,
    page_size: 50,
    start: 0,
    next_page_uri: null,
    page: 0,
  };
}

/** `Thu, 24 Aug 2023 05:01:45 +0000` */
function rfc2822(instantMs: number): string {
  return new Date(instantMs).toUTCString().replace('GMT', '+0000');
}
