import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError } from '#core';
import type { CreateConversation, DeskUser, HistoryEntry } from '#core';
import { ProviderHttp } from '#platform';
import { ChatGatewayClient } from './client.js';
import { ChatGatewayDesk } from './desk.js';

interface Asked {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: unknown;
}

interface GuideExample {
  channelId: string;
  user: DeskUser;
  assignment: { type: string; id: string };
  history: { messages: HistoryEntry[] };
}

type Answer = [status: number, body?: unknown, headers?: Record<string, string>] | 'reset' | 'hang';

let asked: Asked[] = [];
let answer: (asked: Asked) => Answer = () => [500];

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    const { method = '', url = '', headers } = request;
    const one: Asked = { method, url, headers, body: text === '' ? undefined : JSON.parse(text) };
    asked.push(one);
    const answered = answer(one);
    if (answered === 'hang') return;
    if (answered === 'reset') return void request.socket.resetAndDestroy();
    const [status, body, more = {}] = answered;
    response.writeHead(status, { 'content-type': 'application/hal+json', ...more });
    response.end(typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body));
  });
});

const provider = new ProviderHttp();
let desk: ChatGatewayDesk;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  desk = new ChatGatewayDesk(
    new ChatGatewayClient(provider, { baseUrl, apiKey: 'secret-key', tenantId: 'acme01' }),
  );
});

beforeEach(() => {
  asked = [];
});

afterAll(async () => {
  provider.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const context = { timeoutMs: 5000 };
const reference = {
  conversationId: '0191b3c4-0000-7000-8000-00000000000a',
  attemptId: '0191b3c4-0000-7000-8000-00000000000b',
};
const property = { key: 'causeway-ref', value: `${reference.conversationId}.${reference.attemptId}` };
const create: CreateConversation = { channelId: 'ch', user: { phone: '+15550100' }, reference };

async function failure(call: Promise<unknown>): Promise<DeliveryError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeliveryError);
  return error as DeliveryError;
}

describe('creating a conversation', () => {
  it('sends what the contract asks for and answers the id', async () => {
    answer = () => [202, { conversationId: ' ID-0', createdAt: '2021-01-30T08:30:00Z' }];
    const user = { name: 'Zoë', phone: '+15550100', language: 'en' };
    const history = [
      { authorType: 'user', text: 'hi' },
      { authorType: 'bot', text: 'there' },
    ] as const;
    const made = await desk.createConversation(
      { channelId: 'f5odm43occnifcdcsa', user, queueId: ' 123', history: [...history], reference },
      context,
    );
    expect(made).toEqual({ deskConversationId: ' ID-0' });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      method: 'POST',
      url: '/chat-gateway/v1/conversations',
      headers: { 'x-api-key': 'secret-key', 'x-8x8-tenant': 'acme01', 'content-type': 'application/json' },
    });
    expect(asked[0]?.body).toEqual({
      channelId: 'f5odm43occnifcdcsa',
      user: { ...user, additionalProperties: [property] },
      assignment: { type: 'queue', id: ' 123' },
      history: { messages: history },
    });
  });

  it('passes the guide’s own example on to the letter, leading spaces included', async () => {
    const text = readFileSync(
      new URL('../../../test/fixtures/chat-gateway/guide-create-conversation.json', import.meta.url),
      'utf8',
    );
    const { channelId, user, assignment, history }: GuideExample = JSON.parse(text);
    answer = () => [202, { conversationId: 'c' }];
    await desk.createConversation(
      { channelId, user, queueId: assignment.id, history: history.messages, reference },
      context,
    );
    expect(assignment.id).toBe(' 123');
    expect(asked[0]?.body).toEqual({
      channelId,
      user: { ...user, additionalProperties: [property] },
      assignment,
      history,
    });
  });

  it('leaves out what is not known, and the oldest of a history that is too long', async () => {
    answer = () => [202, { conversationId: 'c' }];
    await desk.createConversation({ ...create, user: {} }, context);
    expect(asked[0]?.body).toEqual({ channelId: 'ch', user: { additionalProperties: [property] } });
    const history = Array.from({ length: 201 }, (_, i) => ({ authorType: 'user' as const, text: `${i}` }));
    await desk.createConversation({ ...create, history }, context);
    expect(asked[1]?.body).toMatchObject({ history: { messages: history.slice(1) } });
  });

  it.each<[string, Answer, string]>([
    ['no id', [202, {}], 'uncertain garbage-answer'],
    ['half a body', [202, '{"conversationId":'], 'uncertain garbage-answer'],
    ['no body', [200], 'uncertain garbage-answer'],
    ['a failure', [500, 'Internal server error.'], 'uncertain server-error'],
    ['a reset', 'reset', 'uncertain connection-lost'],
    ['a bad queue', [400, { errors: [{ code: 'invalid_queue' }] }], 'held invalid-queue'],
    ['a refusal', [401, { errors: [{ code: 'access_denied' }] }], 'credentials unauthorized'],
  ])('%s', async (_name, answered, expected) => {
    answer = () => answered;
    const { kind, code } = await failure(desk.createConversation(create, context));
    expect(`${kind} ${code}`).toBe(expected);
  });
});

