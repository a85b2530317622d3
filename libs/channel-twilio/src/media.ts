import { DeliveryError, MediaRefusedError, parseRetryAfter, sizeDetail } from '#core';
import type { CallContext, MediaStream } from '#core';
import { fetchMedia, MediaFetchError, ProviderHttpError, type ProviderHttp } from '#platform';
import { TwilioLogin } from './login.js';

/** Where Twilio keeps media, and how it knows us. */
export interface MediaAccess {
  accountSid: string;
  username: string;
  password: string;
  /** Tried one after the other where the first is refused: an auth token is being rotated. */
  otherPasswords?: readonly string[];
  apiBaseUrl: string;
}

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
  access: MediaAccess,
  { account, url, ageMs, maxBytes }: MediaRequest,
  { timeoutMs }: CallContext,
): Promise<MediaStream> {
  requireOwnMedia(access, account, url);
  const toError = (error: MediaFetchError) => meaningOf(error, { ageMs, maxBytes });
  try {
    const { body, contentType, contentDisposition, length } = await withEachLogin(access, (authorization) =>
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
    const filename = filenameIn(contentDisposition);
    return {
      body,
      ...(contentType !== undefined && { contentType }),
      ...(filename !== undefined && { filename }),
      ...(length !== undefined && { length }),
    };
  } catch (error) {
    throw error instanceof MediaFetchError ? toError(error) : error;
  }
}

/** Deletes it at Twilio. One that is not there, or not Twilio's, is nothing to delete. */
export async function deleteCustomerMedia(
  http: ProviderHttp,
  access: MediaAccess,
  { account, url }: { account: string; url: string },
  context: CallContext,
): Promise<void> {
  if (!isOwnMedia(access, account, url)) return;
  try {
    const { username, password, otherPasswords = [] } = access;
    const { status, headers } = await new TwilioLogin(username, [password, ...otherPasswords]).call(
      (authorization) =>
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

function requireOwnMedia(access: MediaAccess, account: string, url: string): void {
  if (!isOwnMedia(access, account, url)) throw new MediaRefusedError({ refused: 'unsafe-address' });
}

/** Compared as it was written and as it is understood: `..`, escapes and other hosts do not pass for ours. */
function isOwnMedia({ accountSid, apiBaseUrl }: MediaAccess, account: string, url: string): boolean {
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
  if (status === 401 || status === 403) {
    return new DeliveryError('credentials', { code: 'credentials-refused', httpStatus: status });
  }
  return new DeliveryError('not-sent', {
    code: status === 429 ? 'rate-limited' : 'media-unavailable',
    httpStatus: status,
    retryAfterMs: parseRetryAfter(retryAfter, Date.now()),
  });
}

/** A call that Twilio itself refuses (401) is made again with the next password. */
async function withEachLogin<T>(
  { username, password, otherPasswords = [] }: MediaAccess,
  call: (authorization: string) => Promise<T>,
): Promise<T> {
  const passwords = [password, ...otherPasswords];
  for (const [n, each] of passwords.entries()) {
    try {
      return await call(`Basic ${Buffer.from(`${username}:${each}`).toString('base64')}`);
    } catch (error) {
      const isRefused = error instanceof MediaFetchError && error.answer.status === 401 && !error.answer.hop;
      if (!isRefused || n + 1 === passwords.length) throw error;
    }
  }
  throw new Error('There is no password.');
}

/** The name in a Content-Disposition; the extended form first. Source: RFC 6266. */
export function filenameIn(contentDisposition: string | undefined): string | undefined {
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(contentDisposition ?? '')?.[1];
  if (extended !== undefined) {
    try {
      return decodeURIComponent(extended);
    } catch {
      // Badly escaped: the other form may still say something.
    }
  }
  const plain = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(contentDisposition ?? '');
  return (plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2]) || undefined;
}
