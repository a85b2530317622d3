import type { Attachment, Card, HistoryEntry, MessageContent } from '../content.js';
import type { KeptFile } from '../media.js';

/** A file of an earlier message, and where it can be had. */
export type HandedFile =
  /** At the desk, in the conversation in which it was posted. */
  | { from: 'desk'; deskConversationId: string; attachment: Attachment }
  /** At an address that somebody else has chosen. */
  | { from: 'web'; attachment: Attachment }
  | { from: 'store'; kept: KeptFile; attachment: Attachment };

/** An earlier message that a new conversation is handed. */
export interface HandedMessage {
  authorType: 'user' | 'bot';
  text?: string;
  cards?: Card[];
  files: HandedFile[];
}

/** A bot's message; files that the desk knows by an id of its own need nobody to carry them. */
export function handedMessage({ attachments = [], ...entry }: HistoryEntry): HandedMessage {
  const files = attachments.flatMap((file): HandedFile[] => {
    if ('key' in file) {
      const { contentType, filename } = file;
      return [{ from: 'store', kept: file, attachment: { contentType, filename } }];
    }
    return isKnown(file) ? [] : [{ from: 'web', attachment: file }];
  });
  return { ...entry, files };
}

/**
 * As it stands in a history. Files stay with the conversation that they were posted in, so they are named in its text, and
 * carried after the create.
 */
export function inHistory({ authorType, text, cards, files }: HandedMessage): HistoryEntry | undefined {
  const words = [text, ...files.map(({ attachment }) => namedFile(attachment))].filter(Boolean).join('\n');
  if (words === '' && !cards) return undefined;
  return { authorType, ...(words !== '' && { text: words }), ...(cards && { cards }) };
}

/** A bot's history as a create carries it: with its files by the ids that the desk is said to know, or in words instead. */
export function botHistory(history: readonly HistoryEntry[], withIds: boolean): HistoryEntry[] {
  return history.flatMap((entry) => {
    const known = (entry.attachments ?? []).filter(
      (file): file is Attachment => !('key' in file) && isKnown(file),
    );
    const handed = handedMessage(entry);
    if (!withIds)
      handed.files = [...known.map((attachment) => ({ from: 'web' as const, attachment })), ...handed.files];
    const shown =
      inHistory(handed) ?? (withIds && known.length > 0 ? { authorType: entry.authorType } : undefined);
    return shown ? [{ ...shown, ...(withIds && known.length > 0 && { attachments: known }) }] : [];
  });
}

/** Whether a create with this history names files by ids of the desk, which it may refuse. */
export function namesFiles(history: readonly HistoryEntry[]): boolean {
  return history.some(({ attachments = [] }) => attachments.length > 0);
}

/** The message to render for its files alone. */
export function filesOf({ files }: HandedMessage): MessageContent & { type: 'attachments' } {
  return { type: 'attachments', attachments: files.map(({ attachment }) => attachment) };
}

function isKnown(file: Attachment): boolean {
  return file.id !== undefined && file.url === undefined;
}

export function namedFile({ filename }: Attachment): string {
  return filename === undefined ? '[attachment]' : `[attachment: ${filename}]`;
}