describe('sending a message', () => {
  const send = (part = {}, more = {}) =>
    desk.send({ deskConversationId: ' ID/0', authorType: 'user', part }, { ...context, ...more });

  it('takes a 202 without a body for what it is', async () => {
    answer = () => [202];
    const cards = [{ contentType: 'Buttons', content: {} }];
    expect(await send({ text: ' hi ', attachmentIds: ['a1'], cards })).toEqual({ httpStatus: 202 });
    expect(asked[0]).toMatchObject({
      method: 'POST',
      url: '/chat-gateway/v1/conversations/%20ID%2F0/messages',
      body: { authorType: 'user', text: ' hi ', attachments: [{ id: 'a1' }], cards },
    });
  });

  it.each(['<html>Sign in</html>', '{"half":'])('does not take %s for the desk’s answer', async (page) => {
    answer = () => [200, page];
    const { kind, code } = await failure(send({ text: 'hi' }));
    expect(`${kind} ${code}`).toBe('uncertain garbage-answer');
  });

  it.each([
    [404, 'gone conversation-gone'],
    [409, 'gone conversation-gone'],
    [429, 'uncertain rate-limited'],
    [503, 'uncertain unavailable'],
    [502, 'uncertain server-error'],
    [403, 'credentials forbidden'],
    [400, 'failed rejected'],
  ])('%i', async (status, expected) => {
    answer = () => [status, { message: 'x', errors: ['<<text>>'] }, { 'retry-after': '3' }];
    const { kind, code, retryAfterMs, httpStatus } = await failure(send({ text: 'hi' }));
    expect([`${kind} ${code}`, retryAfterMs, httpStatus]).toEqual([expected, 3000, status]);
  });

  it('at its deadline is uncertain once written, and certainly unsent before', async () => {
    answer = () => 'hang';
    expect(await failure(send({ text: 'hi' }, { timeoutMs: 200 }))).toMatchObject({
      kind: 'uncertain',
      code: 'deadline',
    });
    const away = new ChatGatewayDesk(
      new ChatGatewayClient(provider, { baseUrl: 'http://127.0.0.1:1', apiKey: 'k', tenantId: 't' }),
    );
    const part = { text: 'hi' };
    const error = await failure(away.send({ deskConversationId: 'c', authorType: 'user', part }, context));
    expect(error).toMatchObject({ kind: 'not-sent', code: 'connect-refused' });
  });

  it('does not leave when it is stopped before the first byte', async () => {
    const reason = new Error('the lease is gone');
    const beforeFirstByte = () => {
      throw reason;
    };
    const error = await failure(send({ text: 'hi' }, { beforeFirstByte }));
    expect(error).toMatchObject({ kind: 'not-sent', code: 'stopped', cause: reason });
    expect(asked).toEqual([]);
  });

  it('says nothing of key or text in its errors', async () => {
    for (const answered of [[400, { message: 'canary' }], 'reset'] satisfies Answer[]) {
      answer = () => answered;
      const error = await failure(send({ text: 'canary' }));
      const all = [error, error.cause].map((one) =>
        one instanceof Error ? `${one.stack}${JSON.stringify(one)}` : '',
      );
      expect(all.join()).not.toMatch(/canary|secret-key/);
    }
  });
});

