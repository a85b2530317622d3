import type { Readable } from 'node:stream';
import type {
  Attachment,
  Channel,
  HistoryEntry,
  Interactive,
  MessageContent,
  PartContent,
} from './content.js';
import type {
  AttemptReference,
  CreateReference,
  InboundMessageReceived,
  LateOutcome,
  NeutralEvent,
} from './events.js';
import type { CarriedFile, CarriedMedia, MediaCapabilities, MediaStream } from './media.js';
import type { ReceiptStatus } from './receipts.js';

/** A webhook as it came in: nothing decoded, nothing trimmed, so that a signature can be checked over it. */
export interface WebhookRequest {
  method: string;
  /** `PUBLIC_BASE_URL` + path and query as received: what the provider signed. Never built from `Host`. */
  url: string;
  /** Lower-case names. */
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** What a door says about a request it will not take: `status` is its answer, `reason` a counter's label. */
export class WebhookRefusedError extends Error {
  constructor(
    readonly status: 400 | 401 | 403 | 413 | 503,
    readonly reason: string,
  ) {
    super(`Webhook refused: ${reason}`);
    this.name = 'WebhookRefusedError';
  }
}

/** Verify, then parse: an adapter's door. Throws {@link WebhookRefusedError}; several events are possible. */
export interface WebhookDoor {
  receive(request: WebhookRequest): Promise<NeutralEvent[]>;
}

/** Limits of one effectful or reading call to a provider. */
export interface CallContext {
  /** One hard deadline over queueing, connecting, writing and reading; at its end the socket is reset. */
  timeoutMs: number;
  /**
   * Called right before the first byte is written, after any queueing and connecting. Throws to stop the call;
   * the adapter then rejects with `not-sent` and that error as its cause, and nothing has left.
   */
  beforeFirstByte?: () => void;
}

/** What a provider said when it took a part. */
export interface Sent {
  /** The provider's id of the message, where it returns one. */
  providerId?: string;
  receipt?: ReceiptStatus;
  httpStatus: number;
}

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

/** `impossible`: this provider, or what stands before it, has no such look-up. */
export type LookUp<T> = T | 'impossible';
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
  /** What goes out from this number beside text. */
  abstract mediaCapabilities(number: SenderNumber): MediaCapabilities;
  /** Puts files to a message's rendered parts, in order. Pure; nothing from nothing. */
  abstract attach(parts: PartContent[], files: CarriedFile[], number: SenderNumber): PartContent[];
  abstract render(content: MessageContent, to?: Addressee): PartContent[];
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

/** The user object of a conversation (8x8 Chat Gateway reference). */
export interface DeskUser {
  name?: string;
  phone?: string;
  language?: string;
}

export interface CreateConversation {
  channelId: string;
  user: DeskUser;
  queueId?: string;
  history?: HistoryEntry[];
  /** Comes back in every conversation update: how a create with a lost answer is found. */
  reference: CreateReference;
}

/** One message as the desk lists it. */
export interface ListedMessage {
  id: string;
  text: string;
  createdAt: number;
  authorType: 'agent' | 'user' | 'bot' | 'unknown';
  authorId?: string;
  attachments: Attachment[];
  /** The same as in its event; absent where it carries nothing. */
  content?: MessageContent;
}

/** Somebody who is, or was, in a conversation. */
export interface Participant {
  id: string;
  type: 'agent' | 'user' | 'bot' | 'unknown';
  /** False once they have left. */
  present: boolean;
}

/** A file for a desk's conversation. */
export interface DeskUpload {
  deskConversationId: string;
  authorType: 'user' | 'bot';
  file: { filename: string; contentType: string; bytes: number; open(): Readable };
}

/** What a customer's message is shown with. */
export interface ShownWith {
  /** What it answers; `unknown` where that is not ours to show. */
  quoted?: MessageContent | 'unknown';
  /** What became of its attachments, in their order. */
  media?: CarriedMedia[];
}

/** A contact centre, seen from delivery. Every call throws `DeliveryError`. */
export abstract class DeskPort {
  /** As the agent reads it; what was uploaded is added by whoever did that. */
  abstract render(content: MessageContent, shownWith?: ShownWith): PartContent[];
  /** May be repeated: what is uploaded and never sent is seen by nobody. Throws `MediaRefusedError` where the desk takes no such file. */
  abstract upload(request: DeskUpload, context: CallContext): Promise<{ attachmentId: string }>;
  /** Answers the desk's own conversation id. */
  abstract createConversation(
    request: CreateConversation,
    context: CallContext,
  ): Promise<{ deskConversationId: string }>;
  /** Looks for a conversation by its create's reference in the desk's list; undefined when the list lacks it. */
  abstract findConversation(
    request: { channelId: string; reference: CreateReference; createdAfter: number },
    context: CallContext,
  ): Promise<{ deskConversationId: string } | undefined>;
  /** `gone` for a 404. `queueId`: the queue it is assigned to, where it is assigned to one. */
  abstract readConversation(
    deskConversationId: string,
    context: CallContext,
  ): Promise<{ state: 'created' | 'active' | 'idle' | 'gone'; queueId?: string }>;
  /** Everybody who ever joined. */
  abstract listParticipants(deskConversationId: string, context: CallContext): Promise<Participant[]>;
  /** The customer leaves, which ends the interaction. Fine when it has ended already. */
  abstract endConversation(deskConversationId: string, context: CallContext): Promise<void>;
  /**
   * The customer has read everything up to `readAt`, epoch ms by the desk's clock. Saying it twice does no harm. `gone`
   * where the conversation does not take it any more.
   */
  abstract readReceipt(
    request: { deskConversationId: string; readAt: number },
    context: CallContext,
  ): Promise<void>;
  /** The newest messages, at most `limit`, newest first. */
  abstract listMessages(
    deskConversationId: string,
    limit: number,
    context: CallContext,
  ): Promise<ListedMessage[]>;
  /**
   * Opens a file that the desk announced in this conversation. `not-sent` also where it is not there: it may be in a moment.
   * Throws `MediaRefusedError` where it may never be fetched; the stream breaks off with either.
   */
  abstract fetchAttachment(
    request: { deskConversationId: string; attachment: Attachment; maxBytes: number },
    context: CallContext,
  ): Promise<MediaStream>;
  abstract send(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: CallContext,
  ): Promise<Sent>;
  /**
   * How many messages with exactly this content and author the conversation holds. Throws as
   * {@link ChannelPort.findSent} does; a conversation that is gone is `gone`.
   */
  abstract countSent(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: CallContext,
  ): Promise<LookUp<number>>;
}
