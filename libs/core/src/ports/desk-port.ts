import type { Readable } from 'node:stream';
import type { Attachment, HistoryEntry, MessageContent, PartContent } from '../content.js';
import type { CreateReference } from '../events.js';
import type { CarriedMedia, MediaStream } from '../media.js';
import type { DeskCallContext, LookUp, Sent } from './call.js';

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
  /** It is a START that has lifted an opt-out. */
  optedIn?: boolean;
  /** What became of its attachments, in their order. */
  media?: CarriedMedia[];
}

/** A contact centre, seen from delivery. Every call throws `DeliveryError`. */
export abstract class DeskPort {
  /** As the agent reads it; what was uploaded is added by whoever did that. */
  abstract render(content: MessageContent, shownWith?: ShownWith): PartContent[];
  /**
   * May be repeated: what is uploaded and never sent is seen by nobody. Throws `MediaRefusedError` where the desk takes no such
   * file.
   */
  abstract upload(request: DeskUpload, context: DeskCallContext): Promise<{ attachmentId: string }>;
  /** Answers the desk's own conversation id. */
  abstract createConversation(
    request: CreateConversation,
    context: DeskCallContext,
  ): Promise<{ deskConversationId: string }>;
  /** Looks for a conversation by its create's reference in the desk's list; undefined when the list lacks it. */
  abstract findConversation(
    request: { channelId: string; reference: CreateReference; createdAfter: number },
    context: DeskCallContext,
  ): Promise<{ deskConversationId: string } | undefined>;
  /** `gone` for a 404. `queueId`: the queue it is assigned to, where it is assigned to one. */
  abstract readConversation(
    deskConversationId: string,
    context: DeskCallContext,
  ): Promise<{ state: 'created' | 'active' | 'idle' | 'gone'; queueId?: string }>;
  /** Puts it into another queue. The desk takes this and tells the outcome by an event, where there is one; saying it twice may take it from an agent. */
  abstract updateConversation(
    request: { deskConversationId: string; queueId: string },
    context: DeskCallContext,
  ): Promise<void>;
  /** Everybody who ever joined. */
  abstract listParticipants(deskConversationId: string, context: DeskCallContext): Promise<Participant[]>;
  /** The customer leaves, which ends the interaction. Fine when it has ended already. */
  abstract endConversation(deskConversationId: string, context: DeskCallContext): Promise<void>;
  /**
   * The customer has read everything up to `readAt`, epoch ms by the desk's clock. Saying it twice does no harm. `gone`
   * where the conversation does not take it any more.
   */
  abstract readReceipt(
    request: { deskConversationId: string; readAt: number },
    context: DeskCallContext,
  ): Promise<void>;
  /** The newest messages, at most `limit`, newest first. */
  abstract listMessages(
    deskConversationId: string,
    limit: number,
    context: DeskCallContext,
  ): Promise<ListedMessage[]>;
  /**
   * Opens a file that the desk announced in this conversation. `not-sent` also where it is not there: it may be in a moment.
   * Throws `MediaRefusedError` where it may never be fetched; the stream breaks off with either.
   */
  abstract fetchAttachment(
    request: { deskConversationId: string; attachment: Attachment; maxBytes: number },
    context: DeskCallContext,
  ): Promise<MediaStream>;
  abstract send(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: DeskCallContext,
  ): Promise<Sent>;
  /**
   * How many messages with exactly this content and author the conversation holds. Throws as
   * `ChannelPort.findSent` does; a conversation that is gone is `gone`.
   */
  abstract countSent(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: DeskCallContext,
  ): Promise<LookUp<number>>;
}
