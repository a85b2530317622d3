import pg from 'pg';
import { DataSource } from 'typeorm';
import { SteadyClient } from '#platform';
import { entities } from './entities/index.js';
import { migrations } from './migrations/index.js';

export type Pool = pg.Pool;
export type Queryable = Pick<pg.ClientBase, 'query'>;

export interface PoolOptions {
  databaseUrl: string;
  /** Shown in pg_stat_activity. */
  name: string;
  maxConnections: number;
  /** Longest wait for a row held by someone else. Milliseconds. */
  lockTimeoutMs?: number;
  /** Longest run of one statement. Milliseconds. */
  statementTimeoutMs?: number;
}

const INT8_OID = 20;
/** How much longer than the server's own limit an answer is waited for, milliseconds. */
const SILENCE_MARGIN_MS = 500;

/** int8 as a number: our counters stay far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(oid, format)) as pg.CustomTypesConfig['getTypeParser'],
};

/**
 * A pool of plain connections for the hand-written statements. Every limit is the connection's own, so that no
 * statement forgets one; a session that stops in the middle of a transaction is ended by the server.
 */
export function createPool(options: PoolOptions): Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000;
  const settings = {
    synchronous_commit: 'on',
    lock_timeout: options.lockTimeoutMs ?? 500,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 5_000,
    jit: 'off',
    plan_cache_mode: 'force_generic_plan',
  };
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: options.name,
    max: options.maxConnections,
    connectionTimeoutMillis: 2_000,
    // The server's own limit says nothing where the network has gone: a silent connection is given up here.
    query_timeout: statementTimeoutMs + SILENCE_MARGIN_MS,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    types,
    Client: SteadyClient,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** TypeORM over the same database: migrations and the operator's reading. */
export function createDataSource(databaseUrl: string, name: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url: databaseUrl,
    applicationName: name,
    entities,
    migrations,
    migrationsTransactionMode: 'all',
    synchronize: false,
    logging: false,
    extra: {
      max: 4,
      connectionTimeoutMillis: 2_000,
      statement_timeout: 10_000,
      lock_timeout: 2_000,
      query_timeout: 10_500,
    },
  });
}

/** Brings a database up to date; safe when several processes start it at once. Answers the names of what it ran. */
export async function migrateDatabase(databaseUrl: string): Promise<string[]> {
  const client = new SteadyClient({ connectionString: databaseUrl, application_name: 'causeway-migrate' });
  await client.connect();
  const dataSource = createDataSource(databaseUrl, 'causeway-migrate');
  try {
    // TypeORM takes no lock of its own around migrations.
    await client.query(`select pg_advisory_lock(hashtext('causeway.migrate'))`);
    await dataSource.initialize();
    const done = await dataSource.runMigrations();
    await dataSource.query('select ensure_partitions(12)');
    return done.map((migration) => migration.name);
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
    await client.end();
  }
}

/** True when the newest migration of this build has run; false while it has not, or while Postgres is away. */
export async function isReady(pool: Pool): Promise<boolean> {
  const newest = migrations.at(-1)?.name.replace(/^.*?\./, '');
  try {
    const found = await pool.query('select 1 from migrations where name = $1', [newest]);
    return found.rowCount === 1;
  } catch {
    return false;
  }
}

/** Runs `work` in one transaction. A connection that broke is not put back into the pool. */
export async function inTransaction<T>(pool: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // Only an error that Postgres reported leaves a connection that can be used again.
    if (error instanceof pg.DatabaseError) {
      await client.query('rollback').catch((failure: unknown) => (broken = asError(failure)));
    } else {
      broken = asError(error);
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error('The connection broke.');
}
