import { MAX_HISTORY } from '#core';
import type { CreateReference, DeskUser, HistoryEntry } from '#core';
import type { JsonObject } from './json.js';
import { REFERENCE_KEY, referenceProperty } from './reference.js';

/** The far side's `user`. Ours is the last property: it comes with every change, for a change replaces all of them. */
export function userBody({ properties = [], ...user }: DeskUser, reference: CreateReference): JsonObject {
  const theirs = properties.filter(({ key }) => key !== REFERENCE_KEY);
  return { ...user, additionalProperties: [...theirs, referenceProperty(reference)] };
}

/** The far side's `history`; files that it does not know by an id are not for it. */
export function historyBody(history: readonly HistoryEntry[]): JsonObject {
  const messages = history.flatMap(({ authorType, text, attachments = [], cards = [] }) => {
    const known = attachments.flatMap((file) =>
      'id' in file && file.id !== undefined ? [{ id: file.id }] : [],
    );
    if (text === undefined && known.length === 0 && cards.length === 0) return [];
    return [
      {
        authorType,
        ...(text !== undefined && { text }),
        ...(known.length > 0 && { attachments: known }),
        ...(cards.length > 0 && { cards }),
      },
    ];
  });
  return messages.length > 0 ? { history: { messages: messages.slice(-MAX_HISTORY) } } : {};
}
