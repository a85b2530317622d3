import { createHash } from 'node:crypto';
import type { Accounts } from './accounts.js';
import { isWhatsApp, type StoredMessage } from './messages.js';
import type { TwilioSimulatorOptions } from './settings.js';

/** A text field is empty where nothing is configured. */
export interface PhoneNumber {
  sid: string;
  accountSid: string;
  phoneNumber: string;
  friendly_name: string;
  sms_url: string;
  sms_method: string;
  sms_fallback_url: string;
  sms_fallback_method: string;
  /** Of calls, not of messages. */
  status_callback: string;
  status_callback_method: string;
}

export interface MessagingService {
  sid: string;
  accountSid: string;
  pool: readonly string[];
  friendly_name: string;
  inbound_request_url: string | null;
  inbound_method: string;
  fallback_url: string | null;
  fallback_method: string;
  status_callback: string | null;
  sticky_sender: boolean;
  smart_encoding: boolean;
  use_inbound_webhook_on_number: boolean;
}

export interface ChannelSender {
  sid: string;
  accountSid: string;
  /** With its `whatsapp:`. */
  senderId: string;
  webhook: Record<
    | 'callback_url'
    | 'callback_method'
    | 'fallback_url'
    | 'fallback_method'
    | 'status_callback_url'
    | 'status_callback_method',
    string
  >;
}

/** Where an inbound message is posted, and where when that fails. */
export interface InboundTarget {
  url: string | undefined;
  fallbackUrl: string | undefined;
}

/** What sends and receives, as it is configured through the provisioning APIs; seeded from the simulator's options. */
export class Senders {
  readonly #options: TwilioSimulatorOptions;
  readonly #accounts: Accounts;
  readonly numbers = new Map<string, PhoneNumber>();
  readonly services = new Map<string, MessagingService>();
  readonly channelSenders = new Map<string, ChannelSender>();
  readonly #sticky = new Map<string, string>();

  constructor(options: TwilioSimulatorOptions, accounts: Accounts) {
    this.#options = options;
    this.#accounts = accounts;
    this.reset();
  }

  reset(): void {
    for (const map of [this.numbers, this.services, this.channelSenders, this.#sticky]) map.clear();
    for (const number of this.#accounts.numbers) {
      const accountSid = this.#accounts.ownerOf(number);
      if (isWhatsApp(number)) this.#addChannelSender(number, accountSid);
      else this.#addNumber(number, accountSid);
    }
    for (const [sid, pool] of Object.entries(this.#options.messagingServices ?? {}))
      this.#addService(sid, pool);
  }

  /** The service that a number of ours is in. */
  serviceOf(number: string): MessagingService | undefined {
    return [...this.services.values()].find(({ pool }) => pool.includes(number));
  }

  /** The service's own webhook, unless it leaves that to its numbers. */
  inboundTarget(message: StoredMessage): InboundTarget {
    const service = this.services.get(message.messagingServiceSid ?? '');
    if (service !== undefined && !service.use_inbound_webhook_on_number) {
      return target(service.inbound_request_url, service.fallback_url);
    }
    const number = [...this.numbers.values()].find(({ phoneNumber }) => phoneNumber === message.to);
    if (number !== undefined) return target(number.sms_url, number.sms_fallback_url);
    const webhook = this.#channelSender(message.to)?.webhook;
    if (webhook !== undefined) return target(webhook.callback_url, webhook.fallback_url);
    const { webhookUrl, fallbackUrl } = this.#options;
    return { url: webhookUrl, fallbackUrl };
  }

  /** The message's own callback, else its service's, else its channel sender's. */
  statusCallback(message: StoredMessage): string | undefined {
    const service = this.services.get(message.messagingServiceSid ?? '');
    const sender = this.#channelSender(message.from ?? '');
    return (
      [message.statusCallback, service?.status_callback, sender?.webhook.status_callback_url].find(
        (url) => url !== undefined && url !== null && url !== '',
      ) ?? undefined
    );
  }

  /** The number that a service sends to a customer from: the one they know, if it is sticky. */
  pick(serviceSid: string | null, customer: string): string | undefined {
    const service = this.services.get(serviceSid ?? '');
    const known = service?.sticky_sender ? this.#sticky.get(`${serviceSid}|${customer}`) : undefined;
    const pool = service?.pool ?? this.#accounts.numbers;
    return known ?? pool.find((number) => isWhatsApp(number) === isWhatsApp(customer));
  }

  /** The customer knows this number of the service now. */
  stick(serviceSid: string | null, customer: string, number: string): void {
    if (serviceSid !== null) this.#sticky.set(`${serviceSid}|${customer}`, number);
  }

  #channelSender(senderId: string): ChannelSender | undefined {
    return [...this.channelSenders.values()].find((sender) => sender.senderId === senderId);
  }

  #addNumber(phoneNumber: string, accountSid: string): void {
    const { webhookUrl = '', fallbackUrl = '' } = this.#options;
    const sid = sidOf('PN', phoneNumber);
    this.numbers.set(sid, {
      sid,
      accountSid,
      phoneNumber,
      friendly_name: phoneNumber,
      sms_url: webhookUrl,
      sms_method: 'POST',
      sms_fallback_url: fallbackUrl,
      sms_fallback_method: 'POST',
      status_callback: '',
      status_callback_method: 'POST',
    });
  }

  #addChannelSender(senderId: string, accountSid: string): void {
    const { webhookUrl = '', fallbackUrl = '', statusUrl = '' } = this.#options;
    const sid = sidOf('XE', senderId);
    this.channelSenders.set(sid, {
      sid,
      accountSid,
      senderId,
      webhook: {
        callback_url: webhookUrl,
        callback_method: 'POST',
        fallback_url: fallbackUrl,
        fallback_method: 'POST',
        status_callback_url: statusUrl,
        status_callback_method: 'POST',
      },
    });
  }

  #addService(sid: string, pool: readonly string[]): void {
    this.services.set(sid, {
      sid,
      accountSid: this.#options.accountSid,
      pool,
      friendly_name: `Service ${sid.slice(-4)}`,
      inbound_request_url: null,
      inbound_method: 'POST',
      fallback_url: null,
      fallback_method: 'POST',
      status_callback: null,
      sticky_sender: true,
      smart_encoding: false,
      use_inbound_webhook_on_number: true,
    });
  }
}

/** The same for the same number, so that a reset changes no SID. */
function sidOf(prefix: string, number: string): string {
  return prefix + createHash('sha256').update(number).digest('hex').slice(0, 32);
}

function target(url: string | null, fallbackUrl: string | null): InboundTarget {
  return { url: url || undefined, fallbackUrl: fallbackUrl || undefined };
}
