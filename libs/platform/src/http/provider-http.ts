import type { IncomingHttpHeaders } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { errors } from 'undici';
import type { Dispatcher } from 'undici';
import { ConnectError } from './connection.js';
import type { Connection, ConnectionOptions } from './connection.js';
import { ConnectionPool } from './connection-pool.js';
import { codeOf, ProviderHttpError } from './provider-http-error.js';
import type { ProviderHttpErrorCode } from './provider-http-error.js';

export interface ProviderHttpOptions extends Partial<ConnectionOptions> {
  /** Connections to one origin (scheme, host, port). */
  connectionsPerOrigin?: number;
}

export interface ProviderHttpRequest {
  method: Dispatcher.HttpMethod;
  /** Absolute http(s) URL. */
  url: string | URL;
  headers?: Record<string, string>;
  /** A stream needs its `content-length` among the headers; it is destroyed when the call ends. */
  body?: string | Buffer | Readable;
  /** One hard deadline over queueing, connecting, writing and reading. At its end the socket is reset. */
  timeoutMs: number;
  /** Called right before the first byte is written, after any queueing and connecting. Throws to stop the call. */
  beforeFirstByte?: (() => void) | undefined;
  /** Largest body taken, bytes. */
  maxResponseBytes?: number;
}

export interface ProviderHttpResponse {
  status: number;
  /** Lower-case names; repeated headers joined with `, `. */
  headers: Record<string, string>;
  body: Buffer;
}

const ONE_MEBIBYTE = 1024 * 1024;

/**
 * HTTP/1.1 towards a provider, with the two certainties that delivery needs: a call ends at its deadline, and a call
 * that failed says whether any of it can have left. Redirects are never followed, nothing is ever repeated.
 */
export class ProviderHttp {
  private readonly pools = new Map<string, ConnectionPool>();
  private readonly running = new Set<Call>();
  private closed = false;

  constructor(private readonly options: ProviderHttpOptions = {}) {}

  /** Rejects with {@link ProviderHttpError}; with anything else only for a request that can never be made. */
  async request(request: ProviderHttpRequest): Promise<ProviderHttpResponse> {
    const url = new URL(request.url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new TypeError('Only http and https are spoken.');
    if (this.closed) throw new ProviderHttpError('before-write', 'stopped');
    const call = new Call(request, url, this.poolFor(url.origin));
    this.running.add(call);
    try {
      return await call.response;
    } finally {
      this.running.delete(call);
    }
  }

  /** Takes no new calls and resolves when those under way have ended. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled([...this.running].map((call) => call.response));
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
  }

  /** Ends every call under way as `stopped` and resets every connection. */
  destroy(): void {
    this.closed = true;
    for (const call of this.running) call.fail('stopped');
    for (const pool of this.pools.values()) pool.destroy(new Error('The client was destroyed.'));
  }

  private poolFor(origin: string): ConnectionPool {
    let pool = this.pools.get(origin);
    if (!pool) {
      const {
        connectionsPerOrigin = 64,
        connectTimeoutMs = 3_000,
        keepAliveMs = 4_000,
        lookup,
        ca,
      } = this.options;
      pool = new ConnectionPool(origin, connectionsPerOrigin, { connectTimeoutMs, keepAliveMs, lookup, ca });
      this.pools.set(origin, pool);
    }
    return pool;
  }
}

/** One call, from waiting for a connection to the last byte of the response. */
class Call implements Dispatcher.DispatchHandler {
  readonly response: Promise<ProviderHttpResponse>;
  private resolve!: (response: ProviderHttpResponse) => void;
  private reject!: (error: unknown) => void;
  private settled = false;
  /** The request has been, or is about to be, handed to the socket. */
  private started = false;
  private connection: Connection | undefined;
  private status = 0;
  private headers: Record<string, string> = {};
  private chunks: Buffer[] = [];
  private bytes = 0;
  private readonly deadlineAt: number;
  private readonly timer: NodeJS.Timeout;
  private leaveLine: () => void = () => undefined;

  constructor(
    private readonly request: ProviderHttpRequest,
    url: URL,
    private readonly pool: ConnectionPool,
  ) {
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.deadlineAt = performance.now() + request.timeoutMs;
    this.timer = setTimeout(() => this.fail('deadline', undefined, 'now'), request.timeoutMs);
    // May run, and even fail, before `acquire` returns; leaving a line one is not in does nothing.
    this.leaveLine = pool.acquire((connection) => this.dispatch(connection, url));
  }

  /** Ends the call without a response. May be called at any time and again. For `reset` see {@link Connection}. */
  fail(code: ProviderHttpErrorCode, cause?: unknown, reset: 'now' | 'soon' = 'soon'): void {
    this.failWith(new ProviderHttpError(this.started ? 'after-write' : 'before-write', code, cause), reset);
  }

  /** Called once the connection is there, right before the request is written to it. Throwing writes nothing. */
  onRequestStart(): void {
    // The deadline may have passed while the event loop stood still, its timer still to fire.
    if (performance.now() >= this.deadlineAt) this.fail('deadline');
    // The HTTP client puts a request back into its queue when a connection ends in ways it deems harmless.
    else if (this.started) this.fail('connection-lost');
    else if (!this.settled) this.start();
    if (this.settled) throw new Error('The call has ended.');
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.status = status;
    this.headers = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value ?? ''].flat().join(', ')]),
    );
    if (Number(this.headers['content-length']) > this.maxResponseBytes && this.request.method !== 'HEAD') {
      this.fail('response-too-large');
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.settled) return;
    this.bytes += chunk.length;
    if (this.bytes > this.maxResponseBytes) this.fail('response-too-large');
    else this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.settle()) return;
    if (this.connection) this.pool.release(this.connection);
    this.resolve({ status: this.status, headers: this.headers, body: Buffer.concat(this.chunks) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (error instanceof ConnectError) this.fail(error.code, error.cause);
    // Our own mistake (a header with a line break): no retry would help, so it must not look like a bad network.
    else if (error instanceof errors.InvalidArgumentError) this.failWith(error);
    // Its own `data` is what came, which may be somebody's text.
    else if (error instanceof errors.HTTPParserError) this.fail('invalid-response', new Error(error.message));
    else this.fail(codeOf(error), error);
  }

  private get maxResponseBytes(): number {
    return this.request.maxResponseBytes ?? ONE_MEBIBYTE;
  }

  private dispatch(connection: Connection, url: URL): void {
    this.connection = connection;
    const { method, headers = {}, body } = this.request;
    try {
      connection.client.dispatch(
        { method, path: url.pathname + url.search, headers, body: body ?? null },
        this,
      );
    } catch (error) {
      this.failWith(error);
    }
  }

  private start(): void {
    try {
      this.request.beforeFirstByte?.();
    } catch (error) {
      this.fail('stopped', error);
      return;
    }
    this.started = true;
  }

  private failWith(error: unknown, reset: 'now' | 'soon' = 'soon'): void {
    if (!this.settle()) return;
    this.leaveLine();
    this.chunks = [];
    if (this.connection)
      this.pool.discard(this.connection, new Error('The call on this connection failed.'), reset);
    this.reject(error);
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.timer);
    return true;
  }
}
