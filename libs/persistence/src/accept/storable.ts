/** Postgres' text and jsonb take no NUL. Contents are json and keep theirs; in names and ids a mark takes its place. */
const MARK = '\ufffd';

/** A text for a column of names or ids. */
export function storableText(text: string): string {
  return text.replaceAll('\0', MARK);
}

/** Any JSON value for a jsonb column, keys included; the value itself where there is nothing to replace. */
export function storableJson<T>(value: T): T {
  return JSON.stringify(value).includes('\\u0000') ? (replaced(value) as T) : value;
}

function replaced(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(replaced);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), replaced(item)]));
}
