import { closeSync, openSync } from 'node:fs';
import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findBinaries, prepareBinaries, programPath, type Binaries } from './binaries.js';
import { DATABASE, openCluster, ROLE, type Cluster } from './cluster.js';
import { EmbeddedPostgresError } from './errors.js';
import { preparePlace, type Place } from './place.js';
import { choosePort, keepPort } from './port.js';
import { endProcess, ensureDatabase, findRunning, readPidFile, watchForeign } from './postmaster.js';
import { startProgram, type Ended } from './run-as.js';
import { giveTo } from './system-user.js';

export interface EmbeddedPostgresOptions {
  /** The cluster's private directory, `.causeway/postgres` by custom. */
  dir: string;
  /** Where the cluster goes as root when no other user can enter `dir`. */
  fallbackRoot?: string;
  /** The installed programs; found by themselves when not given. */
  binaries?: Binaries;
  /** How long a server left by an earlier start may take to answer before it is ended. */
  answerTimeoutMs?: number;
  /** How long a new server may take to become ready, replaying its log included. */
  startTimeoutMs?: number;
}

/** A running embedded Postgres. */
export interface EmbeddedPostgres {
  /** Connection string with the password in it: for child processes, never for a log. */
  url: string;
  port: number;
  pid: number;
  /** True when an earlier start left it running and this one found it. */
  adopted: boolean;
  dataDir: string;
  logFile: string;
  /** Resolves when the server has ended, whoever ended it. */
  exited: Promise<void>;
  /** Ends the server: fast, then immediate after `fastMs` (10 s). Safe to call again. */
  stop(fastMs?: number): Promise<void>;
}

const LOG_LIMIT_BYTES = 5_000_000;

/** An immediate shutdown kills sessions that do not react after 5 s; ending the server earlier would leave them. */
const IMMEDIATE_MS = 7000;

/**
 * Starts Postgres on 127.0.0.1 with its data in `dir`, or adopts the one that an earlier start left there. The
 * database is `causeway`; data, password and, where possible, port stay the same over restarts.
 *
 * @throws EmbeddedPostgresError with one sentence that says what stands in the way
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { fallbackRoot = '/var/lib/causeway', answerTimeoutMs = 15_000, startTimeoutMs = 300_000 } = options;
  const place = await preparePlace(options.dir, fallbackRoot);
  const binaries = await prepareBinaries(options.binaries ?? (await findBinaries()), place.dir, place.user);
  const cluster = await openCluster(place, binaries);
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const running = await findRunning(cluster, answerTimeoutMs);
    if (running)
      return await handOver(place, cluster, { ...running, adopted: true, exited: watchForeign(running.pid) });
    const outcome = await launch(place, binaries, cluster, deadline);
    if ('pid' in outcome) return await handOver(place, cluster, { ...outcome, adopted: false });
    if (!outcome.passing || Date.now() > deadline) {
      throw new EmbeddedPostgresError(`Postgres did not start (${outcome.reason}): see ${logFileOf(place)}.`);
    }
    await delay(200);
  }
}

interface Running {
  pid: number;
  port: number;
  adopted: boolean;
  exited: Promise<unknown>;
}

async function handOver(place: Place, cluster: Cluster, server: Running): Promise<EmbeddedPostgres> {
  const { pid, port, adopted } = server;
  const stop = async (fastMs = 10_000): Promise<void> => {
    await endProcess(pid, { fastMs, immediateMs: IMMEDIATE_MS });
  };
  try {
    await ensureDatabase(cluster, port);
    await keepPort(place, port);
  } catch (error) {
    await stop();
    throw new EmbeddedPostgresError(`Postgres started and cannot be used: see ${logFileOf(place)}.`, {
      cause: error,
    });
  }
  const url = `postgres://${ROLE}:${cluster.password}@127.0.0.1:${port}/${DATABASE}`;
  const exited = server.exited.then(() => undefined);
  return { url, port, pid, adopted, dataDir: cluster.dataDir, logFile: logFileOf(place), exited, stop };
}

type Launched =
  { pid: number; port: number; exited: Promise<unknown> } | { reason: string; passing: boolean };

async function launch(
  place: Place,
  binaries: Binaries,
  cluster: Cluster,
  deadline: number,
): Promise<Launched> {
  const port = await choosePort(place.dir);
  const logFile = logFileOf(place);
  const logStart = await trimLog(logFile);
  const log = openSync(logFile, 'a', 0o600);
  await giveTo(place.user, logFile);
  // Its own process group: Ctrl-C reaches every process of the terminal's group, and Postgres must outlive the
  // application. Its output goes to a file: a pipe would break when we are killed.
  const { child, ended } = startProgram(
    programPath(binaries, 'postgres'),
    ['-D', cluster.dataDir, ...settings(port)],
    { cwd: place.dir, detached: true, stdio: ['ignore', log, log] },
    place.user,
  );
  closeSync(log);
  child?.unref();
  let end: Ended | undefined;
  void ended.then((value) => (end = value));
  while (child?.pid && !end) {
    const file = await readPidFile(cluster.dataDir);
    if (file?.pid === child.pid && file.status === 'ready') return { pid: child.pid, port, exited: ended };
    if (Date.now() > deadline) {
      await endProcess(child.pid, { fastMs: 0, immediateMs: IMMEDIATE_MS });
      return { reason: 'it was not ready in time', passing: false };
    }
    await delay(10);
  }
  return whyNot(await ended, (await readFile(logFile, 'utf8').catch(() => '')).slice(logStart));
}

/** Some reasons pass: a neighbour took the port, or the children of a killed server are still going. */
function whyNot(ended: Ended, log: string): { reason: string; passing: boolean } {
  if (ended.kind === 'not-started') return { reason: ended.reason, passing: false };
  const fatal = log.split('\n').find((line) => line.includes('FATAL:'));
  const reason =
    fatal?.slice(fatal.indexOf('FATAL:') + 6).trim() ?? log.trim().split('\n').at(-1) ?? 'no reason given';
  const passing = /shared memory block|could not (bind|create any TCP)|lock file .* already exists/.test(log);
  return { reason, passing };
}

/**
 * Given on the command line, so that a new version of this list reaches existing clusters. No Unix socket: a path
 * to it may be too long (107 bytes), and nothing uses it. The log keeps neither statements nor row values.
 */
function settings(port: number): string[] {
  const values: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '128MB',
    synchronous_commit: 'on',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    log_parameter_max_length_on_error: 0,
    logging_collector: 'off',
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function logFileOf(place: Place): string {
  return join(place.dir, 'postgres.log');
}

/** Keeps the log from growing for ever; returns its length now. */
async function trimLog(file: string): Promise<number> {
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  if (size < LOG_LIMIT_BYTES) return size;
  await rename(file, `${file}.1`);
  return 0;
}
