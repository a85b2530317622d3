import type { Attachment, HandedFile, HandedMessage, HistoryEntry, MessageContent, PartContent } from '#core';
import { contentDigest } from '../accept/keys.js';

/** A message of a conversation that has ended; all but the queue is null where nothing was said. */
export interface RecentRow {
  queue_id: string | null;
  direction: 'inbound' | 'outbound' | null;
  content: MessageContent | null;
  parts: PartContent[] | null;
}

/** What was said, as whoever read it read it: of the customer as it was posted to the desk, else as it was written. */
export function said({ direction, content, parts }: RecentRow): HandedMessage[] {
  if (direction === 'inbound') return (parts ?? []).flatMap((part) => handedPart('user', part));
  if (!content || content.type === 'template') return [];
  const text = 'text' in content ? content.text : undefined;
  const attachments: Attachment[] = 'attachments' in content ? (content.attachments ?? []) : [];
  const files = attachments.map((attachment): HandedFile => ({ from: 'web', attachment }));
  return [
    { authorType: 'bot', ...(text && { text }), files, ...('cards' in content && { cards: content.cards }) },
  ];
}

/** A part as it stands at the desk; its files stay in the conversation that they were uploaded to. */
export function handedPart(authorType: 'user' | 'bot', part: PartContent): HandedMessage[] {
  const { text, cards, attachmentIds = [], attachmentNames = [], uploadedTo = '' } = part;
  if (!text && !cards && attachmentIds.length === 0) return [];
  const files = attachmentIds.map((id, n): HandedFile => {
    const filename = attachmentNames[n];
    const attachment = { id, ...(filename !== undefined && { filename }) };
    return { from: 'desk', deskConversationId: uploadedTo, attachment };
  });
  return [{ authorType, ...(text && { text }), ...(cards && { cards }), files }];
}

/** By which the messages of a history are recognised among what the desk lists. */
export function historyDigests(history: readonly HistoryEntry[]): Buffer[] {
  return history.flatMap(({ text, attachments = [] }) => {
    const ids = attachments.flatMap((file) => ('id' in file && file.id !== undefined ? [file.id] : []));
    return contentDigest(text, ids) ?? [];
  });
}
