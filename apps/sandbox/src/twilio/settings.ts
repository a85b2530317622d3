import type { RenderedContent } from './content.js';
import type { OptOutType } from './opt-outs.js';
import type { OnExchange } from '../common/exchanges.js';

export interface TwilioSimulatorOptions {
  /** 0 = any free port. */
  port?: number;
  host?: string;
  accountSid: string;
  /** The first signs webhooks; each of them authenticates. */
  authTokens: readonly string[];
  apiKeySid?: string;
  apiKeySecret?: string;
  /** Accounts below, each with its own tokens and numbers. */
  subAccounts?: readonly SubAccount[];
  /** Our numbers, with `whatsapp:` where they are; none = every `From` is accepted. */
  numbers?: readonly string[];
  /** Sender pool per Messaging Service SID. */
  messagingServices?: Readonly<Record<string, readonly string[]>>;
  /** Where inbound messages are posted, with overrides in the fragment; none = nowhere. */
  webhookUrl?: string;
  /** Called when the webhook has failed. */
  fallbackUrl?: string;
  /** Where a WhatsApp sender reports the statuses of messages that name no callback of their own. */
  statusUrl?: string;
  settings?: Partial<TwilioSettings>;
  onExchange?: OnExchange | undefined;
}

export interface SubAccount {
  accountSid: string;
  authTokens: readonly string[];
  numbers?: readonly string[];
}

export interface TwilioSettings {
  /** Between two statuses of an outbound message. */
  stepMs: number;
  /** False: a message stays as it is until a control call moves it. */
  autoProgress: boolean;
  bodyAlteration: 'none' | 'smart-encoded';
  /** How often each webhook is posted. */
  webhookCopies: number;
  /** Each webhook is held back for a random time up to this, so that they overtake each other. */
  webhookJitterMs: number;
  /** A customer's STOP and START block and unblock our number for them. */
  optOutKeywords: boolean;
  magicNumbers: boolean;
  /** The first fetches of each medium are answered 404, as for a medium that has just come. */
  mediaNotFoundTimes: number;
  /** How long a customer's text opens WhatsApp's window. */
  windowMs: number;
  /** How a message outside the window fails: accepted and undelivered, or refused. */
  windowClosed: 'late' | 'sync';
  /** How a message to a customer who has opted out fails. */
  optOutErrors: 'sync' | 'late';
  /** 21610 or 30630. */
  optOutCode: number;
  /** Keywords work on WhatsApp too, and webhooks say `OptOutType`. */
  advancedOptOut: boolean;
  /** More creates at the same time are answered 429; 0 = any number. */
  maxConcurrentCreates: number;
  /** How long a create takes. */
  createMs: number;
}

export const DEFAULT_SETTINGS: TwilioSettings = {
  stepMs: 25,
  autoProgress: true,
  bodyAlteration: 'none',
  webhookCopies: 1,
  webhookJitterMs: 0,
  optOutKeywords: true,
  magicNumbers: true,
  mediaNotFoundTimes: 0,
  windowMs: 24 * 60 * 60_000,
  windowClosed: 'late',
  optOutErrors: 'sync',
  optOutCode: 21610,
  advancedOptOut: false,
  maxConcurrentCreates: 0,
  createMs: 0,
};

/** What Twilio accepted (or, for `reply`, sent because a webhook's answer said so). */
export type TwilioLogEntry =
  | {
      kind: 'message';
      sid: string;
      to: string;
      from: string | null;
      /** As posted, before any alteration. */
      body: string;
      messagingServiceSid: string | null;
      statusCallback: string | null;
      mediaUrls: string[];
      contentSid: string | null;
      /** What the phone shows of the content. */
      content?: RenderedContent;
    }
  | { kind: 'reply'; sid: string; to: string; from: string; body: string }
  | { kind: 'opt-out-reply'; sid: string; to: string; from: string; body: string; optOutType: OptOutType }
  | { kind: 'typing'; messageSid: string };
