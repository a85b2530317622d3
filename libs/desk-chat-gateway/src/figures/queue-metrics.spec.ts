import { beforeEach, describe, expect, it } from 'vitest';
import { ProviderHttpError } from '#platform';
import type { ProviderHttpRequest, ProviderHttpResponse } from '#platform';
import type { MetricsAccount } from './accounts.js';
import { QueueMetrics } from './queue-metrics.js';

const ACCOUNT: MetricsAccount = {
  baseUrl: 'https://api.8x8.example',
  region: 'eu',
  key: 'key',
  secret: 'secret',
  tenant: 'acme',
};

let now = 0;
let asked: string[] = [];
let requests: ProviderHttpRequest[] = [];
let read: string[] = [];
let tokens = 0;
let life: unknown = '1799';
let underWay = 0;
let most = 0;
type Answer = ProviderHttpResponse | Promise<ProviderHttpResponse>;
let answer: (request: ProviderHttpRequest) => Answer;
let grant: () => Answer;

const says = (body: unknown, status = 200): ProviderHttpResponse => ({
  status,
  headers: {},
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});
const metrics = (values: Record<string, unknown>, id = '100') =>
  says([{ id, name: 'Support', metrics: Object.entries(values).map(([key, value]) => ({ key, value })) }]);

function statistics(account: MetricsAccount = ACCOUNT): QueueMetrics {
  return new QueueMetrics({
    http: {
      request: async (request) => {
        requests.push(request);
        const { pathname } = new URL(request.url);
        asked.push(pathname.split('/').at(-1) ?? '');
        underWay += 1;
        most = Math.max(most, underWay);
        await Promise.resolve();
        underWay -= 1;
        return pathname === '/oauth/v2/token' ? grant() : answer(request);
      },
    },
    accountsOf: (tenantId) => (tenantId === 'default' ? { metrics: account } : {}),
    observer: { read: ({ result, code }) => void read.push(code ?? result) },
    now: () => now,
  });
}

beforeEach(() => {
  now = 1_000;
  asked = [];
  requests = [];
  read = [];
  tokens = 0;
  life = '1799';
  most = 0;
  grant = () => says({ access_token: `token-${(tokens += 1)}`, expires_in: life });
  answer = () => metrics({ 'interactionsWaitInQueue.rt': 2 });
});

const support = { tenantId: 'default', queueId: '100' };

describe('the token', () => {
  it('is asked for with key and secret, and used until shortly before its end', async () => {
    const own = statistics();
    await own.of(support);
    expect(String(requests[0]?.url)).toBe('https://api.8x8.example/oauth/v2/token');
    expect(requests[0]).toMatchObject({ method: 'POST', body: 'grant_type=client_credentials' });
    expect(requests[0]?.headers?.['authorization']).toBe(
      `Basic ${Buffer.from('key:secret').toString('base64')}`,
    );
    now += 1_799_000 - 60_000 - 1;
    await own.of(support);
    expect(tokens).toBe(1);
    now += 5_001;
    await own.of(support);
    expect(tokens).toBe(2);
  });

  it.each([
    ['a number', 1799, 1_799_000 - 60_000],
    ['less than the early minute', '60', 30_000],
    ['nothing', undefined, 240_000],
    ['nonsense', 'soon', 240_000],
  ])('whose life is given as %s', async (_, given, renewedAfterMs) => {
    life = given;
    const own = statistics();
    await own.of(support);
    now += renewedAfterMs - 1;
    await own.of(support);
    expect(tokens).toBe(1);
    now += 5_001;
    await own.of(support);
    expect(tokens).toBe(2);
  });

  it('that is refused is fetched anew once, and no more', async () => {
    answer = ({ headers = {} }) =>
      headers['authorization'] === 'Bearer token-1' ? says('', 401) : metrics({ 'eligible.rt': 1 });
    expect(await statistics().of(support)).toEqual({ name: 'Support', eligibleAgents: 1 });
    expect(asked).toEqual(['token', '100', 'token', '100']);
    answer = () => says('', 401);
    asked = [];
    expect(await statistics().of(support)).toBeUndefined();
    expect(asked).toEqual(['token', '100', 'token', '100']);
    expect(read).toEqual(['ok', 'unauthorized']);
  });

  it.each([
    ['401', () => says({}, 401), 'token-unauthorized'],
    ['no token', () => says({ expires_in: '1799' }), 'token-garbage-answer'],
    ['one with a line break', () => says({ access_token: 'a\nb' }), 'token-garbage-answer'],
    ['a page', () => says('<html>'), 'token-garbage-answer'],
    ['silence', () => Promise.reject(new ProviderHttpError('after-write', 'deadline')), 'token-deadline'],
  ])('cannot be had (%s): nothing is known, and nobody asks again for a while', async (_, refused, code) => {
    grant = refused;
    const own = statistics();
    expect(await own.of(support)).toBeUndefined();
    expect(read).toEqual([code]);
    now += 9_999;
    expect(await own.of(support)).toBeUndefined();
    expect(asked).toEqual(['token']);
    now += 5_001;
    expect(await own.of(support)).toBeUndefined();
    expect(asked).toEqual(['token', 'token']);
  });
});

