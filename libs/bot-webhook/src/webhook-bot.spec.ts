import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { DeliveryError, type BotEvent } from '#core';
import { HookSigner, ProviderHttp, Tenants } from '#platform';
import { WebhookBot } from './webhook-bot.js';

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const EVENT: BotEvent = {
  id: '018f0000-0000-7000-8000-000000000001',
  type: 'message.received',
  createdAt: '2026-01-01T00:00:00.000Z',
  thread: { id: 'thread-1' },
  number: { id: 'number-1', address: '+15550100', channel: 'sms' },
  customer: { id: 'customer-1', address: '+15550123' },
  message: {
    id: '018f0000-0000-7000-8000-000000000001',
    seq: 1,
    content: { type: 'text', text: 'héllo ≠ 𝒳' },
  },
};
const CONTEXT = { tenantId: 'default', timeoutMs: 1_000 };

let server: http.Server;
let url: string;
let asked: {
  method: string | undefined;
  url: string | undefined;
  headers: Record<string, string>;
  body: string;
}[];
let answer: (response: http.ServerResponse) => void;
const calls = new ProviderHttp();

beforeAll(async () => {
  server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const headers = request.headers as Record<string, string>;
      asked.push({ method: request.method, url: request.url, headers, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/causeway?tenant=1`;
});
afterAll(async () => {
  calls.destroy();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  asked = [];
  answer = (response) => response.writeHead(204).end();
});

const signer = new HookSigner(() => [SECRET]);
const bot = () => new WebhookBot(calls, { signer });
const deliver = () => bot().deliver({ url, event: EVENT }, CONTEXT);

async function refusal(call: Promise<unknown>): Promise<DeliveryError> {
  const error: unknown = await call.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DeliveryError);
  return error as DeliveryError;
}

describe(WebhookBot.name, () => {
  it('posts an event that its own library verifies, under the id of the event', async () => {
    expect(await deliver()).toEqual({ httpStatus: 204 });
    const [request] = asked;
    expect(request).toMatchObject({
      method: 'POST',
      url: '/causeway?tenant=1',
      headers: { 'content-type': 'application/json', 'webhook-id': EVENT.id },
    });
    expect(new Webhook(SECRET).verify(request?.body ?? '', request?.headers ?? {})).toEqual(EVENT);
    const other = new Webhook(Buffer.alloc(24, 8).toString('base64'));
    expect(() => other.verify(request?.body ?? '', request?.headers ?? {})).toThrow('No matching signature');
  });

  it('signs with each secret of the tenant whose bot it is, so that one can be changed for another', async () => {
    const [current, old, acmes] = [7, 8, 9].map((n) => Buffer.alloc(24, n).toString('base64'));
    const chatGateway = { apiKey: 'key', tenantId: 'acme01', customerId: 'customer' };
    const tenants = new Tenants({
      twilioAccountSid: 'AC1',
      chatGatewayApiKey: 'key',
      chatGatewayTenantId: 'default01',
      chatGatewayCustomerId: 'customer',
      hookSigningSecret: [`whsec_${current}`, `whsec_${old}`],
      tenants: [
        { id: 'acme', chatGateway, twilioAccounts: ['AC2'], hookSigningSecret: [`whsec_${acmes}`] },
        { id: 'bolt', chatGateway, twilioAccounts: ['AC3'] },
      ],
    });
    const sut = new WebhookBot(calls, { signer: new HookSigner((id) => tenants.hookSecretsOf(id)) });
    for (const tenantId of ['default', 'acme', 'bolt']) {
      await sut.deliver({ url, event: EVENT }, { ...CONTEXT, tenantId });
    }
    /** Which of the three calls a bot takes that knows only this secret. */
    const taken = (secret = '') =>
      asked.map(({ body, headers }) => {
        try {
          return new Webhook(secret).verify(body, headers) !== undefined;
        } catch {
          return false;
        }
      });
    expect({ current: taken(current), old: taken(old), acmes: taken(acmes) }).toEqual({
      current: [true, false, true],
      old: [true, false, true],
      acmes: [false, true, false],
    });
    expect(tenants.hookSecretsOf('nobody')).toEqual([]);
  });

  it('signs each try anew, so that a late one is no replay', async () => {
    const now = { ms: Date.now() - 3_600_000 };
    const sut = new WebhookBot(calls, { signer, now: () => now.ms });
    await sut.deliver({ url, event: EVENT }, CONTEXT);
    now.ms = Date.now();
    await sut.deliver({ url, event: EVENT }, CONTEXT);
    const [old, fresh] = asked;
    expect(old?.body).toBe(fresh?.body);
    expect(() => new Webhook(SECRET).verify(old?.body ?? '', old?.headers ?? {})).toThrow('too old');
    expect(new Webhook(SECRET).verify(fresh?.body ?? '', fresh?.headers ?? {})).toEqual(EVENT);
  });

  it.each<[number, DeliveryError['kind'], string]>([
    [301, 'held', 'bot-redirects'],
    [400, 'failed', 'bot-rejected'],
    [401, 'credentials', 'bot-refuses-signature'],
    [403, 'credentials', 'bot-refuses-signature'],
    [404, 'held', 'bot-not-found'],
    [405, 'held', 'bot-not-found'],
    [408, 'not-sent', 'bot-unavailable'],
    [410, 'held', 'bot-not-found'],
    [422, 'failed', 'bot-rejected'],
    [429, 'not-sent', 'bot-rate-limited'],
    [500, 'not-sent', 'bot-unavailable'],
    [503, 'not-sent', 'bot-unavailable'],
  ])('reads %i as %s (%s)', async (status, kind, code) => {
    answer = (response) => response.writeHead(status, { location: url, 'retry-after': '7' }).end();
    expect(await refusal(deliver())).toMatchObject({
      kind,
      code,
      httpStatus: status,
      retryAfterMs: 7_000,
      hold: kind === 'held' ? 'configuration' : undefined,
    });
    expect(asked).toHaveLength(1);
  });

  it('may try again whatever the call broke off with, since the bot knows the event', async () => {
    answer = (response) => response.destroy();
    expect(await refusal(deliver())).toMatchObject({ kind: 'not-sent', code: 'connection-lost' });
    answer = () => undefined;
    const late = bot().deliver({ url, event: EVENT }, { ...CONTEXT, timeoutMs: 50 });
    expect(await refusal(late)).toMatchObject({ kind: 'not-sent', code: 'deadline' });
  });

  it('sends nothing after its last moment, and nothing unsigned', async () => {
    const stale = new Error('stale');
    const beforeFirstByte = () => {
      throw stale;
    };
    const event = { ...EVENT, id: 'never sent' };
    const stopped = bot().deliver({ url, event }, { ...CONTEXT, beforeFirstByte });
    expect(await refusal(stopped)).toMatchObject({ kind: 'not-sent', cause: stale });
    const unsigned = new WebhookBot(calls, { signer: new HookSigner(() => []) }).deliver(
      { url, event },
      CONTEXT,
    );
    expect(await refusal(unsigned)).toMatchObject({
      kind: 'held',
      hold: 'configuration',
      code: 'hook-secret-missing',
    });
    expect(asked.filter(({ headers }) => headers['webhook-id'] === event.id)).toEqual([]);
  });
});
