/**
 * `next`, with every part that equals the same part of `previous` replaced by that very part, so that what has not
 * changed keeps its identity and memoised components skip it. Things in a list that have an id (or an address) are
 * matched by it, since most lists grow at the front.
 */
export function reuse<T>(previous: unknown, next: T): T;
export function reuse(previous: unknown, next: unknown): unknown {
  if (Object.is(previous, next) || !isObject(previous) || !isObject(next)) return next;
  if (Array.isArray(next)) return Array.isArray(previous) ? reuseList(previous, next) : next;
  if (Array.isArray(previous)) return next;
  const entries = Object.entries(next).map(([key, value]) => [key, reuse(previous[key], value)] as const);
  const same =
    entries.length === Object.keys(previous).length &&
    entries.every(([key, value]) => Object.is(value, previous[key]));
  return same ? previous : Object.fromEntries(entries);
}

function reuseList(previous: unknown[], next: unknown[]): unknown[] {
  const byKey = new Map(previous.map((item, index) => [keyOf(item) ?? index, item]));
  const items = next.map((item, index) => reuse(byKey.get(keyOf(item) ?? index), item));
  const same =
    items.length === previous.length && items.every((item, index) => Object.is(item, previous[index]));
  return same ? previous : items;
}

function keyOf(item: unknown): unknown {
  return isObject(item) ? (item.id ?? item.address) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
