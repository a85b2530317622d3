import type { DataSource } from 'typeorm';
import { createDataSource, createPool, isReady, type Pool } from '#persistence';
import { Metrics, ProviderHttp, type ConfigurationByRole, type Logger } from '#platform';

/** What the gateway holds open beside its port, closed in order after the last request. */
export class Backends {
  readonly metrics = new Metrics();
  readonly http = new ProviderHttp({ connectionsPerOrigin: 8 });
  /** Two connections, one per batch in flight and kind; more would only compete. */
  readonly pool: Pool;
  readonly apartPool: Pool;
  readonly healthPool: Pool;
  readonly dataSource: DataSource;
  private readonly beforeClose: (() => Promise<void>)[] = [];

  constructor(configuration: ConfigurationByRole['gateway'], logger: Logger) {
    const { databaseUrl } = configuration;
    const shared = { databaseUrl, statementTimeoutMs: 3_000 };
    this.pool = createPool({ ...shared, name: 'causeway-gateway-accept', maxConnections: 6 });
    this.apartPool = createPool({ ...shared, name: 'causeway-gateway-apart', maxConnections: 8 });
    this.healthPool = createPool({ ...shared, name: 'causeway-gateway-health', maxConnections: 1 });
    this.dataSource = createDataSource(databaseUrl, 'causeway-gateway-api');
    this.onError = (error) => logger.warn({ err: error }, 'A backend could not be closed.');
  }

  private readonly onError: (error: unknown) => void;

  ready(): Promise<boolean> {
    return isReady(this.healthPool);
  }

  /** Runs before the connections are closed. */
  onClose(work: () => Promise<void>): void {
    this.beforeClose.push(work);
  }

  async close(): Promise<void> {
    for (const work of this.beforeClose) await work().catch(this.onError);
    this.http.destroy();
    await Promise.allSettled([
      this.pool.end(),
      this.apartPool.end(),
      this.healthPool.end(),
      this.dataSource.isInitialized ? this.dataSource.destroy() : Promise.resolve(),
    ]);
  }
}
