/**
 * Postgres' text and jsonb take no NUL, and jsonb no half of a surrogate pair. Contents are json and keep theirs; in names
 * and ids a mark takes their place.
 */
const MARK = '\ufffd';
/** As JSON.stringify writes them; it may find too much, never too little. */
const UNSTORABLE = /\\u(0000|d[89a-f])/;

/** A text for a column of names or ids. */
export function storableText(text: string): string {
  return text.replaceAll('\0', MARK).toWellFormed();
}

/** Any JSON value for a jsonb column, or a json one that SQL looks into, keys included; the value itself where there is nothing to replace. */
export function storableJson<T>(value: T): T {
  return UNSTORABLE.test(JSON.stringify(value)) ? (replaced(value) as T) : value;
}

function replaced(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(replaced);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), replaced(item)]));
}
