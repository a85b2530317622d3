import type { TextKind } from './customer-texts.js';
import type { KeptFile } from './media.js';

/** The channels a customer can write on. MMS is `sms` with attachments. */
export type Channel = 'sms' | 'whatsapp';

/** inbound = customer → agent, outbound = agent → customer. */
export type Direction = 'inbound' | 'outbound';

/** Who wrote a message. `unknown` is resolved before delivery, never sent as it is. */
export type AuthorType = 'user' | 'agent' | 'bot' | 'unknown';

/**
 * One attachment as its source names it: a `url` at the channel, or an `id` at the desk
 * (with `url` as its pre-signed fallback).
 */
export interface Attachment {
  id?: string;
  url?: string;
  contentType?: string;
  filename?: string;
  /** What the channel means by it, where its type alone does not say. */
  kind?: 'sticker' | 'voice';
}

/** A card as the desk sends it; `content` is passed on unread. */
export interface Card {
  contentType?: string;
  content: unknown;
}

/** What a customer's message says beside its content. */
export interface MessageContext {
  /** The message it answers, by the provider's id. */
  repliedTo?: { providerMessageId: string; sender?: string };
  forwarded?: 'once' | 'often';
  /** The advertisement or post that led the customer here. */
  referral?: { headline?: string; body?: string; url?: string; sourceType?: string; sourceId?: string };
  /** The provider took it as a keyword, or will. */
  keyword?: OptOutKeyword;
}

/** `stop` blocks all messages to the customer, `start` lifts that, `help` changes nothing. The provider answers all three. */
export type OptOutKeyword = 'stop' | 'start' | 'help';

/** What a message carries. Bodies are kept verbatim, whatever they hold. */
export type MessageContent =
  /** `told`: which of its number's texts it is, where nobody wrote it. */
  (
    | { type: 'text'; text: string; told?: TextKind }
    | { type: 'attachments'; text?: string; attachments: Attachment[] }
    | {
        type: 'location';
        latitude: string;
        longitude: string;
        label?: string;
        address?: string;
        text?: string;
      }
    | { type: 'contact'; text?: string; attachments: Attachment[] }
    | { type: 'card'; text?: string; cards: Card[]; attachments?: Attachment[] }
    | { type: 'choice'; title: string; payload?: string }
    /** A text that was approved beforehand, by the provider's id and with its variables by name. */
    | { type: 'template'; contentSid: string; variables?: Record<string, string> }
    /** Of a kind that we do not know; `kind` is the provider's word for it. */
    | { type: 'unknown'; kind?: string; text?: string }
    | { type: 'note'; text: string }
    /** A lane item without a text of its own: open a new conversation with these earlier messages as history. */
    | { type: 'reopening'; messageIds: string[] }
  ) & { context?: MessageContext };

/** One earlier text handed to a new conversation. */
export interface HistoryEntry {
  authorType: 'user' | 'bot';
  text: string;
}

/** One answer out of those that a customer is offered; `payload` is what it means to whoever asked. */
export interface Choice {
  title: string;
  payload?: string;
}

/** Choices as a channel shows them to be pressed: titles within its limits, and the ids that come back. */
export interface Interactive {
  kind: 'quick-reply' | 'list';
  /** Of the words beside the choices. */
  language: string;
  body: string;
  /** What opens a list. */
  button?: string;
  choices: { id: string; title: string; description?: string }[];
}

/** What one provider call carries; rendered once, before the first attempt, and stored. */
export interface PartContent {
  text?: string;
  /** Files of ours; links to them are made when the part is sent. */
  media?: KeptFile[];
  attachmentIds?: string[];
  /** How the agent reads what was uploaded, in the same order. */
  attachmentNames?: string[];
  /** Which of the message's attachments they are, in the same order, counted from 0. */
  attachmentIndexes?: number[];
  /** The desk's conversation that knows `attachmentIds`; they mean nothing in another. */
  uploadedTo?: string;
  cards?: Card[];
  /** `text` says the same in plain words, for where it cannot be shown. */
  interactive?: Interactive;
  /** What the part offers, in the order in which a customer may number them. */
  choices?: Choice[];
  /** Stands in the place of everything else: content that the provider keeps, by its id. */
  content?: { sid: string; variables?: Record<string, string> };
  /** A place to be shown on a map; `text` names it. */
  location?: { latitude: string; longitude: string; label?: string };
  /** To the desk: the choice that the customer's message stands for, and the message that offered it. */
  answer?: Choice & { offeredBy: string };
}
