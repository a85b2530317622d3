import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { SteadyClient } from '../postgres/steady-client.js';
import { DATABASE, ROLE, type Cluster } from './cluster.js';
import { processState, signalProcess } from './process-state.js';

/** What a running Postgres writes into `postmaster.pid` of its data directory. */
export interface PidFile {
  pid: number;
  port: number;
  /** `starting`, `ready`, `stopping`; empty while the file is still being written. */
  status: string;
}

/** Reads `postmaster.pid`; undefined when there is none. */
export async function readPidFile(dataDir: string): Promise<PidFile | undefined> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n').map((line) => line.trim());
  return { pid: Number(lines[0]), port: Number(lines[3] ?? 0), status: lines[7] ?? '' };
}

/**
 * Finds a Postgres that an earlier start left running on this data directory and waits until it answers.
 *
 * A process that has ended, a zombie, or another program that got the same number since means that the file is
 * stale: it is removed, since Postgres itself would refuse to start over a number that lives. One that is ours but
 * says nothing for `answerTimeoutMs` (stopped, stuck) is ended; its write-ahead log brings everything back. One that
 * says it is starting up or shutting down is waited for.
 *
 * @returns the one to adopt, or undefined when the way is free for a new one
 */
export async function findRunning(cluster: Cluster, answerTimeoutMs: number): Promise<PidFile | undefined> {
  let deadline = Date.now() + answerTimeoutMs;
  for (;;) {
    const file = await readPidFile(cluster.dataDir);
    if (!file) return undefined;
    if (!(await isOurs(file.pid, cluster.dataDir))) {
      await rm(join(cluster.dataDir, 'postmaster.pid'), { force: true });
      return undefined;
    }
    const answer = await ask(cluster, file.port);
    if (answer === 'ready') return file;
    if (answer === 'busy') deadline = Date.now() + answerTimeoutMs;
    if (Date.now() > deadline) await endProcess(file.pid, { fastMs: 0, immediateMs: 2000 });
    await delay(50);
  }
}

/** A living process that runs Postgres; on Linux and macOS its command line names the data directory. */
async function isOurs(pid: number, dataDir: string): Promise<boolean> {
  const { state, command } = await processState(pid);
  return state === 'alive' && (command === undefined || command.includes(dataDir));
}

/** `ready` only when the server on `port` takes our password and serves exactly this data directory. */
async function ask(cluster: Cluster, port: number): Promise<'ready' | 'busy' | 'silent'> {
  if (!port) return 'silent';
  try {
    const { rows } = await withClient(cluster, port, 'postgres', (client) =>
      client.query<{ data_directory: string }>('show data_directory'),
    );
    return rows[0]?.data_directory === cluster.dataDir ? 'ready' : 'silent';
  } catch (error) {
    // cannot_connect_now: starting up, recovering or shutting down.
    return sqlState(error) === '57P03' ? 'busy' : 'silent';
  }
}

/** Creates our database where it is missing: at the first start, or when that was interrupted. */
export async function ensureDatabase(cluster: Cluster, port: number): Promise<void> {
  try {
    await withClient(cluster, port, DATABASE, async () => undefined);
  } catch (error) {
    if (sqlState(error) !== '3D000') throw error;
    await withClient(cluster, port, 'postgres', (client) =>
      client.query(`create database ${DATABASE}`).catch((failure: unknown) => {
        // Another start at the same moment was faster.
        if (!['42P04', '23505'].includes(sqlState(failure))) throw failure;
      }),
    );
  }
}

function sqlState(error: unknown): string {
  return (error as { code?: string } | undefined)?.code ?? '';
}

async function withClient<T>(
  cluster: Cluster,
  port: number,
  database: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const login = { host: '127.0.0.1', port, user: ROLE, password: cluster.password, database };
  const client = new SteadyClient({
    ...login,
    ssl: false,
    connectionTimeoutMillis: 2000,
    query_timeout: 10_000,
  });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Ends a postmaster: a fast shutdown (SIGINT: sessions are cut, everything is written out), after `fastMs` an
 * immediate one (SIGQUIT: nothing written out, the log is replayed at the next start), at last SIGKILL.
 */
export async function endProcess(
  pid: number,
  limits: { fastMs: number; immediateMs: number },
): Promise<void> {
  const steps = [
    { signal: 'SIGINT', waitMs: limits.fastMs },
    { signal: 'SIGQUIT', waitMs: limits.immediateMs },
    { signal: 'SIGKILL', waitMs: 5000 },
  ] as const;
  for (const { signal, waitMs } of steps) {
    if (waitMs === 0) continue;
    signalProcess(pid, signal);
    if (await hasEnded(pid, waitMs)) return;
  }
}

async function hasEnded(pid: number, waitMs: number): Promise<boolean> {
  const deadline = Date.now() + waitMs;
  while ((await processState(pid)).state === 'alive') {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/** Resolves when a process that is not our child has ended. */
export async function watchForeign(pid: number, intervalMs = 250): Promise<void> {
  while ((await processState(pid)).state === 'alive') await delay(intervalMs, undefined, { ref: false });
}
