import { DeliveryError, MediaRefusedError, parseRetryAfter, sizeDetail } from '#core';
import type { CallContext, MediaStream } from '#core';
import {
  fetchMedia,
  MediaFetchError,
  ProviderHttpError,
  type FetchedMedia,
  type ProviderHttp,
} from '#platform';
import type { TwilioClientOptions } from './http-client.js';
import { loginOf } from './login.js';

export interface MediaRequest {
  account: string;
  url: string;
  /** The message's. */
  ageMs: number;
  maxBytes: number;
}

/** A medium that was just received may not be there yet. */
const MAY_BE_EARLY_MS = 60_000;
const CONNECT_MS = 5_000;
const FIRST_BYTE_MS = 15_000;
const IDLE_MS = 15_000;
const MEDIA_PATH = /^\/2010-04-01\/Accounts\/(AC[0-9a-fA-F]{32})\/Messages\/[^/]+\/Media\/ME[0-9a-fA-F]{32}$/;

/**
 * A customer's medium. Only an address of this account's own Media is fetched at all: a webhook that names another may be a
 * forgery that is after our credentials.
 * Source: https://www.twilio.com/docs/messaging/api/media-resource
 */
export async function fetchCustomerMedia(
  access: TwilioClientOptions,
  { account, url, ageMs, maxBytes }: MediaRequest,
  { timeoutMs }: CallContext,
): Promise<MediaStream> {
  requireOwnMedia(access, account, url);
  const toError = (error: MediaFetchError) => meaningOf(error, { ageMs, maxBytes });
  try {
    return await withEachLogin(access, (authorization) =>
      fetchMedia({
        url,
        authorization,
        baseUrl: access.apiBaseUrl,
        limits: {
          connectMs: Math.min(CONNECT_MS, timeoutMs),
          firstByteMs: Math.min(FIRST_BYTE_MS, timeoutMs),
          idleMs: Math.min(IDLE_MS, timeoutMs),
          totalMs: timeoutMs,
          maxBytes,
        },
        toError,
      }),
    );
  } catch (error) {
    throw error instanceof MediaFetchError ? toError(error) : error;
  }
}

/** Deletes it at Twilio. One that is not there, or not Twilio's, is nothing to delete. */
export async function deleteCustomerMedia(
  http: ProviderHttp,
  access: TwilioClientOptions,
  { account, url }: { account: string; url: string },
  context: CallContext,
): Promise<void> {
  if (!isOwnMedia(access, account, url)) return;
  try {
    const { status, headers } = await loginOf(access).call((authorization) =>
      http.request({
        method: 'DELETE',
        url: `${url}.json`,
        headers: { authorization },
        timeoutMs: context.timeoutMs,
        beforeFirstByte: context.beforeFirstByte,
      }),
    );
    if ((status >= 200 && status < 300) || status === 404) return;
    throw byStatus(status, headers['retry-after']);
  } catch (error) {
    if (!(error instanceof ProviderHttpError)) throw error;
    throw new DeliveryError('not-sent', { code: error.code, cause: error });
  }
}

function requireOwnMedia(access: TwilioClientOptions, account: string, url: string): void {
  if (!isOwnMedia(access, account, url)) throw new MediaRefusedError({ refused: 'unsafe-address' });
}

/** Compared as it was written and as it is understood: `..`, escapes and other hosts do not pass for ours. */
function isOwnMedia({ accountSid, apiBaseUrl }: TwilioClientOptions, account: string, url: string): boolean {
  if (!URL.canParse(url)) return false;
  const parsed = new URL(url);
  const path = MEDIA_PATH.exec(parsed.pathname);
  return (
    account === accountSid &&
    path?.[1] === account &&
    parsed.origin === new URL(apiBaseUrl).origin &&
    url === parsed.origin + parsed.pathname
  );
}

function meaningOf(
  { code, answer }: MediaFetchError,
  { ageMs, maxBytes }: Pick<MediaRequest, 'ageMs' | 'maxBytes'>,
): DeliveryError | MediaRefusedError {
  switch (code) {
    case 'unsafe-address':
    case 'too-many-redirects':
      return new MediaRefusedError({ refused: 'unsafe-address' });
    case 'encoded':
      return new MediaRefusedError({ refused: 'unreadable' });
    case 'too-large':
      return new MediaRefusedError({
        refused: 'too-large',
        detail: sizeDetail(answer.declaredBytes, maxBytes),
      });
    case 'status': {
      const { status = 0, retryAfter, hop = 0 } = answer;
      if (status === 404 || status === 410) {
        return ageMs < MAY_BE_EARLY_MS
          ? new DeliveryError('not-sent', { code: 'media-not-ready', httpStatus: status })
          : new MediaRefusedError({ refused: 'not-found' });
      }
      // Only Twilio itself was shown our credentials, so only it can refuse them.
      if (hop > 0) return new DeliveryError('not-sent', { code: 'media-unavailable' });
      return byStatus(status, retryAfter);
    }
    case 'dns':
    case 'connect-refused':
    case 'connect-timeout':
    case 'tls':
    case 'connection-lost':
    case 'deadline':
    case 'invalid-response':
    case 'stopped':
      return new DeliveryError('not-sent', { code });
  }
}

function byStatus(status: number, retryAfter: string | undefined): DeliveryError {
  // A key may be allowed to send and not to read or delete media: a 403 says nothing of the rest.
  if (status === 401) {
    return new DeliveryError('credentials', { code: 'credentials-refused', httpStatus: status });
  }
  return new DeliveryError('not-sent', {
    code: status === 429 ? 'rate-limited' : 'media-unavailable',
    httpStatus: status,
    retryAfterMs: parseRetryAfter(retryAfter, Date.now()),
  });
}

/** Only what Twilio itself refuses is a matter of the login: a 401 after a redirect is somebody else's. */
async function withEachLogin(
  access: TwilioClientOptions,
  fetch: (authorization: string) => Promise<FetchedMedia>,
): Promise<FetchedMedia> {
  const answer = await loginOf(access).call(async (authorization) => {
    try {
      return { status: 200, media: await fetch(authorization) };
    } catch (error) {
      if (!(error instanceof MediaFetchError) || error.answer.status !== 401 || error.answer.hop) throw error;
      return { status: 401, error };
    }
  });
  if (answer.media) return answer.media;
  throw answer.error;
}
