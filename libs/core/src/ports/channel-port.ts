import type { Channel, Interactive, MessageContent, PartContent } from '../content.js';
import type { AttemptReference, InboundMessageReceived, LateOutcome } from '../events.js';
import type { CarriedFile, MediaCapabilities, MediaStream } from '../media.js';
import type { ReceiptStatus } from '../receipts.js';
import type { CallContext, LookUp, Sent } from './call.js';

/** What a channel can carry, as data. */
export interface ChannelCapabilities {
  /** Longest text of one part, UTF-16 code units. */
  maxTextLength: number;
  /** Where free texts are taken only for so long after the customer's last message. */
  replyWindowMs: Partial<Record<Channel, number>>;
  receipts: boolean;
  typing: boolean;
}

/** One of our business numbers as an adapter needs it. */
export interface SenderNumber {
  address: string;
  account: string;
  messagingServiceSid?: string;
  /** Typographic characters may be replaced by plain ones. Absent: yes. */
  smartEncoding?: boolean;
}

/** One part on its way to a customer. */
export interface SendPart {
  number: SenderNumber;
  to: string;
  part: PartContent;
  /** One for each of the part's media. */
  mediaUrls?: string[];
  attempt: AttemptReference;
  /** Not worth delivering any more after so long; absent: the provider's own limit. */
  expiresInMs?: number;
}

/** Whom a message is rendered for. */
export interface Addressee {
  address: string;
  /** Of the words that are ours, as the number has it. */
  language?: string;
}

/** What a provider bills a text by. */
export interface PartCost {
  /** `GSM-7`, `UCS-2`. */
  encoding: string;
  segments: number;
}

/** Which attempt a look-up is about: where it went, what it carried, and what must be found beside it. */
export interface FindSent {
  number: SenderNumber;
  to: string;
  part: PartContent;
  /** Nothing older counts; epoch milliseconds. */
  since: number;
  /** Ids of what the provider certainly took for this customer since then: a list without them is no answer. */
  known: readonly string[];
}

/** Something the provider holds that may be what one of our attempts left there. */
export interface SentCandidate {
  providerId: string;
  receipt?: ReceiptStatus;
}

/** A customer's message as the provider lists it, as its webhook would have told it as far as the list goes. */
export interface ListedInbound {
  /** Its attachments are nameless until {@link ChannelPort.readListed} has read them. */
  event: InboundMessageReceived;
  /** How many attachments are to be read. */
  attachments: number;
}

/** What a provider lists of one span of time. */
export interface ListedSpan {
  /** The oldest first. */
  messages: ListedInbound[];
  /** False where the span holds more than one look may read: then it says nothing about what it lacks. */
  complete: boolean;
}

/** How far a message of ours has come, asked for rather than reported. */
export interface FetchedReceipt {
  /** The same as that of the callback that says the same. */
  dedupeKey: string;
  status: ReceiptStatus;
  providerCode?: string;
  late?: LateOutcome;
}

/** A messaging provider, seen from delivery. `send` is the one effectful call and throws `DeliveryError`. */
export abstract class ChannelPort {
  abstract readonly capabilities: ChannelCapabilities;
  /** Loads what the first call would else have to load within its deadline. */
  warmUp?(): Promise<void>;
  /** Renders a message into the parts that single calls carry. Pure; a message yields at least one part. */
  abstract render(content: MessageContent, to?: Addressee): PartContent[];
  /** What goes out from this number beside text. */
  abstract mediaCapabilities(number: SenderNumber): MediaCapabilities;
  /** Puts files to a message's rendered parts, in order. Pure; nothing from nothing. */
  abstract attach(parts: PartContent[], files: CarriedFile[], number: SenderNumber): PartContent[];
  /**
   * Tells choices from all others by what is shown, hexadecimal. Absent, as {@link createContent} is, where the provider wants
   * nothing made beforehand.
   */
  contentDigest?(interactive: Interactive): string;
  /**
   * Makes at the provider what shows these choices, and answers its id for {@link PartContent.content}. Can be repeated: what
   * nobody sends harms nobody. `failed`: the provider will not have it; `not-sent` for everything that may pass.
   */
  createContent?(
    request: { account: string; interactive: Interactive },
    context: CallContext,
  ): Promise<string>;
  /** Undefined for what is not billed by its length. */
  cost?(part: PartContent, number: SenderNumber): PartCost | undefined;
  abstract send(request: SendPart, context: CallContext): Promise<Sent>;
  /**
   * What the provider holds that an attempt of this part may have left, the oldest first. Reading has no effect, so a
   * failure throws a `DeliveryError` of kind `not-sent` or `credentials` and says nothing about the attempt.
   */
  abstract findSent(request: FindSent, context: CallContext): Promise<LookUp<SentCandidate[]>>;
  /** Customers' messages to one of our numbers that the provider took from `since` to `until`, both included. */
  abstract listReceived(
    request: { tenantId: string; number: SenderNumber; since: Date; until: Date },
    context: CallContext,
  ): Promise<ListedSpan>;
  /** The same message with its attachments. */
  abstract readListed(listed: ListedInbound, context: CallContext): Promise<InboundMessageReceived>;
  /**
   * Shows the customer for a while that somebody writes to them; `providerMessageId` is their newest message. Where
   * `capabilities.typing` is false it does nothing.
   */
  abstract typing(
    request: { account: string; providerMessageId: string },
    context: CallContext,
  ): Promise<void>;
  /** Undefined where the provider does not know the message, or says of it what we do not know. */
  abstract fetchReceipt(
    request: { account: string; providerId: string },
    context: CallContext,
  ): Promise<FetchedReceipt | undefined>;
  /**
   * A medium that a customer sent, by the address that the provider gave it. `ageMs`: the message's. Throws
   * `MediaRefusedError` where it will never come, else `DeliveryError`; its body breaks off with either.
   */
  abstract fetchMedia(
    request: { account: string; url: string; ageMs: number; maxBytes: number },
    context: CallContext,
  ): Promise<MediaStream>;
  /** Deletes it at the provider. Fine where it is not there. */
  abstract deleteMedia(request: { account: string; url: string }, context: CallContext): Promise<void>;
}
