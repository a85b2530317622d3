import { OpeningHours, isOpenStatus } from '#core';
import type { FigureObserver, OpeningHoursRequest, ScheduleReading } from '#core';
import { segment } from '../client.js';
import { asObject } from '../json.js';
import type { FigureAccountsOf, ScheduleAccount } from './accounts.js';
import { CachedReads } from './cached-reads.js';
import { asNumber, basicAuthorization, readJson } from './read-json.js';
import type { FigureAnswer, FigureHttp } from './read-json.js';

/** Not longer than what was read is kept. */
const FAILURE_LIFE_MS = 10_000;

export interface SchedulesOptions {
  http: FigureHttp;
  accountsOf: FigureAccountsOf;
  observer: Pick<FigureObserver, 'read'>;
  /** How long a status is known again. */
  cacheMs: number;
  now?: () => number;
}

/** Opening hours by the tenants' schedules. Source: Tenant Schedule API. What cannot be read is open. */
export class Schedules extends OpeningHours {
  private readonly statuses: CachedReads<number>;

  constructor(private readonly options: SchedulesOptions) {
    super();
    const { cacheMs, now = () => performance.now() } = options;
    const failureLifeMs = Math.min(FAILURE_LIFE_MS, cacheMs);
    this.statuses = new CachedReads({ lifeMs: cacheMs, failureLifeMs, now });
  }

  override async isOpen(request: OpeningHoursRequest): Promise<ScheduleReading> {
    const { tenantId, schedule, openStatuses } = request;
    const { value, ageMs } = await this.statuses.get(JSON.stringify([tenantId, schedule]), () =>
      this.read(tenantId, schedule),
    );
    if (value === undefined) return { open: true, ageMs };
    return { open: isOpenStatus(value, openStatuses), status: value, ageMs };
  }

  private async read(tenantId: string, schedule: string): Promise<number | undefined> {
    const account = this.options.accountsOf(tenantId).schedules;
    const answer = account ? await this.ask(account, schedule) : { code: 'not-configured' };
    const status = 'json' in answer ? statusIn(answer.json) : undefined;
    if (status !== undefined) {
      this.options.observer.read({ what: 'schedule', result: 'ok' });
      return status;
    }
    const code = 'code' in answer ? answer.code : 'garbage-answer';
    this.options.observer.read({ what: 'schedule', result: 'failed', code });
    return undefined;
  }

  private async ask(
    { baseUrl, tenant, dataToken }: ScheduleAccount,
    schedule: string,
  ): Promise<FigureAnswer> {
    return readJson(this.options.http, () => ({
      method: 'GET',
      url: `${baseUrl.replace(/\/+$/, '')}/api/provisioning/schedules/${segment(schedule)}/status.json`,
      headers: { accept: 'application/json', authorization: basicAuthorization(tenant, dataToken) },
    }));
  }
}

/** 0 open, -1 closed, 1 to 6 the tenant's own; anything else is none. */
function statusIn(json: unknown): number | undefined {
  const status = asNumber(asObject(asObject(json)['schedule-status'])['status']);
  return status !== undefined && Number.isInteger(status) && status >= -1 && status <= 6 ? status : undefined;
}
