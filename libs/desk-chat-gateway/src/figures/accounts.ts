import { DEFAULT_TENANT, Tenants, type Configuration, type Tenant } from '#platform';

/** Where a tenant's schedules are, and how it shows itself there. Source: Tenant Schedule API. */
export interface ScheduleAccount {
  /** The cluster's host, without `/api/provisioning`. */
  baseUrl: string;
  tenant: string;
  dataToken: string;
}

/** The same for the figures of its queues. Source: Real-time Metrics API v5. */
export interface MetricsAccount {
  /** Without `/oauth` and without region. */
  baseUrl: string;
  /** Empty: the United States. */
  region: '' | 'eu' | 'au' | 'ca';
  key: string;
  secret: string;
  tenant: string;
}

/** What a tenant has of the two; undefined where it was not configured. */
export interface FigureAccounts {
  schedules?: ScheduleAccount;
  metrics?: MetricsAccount;
}

export type FigureAccountsOf = (tenantId: string) => FigureAccounts;

/** By tenant: the one place that knows where accounts come from. */
export function figureAccounts(configuration: Configuration): FigureAccountsOf {
  const tenants = new Tenants(configuration);
  const { scheduleBaseUrl, scheduleTenant, metricsBaseUrl, metricsRegion = '' } = configuration;
  return (tenantId) => {
    const { chatGateway, schedules, metrics } = tenants.of(tenantId) ?? {};
    if (!chatGateway) return {};
    const own = tenantId === DEFAULT_TENANT ? ofPlainVariables(configuration) : { schedules, metrics };
    const baseUrl = own.schedules?.baseUrl ?? scheduleBaseUrl;
    const name = tenantId === DEFAULT_TENANT ? scheduleTenant : own.schedules?.tenant;
    return {
      ...(own.schedules &&
        baseUrl !== undefined && {
          schedules: {
            baseUrl,
            tenant: name ?? chatGateway.tenantId,
            dataToken: own.schedules.dataToken,
          },
        }),
      ...(own.metrics && {
        metrics: {
          baseUrl: metricsBaseUrl,
          region: own.metrics.region ?? metricsRegion,
          key: own.metrics.apiKey,
          secret: own.metrics.apiSecret,
          tenant: chatGateway.tenantId,
        },
      }),
    };
  };
}

function ofPlainVariables({
  scheduleDataToken: dataToken,
  metricsApiKey: apiKey,
  metricsApiSecret: apiSecret,
}: Configuration): Pick<Tenant, 'schedules' | 'metrics'> {
  return {
    ...(dataToken !== undefined && { schedules: { dataToken } }),
    ...(apiKey !== undefined && apiSecret !== undefined && { metrics: { apiKey, apiSecret } }),
  };
}
