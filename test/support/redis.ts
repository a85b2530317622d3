import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { freePort } from './postgres.js';

const PROGRAM = '/usr/bin/redis-server';

/** A throw-away Redis server that keeps nothing by itself. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** The id of the running server process; another one after {@link restart}. */
  readonly pid: number;
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
  flush(): Promise<void>;
  /** Writes what it holds into the `dir` of its settings, where {@link restart} finds it. */
  save(): Promise<void>;
  /** Kills the server; its port refuses connections until {@link restart}. */
  kill(): Promise<void>;
  /** Starts a server on the same port: empty, or with what was saved last. */
  restart(): Promise<void>;
  /** Safe to call twice, frozen or killed. */
  stop(): Promise<void>;
}

/**
 * Why tests that want Redis cannot run here, or undefined when they can. With `REQUIRE_ALL=1` it throws instead:
 * nothing may be skipped where everything is expected to be there.
 */
export function redisMissing(): string | undefined {
  if (existsSync(PROGRAM)) return undefined;
  if (process.env['REQUIRE_ALL'] === '1') throw new Error(`${PROGRAM} is missing and REQUIRE_ALL=1.`);
  return `${PROGRAM} is not installed`;
}

/** Starts Redis on a free port of the loopback. `settings` are redis.conf directives (`{'maxmemory-policy': …}`). */
export async function startTestRedis(settings: Record<string, string> = {}): Promise<TestRedis> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server = await launch(port, settings);
  return {
    url,
    port,
    get pid() {
      return server.pid ?? -1;
    },
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    flush: async () => {
      await withClient(url, async (client) => client.flushall());
    },
    save: async () => {
      await withClient(url, async (client) => client.save());
    },
    kill: async () => end(server),
    restart: async () => {
      await end(server);
      server = await launch(port, settings);
    },
    stop: async () => end(server),
  };
}

async function launch(port: number, settings: Record<string, string>): Promise<ChildProcess> {
  const basics = { port: String(port), bind: '127.0.0.1', save: '', appendonly: 'no', ...settings };
  const options = Object.entries(basics).flatMap(([name, value]) => [`--${name}`, value]);
  // The shell holds our pipe beside Redis: when the test process dies, however it dies, Redis is killed.
  const watch = 'redis=$$; { read -r _ <&3; kill -9 $redis; } & exec "$0" "$@" 3<&-';
  const server = spawn('/bin/sh', ['-c', watch, PROGRAM, ...options], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    cwd: '/',
  });
  server.on('error', () => undefined);
  server.stdio[3]?.on('error', () => undefined);
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await withClient(`redis://127.0.0.1:${port}`, async (client) => client.ping());
      return server;
    } catch (error) {
      if (performance.now() > deadline || server.exitCode !== null) {
        await end(server);
        throw new Error('The test Redis did not start.', { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGKILL');
  await ended;
  // Ends the shell that watched; it finds nobody to kill.
  server.stdio[3]?.destroy();
}

async function withClient<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}
