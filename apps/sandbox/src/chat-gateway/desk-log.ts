import type { Assignment, AuthorType } from './conversation.js';

/** What the Chat Gateway accepted from us. */
export type DeskLogEntry =
  | {
      kind: 'conversation';
      conversationId: string;
      channelId: string;
      user: Record<string, unknown>;
      assignment: Assignment;
      history: unknown[];
    }
  | {
      kind: 'message';
      conversationId: string;
      messageId: string;
      authorType: AuthorType;
      text: string;
      attachments: unknown[];
      cards: unknown[];
    }
  | { kind: 'update'; conversationId: string; changes: Record<string, unknown> }
  | { kind: 'close'; conversationId: string; by: 'customer' }
  | { kind: 'typing' | 'thinking' | 'read-receipt'; conversationId: string; body: unknown };
