import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Metrics } from '../metrics/metrics.js';
import { listenError } from './listen-error.js';

export interface HealthServerOptions {
  port: number;
  host: string;
  /** Postgres reachable and migrated; throwing and taking longer than three seconds count as no. */
  ready: () => Promise<boolean>;
  metrics: Metrics;
}

export interface HealthServer {
  /** The port in use, which differs from the one asked for when that was 0. */
  port: number;
  close(): Promise<void>;
}

const READY_TIMEOUT_MS = 3_000;

/**
 * `/health/live`, `/health/ready` and `/metrics` for a process without an HTTP application. Resolves when it listens;
 * rejects with a ConfigurationError when the port cannot be had.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { host, port } = options;
  const server = createServer((request, response) => {
    answer(request, response, options).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, { host, port }) as Error));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HealthServerOptions,
): Promise<void> {
  const path = request.url?.split('?', 1)[0];
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return sendJson(response, 405, 'method not allowed');
  if (path === '/health/live') return sendJson(response, 200, 'ok');
  if (path === '/health/ready') {
    const ready = await isReady(options.ready);
    return sendJson(response, ready ? 200 : 503, ready ? 'ok' : 'unavailable');
  }
  if (path !== '/metrics') return sendJson(response, 404, 'not found');
  const text = await options.metrics.render();
  response.writeHead(200, { 'content-type': options.metrics.contentType }).end(text);
}

/** Asks, and takes silence for a no: a probe must not hang on a database that does. */
export async function isReady(ready: () => Promise<boolean>, timeoutMs = READY_TIMEOUT_MS): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([ready(), silence]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function sendJson(response: ServerResponse, code: number, status: string): void {
  response
    .writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify({ status }));
}
