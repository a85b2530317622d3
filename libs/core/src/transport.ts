import { DeliveryError } from './delivery-error.js';

/**
 * Where a call broke off. `before-write`: not one byte of the request was handed to the socket, so it certainly
 * had no effect; `after-write`: anything may have happened at the far side.
 */
export type TransportPhase = 'before-write' | 'after-write';

/** A transport failure as delivery sees it. `code` is a short kebab-case name (`connect-refused`, `deadline`). */
export function transportError(phase: TransportPhase, code: string, cause?: unknown): DeliveryError {
  return new DeliveryError(phase === 'before-write' ? 'not-sent' : 'uncertain', { code, cause });
}

/** `Retry-After` in milliseconds, unclamped; seconds or an HTTP date, anything else is undefined. RFC 9110, 10.2.3. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  const value = header?.trim();
  if (!value) return undefined;
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : date - nowMs;
}
