import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { Agent, errors, request, type Dispatcher } from 'undici';
import { filenameIn } from './content-disposition.js';
import { codeOf } from './provider-http-error.js';
import { isLoopbackUrl, rangeOf, safeAddresses, UnsafeAddressError, type Address } from './safe-address.js';

export interface MediaFetchLimits {
  /** Name look-up, connecting and TLS of one hop. */
  connectMs: number;
  /** From the request to its answer's first byte, of one hop. */
  firstByteMs: number;
  /** Longest silence within the body. */
  idleMs: number;
  /** All hops and the whole body. */
  totalMs: number;
  /** Largest body taken, bytes. */
  maxBytes: number;
}

export interface MediaFetchRequest {
  url: string;
  /** Sent to the first address only, never after a redirect. */
  authorization?: string;
  /** Credentials of other kinds; sent like `authorization`. */
  headers?: Record<string, string>;
  /** The provider's configured base URL: its port is allowed, and loopback while it is itself there. */
  baseUrl: string;
  limits: MediaFetchLimits;
  /** What the body breaks off with, in the words of whoever fetches; itself unless told. */
  toError?: (error: MediaFetchError) => Error;
  /** Instead of the system's resolver. */
  resolve?: (hostname: string) => Promise<Address[]>;
  /** Certificates to trust instead of the built-in ones, PEM. */
  ca?: string;
}

/**
 * Why a file did not come. `unsafe-address`: where it is, or was redirected to, nothing may be fetched; `encoded`: its body
 * was compressed though that was not asked for; `status`: another answer than 200.
 */
export type MediaFetchErrorCode =
  | 'unsafe-address'
  | 'too-many-redirects'
  | 'too-large'
  | 'encoded'
  | 'status'
  | 'dns'
  | 'connect-refused'
  | 'connect-timeout'
  | 'tls'
  | 'connection-lost'
  | 'deadline'
  | 'invalid-response'
  | 'stopped';

/** Carries no address. */
export class MediaFetchError extends Error {
  constructor(
    readonly code: MediaFetchErrorCode,
    readonly answer: { status?: number; retryAfter?: string; declaredBytes?: number; hop?: number } = {},
    cause?: unknown,
  ) {
    super(`The file was not fetched: ${code}${answer.status === undefined ? '' : ` ${answer.status}`}`, {
      cause,
    });
    this.name = 'MediaFetchError';
  }
}

export interface FetchedMedia {
  /** Breaks off beyond the limits. Whoever takes it reads it to its end or destroys it. */
  body: Readable;
  contentType?: string;
  filename?: string;
  /** As declared; the body may be shorter or longer. */
  length?: number;
}

const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches a file from an address that others have chosen. Redirects are followed by hand, without credentials; each hop's host
 * is resolved once, every address of it checked, and the connection made to what was checked. Rejects with
 * {@link MediaFetchError}.
 */
export async function fetchMedia(fetch: MediaFetchRequest): Promise<FetchedMedia> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new MediaFetchError('deadline')), fetch.limits.totalMs);
  try {
    let url = parsed(fetch.url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const answer = await new Hop(fetch, url, hop, deadline.signal).request();
      if (typeof answer !== 'string') return bodyOf(answer, fetch, () => clearTimeout(timer));
      url = parsed(answer, url);
    }
    throw new MediaFetchError('too-many-redirects');
  } catch (error) {
    clearTimeout(timer);
    throw asMediaFetchError(error);
  }
}

interface Answer {
  response: Dispatcher.ResponseData;
  agent: Agent;
}

/** One request to one address, with a connection of its own. */
class Hop {
  constructor(
    private readonly fetch: MediaFetchRequest,
    private readonly url: URL,
    private readonly hop: number,
    private readonly deadline: AbortSignal,
  ) {}

  /** The answer with the file, or where it has been moved to. */
  async request(): Promise<Answer | string> {
    const { limits, authorization, headers, ca } = this.fetch;
    const addresses = await untilAborted(this.addresses(), this.deadline);
    const agent = new Agent({
      allowH2: false,
      connections: 1,
      pipelining: 1,
      connect: { timeout: limits.connectMs, lookup: pinnedTo(addresses), ...(ca !== undefined && { ca }) },
      headersTimeout: limits.firstByteMs,
      bodyTimeout: limits.idleMs,
    });
    let handedOut = false;
    try {
      const response = await request(this.url, {
        dispatcher: agent,
        signal: this.deadline,
        headers: {
          accept: '*/*',
          'accept-encoding': 'identity',
          ...(this.hop === 0 && authorization !== undefined && { authorization }),
          ...(this.hop === 0 && headers),
        },
      });
      response.body.on('error', () => undefined);
      const location = response.headers['location'];
      if (REDIRECTS.has(response.statusCode) && typeof location === 'string') return location;
      this.check(response);
      handedOut = true;
      return { response, agent };
    } finally {
      if (!handedOut) agent.destroy().catch(() => undefined);
    }
  }

