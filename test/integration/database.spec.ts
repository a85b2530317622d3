import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { createPool, inTransaction, type Pool } from '#persistence';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

/** A way to Postgres that can fall silent: connections stay, and nothing goes through them any more. */
interface Path {
  url: string;
  fallSilent(): void;
  /** For connections made from now on; what fell silent stays silent. */
  heal(): void;
  close(): Promise<void>;
}

async function startPath(target: string): Promise<Path> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname);
    for (const [from, into] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      let lost = silent;
      from
        .on('error', () => undefined)
        .on('data', (chunk) => {
          lost ||= silent;
          if (!lost) into.write(chunk);
        });
      from.on('close', () => {
        sockets.delete(from);
        lost ||= silent;
        if (!lost) into.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    fallSilent: () => void (silent = true),
    heal: () => void (silent = false),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

let postgres: TestPostgres;
let path: Path;
let pool: Pool;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  path = await startPath(postgres.url);
  // One connection: as long as the silent one is kept, there is no other.
  pool = createPool({ databaseUrl: path.url, name: 'test', maxConnections: 1, statementTimeoutMs: 300 });
});
afterEach(async () => {
  await path.close();
  await pool.end();
});

async function answer(): Promise<number | undefined> {
  return (await pool.query<{ n: number }>('select 1 as n')).rows[0]?.n;
}

/** What became of it within ten seconds. */
async function ending(work: Promise<unknown>): Promise<'answered' | 'rejected' | 'silent'> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), 10_000);
  });
  const outcome = await Promise.race([
    work.then(
      () => 'answered' as const,
      () => 'rejected' as const,
    ),
    silence,
  ]);
  clearTimeout(timer);
  return outcome;
}

describe('a connection that falls silent', () => {
  it('is given up by the query that waits on it, and replaced', async () => {
    expect(await answer()).toBe(1);
    path.fallSilent();
    expect(await ending(answer())).toBe('rejected');
    path.heal();
    expect(await answer()).toBe(1);
  });

  it('is given up by the transaction that waits on it, and replaced', async () => {
    expect(
      await ending(
        inTransaction(pool, async (client) => {
          await client.query('select 1');
          path.fallSilent();
          await client.query('select 2');
        }),
      ),
    ).toBe('rejected');
    path.heal();
    expect(await inTransaction(pool, async (client) => (await client.query('select 3')).rowCount)).toBe(1);
    expect(await answer()).toBe(1);
  });

  it('cannot be made: that is given up, too', async () => {
    path.fallSilent();
    expect(await ending(answer())).toBe('rejected');
    path.heal();
    expect(await answer()).toBe(1);
  });
});

describe('a statement that Postgres refuses', () => {
  it('leaves the connection of its transaction fit for use', async () => {
    const pid = async () =>
      (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
    const before = await pid();
    await expect(inTransaction(pool, (client) => client.query('select 1 / 0'))).rejects.toThrow(
      'division by zero',
    );
    expect(await pid()).toBe(before);
  });
});

describe('a session that is ended while somebody holds its connection', () => {
  it('ends no process: the next query tells', async () => {
    const client = await pool.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const admin = new Client({ connectionString: postgres.url });
    await admin.connect();
    const ended = new Promise((resolve) => client.once('end', resolve));
    await admin.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await admin.end();
    await ended;
    await expect(client.query('select 1')).rejects.toThrow();
    client.release(true);
    expect(await answer()).toBe(1);
  });
});
