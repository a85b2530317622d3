import net from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { buildConnector, Client } from 'undici';
import type { ProviderHttpErrorCode } from './provider-http-error.js';
import { codeOf } from './provider-http-error.js';

export interface ConnectionOptions {
  /** Name look-up, connecting and TLS together; the call's own deadline may end it earlier. */
  connectTimeoutMs: number;
  /** How long an unused connection is kept when the far side names no time. */
  keepAliveMs: number;
  /** Instead of the system's resolver. */
  lookup?: net.LookupFunction | undefined;
  /** Certificates to trust instead of the built-in ones, PEM. */
  ca?: SecureContextOptions['ca'];
}

/** Connecting failed; never written to. */
export class ConnectError extends Error {
  constructor(
    readonly code: ProviderHttpErrorCode,
    cause: unknown,
  ) {
    super(`Connecting failed: ${code}`, { cause });
    this.name = 'ConnectError';
  }
}

/**
 * One keep-alive connection: an HTTP client with a single socket and no pipelining, whose TCP socket we made
 * ourselves so that it can be reset. Not a pool of the HTTP library's, because there a call does not learn which
 * socket it is on.
 */
export class Connection {
  readonly client: Client;
  private socket: net.Socket | undefined;

  constructor(origin: string, options: ConnectionOptions) {
    const upgrade = buildConnector({ allowH2: false, timeout: 0, ...(options.ca ? { ca: options.ca } : {}) });
    this.client = new Client(origin, {
      allowH2: false,
      pipelining: 1,
      // The call's own deadline covers both.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: options.keepAliveMs,
      keepAliveMaxTimeout: 30_000,
      // Closed this much earlier than the far side announced, so that a request hardly ever meets a closing socket.
      keepAliveTimeoutThreshold: 2_000,
      connect: (target, callback) => this.connect(target, callback, upgrade, options),
    });
  }

  /**
   * Ends the connection. Bytes still in the kernel's buffers are thrown away and the far side sees a reset: after a
   * gentle close they would go out, and a message we called unsent could be sent.
   *
   * `now` is for a stack of our own, such as a timer's. Within one of the socket's callbacks it must be `soon`, at the
   * end of this turn of the event loop: Node crashes when a TCP socket goes away underneath TLS that is just reading.
   */
  reset(reason: Error, when: 'now' | 'soon'): void {
    if (when === 'soon') {
      setImmediate(() => this.reset(reason, 'now'));
      return;
    }
    const socket = this.socket;
    // A socket that is still connecting has carried nothing, and resetting it would wait for the connection.
    if (socket && !socket.destroyed && !socket.connecting) socket.resetAndDestroy();
    else socket?.destroy();
    this.client.destroy(reason).catch(() => undefined);
  }

  /** Closes once what runs has ended. */
  async close(): Promise<void> {
    await this.client.close();
  }

  private connect(
    target: buildConnector.Options,
    callback: buildConnector.Callback,
    upgrade: buildConnector.connector,
    options: ConnectionOptions,
  ): void {
    const secure = target.protocol === 'https:';
    const socket = net.connect({
      host: target.hostname,
      port: Number(target.port) || (secure ? 443 : 80),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      ...(options.lookup ? { lookup: options.lookup } : {}),
    });
    this.socket = socket;
    let finished = false;
    const finish = (error: ConnectError | undefined, connected: net.Socket) => {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      if (error) callback(error, null);
      else callback(null, connected);
    };
    const timer = setTimeout(
      () => finish(new ConnectError('connect-timeout', undefined), socket),
      options.connectTimeoutMs,
    );
    // Stays for the socket's life: late errors of a socket that nobody needs any more must not end the process.
    let shakingHands = false;
    const failed = (error?: Error) =>
      finish(new ConnectError(shakingHands ? 'tls' : codeOf(error), error), socket);
    socket.on('error', failed);
    socket.once('close', () => failed());
    socket.once('connect', () => {
      if (!secure) return finish(undefined, socket);
      shakingHands = true;
      upgrade({ ...target, httpSocket: socket }, (error, secured) => {
        if (error) return failed(error);
        secured.on('error', () => undefined);
        finish(undefined, secured);
      });
    });
  }
}
