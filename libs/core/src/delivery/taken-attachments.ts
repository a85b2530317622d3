import type { PartContent } from '../content.js';

/** Which of a message's attachments its parts carry, to the desk or to a bot, counted from 0. */
export function takenAttachments(parts: readonly PartContent[]): number[] {
  const taken = parts.flatMap(({ attachmentIndexes = [], bot }) => [
    ...attachmentIndexes,
    ...(bot?.files ?? []).flatMap((file, index) => ('refused' in file ? [] : [index])),
  ]);
  return [...new Set(taken)];
}
