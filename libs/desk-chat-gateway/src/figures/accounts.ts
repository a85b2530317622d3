import { DEFAULT_TENANT, type Configuration } from '#platform';

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
  const { scheduleBaseUrl, scheduleDataToken, metricsApiKey, metricsApiSecret } = configuration;
  const { chatGatewayTenantId, scheduleTenant = chatGatewayTenantId } = configuration;
  const own: FigureAccounts = {
    ...(scheduleBaseUrl !== undefined &&
      scheduleDataToken !== undefined && {
        schedules: { baseUrl: scheduleBaseUrl, tenant: scheduleTenant, dataToken: scheduleDataToken },
      }),
    ...(metricsApiKey !== undefined &&
      metricsApiSecret !== undefined && {
        metrics: {
          baseUrl: configuration.metricsBaseUrl,
          region: configuration.metricsRegion ?? '',
          key: metricsApiKey,
          secret: metricsApiSecret,
          tenant: chatGatewayTenantId,
        },
      }),
  };
  return (tenantId) => (tenantId === DEFAULT_TENANT ? own : {});
}
