import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DeliveryError } from '#core';
import type { PartContent, SenderNumber } from '#core';
import { ProviderHttp } from '#platform';
import { TwilioChannel } from './sender.js';

const ACCOUNT = 'ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const SECRET = 'canary-secret-5d1f';
const TEXT = 'canary text of a customer';
const TO = '+15550199';
const fixture = (name: string): string =>
  readFileSync(new URL(`../../../test/fixtures/twilio/${name}`, import.meta.url), 'utf8');
const CREATED = fixture('create-message-201.json');

interface Seen {
  url: string;
  headers: IncomingMessage['headers'];
  form: [string, string][];
}

let server: Server;
let baseUrl: string;
let seen: Seen[] = [];
let answer: RequestListener;
const http = new ProviderHttp();

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = [...new URLSearchParams(Buffer.concat(chunks).toString())];
      seen.push({ url: request.url ?? '', headers: request.headers, form });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  seen = [];
});

afterAll(async () => {
  http.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const reply =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };

const channel = (apiBaseUrl = baseUrl, over = http): TwilioChannel =>
  new TwilioChannel(over, {
    accountSid: ACCOUNT,
    username: 'SK0123456789abcdef',
    password: SECRET,
    apiBaseUrl,
    publicBaseUrl: 'https://causeway.example/base/',
  });

const REQUEST = {
  number: { address: '+15550100', account: ACCOUNT },
  to: TO,
  part: { text: TEXT },
  attempt: { messageId: 'm-1', attemptId: 'a-1' },
};

interface SendOptions {
  apiBaseUrl?: string;
  number?: Partial<SenderNumber>;
  part?: PartContent;
  mediaUrls?: string[];
  timeoutMs?: number;
  beforeFirstByte?: () => void;
}

const send = (options: SendOptions = {}) =>
  channel(options.apiBaseUrl).send(
    {
      number: { address: '+15550100', account: ACCOUNT, ...options.number },
      to: TO,
      part: options.part ?? { text: TEXT },
      ...(options.mediaUrls && { mediaUrls: options.mediaUrls }),
      attempt: { messageId: 'm-1', attemptId: 'a-1' },
    },
    {
      timeoutMs: options.timeoutMs ?? 5000,
      ...(options.beforeFirstByte && { beforeFirstByte: options.beforeFirstByte }),
    },
  );

async function failure(options: SendOptions = {}): Promise<DeliveryError> {
  const error: unknown = await send(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DeliveryError);
  // Whatever went wrong, neither credentials nor the customer's number or text may travel with the error.
  const everything = inspect(error, { depth: 12, showHidden: true });
  for (const canary of [
    SECRET,
    Buffer.from(`SK0123456789abcdef:${SECRET}`).toString('base64'),
    TEXT,
    TO,
    '15550123',
  ]) {
    expect(everything).not.toContain(canary);
  }
  return error as DeliveryError;
}

describe(TwilioChannel.name, () => {
  it('posts the form that Twilio documents, to the configured place, with the API key', async () => {
    answer = reply(201, CREATED);
    expect(await send()).toEqual({
      providerId: 'SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      receipt: 'queued',
      httpStatus: 201,
    });
    expect(seen).toHaveLength(1);
    const [request] = seen;
    expect(request?.url).toBe(`/2010-04-01/Accounts/${ACCOUNT}/Messages.json`);
    expect(request?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from(`SK0123456789abcdef:${SECRET}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      To: TO,
      From: '+15550100',
      Body: TEXT,
      StatusCallback: 'https://causeway.example/base/webhooks/twilio/status?m=m-1&a=a-1',
    });
  });

  it('keeps a path in the base URL', async () => {
    answer = reply(201, CREATED);
    await send({ apiBaseUrl: `${baseUrl}/twilio/` });
    expect(seen[0]?.url).toBe(`/twilio/2010-04-01/Accounts/${ACCOUNT}/Messages.json`);
  });

  it('sends text and media verbatim', async () => {
    answer = reply(201, CREATED);
    const text = ' é😀\r\n\u202e&=+% ';
    await send({ part: { text }, mediaUrls: ['https://m/1', 'https://m/2'] });
    expect(seen[0]?.form).toEqual(
      expect.arrayContaining([
        ['Body', text],
        ['MediaUrl', 'https://m/1'],
        ['MediaUrl', 'https://m/2'],
      ]),
    );
  });

  it('names the service beside the number, and alone when the address is the service', async () => {
    const service = `MG${'0'.repeat(32)}`;
    answer = reply(201, CREATED);
    await send({ number: { messagingServiceSid: service } });
    await send({ number: { address: service } });
    const [both, alone] = seen.map(({ form }) => Object.fromEntries(form));
    expect(both).toMatchObject({ From: '+15550100', MessagingServiceSid: service });
    expect(alone).toMatchObject({ MessagingServiceSid: service });
    expect(alone).not.toHaveProperty('From');
  });

  it.each([
    [600_000, '600'],
    [14_399_001, '14400'],
    [86_400_000, '36000'],
    [500, '10'],
    [-1, '10'],
  ])('tells Twilio for how long a message is worth delivering: %d ms', async (expiresInMs, seconds) => {
    answer = reply(201, CREATED);
    await channel().send({ ...REQUEST, expiresInMs }, { timeoutMs: 5_000 });
    expect(seen[0]?.form).toContainEqual(['ValidityPeriod', seconds]);
  });

  it.each([
    ['it’s', {}, 'true'],
    ['its', {}, undefined],
    ['it’s', { smartEncoding: false }, undefined],
    ['it’s', { address: 'whatsapp:+15550100' }, undefined],
  ])('has %j, %j encoded smartly: %s', async (text, changes, smart) => {
    answer = reply(201, CREATED);
    await send({ part: { text }, number: changes });
    expect(Object.fromEntries(seen[0]?.form ?? [])['SmartEncoded']).toBe(smart);
  });

  it('keeps a host name that the package would rewrite for a region', async () => {
    answer = reply(201, CREATED);
    const host = `twilio.stage.eu.internal.proxy.example:${new URL(baseUrl).port}`;
    const resolving = new ProviderHttp({
      lookup: (_name, options, callback) =>
        options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
    });
    const sut = channel(`http://${host}`, resolving);
    await sut.send(REQUEST, { timeoutMs: 5000 }).finally(() => resolving.destroy());
    expect(seen[0]?.headers.host).toBe(host);
  });

  it('does not read the environment for a region', async () => {
    vi.stubEnv('TWILIO_REGION', 'au1').stubEnv('TWILIO_EDGE', 'sydney').stubEnv('TWILIO_LOG_LEVEL', 'debug');
    answer = reply(201, CREATED);
    await send().finally(() => vi.unstubAllEnvs());
    expect(seen).toHaveLength(1);
  });

  it('keeps the limits of calls beside each other apart', async () => {
    answer = (request, response) => setTimeout(() => reply(201, CREATED)(request, response), 300);
    const sut = channel();
    const call = (timeoutMs: number) => sut.send(REQUEST, { timeoutMs });
    await call(5000);
    const [short, long] = await Promise.allSettled([call(50), call(5000)]);
    expect(short).toMatchObject({ status: 'rejected', reason: { kind: 'uncertain', code: 'deadline' } });
    expect(long).toMatchObject({ status: 'fulfilled', value: { httpStatus: 201 } });
  });

  it('holds what belongs to another account', async () => {
    expect(await failure({ number: { account: 'ACother' } })).toMatchObject({
      kind: 'held',
      hold: 'configuration',
    });
    expect(seen).toHaveLength(0);
  });

  it('goes through the rotation of a token, and each message goes out once', async () => {
    let accepted = ['old'];
    let taken = 0;
    answer = (request, response) => {
      const [, password = ''] = Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64')
        .toString()
        .split(':');
      if (!accepted.includes(password)) return reply(401, '{"code":20003}')(request, response);
      taken += 1;
      return reply(201, CREATED)(request, response);
    };
    const configured = (...tokens: string[]) => {
      const [password = '', ...otherPasswords] = tokens;
      return new TwilioChannel(http, {
        accountSid: ACCOUNT,
        username: ACCOUNT,
        password,
        otherPasswords,
        apiBaseUrl: baseUrl,
        publicBaseUrl: 'https://causeway.example',
      });
    };
    const sends = async (sut: TwilioChannel) =>
      expect(await sut.send(REQUEST, { timeoutMs: 5_000 })).toMatchObject({ httpStatus: 201 });
    await sends(configured('old'));
    const both = configured('old', 'new');
    await sends(both);
    accepted = ['old', 'new'];
    await sends(both);
    accepted = ['new'];
    await sends(both);
    await sends(both);
    await sends(configured('new'));
    expect(taken).toBe(6);
    // One refusal, at the moment of the change; then the new token is remembered.
    expect(seen).toHaveLength(7);
  });

  it.each([
    [{ text: 'a'.repeat(161) }, {}, { encoding: 'GSM-7', segments: 2 }],
    [{ text: 'it’s' }, {}, { encoding: 'GSM-7', segments: 1 }],
    [{ text: 'it’s' }, { smartEncoding: false }, { encoding: 'UCS-2', segments: 1 }],
    [{ text: 'hi' }, { address: 'whatsapp:+15550100' }, undefined],
    [{ media: [] }, {}, undefined],
    [{ content: { sid: 'HX1' } }, {}, undefined],
  ])('bills %j, %j by %j', (part, changes, cost) => {
    expect(channel().cost(part, { ...REQUEST.number, ...changes })).toEqual(cost);
  });

  describe('for a sub-account', () => {
    const SUB = 'ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
    const number = { address: '+15550100', account: SUB };
    const own = `Basic ${Buffer.from(`${SUB}:sub-token`).toString('base64')}`;
    const withSubAccount = () =>
      new TwilioChannel(http, {
        accountSid: ACCOUNT,
        username: 'SK0123456789abcdef',
        password: SECRET,
        subAccounts: { [SUB]: ['sub-token'] },
        apiBaseUrl: baseUrl,
        publicBaseUrl: 'https://causeway.example',
      });

    it('sends, looks up, lists and fetches with its own credentials below its own path', async () => {
      answer = (request, response) =>
        reply(request.method === 'POST' ? 201 : 200, request.method === 'POST' ? CREATED : '{"messages":[]}')(
          request,
          response,
        );
      const sut = withSubAccount();
      const context = { timeoutMs: 5_000 };
      const span = { since: new Date(0), until: new Date() };
      await sut.send({ ...REQUEST, number }, context);
      await sut.findSent({ number, to: TO, part: { text: TEXT }, since: 0, known: [] }, context);
      await sut.listReceived({ tenantId: 'default', number, ...span }, context);
      await sut.fetchReceipt({ account: SUB, providerId: `SM${'0'.repeat(32)}` }, context);
      expect(seen).toHaveLength(4);
      for (const { url, headers } of seen) {
        expect(url).toMatch(new RegExp(`^/2010-04-01/Accounts/${SUB}/Messages`));
        expect(headers.authorization).toBe(own);
      }
    });

    it('keeps the main account beside it', async () => {
      answer = reply(201, CREATED);
      await withSubAccount().send(REQUEST, { timeoutMs: 5_000 });
      expect(seen[0]?.url).toBe(`/2010-04-01/Accounts/${ACCOUNT}/Messages.json`);
      expect(seen[0]?.headers.authorization).not.toBe(own);
    });
  });

  describe('when the answer is', () => {
    const code = (value: unknown): string =>
      JSON.stringify({ code: value, message: `'To' ${TO}: ${TEXT}`, status: 400 });

    it.each([
      ['a refusal by code', 400, fixture('create-message-400.json'), 'failed', 'invalid-recipient', '21211'],
      ['a code as text', 400, code('21610'), 'failed', 'opted-out', '21610'],
      ['an unknown code', 400, code(29999), 'failed', 'rejected-unknown', '29999'],
      ['no code', 400, '{}', 'failed', 'rejected-unknown', undefined],
      ['null', 400, 'null', 'failed', 'rejected-unknown', undefined],
      ['HTML', 413, '<html>', 'failed', 'rejected-unknown', undefined],
      ['401', 401, code(20003), 'credentials', 'credentials-refused', '20003'],
      ['401 without a code', 401, '', 'credentials', 'credentials-refused', undefined],
      ['403 with 20003', 403, code(20003), 'credentials', 'credentials-refused', '20003'],
      ['403 without a code', 403, '', 'credentials', 'credentials-refused', undefined],
      ['403 with an unknown general code', 403, code(20151), 'credentials', 'credentials-refused', '20151'],
      ['403 about the message', 403, code(21610), 'failed', 'opted-out', '21610'],
      ['403 with an unknown code', 403, code(39999), 'failed', 'rejected-unknown', '39999'],
      ['404 without a code', 404, '', 'held', 'resource-not-found', undefined],
      ['408', 408, '', 'uncertain', 'request-timeout', undefined],
      ['425', 425, '', 'uncertain', 'too-early', undefined],
      ['429', 429, code(20429), 'not-sent', 'rate-limited', '20429'],
      ['429 with a code that fails otherwise', 429, code(21610), 'not-sent', 'rate-limited', '21610'],
      ['429 for a full queue', 429, code(21611), 'not-sent', 'sender-queue-full', '21611'],
      ['500', 500, code(20500), 'uncertain', 'provider-error', '20500'],
      ['502 with HTML', 502, '<html>', 'uncertain', 'provider-error', undefined],
      ['503 with a code of a refusal', 503, code(21610), 'uncertain', 'provider-error', '21610'],
      ['a redirect', 302, '', 'held', 'not-the-api', undefined],
      [
        'problem+json',
        400,
        JSON.stringify({ type: 'https://x', title: TEXT, status: 400, code: 21610, detail: TO }),
        'failed',
        'opted-out',
        '21610',
      ],
      ['201 with half a body', 201, CREATED.slice(0, 40), 'uncertain', 'unreadable-answer', undefined],
      ['201 with garbage', 201, '<html>', 'uncertain', 'unreadable-answer', undefined],
      ['201 with null', 201, 'null', 'uncertain', 'unreadable-answer', undefined],
      ['201 without an id', 201, '{"status":"queued"}', 'uncertain', 'unreadable-answer', undefined],
      [
        '201 with a foreign id',
        201,
        '{"sid":"CA1","status":"queued"}',
        'uncertain',
        'unreadable-answer',
        undefined,
      ],
      ['204', 204, '', 'uncertain', 'unreadable-answer', undefined],
    ])('%s', async (_name, status, body, kind, name, providerCode) => {
      answer = reply(status, body, status === 302 ? { location: `${baseUrl}/elsewhere` } : {});
      expect(await failure()).toMatchObject({ kind, code: name, providerCode, httpStatus: status });
      expect(seen).toHaveLength(1);
    });

    it.each([
      ['7', 7000],
      ['-3', -3000],
      ['soon', undefined],
    ])('429 with Retry-After %s', async (value, retryAfterMs) => {
      answer = reply(429, '', { 'retry-after': value });
      expect(await failure()).toMatchObject({ kind: 'not-sent', retryAfterMs });
    });

    it('201 with a status we do not know', async () => {
      answer = reply(201, CREATED.replace('"queued"', '"dreaming"'));
      expect(await send()).toEqual({ providerId: 'SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', httpStatus: 201 });
    });
  });

  describe('when the connection', () => {
    it('is refused, nothing was sent', async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as AddressInfo;
      await new Promise((resolve) => other.close(resolve));
      expect(await failure({ apiBaseUrl: `http://127.0.0.1:${port}` })).toMatchObject({
        kind: 'not-sent',
        code: 'connect-refused',
      });
    });

    it('breaks after writing, it is uncertain', async () => {
      answer = (request) => request.socket.destroy();
      expect(await failure()).toMatchObject({ kind: 'uncertain' });
    });

    it('hangs, it is uncertain at the deadline', async () => {
      answer = () => undefined;
      expect(await failure({ timeoutMs: 600 })).toMatchObject({ kind: 'uncertain', code: 'deadline' });
    });

    it('is stopped before the first byte, nothing was sent and the cause is told', async () => {
      const cause = new Error('The lease has run out.');
      const error = await failure({
        beforeFirstByte: () => {
          throw cause;
        },
      });
      expect(error).toMatchObject({ kind: 'not-sent', code: 'stopped' });
      expect(error.cause).toBe(cause);
      expect(seen).toHaveLength(0);
    });
  });
});

describe('typing', () => {
  const show = (account = ACCOUNT) =>
    channel().typing({ account, providerMessageId: `SM${'1'.repeat(32)}` }, { timeoutMs: 5_000 });

  it('names the message that the customer wrote', async () => {
    answer = reply(200, '{"success":true}');
    await show();
    expect(seen.map(({ url, form }) => [url, form])).toEqual([
      [
        '/v2/Indicators/Typing.json',
        [
          ['channel', 'whatsapp'],
          ['messageId', `SM${'1'.repeat(32)}`],
        ],
      ],
    ]);
  });

  it('fails as any call does', async () => {
    answer = reply(404, '{"code":20404,"message":"canary","status":404}');
    await expect(show()).rejects.toMatchObject({ kind: 'held', providerCode: '20404' });
    await expect(show('ACother')).rejects.toMatchObject({ code: 'other-account' });
  });
});
