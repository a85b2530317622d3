import type { AppendLog } from '../common/append-log.js';
import { ControlError } from '../common/control.js';
import type { Accounts } from './accounts.js';
import type { Deliveries } from './deliveries.js';
import { businessScopedId, inboundMessage, inboundParams, type InboundText, mediaIn } from './inbound.js';
import { foreignToSms } from './inbound-fields.js';
import { maxMedia, type MediaStore } from './media.js';
import { isWhatsApp, newSid, type StoredMessage } from './messages.js';
import type { OptOuts, OptOutType } from './opt-outs.js';
import type { Senders } from './senders.js';
import type { TwilioLogEntry, TwilioSettings } from './settings.js';
import type { TwilioWebhookCall } from './webhooks.js';
import type { Windows } from './windows.js';

interface InboxContext {
  accounts: Accounts;
  senders: Senders;
  settings: () => TwilioSettings;
  messages: Map<string, StoredMessage>;
  accepted: AppendLog<TwilioLogEntry>;
  media: MediaStore;
  optOuts: OptOuts;
  windows: Windows;
  deliveries: Deliveries;
  /** Where the media in webhooks are. */
  apiUrl: () => string;
}

/** A customer's text that is stored, and not yet posted to the webhook. */
export interface Arrived {
  message: StoredMessage;
  text: InboundText;
  optOutType: OptOutType | undefined;
}

/** A customer's text as it was stored: its SID, and those of its media. */
export interface ReceivedText {
  sid: string;
  media?: string[];
}

/** Customers' texts: stored, heard for keywords, announced. */
export class Inbox {
  readonly #context: InboxContext;

  constructor(context: InboxContext) {
    this.#context = context;
  }

  store(text: InboundText): Arrived {
    const { accounts, senders, messages, media, windows } = this.#context;
    const foreign = foreignToSms(text);
    if (foreign !== undefined) throw new ControlError(400, `only WhatsApp has ${foreign}`);
    const contents = mediaIn(text);
    if (contents.length > maxMedia(text.from)) throw new ControlError(400, 'too many media');
    const message = inboundMessage(text, accounts.ownerOf(text.to));
    message.messagingServiceSid ??= senders.serviceOf(text.to)?.sid ?? null;
    const customer = message.from ?? '';
    senders.stick(message.messagingServiceSid, customer, text.to);
    messages.set(message.sid, message);
    if (contents.length > 0) message.media = contents.map((content) => media.keep(message, content));
    windows.hear(text.to, [customer, text.from, businessScopedId(text)]);
    return { message, text, optOutType: this.#hear(message, customer) };
  }

  /** Posts it to the webhook; null when there is none. */
  async announce(arrived: Arrived, signal: AbortSignal): Promise<TwilioWebhookCall | null> {
    const { message, text, optOutType } = arrived;
    const { apiUrl, deliveries, media, messages } = this.#context;
    const params = inboundParams(message, text, {
      apiUrl: apiUrl(),
      media: media.of(message.sid),
      repliedTo: messages.get(text.repliedTo ?? ''),
      ...(optOutType === undefined ? {} : { optOutType }),
    });
    return deliveries.inbound(message, params, signal);
  }

  received({ message: { sid } }: Arrived): ReceivedText {
    const media = this.#context.media.of(sid).map((medium) => medium.sid);
    return media.length === 0 ? { sid } : { sid, media };
  }

  /** A keyword takes effect and is answered by Twilio itself; what the webhook says of it. */
  #hear(message: StoredMessage, customer: string): OptOutType | undefined {
    const { accepted, optOuts, settings } = this.#context;
    const { optOutKeywords, advancedOptOut } = settings();
    if (!optOutKeywords || (isWhatsApp(message.to) && !advancedOptOut)) return undefined;
    const heard = optOuts.hear(message.messagingServiceSid ?? message.to, customer, message.body);
    if (heard?.reply !== undefined) {
      const { type: optOutType, reply: body } = heard;
      const [from, to] = [message.to, customer];
      accepted.append({ kind: 'opt-out-reply', sid: newSid('SM'), from, to, body, optOutType });
    }
    return advancedOptOut ? heard?.type : undefined;
  }
}
