import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLogger, HookSigner, Metrics, ProviderHttp, readConfiguration } from '#platform';
import { HttpDirectory } from './http-directory.js';

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const CUSTOMER = '+15550001000';

type Answer = { status: number; body?: string; headers?: Record<string, string> } | 'hang';
let answer: Answer;
let asked: { headers: http.IncomingHttpHeaders; body: string }[] = [];
let logged: string[] = [];
let nowMs = 0;
const provider = new ProviderHttp();
let metrics: Metrics;
let url = '';

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    asked.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    if (answer === 'hang') return;
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body ?? '');
  });
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/customers?key=hunter2`;
});
afterAll(async () => {
  provider.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});
beforeEach(() => {
  asked = [];
  logged = [];
  nowMs = 0;
  metrics = new Metrics({ processMetrics: false });
  answer = { status: 200, body: '{"name":"Ann"}' };
});

function directory(secretsOf: (tenantId: string) => string[] = () => [SECRET]): HttpDirectory {
  const logger = createLogger('worker', readConfiguration('launcher', {}), {
    write: (line) => void logged.push(line),
  });
  return new HttpDirectory({
    http: provider,
    signer: new HookSigner(secretsOf),
    metrics,
    logger,
    nowMs: () => nowMs,
  });
}

const request = (cacheMinutes?: number, address = CUSTOMER, tenantId = 'default') => ({
  tenantId,
  directory: { url, ...(cacheMinutes !== undefined && { cacheMinutes }) },
  channel: 'sms' as const,
  number: '+15550100',
  address,
});

async function counted(): Promise<Record<string, number>> {
  const { values } = await metrics.directoryLookUps.get();
  return Object.fromEntries(values.map(({ labels, value }) => [labels.result, value]));
}

describe('a directory of customers', () => {
  it('is asked by a signed post and says who it is', async () => {
    const known = {
      name: 'Ann',
      email: 'ann@acme.example',
      language: 'de',
      company: null,
      properties: { Tier: 'gold' },
    };
    answer = { status: 200, body: JSON.stringify(known) };
    expect(await directory().lookUp(request())).toEqual({
      name: 'Ann',
      email: 'ann@acme.example',
      language: 'de',
      properties: [{ key: 'Tier', value: 'gold' }],
    });
    const [one] = asked;
    expect(JSON.parse(one?.body ?? '')).toEqual({ channel: 'sms', number: '+15550100', address: CUSTOMER });
    const headers = Object.fromEntries(Object.entries(one?.headers ?? {}).map(([k, v]) => [k, String(v)]));
    expect(new Webhook(SECRET).verify(one?.body ?? '', headers)).toMatchObject({ address: CUSTOMER });
    expect(await counted()).toEqual({ found: 1 });
  });

  it('is asked once for as long as its answer counts, whatever that was', async () => {
    const one = directory();
    await one.lookUp(request(2));
    nowMs = 119_000;
    answer = { status: 404 };
    expect(await one.lookUp(request(2))).toEqual({ name: 'Ann' });
    nowMs = 121_000;
    expect(await one.lookUp(request(2))).toBeUndefined();
    expect(await one.lookUp(request(2))).toBeUndefined();
    expect(asked).toHaveLength(2);
    await one.lookUp(request(0, '+15550001001'));
    await one.lookUp(request(0, '+15550001001'));
    expect(asked).toHaveLength(4);
    expect(await counted()).toEqual({ found: 1, cached: 2, unknown: 3 });
  });

  it.each<[string, Answer]>([
    ['an error', { status: 500 }],
    ['somewhere else', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
    ['too much', { status: 200, body: JSON.stringify({ name: 'a'.repeat(70_000) }) }],
    ['nothing in time', 'hang'],
  ])('holds up no message where it answers %s, and is left alone for a while', async (_, given) => {
    const one = directory();
    answer = given;
    const startedAt = performance.now();
    expect(await one.lookUp(request())).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(await one.lookUp(request())).toBeUndefined();
    expect(asked).toHaveLength(1);
    answer = { status: 200, body: '{"name":"Ann"}' };
    nowMs = 10_001;
    expect(await one.lookUp(request())).toEqual({ name: 'Ann' });
    expect(await counted()).toEqual({ failed: 1, paused: 1, found: 1 });
    expect(logged.join()).not.toMatch(/hunter2|0001000|127\.0\.0\.1/);
    expect(logged).toHaveLength(1);
  });

  it.each([
    ['no JSON', 'Ann'],
    ['a list', '[]'],
    ['a name that is too long', JSON.stringify({ name: 'a'.repeat(256) })],
    ['a name that is none', '{"name":7}'],
    ['no address', '{"email":"ann"}'],
    ['NUL', '{"name":"a\\u0000"}'],
    ['a language that the desk does not know', '{"language":"xx"}'],
    [
      'too many properties',
      JSON.stringify({
        properties: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, 'v'])),
      }),
    ],
    ['a property that is no text', '{"properties":{"a":{}}}'],
  ])('is not believed where it answers %s', async (_, body) => {
    answer = { status: 200, body };
    expect(await directory().lookUp(request())).toBeUndefined();
    expect(await counted()).toEqual({ invalid: 1 });
  });

  it('of another tenant is asked for itself, under the secret of that one', async () => {
    const other = `whsec_${Buffer.alloc(24, 8).toString('base64')}`;
    const one = directory((tenantId) => [tenantId === 'acme' ? other : SECRET]);
    await one.lookUp(request());
    await one.lookUp(request(undefined, CUSTOMER, 'acme'));
    const verified = (secret: string) =>
      asked.map(({ headers, body }) => {
        try {
          return Boolean(new Webhook(secret).verify(body, headers as Record<string, string>));
        } catch {
          return false;
        }
      });
    expect([verified(SECRET), verified(other)]).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  it('is never asked without a signature', async () => {
    expect(await directory(() => []).lookUp(request())).toBeUndefined();
    expect(asked).toEqual([]);
    expect(await counted()).toEqual({ unsigned: 1 });
  });
});
