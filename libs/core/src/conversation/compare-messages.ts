import type { MessageContent } from '../content.js';
import type { ListedMessage } from '../ports/desk-port.js';

/** A message of an agent that was taken: by its event, or from the desk's list. */
export interface TakenMessage {
  content: MessageContent;
  /** Its id in the desk's list, where it was taken from there and no event has announced it yet. */
  listedId?: string;
  /** False while nobody knows yet whether an agent wrote it: it may stand for a listed one, and need not. */
  certain: boolean;
  /** Taken long enough ago for the list to show it. */
  settled: boolean;
}

export interface Comparison {
  /** What agents wrote and nothing has announced; the oldest first. */
  missing: ListedMessage[];
  /** Both sides have what the other lacks: list and events do not show contents alike, so nothing follows from either. */
  broken: boolean;
}

/**
 * Compares what the desk lists with what was taken, by content and count. Lists carry ids of messages and events ids of
 * events, and neither time can be trusted, so there is nothing else to compare. An entry younger than `olderThan` (epoch
 * milliseconds) is not missing yet: its event may be on the way. Listed are the newest first: of those of one instant, too.
 */
export function compareMessages(
  listed: readonly ListedMessage[],
  taken: readonly TakenMessage[],
  olderThan: number,
): Comparison {
  const oldestFirst = [...listed].reverse().sort((a, b) => a.createdAt - b.createdAt);
  const ofAgents = oldestFirst.filter(
    ({ authorType, content }) => authorType === 'agent' && content !== undefined,
  );
  const entries = Map.groupBy(ofAgents, contentKey);
  const takenByKey = Map.groupBy(taken, ({ content }) => contentKey(content));
  const known = new Set(taken.map(({ listedId }) => listedId));

  const lacking = new Set(
    [...entries].flatMap(([key, same]) => {
      const old = same.filter(({ createdAt }) => createdAt <= olderThan);
      const count = old.length - (takenByKey.get(key)?.length ?? 0);
      return count > 0 ? old.filter(({ id }) => !known.has(id)).slice(-count) : [];
    }),
  );
  const unmatched = [...takenByKey].some(
    ([key, same]) =>
      same.filter(({ certain, settled }) => certain && settled).length > (entries.get(key)?.length ?? 0),
  );
  const missing = ofAgents.filter((entry) => lacking.has(entry));
  return { missing, broken: missing.length > 0 && unmatched };
}

/** What counts as the same content: text and ids of attachments. */
export function contentKey(message: MessageContent | ListedMessage): string {
  const text = ('text' in message ? message.text : undefined) ?? '';
  const attachments = ('attachments' in message ? message.attachments : undefined) ?? [];
  return JSON.stringify([text, ...attachments.map(({ id }) => id ?? '').sort()]);
}
