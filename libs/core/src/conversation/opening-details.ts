import type { HistoryEntry } from '../content.js';
import type { DeskAssignment, DeskUser } from '../ports/desk-port.js';
import type { UserProperty } from '../ports/desk-port.js';

/** How many properties of a user are the callers'; one more is ours (8x8 Chat Gateway: 30 in all). */
export const MAX_PROPERTIES = 29;
/** How many earlier messages a conversation can be created with (8x8 Chat Gateway). */
export const MAX_HISTORY = 200;

/** What a conversation is created with beside its channel. Every source gives what it knows. */
export interface OpeningDetails {
  user?: DeskUser;
  queueId?: string;
  /** Outranks `queueId` of the same source. */
  assignment?: DeskAssignment;
  history?: HistoryEntry[];
}

/**
 * What all sources know together, the later outranking the earlier: each field of the user and each property by its key for
 * itself, the assignment whole, histories one after the other. What is too much goes from the sources and the messages that
 * count least: the earliest.
 */
export function mergeDetails(...sources: readonly OpeningDetails[]): OpeningDetails {
  const user: DeskUser = {};
  for (const source of sources) Object.assign(user, withoutProperties(source.user));
  const properties = mergeProperties(sources.map((source) => source.user?.properties ?? []));
  if (properties.length > 0) user.properties = properties;
  const assignment = sources.map(assignmentOf).findLast((one) => one !== undefined);
  const history = sources.flatMap((source) => source.history ?? []).slice(-MAX_HISTORY);
  return {
    ...(Object.keys(user).length > 0 && { user }),
    ...(assignment && { assignment }),
    ...(history.length > 0 && { history }),
  };
}

/** The same for a user's properties alone, in the order of their first naming. */
export function mergeProperties(sources: readonly (readonly UserProperty[])[]): UserProperty[] {
  const kept = new Set(
    sources
      .toReversed()
      .flatMap((properties) => properties.map(({ key }) => key))
      .filter((key, index, keys) => keys.indexOf(key) === index)
      .slice(0, MAX_PROPERTIES),
  );
  const values = new Map<string, string>();
  for (const { key, value } of sources.flat()) if (kept.has(key)) values.set(key, value);
  return [...values].map(([key, value]) => ({ key, value }));
}

function assignmentOf({ assignment, queueId }: OpeningDetails): DeskAssignment | undefined {
  return assignment ?? (queueId === undefined ? undefined : { type: 'queue', id: queueId });
}

/** A field that a source leaves undefined is one it does not know. */
function withoutProperties(user: DeskUser = {}): DeskUser {
  const known = Object.entries(user).filter(([name, value]) => name !== 'properties' && value !== undefined);
  return Object.fromEntries(known);
}
