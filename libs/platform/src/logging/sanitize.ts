import type { Masker } from './masker.js';

/**
 * Fields that are never logged, wherever they stand: what people wrote, who they are, and what proves who we are.
 * Compared without case, `-` and `_`.
 */
const WITHHELD = new Set(
  (
    'authorization proxyauthorization cookie setcookie xapikey apikey adminapikey xtwiliosignature x8x8signature ' +
    'signature jws password secret token authtoken body rawbody raw ' +
    'text texts title label payload content history caption from ' +
    'to phone phonenumber address addresses alias aliases waid email ' +
    'profilename customername headers params parameters mediaurl mediaurls'
  ).split(' '),
);

/** What an error may show beside type, message and stack: short names and numbers of our own error classes. */
const ERROR_FIELDS = ['code', 'kind', 'phase', 'providerCode', 'httpStatus', 'retryAfterMs', 'hold'] as const;

const DEEPEST = 6;
const LONGEST_LIST = 50;
const LONGEST_TEXT = 4_000;

/** A copy of a log line's fields that may be logged. Total: takes whatever is there, cycles and getters that throw. */
export function sanitize(value: unknown, mask: Masker, depth = 0): unknown {
  if (typeof value === 'string') return shorten(value, mask);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Error) return describeError(value, mask, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= DEEPEST) return '[deeper]';
  if (Array.isArray(value))
    return value.slice(0, LONGEST_LIST).map((item) => sanitize(item, mask, depth + 1));
  return sanitizeFields(value, mask, depth);
}

/** As {@link sanitize}, for the fields of one line. */
export function sanitizeFields(value: object, mask: Masker, depth = 0): Record<string, unknown> {
  const fields: [string, unknown][] = [];
  for (const key of Object.keys(value).slice(0, LONGEST_LIST)) {
    const withheld = WITHHELD.has(key.toLowerCase().replace(/[-_]/g, ''));
    fields.push([mask(key), withheld ? '[withheld]' : sanitize(read(value, key), mask, depth + 1)]);
  }
  return Object.fromEntries(fields);
}

/** Type, message, stack and a few short fields; never what libraries hang on errors (requests, options, SQL values). */
function describeError(error: Error, mask: Masker, depth: number): Record<string, unknown> {
  const described: Record<string, unknown> = {
    type: error.constructor.name === 'Error' ? error.name : error.constructor.name,
    message: shorten(String(error.message), mask),
    stack: shorten(String(error.stack ?? ''), mask),
  };
  for (const field of ERROR_FIELDS) {
    const value = read(error, field);
    if (typeof value === 'string') described[field] = mask(value);
    else if (typeof value === 'number') described[field] = value;
  }
  if (error.cause !== undefined && depth < DEEPEST) {
    described['cause'] =
      error.cause instanceof Error ? describeError(error.cause, mask, depth + 1) : '[not an error]';
  }
  return described;
}

/** Masked before it is cut: half a number is a number, too. */
function shorten(text: string, mask: Masker): string {
  return mask(text).slice(0, LONGEST_TEXT);
}

function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}