  private async addresses(): Promise<Address[]> {
    const { baseUrl, resolve } = this.fetch;
    const { protocol, port, username, password, hostname } = this.url;
    if (username !== '' || password !== '' || !['http:', 'https:'].includes(protocol))
      throw new UnsafeAddressError();
    const found = await safeAddresses(hostname, { allowLoopback: isLoopbackUrl(baseUrl), resolve });
    // A simulator's files may be served at any of this machine's ports.
    if (found.every(({ address }) => rangeOf(address) === 'loopback')) return found;
    const base = new URL(baseUrl);
    const isOwnPort = port === base.port && base.protocol === 'https:';
    if (protocol !== 'https:' || (port !== '' && !isOwnPort)) throw new UnsafeAddressError();
    return found;
  }

  private check({ statusCode: status, headers }: Dispatcher.ResponseData): void {
    const retryAfter = headers['retry-after'];
    if (status !== 200) {
      throw new MediaFetchError('status', {
        status,
        hop: this.hop,
        ...(typeof retryAfter === 'string' && { retryAfter }),
      });
    }
    const encoding = String(headers['content-encoding'] ?? 'identity')
      .trim()
      .toLowerCase();
    if (encoding !== 'identity' && encoding !== '') throw new MediaFetchError('encoded');
    const declaredBytes = lengthOf(headers['content-length']);
    if (declaredBytes !== undefined && declaredBytes > this.fetch.limits.maxBytes) {
      throw new MediaFetchError('too-large', { declaredBytes });
    }
  }
}

/** The connection goes to the addresses that were checked, whatever the name means by then. */
function pinnedTo(addresses: Address[]): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all) return callback(null, addresses);
    const [first] = addresses;
    callback(null, first?.address ?? '', first?.family);
  };
}

function bodyOf({ response, agent }: Answer, fetch: MediaFetchRequest, ended: () => void): FetchedMedia {
  const { toError = (error) => error } = fetch;
  const { headers } = response;
  const text = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined);
  const contentType = text('content-type');
  const filename = filenameIn(text('content-disposition'));
  const length = lengthOf(headers['content-length']);
  const body = Readable.from(bounded(response.body, fetch.limits.maxBytes, toError), { objectMode: false });
  body.once('close', () => {
    ended();
    response.body.destroy();
    agent.destroy().catch(() => undefined);
  });
  return {
    body,
    ...(contentType !== undefined && { contentType }),
    ...(filename !== undefined && { filename }),
    ...(length !== undefined && { length }),
  };
}

async function* bounded(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
  toError: (error: MediaFetchError) => Error,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new MediaFetchError('too-large');
      yield chunk;
    }
  } catch (error) {
    throw toError(asMediaFetchError(error));
  }
}

function parsed(url: string, base?: URL): URL {
  if (!URL.canParse(url, base?.href)) throw new UnsafeAddressError();
  return new URL(url, base);
}

function lengthOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** Rejects at the deadline; what is being waited for cannot itself be broken off. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const CODES: Readonly<Record<string, MediaFetchErrorCode>> = {
  UND_ERR_CONNECT_TIMEOUT: 'connect-timeout',
  UND_ERR_HEADERS_TIMEOUT: 'deadline',
  UND_ERR_BODY_TIMEOUT: 'deadline',
};

function asMediaFetchError(error: unknown): MediaFetchError {
  if (error instanceof MediaFetchError) return error;
  if (error instanceof UnsafeAddressError) return new MediaFetchError('unsafe-address');
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof errors.HTTPParserError) return new MediaFetchError('invalid-response');
  if (/CERT|^ERR_TLS|^ERR_SSL|^EPROTO|SELF_SIGNED|UNABLE_TO/.test(code)) return new MediaFetchError('tls');
  const known = CODES[code] ?? codeOf(error);
  return new MediaFetchError(known === 'response-too-large' ? 'invalid-response' : known);
}
