import { DeliveryError, OPTED_OUT, parseRetryAfter } from '#core';
import type { DeliveryErrorKind, HoldReason, LateOutcome } from '#core';

interface Meaning {
  /** Our own short name. */
  code: string;
  kind: DeliveryErrorKind;
  hold?: HoldReason;
  /** What it means in a receipt, after the message was taken. */
  late: LateOutcome;
}

/** What the provider's codes mean. One that is not here is final, so that nothing unknown is ever sent twice. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  'bad-recipient': { code: 'invalid-recipient', kind: 'failed', late: 'failed' },
  unsubscribed: { code: OPTED_OUT, kind: 'failed', late: 'failed' },
  'window-closed': { code: 'outside-window', kind: 'held', hold: 'window', late: 'held-window' },
  'bad-sender': { code: 'sender-unusable', kind: 'held', hold: 'configuration', late: 'failed' },
  'carrier-busy': { code: 'carrier-busy', kind: 'not-sent', late: 'once-more' },
};

const meaningOf = (code: string | undefined): Meaning | undefined =>
  code !== undefined && Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;

/** What an answer other than 2xx means. Of its body nothing but the code is kept. */
export function refusal(
  status: number,
  headers: Readonly<Record<string, string>>,
  providerCode: string | undefined,
): DeliveryError {
  const retryAfterMs = parseRetryAfter(headers['retry-after'], Date.now());
  const facts = { httpStatus: status, providerCode, retryAfterMs };
  // A 5xx says nothing about the message, whatever code stands beside it.
  if (status >= 500) return new DeliveryError('uncertain', { code: 'provider-error', ...facts });
  if (status === 429) return new DeliveryError('not-sent', { code: 'rate-limited', ...facts });
  if (status === 401) return new DeliveryError('credentials', { code: 'credentials-refused', ...facts });
  const { kind = 'failed', code = 'rejected-unknown', hold } = meaningOf(providerCode) ?? {};
  return new DeliveryError(kind, { code, hold, ...facts });
}

export function lateOutcome(providerCode: string | undefined): LateOutcome {
  return meaningOf(providerCode)?.late ?? 'failed';
}

export function isOptOut(providerCode: string | undefined): boolean {
  return meaningOf(providerCode)?.code === OPTED_OUT;
}
