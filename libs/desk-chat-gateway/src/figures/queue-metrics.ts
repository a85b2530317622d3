import { QueueStatistics } from '#core';
import type { FigureObserver, QueueFigures } from '#core';
import { segment } from '../client.js';
import { asArray, asObject, asText } from '../json.js';
import { AccessTokens } from './access-tokens.js';
import type { FigureAccountsOf, MetricsAccount } from './accounts.js';
import { CachedReads } from './cached-reads.js';
import { asNumber, readJson } from './read-json.js';
import type { FigureAnswer, FigureHttp } from './read-json.js';

/** The far side makes its figures anew so often. */
const CACHE_MS = 5_000;
/** After a call without a clear answer that tenant's figures are left alone for so long. */
const REST_MS = 10_000;
const MAX_NAME_LENGTH = 200;

const WAITING = 'interactionsWaitInQueue.rt';
const ELIGIBLE = 'eligible.rt';
/** The youngest average that there is: where nobody left the queue in a span, it has none. */
const AVERAGE_WAITS = [
  'interactionsAvgWaitTime.int-15m',
  'interactionsAvgWaitTime.int-30m',
  'interactionsAvgWaitTime.today',
] as const;

export interface QueueMetricsOptions {
  http: FigureHttp;
  accountsOf: FigureAccountsOf;
  observer: Pick<FigureObserver, 'read'>;
  now?: () => number;
}

/** A tenant's calls, one after the other. */
interface Line {
  tokens: AccessTokens;
  last: Promise<unknown>;
  restsUntil: number;
}

/** Figures of queues. Source: Real-time Metrics API v5. */
export class QueueMetrics extends QueueStatistics {
  private readonly figures: CachedReads<QueueFigures>;
  private readonly lines = new Map<string, Line>();
  private readonly now: () => number;

  constructor(private readonly options: QueueMetricsOptions) {
    super();
    this.now = options.now ?? (() => performance.now());
    this.figures = new CachedReads({ lifeMs: CACHE_MS, failureLifeMs: CACHE_MS, now: this.now });
  }

  override async of(request: { tenantId: string; queueId: string }): Promise<QueueFigures | undefined> {
    const { tenantId, queueId } = request;
    const key = JSON.stringify([tenantId, queueId]);
    return (await this.figures.get(key, () => this.inLine(tenantId, queueId))).value;
  }

  private async inLine(tenantId: string, queueId: string): Promise<QueueFigures | undefined> {
    const account = this.options.accountsOf(tenantId).metrics;
    if (!account) return this.failed('not-configured');
    let line = this.lines.get(tenantId);
    if (!line) {
      const tokens = new AccessTokens(this.options.http, account, this.now);
      line = { tokens, last: Promise.resolve(), restsUntil: 0 };
      this.lines.set(tenantId, line);
    }
    const mine = line;
    const read = mine.last.then(() => this.read(account, mine, queueId));
    mine.last = read;
    return read;
  }

  private async read(
    account: MetricsAccount,
    line: Line,
    queueId: string,
  ): Promise<QueueFigures | undefined> {
    if (this.now() < line.restsUntil) return this.failed('resting');
    const answer = await this.ask(account, line.tokens, queueId);
    if ('code' in answer) {
      // A queue that is not known says nothing of the others.
      const isClear = answer.status !== undefined && [400, 404].includes(answer.status);
      if (!isClear) line.restsUntil = this.now() + REST_MS;
      return this.failed(answer.code);
    }
    const figures = figuresIn(answer.json, queueId);
    if (!figures) return this.failed('garbage-answer');
    this.options.observer.read({ what: 'statistics', result: 'ok' });
    return figures;
  }

  private async ask(account: MetricsAccount, tokens: AccessTokens, queueId: string): Promise<FigureAnswer> {
    const first = await tokens.get();
    if ('code' in first) return first;
    const answer = await this.askWith(account, first.token, queueId);
    if (!('code' in answer && answer.status === 401)) return answer;
    const second = await tokens.get(first.token);
    return 'code' in second ? second : this.askWith(account, second.token, queueId);
  }

  private askWith(
    { baseUrl, region, tenant }: MetricsAccount,
    token: string,
    queueId: string,
  ): Promise<FigureAnswer> {
    const base = `${baseUrl.replace(/\/+$/, '')}${region && `/${region}`}/analytics/cc/v5/realtime-metrics`;
    const metrics = [WAITING, ELIGIBLE, ...AVERAGE_WAITS].map((key): [string, string] => ['metrics', key]);
    return readJson(this.options.http, () => ({
      method: 'GET',
      url: `${base}/queues/${segment(queueId)}?${new URLSearchParams(metrics).toString()}`,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        'x-tenant-info': tenant,
      },
    }));
  }

  private failed(code: string): undefined {
    this.options.observer.read({ what: 'statistics', result: 'failed', code });
  }
}

/** A list of queues, also where one was asked for. Times come in milliseconds, and are null where there is nothing to average. */
function figuresIn(json: unknown, queueId: string): QueueFigures | undefined {
  const entries = (Array.isArray(json) ? asArray(json) : [json]).map(asObject);
  const entry =
    entries.find(({ id }) => asText(id) === queueId) ?? (entries.length === 1 ? entries[0] : undefined);
  if (!entry || !Array.isArray(entry['metrics'])) return undefined;
  const values = new Map(
    asArray(entry['metrics'])
      .map(asObject)
      .map(({ key, value }) => [asText(key), asNumber(value)]),
  );
  const count = (key: string) => {
    const value = values.get(key);
    return value !== undefined && value >= 0 ? value : undefined;
  };
  const name = asText(entry['name'])?.slice(0, MAX_NAME_LENGTH);
  const waiting = count(WAITING);
  const eligibleAgents = count(ELIGIBLE);
  const averageWaitMs = AVERAGE_WAITS.map(count).find((value) => value !== undefined);
  return {
    ...(name !== undefined && { name }),
    ...(waiting !== undefined && { waiting }),
    ...(eligibleAgents !== undefined && { eligibleAgents }),
    ...(averageWaitMs !== undefined && { averageWaitMs }),
  };
}
