import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { testPrograms, type TestPrograms } from './postgres-programs.js';

/** A throw-away Postgres server for one test file. */
export interface TestPostgres {
  /** The server's maintenance database: for `pg_terminate_backend` and the like, not for tables. */
  readonly url: string;
  /** The server's process id, another one after {@link restart}; undefined when `TEST_DATABASE_URL` names a server that is not ours. */
  readonly pid: number | undefined;
  /** Makes an empty database and returns its URL. */
  createDatabase(): Promise<string>;
  /** Ends every session, as an administrator (`fast`) or a crash (`immediate`) would, and starts again on the same port. */
  restart(how: 'fast' | 'immediate'): Promise<void>;
  /** Ends every session and the server, and removes its data. Safe to call twice. */
  stop(): Promise<void>;
}

export interface TestPostgresOptions {
  /** Whether commits are flushed to disk, as in production. */
  durable?: boolean;
  maxConnections?: number;
  /** Databases lie on a file system of this size, the log of the server does not: see {@link smallDiskMissing}. */
  diskMiB?: number;
}

const START_TIMEOUT_MS = 60_000;
const SMALL_DISK = 'small_disk';

let shared: Promise<TestPostgres> | undefined;
let users = 0;

/**
 * Starts Postgres, once per test process: further calls share the server and the last `stop()` ends it.
 * `TEST_DATABASE_URL` (a role that may create databases) replaces the own server. Works as root.
 */
export async function startTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  users += 1;
  const external = process.env['TEST_DATABASE_URL'];
  shared ??= external ? Promise.resolve(connectTo(external, { end: dropDatabases })) : startServer(options);
  const server = await shared;
  let stopped = false;
  return {
    url: server.url,
    get pid() {
      return server.pid;
    },
    createDatabase: () => server.createDatabase(),
    restart: (how) => server.restart(how),
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

/**
 * Why no file system of a wanted size can be had here, or undefined when it can: an ordinary user makes one in a name
 * space of their own, where the machine lets them. With `REQUIRE_ALL=1` it throws instead.
 */
export function smallDiskMissing(): string | undefined {
  const programs = process.env['TEST_DATABASE_URL'] ? undefined : testPrograms();
  const why = programs
    ? 'an ordinary user may not mount a file system of their own'
    : 'the server is not a program that tests start';
  if (programs) {
    const [file = '', ...args] = onSmallDisk(1, tmpdir());
    const tried = spawnSync(file, [...args, 'true'], { cwd: tmpdir(), ...programs.user });
    if (tried.status === 0) return undefined;
  }
  if (process.env['REQUIRE_ALL'] === '1') throw new Error(`REQUIRE_ALL=1, but ${why}.`);
  return why;
}

async function startServer(options: TestPostgresOptions): Promise<TestPostgres> {
  const programs = testPrograms();
  const dir = await mkdtemp(join(tmpdir(), 'causeway-test-pg-'));
  if (!programs) return await startByLauncher(dir);
  try {
    if (programs.user) await chown(dir, programs.user.uid, programs.user.gid);
    await chmod(dir, 0o700);
    const dataDir = join(dir, 'data');
    await makeCluster(programs, dataDir);
    const port = await freePort();
    const disk = join(dir, 'disk');
    if (options.diskMiB !== undefined) await mkdir(disk, { mode: 0o777 });
    const server = startPostgres(programs, { dataDir, port, disk }, options);
    const url = `postgres://test@127.0.0.1:${port}/postgres`;
    const pid = await untilReady(server, () => postmasterPid(url));
    if (options.diskMiB !== undefined)
      await execute(url, `create tablespace ${SMALL_DISK} location '${disk}'`);
    return connectTo(url, {
      pid,
      ...(options.diskMiB !== undefined && { tablespace: SMALL_DISK }),
      startAgain: async (ending) => {
        server.stdin?.write('again\n');
        return untilReady(server, async () => {
          const pid = await postmasterPid(url);
          if (pid === ending) throw new Error('It has not ended yet.');
          return pid;
        });
      },
      end: async () => {
        await endServer(server);
        await rm(dir, { recursive: true, force: true, maxRetries: 3 });
      },
    });
  } catch (error) {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    throw error;
  }
}

/** Clusters are all alike, so a run of tests makes one and the others are its copies: see `temporary.ts`. */
async function makeCluster(programs: TestPrograms, dataDir: string): Promise<void> {
  const shared = process.env['TEST_TEMPORARY_DIR'];
  if (shared === undefined) return initdb(programs, dataDir);
  const cluster = join(shared, 'cluster');
  if (!existsSync(cluster)) {
    const mine = join(dirname(dataDir), 'cluster');
    await initdb(programs, mine);
    // Whoever is first makes it for all.
    await rename(mine, cluster).catch(() => undefined);
  }
  await run(programs, 'cp', ['-R', cluster, dataDir]);
}

async function initdb(programs: TestPrograms, dataDir: string): Promise<void> {
  const options = ['-D', dataDir, '-U', 'test', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  await run(programs, programs.initdb, options);
}

/**
 * Where no programs can be run as they lie (a project under `/root`), the product's launcher knows how to copy them.
 * It is not the first choice: its server is made to outlive a killed parent.
 */
async function startByLauncher(dir: string): Promise<TestPostgres> {
  const { startEmbeddedPostgres } = await import('#platform');
  await chmod(dir, 0o711);
  const server = await startEmbeddedPostgres({ dir: join(dir, 'postgres') });
  return connectTo(server.url, {
    pid: server.pid,
    end: async () => {
      await server.stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    },
  });
}

/**
 * A small shell stands between us and Postgres and reads our pipe: when the test process dies, however it dies,
 * the pipe closes and Postgres is told to go; a line starts another one when the last has gone. Tests kill our
 * processes, never the machine, so they need no durability; benchmarks do, because flushing is a part of what they measure.
 */
function startPostgres(
  programs: TestPrograms,
  place: { dataDir: string; port: number; disk: string },
  { durable = false, maxConnections = 200, diskMiB }: TestPostgresOptions,
): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(place.port),
    unix_socket_directories: '',
    ...(!durable && { fsync: 'off', full_page_writes: 'off' }),
    max_connections: String(maxConnections),
    shared_buffers: '64MB',
    log_min_messages: 'fatal',
    // Tells whether a commit came before the answer that rests on it.
    ...(!durable && { track_commit_timestamp: 'on' }),
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const watch =
    '"$0" "$@" & pid=$!; while read -r _; do wait $pid; "$0" "$@" & pid=$!; done; kill -QUIT $pid 2>/dev/null; wait $pid';
  const command = ['/bin/sh', '-c', watch, programs.postgres, '-D', place.dataDir, ...options];
  const [file = '', ...args] =
    diskMiB === undefined ? command : [...onSmallDisk(diskMiB, place.disk), ...command];
  return spawn(file, args, {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: place.dataDir,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(programs.user && { uid: programs.user.uid, gid: programs.user.gid }),
  }).on('error', () => undefined);
}

/** What to put before a command so that `place` is a file system of its own; gone with its processes, seen by them only. */
function onSmallDisk(mebibytes: number, place: string): string[] {
  const mount = `mount -t tmpfs -o size=${mebibytes}m tmpfs "$0" && exec unshare -U --map-user=65534 --map-group=65534 "$@"`;
  return ['/usr/bin/unshare', '-Urm', '/bin/sh', '-c', mount, place];
}

async function endServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.stdin?.on('error', () => undefined).end();
  await ended;
}

