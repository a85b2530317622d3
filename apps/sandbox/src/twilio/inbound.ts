import { segmentsOf } from './body.js';
import { contentParams, messageType, type Referral, shownText } from './inbound-fields.js';
import { type Medium, type MediumContent, vCard } from './media.js';
import { isWhatsApp, newSid, type SaidBeside, type StoredMedia, type StoredMessage } from './messages.js';

/** A text from a customer. */
export interface InboundText {
  from: string;
  to: string;
  body: string;
  /** WhatsApp: the name the customer shows. */
  profileName?: string;
  /** WhatsApp: the business-scoped id, `whatsapp:US.…`. */
  externalUserId?: string;
  waId?: string;
  messagingServiceSid?: string;
  /** At most 10, on WhatsApp one. */
  media?: MediumContent[];
  /** Becomes a vCard among the media. */
  contact?: { name: string; phone: string };
  location?: { latitude: number; longitude: number; label?: string; address?: string };
  /** A button that was pressed. */
  button?: { text: string; payload: string };
  listReply?: { id: string; title: string; description?: string };
  /** The SID of the message that is answered. */
  repliedTo?: string;
  forwarded?: true | 'frequently';
  referral?: Referral;
  /** WhatsApp: else it follows from the content. */
  messageType?: string;
  /** WhatsApp: the customer shows the business-scoped id only. */
  hiddenNumber?: true;
  /** Further form fields (anything); an empty value is sent as one. */
  params?: Record<string, string>;
}

export function inboundMessage(text: InboundText, accountSid: string): StoredMessage {
  const now = Date.now();
  const numMedia = Number(text.params?.['NumMedia'] ?? mediaIn(text).length);
  const body = shownText(text);
  return {
    sid: newSid(numMedia > 0 ? 'MM' : 'SM'),
    accountSid,
    messagingServiceSid: text.messagingServiceSid ?? null,
    from: text.hiddenNumber ? businessScopedId(text) : text.from,
    to: text.to,
    body,
    numMedia,
    media: mediaIn(text).length > 0 ? [] : mediaOf(text, numMedia),
    direction: 'inbound',
    status: 'received',
    errorCode: null,
    createdAtMs: now,
    // For an inbound message: when Twilio called the webhook.
    sentAtMs: now,
    updatedAtMs: now,
    numSegments: isWhatsApp(text.from) ? 1 : segmentsOf(body),
    statusCallback: null,
    mediaUrls: [],
    content: null,
    lateErrorCode: null,
    beside: saidBeside(text),
  };
}

function saidBeside({ location, contact, repliedTo, forwarded }: InboundText): SaidBeside {
  return {
    ...(location !== undefined && { location }),
    ...(contact !== undefined && { contact }),
    ...(repliedTo !== undefined && { repliedTo }),
    ...(forwarded !== undefined && { forwarded }),
  };
}

/** All media of a text, a contact as one of them. */
export function mediaIn({ media = [], contact }: InboundText): MediumContent[] {
  return contact === undefined ? media : [...media, vCard(contact)];
}

/** What the webhook's `MediaUrl{N}` name, as the API lists it. */
function mediaOf(text: InboundText, count: number): StoredMedia[] {
  return Array.from({ length: count }, (_, n) => {
    const url = text.params?.[`MediaUrl${n}`];
    return {
      uri: url !== undefined && URL.canParse(url) ? new URL(url).pathname : `/${newSid('ME')}`,
      contentType: text.params?.[`MediaContentType${n}`] ?? 'application/octet-stream',
    };
  });
}

/**
 * The form fields of an inbound message webhook: geography for SMS, profile and identity for WhatsApp.
 * Source: https://www.twilio.com/docs/messaging/guides/webhook-request
 */
