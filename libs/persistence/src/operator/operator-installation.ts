import { QueryFailedError } from 'typeorm';
import { WORKER_GONE_MS } from '../delivery/provider-states.js';
import { migrations } from '../migrations/index.js';
import type { OperatorDatabase } from './operator-database.js';

const UNDEFINED_TABLE = '42P01';

/** What the database tells of the installation around it. */
export class OperatorInstallation {
  constructor(private readonly database: OperatorDatabase) {}

  /** Migrations of this build that have not run, and those that have and that this build does not know. */
  async migrations(): Promise<{ pending: string[]; unknown: string[] }> {
    const known = migrations.map(({ name }) => name.replace(/^.*?\./, ''));
    const run = await this.ranMigrations();
    return {
      pending: known.filter((name) => !run.includes(name)),
      unknown: run.filter((name) => !known.includes(name)),
    };
  }

  /** How many workers have been seen just now. */
  async liveWorkers(): Promise<number> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.query<{ live: number }[]>(
      `select count(*)::int as live from workers
       where seen_at > clock_timestamp() - $1 * interval '1 ms'`,
      [WORKER_GONE_MS],
    );
    return rows[0]?.live ?? 0;
  }

  /** How many numbers are not configured and have messages that wait for that. */
  async unconfiguredWithWaiting(): Promise<number> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.query<{ numbers: number }[]>(
      `select count(*)::int as numbers from business_numbers n
       where n.tenant_id = any ($1::text[]) and n.state = 'unconfigured' and exists (
         select from threads t join lanes l on l.thread_id = t.id join lane_items i on i.lane_id = l.id
         where t.number_id = n.id)`,
      [this.database.tenantIds],
    );
    return rows[0]?.numbers ?? 0;
  }

  /** Providers whose delivery is paused because they refuse our credentials. */
  async pausedProviders(): Promise<{ tenantId: string; provider: string; pausedAt: Date }[]> {
    const dataSource = await this.database.connect();
    return dataSource.query(
      `select tenant_id as "tenantId", provider, paused_at as "pausedAt" from provider_states
       where tenant_id = any ($1::text[]) and paused_at is not null order by tenant_id, provider`,
      [this.database.tenantIds],
    );
  }

  private async ranMigrations(): Promise<string[]> {
    const dataSource = await this.database.connect();
    try {
      const rows = await dataSource.query<{ name: string }[]>('select name from migrations order by id');
      return rows.map(({ name }) => name);
    } catch (error) {
      if (
        error instanceof QueryFailedError &&
        'code' in error.driverError &&
        error.driverError.code === UNDEFINED_TABLE
      ) {
        return [];
      }
      throw error;
    }
  }
}
