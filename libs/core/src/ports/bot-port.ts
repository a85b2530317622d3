import type { Channel, Choice, MessageContent } from '../content.js';
import type { MediaRefusal } from '../media.js';
import type { DeskCallContext, Sent } from './call.js';

/** A customer's file as a bot is told of it: behind a link of ours, or why there is none. */
export type BotFile = { url: string; contentType: string; filename: string; bytes: number } | MediaRefusal;

/** A customer wrote. What a bot is told; the same under the same id, however often. */
export interface BotEvent {
  /** The message's own. */
  id: string;
  type: 'message.received';
  /** ISO 8601. */
  createdAt: string;
  thread: { id: string };
  number: { id: string; address: string; channel: Channel };
  customer: { id: string; address: string; name?: string; language?: string };
  message: {
    id: string;
    /** Its place among the customer's messages of this thread. */
    seq: number;
    /** As it was accepted, but for files: those stand in `files`. */
    content: MessageContent;
    files?: BotFile[];
    /** What it answers of what the customer was offered, and the message that offered it. */
    choice?: Choice & { offeredBy: string };
  };
  /** The one that an agent has left and in which the bot says the last words. Absent before an agent. */
  conversation?: { id: string; state: 'post-agent' };
}

/** A bot that answers before, and after, the agents. */
export abstract class BotPort {
  /**
   * Tells it of one event. It comes at least once: a bot knows by the event's id what it has had, so that a call without a known
   * outcome is `not-sent` and may be made again. Throws `DeliveryError`.
   */
  abstract deliver(request: { url: string; event: BotEvent }, context: DeskCallContext): Promise<Sent>;
}
