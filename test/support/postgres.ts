import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { testPrograms, type TestPrograms } from './postgres-programs.js';

/** A throw-away Postgres server for one test file. */
export interface TestPostgres {
  /** The server's maintenance database: for `pg_terminate_backend` and the like, not for tables. */
  readonly url: string;
  /** The server's process id; undefined when `TEST_DATABASE_URL` names a server that is not ours. */
  readonly pid: number | undefined;
  /** Makes an empty database and returns its URL. */
  createDatabase(): Promise<string>;
  /** Ends every session and the server, and removes its data. Safe to call twice. */
  stop(): Promise<void>;
}

export interface TestPostgresOptions {
  /** Whether commits are flushed to disk, as in production. */
  durable?: boolean;
}

const START_TIMEOUT_MS = 60_000;

let shared: Promise<TestPostgres> | undefined;
let users = 0;

/**
 * Starts Postgres, once per test process: further calls share the server and the last `stop()` ends it.
 * `TEST_DATABASE_URL` (a role that may create databases) replaces the own server. Works as root.
 */
export async function startTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  users += 1;
  const external = process.env['TEST_DATABASE_URL'];
  shared ??= external ? Promise.resolve(connectTo(external, undefined, dropDatabases)) : startServer(options);
  const server = await shared;
  let stopped = false;
  return {
    ...server,
    stop: async () => {
      if (stopped) return;
      stopped = true;
      users -= 1;
      if (users > 0) return;
      shared = undefined;
      await server.stop();
    },
  };
}

async function startServer({ durable = false }: TestPostgresOptions): Promise<TestPostgres> {
  const programs = testPrograms();
  const dir = await mkdtemp(join(tmpdir(), 'causeway-test-pg-'));
  if (!programs) return await startByLauncher(dir);
  try {
    if (programs.user) await chown(dir, programs.user.uid, programs.user.gid);
    await chmod(dir, 0o700);
    const dataDir = join(dir, 'data');
    const initdb = ['-D', dataDir, '-U', 'test', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
    await run(programs, programs.initdb, initdb);
    const port = await freePort();
    const server = startPostgres(programs, dataDir, port, durable);
    const url = `postgres://test@127.0.0.1:${port}/postgres`;
    await waitUntilReady(url, server);
    const pid = server.pid === undefined ? undefined : await postmasterPid(url);
    return connectTo(url, pid, async () => {
      await endServer(server);
      await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    });
  } catch (error) {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    throw error;
  }
}

/**
 * Where no programs can be run as they lie (a project under `/root`), the product's launcher knows how to copy them.
 * It is not the first choice: its server is made to outlive a killed parent.
 */
async function startByLauncher(dir: string): Promise<TestPostgres> {
  const { startEmbeddedPostgres } = await import('#platform');
  await chmod(dir, 0o711);
  const server = await startEmbeddedPostgres({ dir: join(dir, 'postgres') });
  return connectTo(server.url, server.pid, async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  });
}

/**
 * A small shell stands between us and Postgres and reads our pipe: when the test process dies, however it dies,
 * the pipe closes and Postgres is told to go. Tests kill our processes, never the machine, so they need no
 * durability; benchmarks do, because flushing is a part of what they measure.
 */
function startPostgres(
  programs: TestPrograms,
  dataDir: string,
  port: number,
  durable: boolean,
): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    ...(!durable && { fsync: 'off', full_page_writes: 'off' }),
    max_connections: '200',
    shared_buffers: '64MB',
    log_min_messages: 'fatal',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const watch = '"$0" "$@" & pid=$!; read -r _; kill -QUIT $pid 2>/dev/null; wait $pid';
  return spawn('/bin/sh', ['-c', watch, programs.postgres, '-D', dataDir, ...options], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: dataDir,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(programs.user && { uid: programs.user.uid, gid: programs.user.gid }),
  }).on('error', () => undefined);
}

async function endServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.stdin?.on('error', () => undefined).end();
  await ended;
}

function connectTo(url: string, pid: number | undefined, end: Ending): TestPostgres {
  const made: string[] = [];
  return {
    url,
    pid,
    createDatabase: async () => {
      const name = `test_${randomBytes(6).toString('hex')}`;
      await execute(url, `create database ${name} template template0`);
      made.push(name);
      const database = new URL(url);
      database.pathname = `/${name}`;
      return database.href;
    },
    stop: async () => end(url, made),
  };
}

type Ending = (url: string, made: string[]) => Promise<void>;

async function dropDatabases(url: string, made: string[]): Promise<void> {
  for (const name of made) await execute(url, `drop database if exists ${name} with (force)`);
}

async function postmasterPid(url: string): Promise<number> {
  const [row] = await execute(
    url,
    `select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)::int as pid`,
  );
  return Number(row?.['pid']);
}

async function execute(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function waitUntilReady(url: string, server: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await execute(url, 'select 1');
      return;
    } catch (error) {
      if (server.exitCode !== null || performance.now() > deadline) {
        throw new Error('The test Postgres did not start.', { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function run(programs: TestPrograms, file: string, args: string[]): Promise<void> {
  const child = spawn(file, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: tmpdir(),
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(programs.user && { uid: programs.user.uid, gid: programs.user.gid }),
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${said.slice(-500)}`);
}

/** A TCP port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}
