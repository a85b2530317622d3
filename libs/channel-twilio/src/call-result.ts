import { DeliveryError, transportError, type Sent } from '#core';
import { ProviderHttpError } from '#platform';
import type { Exchange } from './http-client.js';
import { refusal } from './outcome.js';
import { receiptOf } from './status.js';

const MESSAGE_SID = /^(?:SM|MM)[0-9a-fA-F]{32}$/;

/** A 2xx counts only with a message id: anything else may come from something in between. */
export function sentOf(exchange: Exchange, sid: unknown, status: unknown): Sent {
  const httpStatus = exchange.response?.status ?? 0;
  if (typeof sid !== 'string' || !MESSAGE_SID.test(sid)) {
    throw new DeliveryError('uncertain', { code: 'unreadable-answer', httpStatus });
  }
  const receipt = typeof status === 'string' ? receiptOf(status) : undefined;
  return { providerId: sid, httpStatus, ...(receipt && { receipt }) };
}

/**
 * The package's own errors are never passed on: their messages quote addresses and texts. An exception that is
 * neither Twilio's answer nor the network's is our own bug and stays what it is.
 */
export function failureOf({ response }: Exchange, error: unknown): unknown {
  if (error instanceof DeliveryError) return error;
  if (error instanceof ProviderHttpError) {
    // The port promises what stopped the call as the cause itself.
    return transportError(error.phase, error.code, error.code === 'stopped' ? error.cause : error);
  }
  if (!response) return error;
  if (response.status >= 200 && response.status < 300) {
    return new DeliveryError('uncertain', { code: 'unreadable-answer', httpStatus: response.status });
  }
  return refusal(response.status, response.headers, providerCodeOf(error));
}

/** Reading can simply be done again, whatever broke it off. */
export function withoutEffect({
  code,
  httpStatus,
  providerCode,
  retryAfterMs,
}: DeliveryError): DeliveryError {
  return new DeliveryError('not-sent', { code, httpStatus, providerCode, retryAfterMs });
}

export function isNotFound(error: unknown): boolean {
  return error instanceof DeliveryError && error.httpStatus === 404;
}

/** The code of a `RestException` or `TwilioServiceException`; 0 and non-numbers are none. */
function providerCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  return (typeof code === 'number' || typeof code === 'string') && /^[1-9]\d{0,5}$/.test(String(code))
    ? String(code)
    : undefined;
}