interface ServerEnds {
  pid?: number;
  /** Where databases are put. */
  tablespace?: string;
  /** Starts another server once the one with this process id has ended; its process id. */
  startAgain?: (ending: number) => Promise<number>;
  end: (url: string, made: string[]) => Promise<void>;
}

function connectTo(url: string, { pid, tablespace, startAgain, end }: ServerEnds): TestPostgres {
  const made: string[] = [];
  let current = pid;
  return {
    url,
    get pid() {
      return current;
    },
    createDatabase: async () => {
      const name = `test_${randomBytes(6).toString('hex')}`;
      const place = tablespace === undefined ? '' : ` tablespace ${tablespace}`;
      await execute(url, `create database ${name} template template0${place}`);
      made.push(name);
      const database = new URL(url);
      database.pathname = `/${name}`;
      return database.href;
    },
    restart: async (how) => {
      if (current === undefined || !startAgain) throw new Error('This server cannot be restarted.');
      process.kill(current, how === 'fast' ? 'SIGINT' : 'SIGQUIT');
      current = await startAgain(current);
    },
    stop: async () => end(url, made),
  };
}

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

/** What `ask` answers once it no longer fails. */
async function untilReady<T>(server: ChildProcess, ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await ask();
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
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${said.slice(-500)}`);
}

/**
 * A TCP port of the loopback that was free a moment ago, below those that systems give to whoever asks for any: between the
 * choice and its use it is taken by nothing but a test that has chosen the same.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}
