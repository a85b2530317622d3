/** A conversation by the desk's own id. */
export interface DeskConversationId {
  tenantId: string;
  deskConversationId: string;
}

/** A bot is at work on an answer, at most for so long. */
export interface BotThinking {
  tenantId: string;
  threadId: string;
  seconds: number;
}

/** Tells workers of what is worth nothing a moment later. A signal that gets lost is gone: nobody looks for it. */
export abstract class Signals {
  /** An agent types. Returns at once; never throws, never waits for the queue. */
  abstract typing(conversation: DeskConversationId): void;
  /** The same of a bot. */
  abstract thinking(bot: BotThinking): void;
}