export function inboundParams(
  message: StoredMessage,
  text: InboundText,
  context: {
    apiUrl: string;
    media: readonly Medium[];
    repliedTo: StoredMessage | undefined;
    optOutType?: string;
  },
): Record<string, string> {
  return {
    ...(isWhatsApp(message.to) ? whatsAppParams(text) : smsParams()),
    ...contentParams(text),
    ...mediaParams(context.media, context.apiUrl),
    ...(text.repliedTo === undefined
      ? {}
      : {
          OriginalRepliedMessageSid: text.repliedTo,
          OriginalRepliedMessageSender: context.repliedTo?.from ?? text.to,
        }),
    SmsMessageSid: message.sid,
    NumMedia: String(message.numMedia),
    SmsSid: message.sid,
    SmsStatus: 'received',
    Body: message.body,
    To: message.to,
    NumSegments: String(message.numSegments),
    MessageSid: message.sid,
    AccountSid: message.accountSid,
    From: message.from ?? '',
    ApiVersion: '2010-04-01',
    ...(message.messagingServiceSid === null ? {} : { MessagingServiceSid: message.messagingServiceSid }),
    ...(context.optOutType === undefined ? {} : { OptOutType: context.optOutType }),
    ...text.params,
  };
}

function mediaParams(media: readonly Medium[], apiUrl: string): Record<string, string> {
  const fields = media.flatMap(({ uri, contentType, announcedContentType }, n) => [
    [`MediaUrl${n}`, `${apiUrl}${uri}`],
    [`MediaContentType${n}`, announcedContentType ?? contentType],
  ]);
  return Object.fromEntries(fields);
}

function smsParams(): Record<string, string> {
  // Twilio leaves parts it does not know empty, and signs them.
  return {
    ToCountry: 'US',
    ToState: 'CA',
    ToCity: '',
    ToZip: '',
    FromCountry: 'US',
    FromState: 'NY',
    FromCity: 'NEW YORK',
    FromZip: '10001',
  };
}

function whatsAppParams(text: InboundText): Record<string, string> {
  const waId = text.hiddenNumber ? undefined : (text.waId ?? numberOf(text));
  return {
    ProfileName: text.profileName ?? 'Sandbox Customer',
    ...(waId === undefined ? {} : { WaId: waId }),
    ExternalUserId: businessScopedId(text),
    MessageType: messageType(text),
    ChannelMetadata: '{"type":"whatsapp","data":{"context":{}}}',
  };
}

function numberOf({ from }: InboundText): string | undefined {
  return /^whatsapp:\+(\d+)$/.exec(from)?.[1];
}

export function businessScopedId(text: InboundText): string {
  const number = numberOf(text);
  return text.externalUserId ?? (number === undefined ? text.from : `whatsapp:US.${number}`);
}

/**
 * The form fields of a status callback. The initial status has none, and there is neither an instant nor an order.
 * Source: https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
 */
export function statusParams(message: StoredMessage): Record<string, string> {
  const final = message.status === 'delivered' || message.status === 'undelivered';
  return {
    SmsSid: message.sid,
    SmsStatus: message.status,
    MessageStatus: message.status,
    To: message.to,
    MessageSid: message.sid,
    AccountSid: message.accountSid,
    From: message.from ?? '',
    ApiVersion: '2010-04-01',
    ...(message.messagingServiceSid === null ? {} : { MessagingServiceSid: message.messagingServiceSid }),
    ...(message.errorCode === null ? {} : { ErrorCode: String(message.errorCode) }),
    ...(isWhatsApp(message.to) ? channelParams(message) : {}),
    ...(final && !isWhatsApp(message.to) ? { RawDlrDoneDate: dlrDate(message.updatedAtMs) } : {}),
  };
}

function channelParams(message: StoredMessage): Record<string, string> {
  return {
    ChannelPrefix: 'whatsapp',
    ChannelInstallSid: 'XE00000000000000000000000000000000',
    ChannelToAddress: message.to.replace('whatsapp:', ''),
    ...(message.errorCode === null ? {} : { ChannelStatusMessage: 'Refused by the channel' }),
    ...(message.status === 'read' ? { EventType: 'READ' } : {}),
  };
}

/** YYMMDDhhmm */
function dlrDate(instantMs: number): string {
  return new Date(instantMs).toISOString().replaceAll(/\D/g, '').slice(2, 12);
}