describe('finding a conversation by its reference', () => {
  const find = (more = {}) =>
    desk.findConversation({ channelId: 'ch', reference, createdAfter: 0 }, { ...context, ...more });
  const entry = (id: string, properties: unknown[] = []) => ({
    id,
    state: 'active',
    user: { additionalProperties: properties },
  });
  const page = (conversations: unknown[], totalPages = 1) => ({
    _embedded: { conversations },
    page: { totalPages },
  });
  const query = (one: Asked) => Object.fromEntries(new URL(one.url, 'http://x').searchParams);

  it('compares what the list says', async () => {
    const other = { ...property, value: property.value.replace(/a\./, 'c.') };
    answer = () => [
      200,
      page([entry('1'), entry('2', [other]), entry('3', [{ key: 'x', value: 'y' }, property])]),
    ];
    expect(await find()).toEqual({ deskConversationId: '3' });
    expect(asked.map(query)).toEqual([{ filter: 'channelId==ch', size: '100', page: '0' }]);
  });

  it('finds nothing in an empty list', async () => {
    answer = () => [200, { page: { totalElements: 0, totalPages: 0 } }];
    expect(await find()).toBeUndefined();
  });

  it('does without the filter where the far side refuses it', async () => {
    answer = (one) =>
      'filter' in query(one)
        ? [400, { errors: [{ code: 'invalid_parameter' }] }]
        : [200, page([entry('1', [property])])];
    expect(await find()).toEqual({ deskConversationId: '1' });
    expect(asked).toHaveLength(2);
  });

  it('reads the first page and the last ones, and not without end', async () => {
    answer = (one) => [200, page([entry(query(one)['page'] ?? '')], 50)];
    expect(await find()).toBeUndefined();
    expect(asked.map((one) => query(one)['page'])).toEqual([
      '0',
      '49',
      '48',
      '47',
      '46',
      '45',
      '44',
      '43',
      '42',
      '41',
    ]);
  });

  it('reads entries that say nothing of their user', async () => {
    answer = (one) =>
      one.url.includes('?')
        ? [200, page([{ id: 'old', state: 'idle' }, { id: 'a' }, { id: 'b' }])]
        : one.url.endsWith('/a')
          ? [404]
          : [200, entry('b', [property])];
    expect(await find()).toEqual({ deskConversationId: 'b' });
    expect(asked.slice(1).map((one) => one.url)).toEqual([
      '/chat-gateway/v1/conversations/a',
      '/chat-gateway/v1/conversations/b',
    ]);
  });

  it.each<[string, Answer]>([
    ['a failure', [500]],
    ['too many', [429]],
    ['garbage', [200, '<html>']],
    ['something else', [200, { message: 'ok' }]],
    ['a reset', 'reset'],
  ])('%s concludes nothing', async (_name, answered) => {
    answer = () => answered;
    expect((await failure(find())).kind).toBe('not-sent');
  });

  it('keeps one deadline over all its calls', async () => {
    answer = (one) => (query(one)['page'] === '0' ? [200, page([], 9)] : 'hang');
    expect(await failure(find({ timeoutMs: 300 }))).toMatchObject({ kind: 'not-sent', code: 'deadline' });
    expect(asked).toHaveLength(2);
  });
});

