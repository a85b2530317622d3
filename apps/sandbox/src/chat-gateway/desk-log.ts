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
      /** The ids that the message names. */
      attachments: { id: string }[];
      cards: unknown[];
    }
  | {
      kind: 'attachment';
      conversationId: string;
      attachmentId: string;
      authorType: AuthorType;
      fileName: string;
      contentType: string;
      sizeInBytes: number;
      /** Hexadecimal, of the bytes. */
      sha256: string;
    }
  | { kind: 'update'; conversationId: string; changes: Record<string, unknown> }
  | { kind: 'close'; conversationId: string; by: 'customer' }
  | {
      kind: 'card-action';
      conversationId: string;
      cardId: string;
      type: 'Action.Submit' | 'Action.Execute';
      data: Record<string, unknown>;
    }
  | { kind: NotedKind; conversationId: string; body: unknown };

/** Calls that are kept in the log as they were posted. */
export type NotedKind = 'typing' | 'thinking' | 'read-receipt' | 'post-agent-assignment';
