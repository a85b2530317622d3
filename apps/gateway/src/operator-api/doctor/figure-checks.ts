import { QueueMetrics, Schedules, type FigureAccountsOf } from '#desk-chat-gateway';
import type { BusinessNumber } from '#persistence';
import { DEFAULT_TENANT, type ProviderHttp } from '#platform';
import { check, fail, ok, skipped, type Check } from './check.js';

interface Sources {
  http: ProviderHttp;
  accountsOf: FigureAccountsOf;
}

/** A schedule by id or name, with an address that names it. */
export interface NamedSchedule {
  tenantId: string;
  schedule: string;
  address: string;
}

const ofTenant = (subject: string, tenantId: string): string =>
  tenantId === DEFAULT_TENANT ? subject : `${subject} of ${tenantId}`;

/** Each schedule of each tenant once. */
export function namedSchedules(numbers: readonly BusinessNumber[]): NamedSchedule[] {
  const found = new Map<string, NamedSchedule>();
  for (const { tenantId, address, settings } of numbers) {
    const { schedule, queues = {} } = settings.openingHours ?? {};
    const names = schedule === undefined ? [] : [schedule, ...Object.values(queues)];
    for (const name of names) {
      const key = JSON.stringify([tenantId, name]);
      if (!found.has(key)) found.set(key, { tenantId, schedule: name, address });
    }
  }
  return [...found.values()];
}

/** Whether a schedule can be read: one that cannot counts as open. */
export async function scheduleCheck(
  { tenantId, schedule, address }: NamedSchedule,
  { http, accountsOf }: Sources,
): Promise<Check> {
  const of = ['schedule', ofTenant(`Schedule ${schedule}`, tenantId)] as const;
  let code = '';
  const observer = { read: (event: { code?: string }) => (code = event.code ?? '') };
  const schedules = new Schedules({ http, accountsOf, observer, cacheMs: 0 });
  const { status } = await schedules.isOpen({ tenantId, schedule });
  if (status !== undefined) {
    const words = status === 0 ? 'It is open.' : status < 0 ? 'It is closed.' : `It says ${status}.`;
    return check(...of, ok(words));
  }
  return check(...of, fail(`${scheduleFinding(code)} Until it can be read it counts as open.`, remedy()));

  function remedy(): string {
    if (code === 'not-found') {
      return `Give settings.openingHours of ${address} the id or name of a schedule as 8x8 shows it.`;
    }
    return tenantId === DEFAULT_TENANT
      ? "Set SCHEDULE_BASE_URL to the cluster's host and SCHEDULE_DATA_TOKEN (SCHEDULE_TENANT), restart gateways and workers."
      : `See SCHEDULE_BASE_URL and schedules of ${tenantId} in TENANTS, restart gateways and workers.`;
  }
}

function scheduleFinding(code: string): string {
  if (code === 'not-found') return 'The tenant has no such schedule.';
  if (code === 'not-configured') return 'It is not said where schedules are.';
  if (code === 'unauthorized') return 'The data token is refused.';
  return `It cannot be read (${code}).`;
}

/** Whether the figures of a tenant's queue can be read, for numbers with `waiting`. */
export async function metricsCheck(
  tenantId: string,
  queueId: string | undefined,
  { http, accountsOf }: Sources,
): Promise<Check> {
  const of = ['metrics', ofTenant('Queue figures', tenantId)] as const;
  if (queueId === undefined) return check(...of, skipped('No queue is known yet.'));
  let code = '';
  const observer = { read: (event: { code?: string }) => (code = event.code ?? '') };
  const figures = await new QueueMetrics({ http, accountsOf, observer }).of({ tenantId, queueId });
  if (figures) return check(...of, ok(`Those of queue ${queueId} can be read.`));
  const untold = 'Customers who wait are not told their place.';
  if (code === 'not-found' || code === 'status-4xx') {
    const remedy = 'Give the number a queue of its tenant (queueId).';
    return check(...of, fail(`Queue ${queueId} is not known there (${code}). ${untold}`, remedy));
  }
  const remedy =
    tenantId === DEFAULT_TENANT
      ? 'Set METRICS_API_KEY and METRICS_API_SECRET (METRICS_BASE_URL, METRICS_REGION), restart gateways and workers.'
      : `See metrics of ${tenantId} in TENANTS, and METRICS_BASE_URL; restart gateways and workers.`;
  return check(...of, fail(`${metricsFinding(code)} ${untold}`, remedy));
}

function metricsFinding(code: string): string {
  if (code === 'not-configured') return 'There is no key for them.';
  if (code === 'token-unauthorized') return 'Key and secret are refused.';
  if (code === 'unauthorized') return "The key's token is refused.";
  return `They cannot be read (${code}).`;
}
