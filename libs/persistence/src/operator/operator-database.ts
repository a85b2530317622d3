import { QueryFailedError, type DataSource } from 'typeorm';

/**
 * The operator API's way to Postgres: connects at the first use, and again after a connect that failed, so that a
 * gateway starts and accepts while this is impossible.
 */
export class OperatorDatabase {
  private connecting: Promise<DataSource> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    readonly tenantId: string,
  ) {}

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
