import { Agent, request } from 'undici';

/** How one attempt to reach a webhook ended. */
export type PostOutcome =
  | { kind: 'answered'; status: number; contentType: string; headers: Record<string, string>; body: string }
  | { kind: 'failed'; error: 'connect' | 'read-timeout' | 'reset' };

/** Whether a webhook was answered 2xx. */
export function isTaken(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

export interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  connectTimeoutMs: number;
  /** Until the first byte and between packets. */
  readTimeoutMs: number;
  /** For the whole attempt. */
  totalTimeoutMs: number;
  signal: AbortSignal;
}

const MAX_ANSWER_BYTES = 64 * 1024;

const CONNECT_ERRORS = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const READ_TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);

/**
 * Posts webhooks, one connection per call: a kept connection that the receiver closes while it is idle would look like
 * a reset, and neither provider repeats a call after a reset by default.
 */
export class WebhookPoster {
  readonly #agents = new Map<number, Agent>();

  async post(wanted: PostRequest): Promise<PostOutcome> {
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    const timer = setTimeout(abort, Math.max(1, wanted.totalTimeoutMs));
    wanted.signal.addEventListener('abort', abort, { once: true });
    try {
      wanted.signal.throwIfAborted();
      const response = await request(wanted.url, {
        method: 'POST',
        dispatcher: this.#agent(wanted.connectTimeoutMs),
        headers: wanted.headers,
        body: wanted.body,
        headersTimeout: wanted.readTimeoutMs,
        bodyTimeout: wanted.readTimeoutMs,
        signal: stop.signal,
      });
      const body = Buffer.from(await response.body.arrayBuffer())
        .subarray(0, MAX_ANSWER_BYTES)
        .toString();
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value);
      const contentType = headers['content-type'] ?? '';
      return { kind: 'answered', status: response.statusCode, contentType, headers, body };
    } catch (cause) {
      if (wanted.signal.aborted) throw cause;
      return { kind: 'failed', error: stop.signal.aborted ? 'read-timeout' : classify(cause) };
    } finally {
      clearTimeout(timer);
      wanted.signal.removeEventListener('abort', abort);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map(async (agent) => agent.destroy()));
  }

  #agent(connectTimeoutMs: number): Agent {
    let agent = this.#agents.get(connectTimeoutMs);
    if (agent === undefined) {
      agent = new Agent({ pipelining: 0, connect: { timeout: connectTimeoutMs } });
      this.#agents.set(connectTimeoutMs, agent);
    }
    return agent;
  }
}

function classify(cause: unknown): 'connect' | 'read-timeout' | 'reset' {
  const errors = cause instanceof AggregateError ? cause.errors : [cause];
  for (const error of errors) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code !== 'string') continue;
    if (CONNECT_ERRORS.has(code) || code.startsWith('ERR_TLS') || code.includes('CERT')) return 'connect';
    if (READ_TIMEOUTS.has(code)) return 'read-timeout';
  }
  return 'reset';
}
