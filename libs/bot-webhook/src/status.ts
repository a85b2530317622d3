import { DeliveryError, parseRetryAfter } from '#core';
import type { DeliveryErrorKind, HoldReason } from '#core';

interface Verdict {
  kind: DeliveryErrorKind;
  code: string;
  hold?: HoldReason;
}

const again = (code: string): Verdict => ({ kind: 'not-sent', code });
const misconfigured = (code: string): Verdict => ({ kind: 'held', code, hold: 'configuration' });

/**
 * What a bot's answer other than 2xx means, the exact status before its class. Whatever passes is simply tried again: a bot knows
 * by the event's id what it has had. What says that nobody listens at its address waits until the number is repaired.
 */
const BY_STATUS: Readonly<Record<string, Verdict>> = {
  '401': { kind: 'credentials', code: 'bot-refuses-signature' },
  '403': { kind: 'credentials', code: 'bot-refuses-signature' },
  '404': misconfigured('bot-not-found'),
  '405': misconfigured('bot-not-found'),
  '408': again('bot-unavailable'),
  '410': misconfigured('bot-not-found'),
  '425': again('bot-unavailable'),
  '429': again('bot-rate-limited'),
  '3xx': misconfigured('bot-redirects'),
  '4xx': { kind: 'failed', code: 'bot-rejected' },
};

/** The error for an answer that is not 2xx. */
export function refusalOf(status: number, retryAfter: string | undefined, nowMs: number): DeliveryError {
  const verdict =
    BY_STATUS[String(status)] ?? BY_STATUS[`${Math.floor(status / 100)}xx`] ?? again('bot-unavailable');
  return new DeliveryError(verdict.kind, {
    code: verdict.code,
    httpStatus: status,
    hold: verdict.hold,
    retryAfterMs: parseRetryAfter(retryAfter, nowMs),
  });
}
