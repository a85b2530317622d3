import { fork, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { ACCOUNT_SID, AUTH_TOKEN, PUBLIC_BASE_URL } from './hmac.js';

const ROOT = resolve(import.meta.dirname, '../..');
const READY_TIMEOUT_MS = 30_000;
/** Jobs that the product's worker has under way at once. */
const LANES_AT_ONCE = 32;

/** A server under load, in a process of its own. */
export interface Server {
  name: string;
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** Where the servers keep things. Without Redis BullMQ lives in Postgres. */
export interface Backends {
  gatewayDatabaseUrl: string;
  referenceDatabaseUrl: string;
  redisUrl: string | undefined;
}

export const startBare = (): Promise<Server> => start('bare', source('bare-server.ts'), {});

export const startReference = ({ referenceDatabaseUrl, redisUrl }: Backends): Promise<Server> =>
  start('reference', source('reference-server.ts'), environment(referenceDatabaseUrl, redisUrl));

/** The product as production runs it: compiled, no sandbox, no embedded Postgres. */
export const startGateway = (
  { gatewayDatabaseUrl, redisUrl }: Backends,
  execArgv: string[] = [],
): Promise<Server> =>
  start(
    'gateway',
    { file: resolve(ROOT, 'dist/apps/gateway/src/main.js'), execArgv },
    productEnvironment(gatewayDatabaseUrl, redisUrl),
  );

/** The worker that belongs to {@link startReference}. */
export const startReferenceWorker = (
  { referenceDatabaseUrl, redisUrl }: Backends,
  deskUrl: string,
): Promise<Server> =>
  start('reference worker', source('reference-worker.ts'), {
    ...environment(referenceDatabaseUrl, redisUrl),
    DESK_URL: deskUrl,
    CONCURRENCY: String(LANES_AT_ONCE),
  });

/** The product's worker, which reaches nobody but the desk. */
export const startWorker = (
  { gatewayDatabaseUrl, redisUrl }: Backends,
  deskUrl: string,
  execArgv: string[] = [],
): Promise<Server> =>
  start(
    'worker',
    { file: resolve(ROOT, 'dist/apps/worker/src/main.js'), execArgv },
    {
      ...productEnvironment(gatewayDatabaseUrl, redisUrl),
      WORKER_PORT: '0',
      CHAT_GATEWAY_BASE_URL: deskUrl,
    },
  );

/** Runs the product's own migration to its end. */
export async function migrate(databaseUrl: string, redisUrl: string | undefined): Promise<void> {
  const child = fork(resolve(ROOT, 'dist/apps/migrate/src/main.js'), {
    env: productEnvironment(databaseUrl, redisUrl),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const code = await new Promise((done) => child.once('exit', done));
  if (code !== 0) throw new Error(`The migration ended with ${String(code)}.`);
}

function source(name: string): { file: string; execArgv: string[] } {
  const loader = resolve(import.meta.dirname, 'typescript.ts');
  return { file: resolve(import.meta.dirname, name), execArgv: ['--import', loader] };
}

function environment(databaseUrl: string, redisUrl: string | undefined): NodeJS.ProcessEnv {
  return { DATABASE_URL: databaseUrl, ...(redisUrl !== undefined && { REDIS_URL: redisUrl }) };
}

function productEnvironment(databaseUrl: string, redisUrl: string | undefined): NodeJS.ProcessEnv {
  return {
    ...environment(databaseUrl, redisUrl),
    PORT: '0',
    HOST: '127.0.0.1',
    PUBLIC_BASE_URL,
    ADMIN_API_KEY: 'benchmark-admin-key',
    TWILIO_ACCOUNT_SID: ACCOUNT_SID,
    TWILIO_AUTH_TOKEN: AUTH_TOKEN,
    CHAT_GATEWAY_API_KEY: 'benchmark',
    CHAT_GATEWAY_TENANT_ID: 'benchmark',
    CHAT_GATEWAY_CUSTOMER_ID: 'benchmark',
    // Nobody is called while accepting; should anybody be, it is nobody.
    TWILIO_API_BASE_URL: 'http://127.0.0.1:9',
    TWILIO_MESSAGING_BASE_URL: 'http://127.0.0.1:9',
    CHAT_GATEWAY_BASE_URL: 'http://127.0.0.1:9',
  };
}

async function start(
  name: string,
  program: { file: string; execArgv: string[] },
  env: NodeJS.ProcessEnv,
): Promise<Server> {
  const child = fork(program.file, {
    execArgv: program.execArgv,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const port = await readyPort(name, child);
    return { name, port, pid: child.pid ?? -1, stop: () => end(child) };
  } catch (error) {
    await end(child);
    throw error;
  }
}

function readyPort(name: string, child: ChildProcess): Promise<number> {
  return new Promise((done, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} is not ready in time.`)), READY_TIMEOUT_MS);
    child.once('exit', (code) =>
      reject(new Error(`${name} ended with ${String(code)} before it was ready.`)),
    );
    child.on('message', (message: { type?: string; port?: number }) => {
      if (message.type !== 'ready' || message.port === undefined) return;
      clearTimeout(timer);
      done(message.port);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(late);
}