describe('reading and ending a conversation', () => {
  it.each(['created', 'active', 'idle'])('%s', async (state) => {
    answer = () => [200, { id: 'c', state }];
    expect(await desk.readConversation('c', context)).toEqual({ state });
  });

  it('gone is an answer, other failures are not', async () => {
    answer = () => [404, { message: 'Resource not found' }];
    expect(await desk.readConversation('c', context)).toEqual({ state: 'gone' });
    for (const answered of [[500], [200, { state: 'odd' }], [200, 'x'], 'reset'] satisfies Answer[]) {
      answer = () => answered;
      expect((await failure(desk.readConversation('c', context))).kind).toBe('not-sent');
    }
  });

  it('the customer leaves; that they have left already is fine', async () => {
    for (const status of [204, 200, 404, 409, 410]) {
      answer = () => [status];
      await expect(desk.endConversation('c', context)).resolves.toBeUndefined();
    }
    expect(asked[0]).toMatchObject({
      method: 'PATCH',
      url: '/chat-gateway/v1/conversations/c/participants/user',
      body: { removed: true },
    });
    for (const answered of [[500], [503], [429], 'reset'] satisfies Answer[]) {
      answer = () => answered;
      expect((await failure(desk.endConversation('c', context))).kind).toBe('not-sent');
    }
  });

  it('goes into another queue', async () => {
    answer = () => [202, { id: 'c', state: 'active', assignment: { type: 'queue', id: '200' } }];
    const request = { deskConversationId: 'c', queueId: '200' };
    await desk.updateConversation(request, context);
    expect(asked).toMatchObject([
      {
        method: 'PATCH',
        url: '/chat-gateway/v1/conversations/c',
        body: { assignment: { type: 'queue', id: '200' } },
      },
    ]);
    answer = () => [400, { errors: [{ code: 'invalid_queue', message: 'Queue ID 200 is invalid.' }] }];
    expect((await failure(desk.updateConversation(request, context))).kind).toBe('failed');
    answer = () => [404];
    expect((await failure(desk.updateConversation(request, context))).kind).toBe('gone');
  });

  it('names the queue that a conversation is assigned to', async () => {
    answer = () => [200, { state: 'active', assignment: { type: 'queue', id: '200' } }];
    expect(await desk.readConversation('c', context)).toEqual({ state: 'active', queueId: '200' });
    answer = () => [200, { state: 'active', assignment: { type: 'agent', id: 'a1' } }];
    expect(await desk.readConversation('c', context)).toEqual({ state: 'active' });
  });

  it('ids that would climb out of the path go nowhere', async () => {
    for (const id of ['', '.', '..'])
      await expect(desk.readConversation(id, context)).rejects.toThrow(TypeError);
    expect(asked).toEqual([]);
  });
});

describe('telling what was read', () => {
  const receipt = () => desk.readReceipt({ deskConversationId: 'ID/0', readAt: 1_713_100_000_000 }, context);

  it('says it of the customer, up to an instant', async () => {
    answer = () => [204];
    await receipt();
    expect(asked).toMatchObject([
      {
        method: 'POST',
        url: '/chat-gateway/v1/conversations/ID%2F0/read-receipt',
        body: { authorType: 'user', readAt: 1_713_100_000_000 },
      },
    ]);
  });

  it.each<[string, Answer]>([
    ['gone', [404, { message: 'x' }]],
    ['gone', [409]],
    ['failed', [400]],
    ['not-sent', [503]],
    ['not-sent', [429]],
    ['not-sent', 'reset'],
  ])('is %s after %j', async (kind, answered) => {
    answer = () => answered;
    expect((await failure(receipt())).kind).toBe(kind);
  });
});

