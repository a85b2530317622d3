import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Acceptor, CannotStoreError, WebhookObserver } from '#core';
import type { AcceptResult, NeutralEvent } from '#core';
import { Configuration } from '#platform';
import { MAX_BODY_BYTES } from './form.js';
import { TwilioWebhooksModule } from './twilio.module.js';
import { TwilioWebhookController } from './webhook.controller.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const TOKEN = 'canary-token-0123456789';
const PUBLIC_BASE_URL = 'https://public.example/base';
const MESSAGES = '/webhooks/twilio/messages';
const STATUS = '/webhooks/twilio/status';
const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../test/fixtures/twilio/${name}.form`, import.meta.url));

let accepted: NeutralEvent[] = [];
let ended: string[] = [];
let accept: () => Promise<AcceptResult[]>;

class FakeAcceptor extends Acceptor {
  async accept(events: NeutralEvent[]): Promise<AcceptResult[]> {
    const results = await accept();
    accepted.push(...events);
    return results;
  }
}

class FakeObserver extends WebhookObserver {
  ended(door: string, outcome: string): void {
    ended.push(`${door} ${outcome}`);
  }
}

@Global()
@Module({
  providers: [
    {
      provide: Configuration,
      useValue: {
        twilioAccountSid: ACCOUNT,
        twilioAuthToken: ['old-token', TOKEN],
        publicBaseUrl: PUBLIC_BASE_URL,
      },
    },
    { provide: Acceptor, useClass: FakeAcceptor },
    { provide: WebhookObserver, useClass: FakeObserver },
  ],
  exports: [Configuration, Acceptor, WebhookObserver],
})
class Surroundings {}

@Module({ imports: [Surroundings, TwilioWebhooksModule] })
class TestGateway {}

let app: NestFastifyApplication;
let port: number;

beforeAll(async () => {
  const adapter = new FastifyAdapter({ bodyLimit: 20 * 1024 * 1024 });
  app = await NestFactory.create<NestFastifyApplication>(TestGateway, adapter, {
    logger: false,
    bodyParser: false,
  });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  await app.listen(0, '127.0.0.1');
  port = (app.getHttpServer().address() as AddressInfo).port;
});

beforeEach(() => {
  accepted = [];
  ended = [];
  accept = async () => ['accepted'];
});

afterAll(async () => {
  await app.close();
});

function signature(path: string, body: Buffer, token = TOKEN): string {
  const pairs = [...new URLSearchParams(body.toString())].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const text = PUBLIC_BASE_URL + path + pairs.map(([name, value]) => name + value).join('');
  return createHmac('sha1', token).update(text).digest('base64');
}

interface Answer {
  status: number;
  type: string | undefined;
  retryAfter: string | undefined;
  body: string;
}

/** Posts over a real socket; `headers` win over the signed default. */
function post(path: string, body: Buffer | string, headers: Record<string, string> = {}): Promise<Answer> {
  const bytes = Buffer.from(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      path,
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
        'x-twilio-signature': signature(path, bytes),
        'content-length': bytes.length,
        ...headers,
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'],
          retryAfter: response.headers['retry-after'],
          body: text,
        }),
      );
    });
    request.end(bytes);
  });
}

describe(TwilioWebhookController.name, () => {
  it('answers a message with TwiML that sends nothing, once it is accepted', async () => {
    const answer = await post(MESSAGES, fixture('inbound-sms'));
    expect(answer.status).toBe(200);
    expect(answer.type).toMatch(/^text\/xml/);
    expect(answer.body).toBe('<?xml version="1.0" encoding="UTF-8"?><Response/>');
    expect(accepted).toMatchObject([
      { kind: 'inbound-message', content: { text: 'Where is my parcel? café 📦' } },
    ]);
    expect(ended).toEqual(['twilio-messages accepted']);
  });

  it.each(['duplicate', 'conflict'] as const)('answers a %s like the first', async (result) => {
    accept = async () => [result];
    expect(await post(MESSAGES, fixture('inbound-sms'))).toMatchObject({
      status: 200,
      type: /xml/ as unknown,
    });
    expect(ended).toEqual([`twilio-messages ${result}`]);
  });

  it('answers a receipt with 204, its correlation read from the signed query', async () => {
    const ids = 'm=01890a5d-ac96-774b-bcce-b302099a8057&a=01890a5d-ac96-774b-bcce-b302099a8058';
    expect(await post(`${STATUS}?${ids}`, fixture('status-delivered'))).toMatchObject({
      status: 204,
      body: '',
    });
    expect(accepted).toMatchObject([
      { kind: 'receipt', attempt: { messageId: '01890a5d-ac96-774b-bcce-b302099a8057' } },
    ]);
  });

  it('answers a receipt that says nothing to us with 204 and counts it', async () => {
    const body = `AccountSid=${ACCOUNT}&MessageSid=SM${'0'.repeat(32)}&MessageStatus=dreaming`;
    expect(await post(STATUS, body)).toMatchObject({ status: 204 });
    expect(accepted).toEqual([]);
    expect(ended).toEqual(['twilio-status ignored']);
  });

  it('never believes Host or forwarding headers', async () => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' };
    expect(await post(MESSAGES, fixture('inbound-sms'), headers)).toMatchObject({ status: 200 });
  });

  const valid = `AccountSid=${ACCOUNT}&MessageSid=SM${'0'.repeat(32)}&From=%2B1&To=%2B2&Body=`;
  const other = valid.replace(ACCOUNT, `AC${'9'.repeat(32)}`);
  const many = valid + Array.from({ length: 100_000 }, (_, n) => `&p${n}=`).join('');

  it.each<[string, number, string, Record<string, string>]>([
    ['without a signature', 403, valid, { 'x-twilio-signature': '' }],
    ['with a garbage signature', 403, valid, { 'x-twilio-signature': '\u00ff%%%' }],
    [
      'signed with another token',
      403,
      valid,
      { 'x-twilio-signature': signature(MESSAGES, Buffer.from(valid), 'x') },
    ],
    ['signed for another path', 403, valid, { 'x-twilio-signature': signature(STATUS, Buffer.from(valid)) }],
    ['of another account', 403, other, {}],
    ['of no account', 403, valid.replace('AccountSid', 'Nobody'), {}],
    ['of two accounts', 403, `${other}&AccountSid=${ACCOUNT}`, {}],
    ['that is empty', 403, '', {}],
    ['without an address', 400, valid.replace('From=%2B1', 'From='), {}],
    ['with CRLF in an address', 400, valid.replace('From=%2B1', 'From=%0D%0A'), {}],
    ['with 100,000 parameters', 413, many, {}],
    ['with 2,000 parameters', 400, valid + '&a'.repeat(2000), {}],
    ['of 10 MB', 413, valid + 'x'.repeat(10 * 1024 * 1024), {}],
    ['of JSON', 403, '{"AccountSid":1}', { 'content-type': 'application/json' }],
    ['of garbage bytes', 403, '%ff%zz&%00=%ED%A0%80&__proto__[x]=1', { 'x-twilio-signature': 'x' }],
  ])('refuses a message %s with %d and tells nothing', async (_name, status, body, headers) => {
    expect(await post(MESSAGES, body, headers)).toMatchObject({ status, body: '' });
    expect(accepted).toEqual([]);
    expect(ended).toHaveLength(1);
  });

  it('takes what is strange but signed', async () => {
    const strange = `${valid}%00%0D%0A%E2%80%AE%EF%BF%BD&__proto__=x&constructor=y&Unknown=&=`;
    expect(await post(MESSAGES, strange)).toMatchObject({ status: 200 });
    expect(accepted).toMatchObject([{ content: { type: 'text', text: '\u0000\r\n\u202e\ufffd' } }]);
  });

  it('takes a body just within the bound', async () => {
    const body = valid + 'x'.repeat(MAX_BODY_BYTES - valid.length);
    expect(await post(MESSAGES, body)).toMatchObject({ status: 200 });
  });

  it('asks for a retry when the event cannot be stored', async () => {
    accept = async () => {
      throw new CannotStoreError();
    };
    for (const [path, body] of [
      [MESSAGES, fixture('inbound-sms')],
      [STATUS, fixture('status-delivered')],
    ] as const) {
      const answer = await post(path, body);
      expect(answer).toMatchObject({ status: 503, body: '' });
      expect(Number(answer.retryAfter)).toBeGreaterThan(0);
    }
  });

  it('answers 400 for what storage can never take', async () => {
    accept = async () => ['invalid'];
    expect(await post(MESSAGES, fixture('inbound-sms'))).toMatchObject({ status: 400, body: '' });
    expect(await post(STATUS, fixture('status-delivered'))).toMatchObject({ status: 400, body: '' });
  });
});