describe('the figures', () => {
  it.each([
    ['eu', '/eu/analytics/cc/v5/realtime-metrics/queues/100'],
    ['', '/analytics/cc/v5/realtime-metrics/queues/100'],
  ] as const)('are asked for in region "%s"', async (region, path) => {
    await statistics({ ...ACCOUNT, region }).of(support);
    const request = requests.at(-1);
    const url = new URL(request?.url ?? '');
    expect(url.pathname).toBe(path);
    expect(url.searchParams.getAll('metrics')).toContain('interactionsWaitInQueue.rt');
    expect(request?.headers).toMatchObject({ authorization: 'Bearer token-1', 'x-tenant-info': 'acme' });
    expect(request?.timeoutMs).toBe(2_000);
  });

  it.each([
    [
      'numbers',
      { 'interactionsWaitInQueue.rt': 4, 'eligible.rt': 2, 'interactionsAvgWaitTime.int-15m': 29947.4 },
      { waiting: 4, eligibleAgents: 2, averageWaitMs: 29947.4 },
    ],
    [
      'numeric strings',
      { 'interactionsWaitInQueue.rt': '4', 'eligible.rt': '0', 'interactionsAvgWaitTime.today': '1000' },
      { waiting: 4, eligibleAgents: 0, averageWaitMs: 1000 },
    ],
    [
      'averages of nothing',
      { 'interactionsAvgWaitTime.int-15m': null, 'interactionsAvgWaitTime.int-30m': 60000 },
      { averageWaitMs: 60_000 },
    ],
    ['nonsense', { 'interactionsWaitInQueue.rt': 'many', 'eligible.rt': -1 }, {}],
  ])('come as %s', async (_, values, figures) => {
    answer = () => metrics(values);
    expect(await statistics().of(support)).toEqual({ name: 'Support', ...figures });
  });

  it('are of the queue that was asked for, in a list or alone', async () => {
    const one = (id: string, waiting: number) => ({
      id,
      metrics: [{ key: 'interactionsWaitInQueue.rt', value: waiting }],
    });
    answer = () => says([one('99', 7), one('100', 1)]);
    expect(await statistics().of(support)).toEqual({ waiting: 1 });
    answer = () => says(one('100', 3));
    expect(await statistics().of(support)).toEqual({ waiting: 3 });
    answer = () => says([one('98', 7), one('99', 7)]);
    expect(await statistics().of(support)).toBeUndefined();
  });

  it('are known again for five seconds, and asked for one after the other', async () => {
    const own = statistics();
    const queues = ['100', '200', '300', '100'].map((queueId) => own.of({ ...support, queueId }));
    await Promise.all(queues);
    expect(asked).toEqual(['token', '100', '200', '300']);
    expect(most).toBe(1);
    now += 4_999;
    await own.of(support);
    expect(asked).toHaveLength(4);
    now += 1;
    await own.of(support);
    expect(asked).toHaveLength(5);
  });

  it.each([
    ['500', () => says('', 500), false],
    ['silence', () => Promise.reject(new ProviderHttpError('after-write', 'deadline')), false],
    ['a redirect', () => says('', 302), false],
    ['an unknown queue', () => says({}, 400), true],
    ['an unknown path', () => says({}, 404), true],
  ])('%s: nothing is known; the other queues are asked for: %#', async (_, unreadable, others) => {
    answer = unreadable;
    const own = statistics();
    expect(await own.of(support)).toBeUndefined();
    answer = () => metrics({ 'eligible.rt': 1 }, '200');
    expect((await own.of({ ...support, queueId: '200' })) !== undefined).toBe(others);
  });

  it('of a tenant without metrics are not asked for', async () => {
    expect(await statistics().of({ ...support, tenantId: 'other' })).toBeUndefined();
    expect(asked).toEqual([]);
    expect(read).toEqual(['not-configured']);
  });
});