describe('listing participants', () => {
  it('says of everybody who ever joined whether they are there', async () => {
    const participants = [
      { id: 'user', type: 'user', removed: false, language: 'en' },
      { id: 'a1', type: 'agent', removed: true },
      { id: 'a2', type: 'agent' },
      { type: 'agent' },
    ];
    answer = () => [200, { _embedded: { participants }, page: { totalPages: 1 } }];
    expect(await desk.listParticipants('c 1', context)).toEqual([
      { id: 'user', type: 'user', present: true },
      { id: 'a1', type: 'agent', present: false },
      { id: 'a2', type: 'agent', present: true },
    ]);
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /chat-gateway/v1/conversations/c%201/participants',
    ]);
  });

  it('fails for what is no list, and knows one that is gone', async () => {
    answer = () => [200, {}];
    expect((await failure(desk.listParticipants('c', context))).kind).toBe('not-sent');
    answer = () => [404];
    expect((await failure(desk.listParticipants('c', context))).kind).toBe('gone');
  });
});

describe('listing messages', () => {
  const message = (n: number) => ({
    id: `m${n}`,
    text: ` ${n} `,
    createdAt: new Date(n * 1000).toISOString(),
    author: { id: 'a', type: 'user' },
  });

  it('newest first, over pages, each once', async () => {
    const all = Array.from({ length: 250 }, (_, i) => message(250 - i));
    let grown = 0;
    answer = ({ url }) => {
      const { searchParams } = new URL(url, 'http://x');
      expect(searchParams.get('sort')).toBe('createdAt:desc');
      const from = Number(searchParams.get('page')) * 100 - grown;
      // A message arrives between two pages: the second begins with the last of the first.
      grown = 1;
      return [
        200,
        { _embedded: { messages: all.slice(Math.max(0, from), from + 100) }, page: { totalPages: 3 } },
      ];
    };
    const listed = await desk.listMessages('c', 250, context);
    expect(listed.map(({ id }) => id)).toEqual(all.slice(0, 250).map(({ id }) => id));
    expect(listed[0]).toEqual({
      id: 'm250',
      text: ' 250 ',
      createdAt: 250_000,
      authorType: 'user',
      authorId: 'a',
      attachments: [],
      content: { type: 'text', text: ' 250 ' },
    });
  });

  it('asks once more for a page that fails after the first, and at once gives up where the first does', async () => {
    const all = Array.from({ length: 250 }, (_, i) => message(250 - i));
    const asked: number[] = [];
    let failing = [1, 2];
    answer = ({ url }) => {
      const page = Number(new URL(url, 'http://x').searchParams.get('page'));
      asked.push(page);
      if (failing.includes(page)) {
        failing = failing.filter((each) => each !== page);
        return [500];
      }
      return [200, { _embedded: { messages: all.slice(page * 100, page * 100 + 100) } }];
    };
    expect(await desk.listMessages('c', 2_000, context)).toHaveLength(250);
    expect(asked.splice(0)).toEqual([0, 1, 1, 2, 2]);
    failing = [0];
    expect((await failure(desk.listMessages('c', 2_000, context))).httpStatus).toBe(500);
    expect(asked).toEqual([0]);
  });

  it('knows every author, and attachments by id', async () => {
    const types = ['agent', 'bot', 'system', undefined];
    answer = () => [
      200,
      {
        _embedded: {
          messages: types.map((type, i) => ({
            ...message(9 - i),
            author: { type },
            attachments: [{ id: 'x' }],
          })),
        },
      },
    ];
    const listed = await desk.listMessages('c', 10, context);
    expect(listed.map(({ authorType }) => authorType)).toEqual(['agent', 'bot', 'unknown', 'unknown']);
    expect(listed[0]?.attachments).toEqual([{ id: 'x' }]);
  });

  it('says when looking is impossible, by status', async () => {
    for (const status of [404, 405, 410, 501]) {
      answer = () => [status];
      expect((await failure(desk.listMessages('c', 10, context))).httpStatus).toBe(status);
    }
  });
});
