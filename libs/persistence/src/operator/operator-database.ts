import { QueryFailedError, type DataSource } from 'typeorm';

/**
 * The operator API's way to Postgres: connects at the first use, and again after a connect that failed, so that a
 * gateway starts and accepts while this is impossible.
 */
export class OperatorDatabase {
  private connecting: Promise<DataSource> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    /** Whom an operator's key is good for: all of ours. */
    readonly tenantIds: readonly string[],
  ) {}

  /** All of them, or the one that is asked for. */
  among(tenantId: string | undefined): readonly string[] {
    return tenantId === undefined ? this.tenantIds : this.tenantIds.filter((id) => id === tenantId);
  }

  /** The tenant of what has this id; undefined where nothing has it, or it is nobody's whom we serve. */
  async tenantOf(
    table: 'threads' | 'lanes' | 'messages' | 'customers',
    id: string,
  ): Promise<string | undefined> {
    const dataSource = await this.connect();
    const rows = await dataSource.query<{ tenant_id: string }[]>(
      `select tenant_id from ${table} where id = $1 and tenant_id = any ($2::text[])`,
      [id, this.tenantIds],
    );
    return rows[0]?.tenant_id;
  }

  async connect(): Promise<DataSource> {
    if (this.dataSource.isInitialized) return this.dataSource;
    this.connecting ??= this.dataSource.initialize().finally(() => (this.connecting = undefined));
    return this.connecting;
  }
}

/** Postgres' codes for trouble that passes: connection, resources, shutdown, locks, time-outs, deadlocks. */
const PASSING_CODES = /^(08|53|57P|40|55P03|57014|25P0[34])/;
const NETWORK_CODES = /^E(CONN|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|NOTFOUND)/;
/** What `pg` says, without a code, of connections that end or cannot be had. */
const CONNECTION_WORDS =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)/;

/** True when Postgres is away or cannot answer now: the request may be tried again. */
export function isStorageAway(error: unknown): boolean {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!(cause instanceof Error)) return false;
  const code = 'code' in cause ? String(cause.code) : '';
  return PASSING_CODES.test(code) || NETWORK_CODES.test(code) || CONNECTION_WORDS.test(cause.message);
}

/** True when a row that others point to was to be deleted. */
export function isStillReferenced(error: unknown): boolean {
  return (
    error instanceof QueryFailedError && 'code' in error.driverError && error.driverError.code === '23503'
  );
}
