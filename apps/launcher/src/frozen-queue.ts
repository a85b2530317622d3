import type { SteadyClient } from '#platform';

const LOCK_LIMIT_MS = 5000;
const DEADLOCK = '40P01';
const TRIES = 3;

/**
 * Freezes BullMQ where it runs on Postgres: a transaction holds the strongest lock on all its tables, so that every command of the
 * queue waits, as on a Redis that was stopped. The tables of messages are not touched.
 */
export class FrozenQueue {
  /** The session that holds the lock. */
  #client: SteadyClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Calls are done one after the other: a session that is still being opened cannot be closed. */
  #last: Promise<void> = Promise.resolve();

  /** @param onChange told until when it is frozen, and with undefined when it no longer is */
  constructor(private readonly onChange: (until: Date | undefined) => void) {}

  /** Resolves when it is frozen; a second call begins anew. */
  freeze(databaseUrl: string, seconds: number): Promise<void> {
    return this.#inTurn(() => this.#freeze(databaseUrl, seconds));
  }

  /** Safe to call when nothing is frozen. */
  thaw(): Promise<void> {
    return this.#inTurn(() => this.#thaw());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #freeze(databaseUrl: string, seconds: number): Promise<void> {
    await this.#thaw();
    // Loaded when it is wanted: no start waits for it.
    const [{ SteadyClient }, { QUEUE_SCHEMA }] = await Promise.all([
      import('#platform'),
      import('#queueing'),
    ]);
    const client = new SteadyClient({
      connectionString: databaseUrl,
      connectionTimeoutMillis: LOCK_LIMIT_MS,
    });
    try {
      await client.connect();
      await lockAll(client, QUEUE_SCHEMA);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
    client.once('end', () => this.#ended(client));
    this.#timer = setTimeout(() => void this.thaw(), seconds * 1000).unref();
    this.onChange(new Date(Date.now() + seconds * 1000));
  }

  async #thaw(): Promise<void> {
    await this.#client?.end().catch(() => undefined);
  }

  /** Also when Postgres ended the session. */
  #ended(client: SteadyClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    clearTimeout(this.#timer);
    this.onChange(undefined);
  }
}

/** BullMQ takes its tables in an order of its own: a deadlock is tried again. */
async function lockAll(client: SteadyClient, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = $1 order by 1`,
    [schema],
  );
  if (rows.length === 0) throw new Error('There is no queue in this database.');
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query(`begin; set local statement_timeout = ${LOCK_LIMIT_MS}`);
      await client.query(`lock table ${rows.map(({ name }) => name).join(', ')} in access exclusive mode`);
      return;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      if ((error as { code?: string }).code !== DEADLOCK || attempt === TRIES) throw error;
    }
  }
}
