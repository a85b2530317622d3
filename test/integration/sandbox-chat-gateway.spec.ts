import { crc32 } from 'node:zlib';
import { flattenedVerify, importJWK, type JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChatGatewaySimulator, startChatGatewaySimulator } from '../../apps/sandbox/src/index.js';
import { type Received, type ReceiverAnswer, startWebhookReceiver } from '../contracts/webhook-receiver.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';

const BASE = '/chat-gateway/v1';
const CORRELATION = { key: 'causewayAttempt', value: '0199-correlation' };
const CREATE = {
  channelId: '25',
  user: { name: 'Ann', language: 'en', additionalProperties: [CORRELATION] },
};

interface Reply {
  status: number;
  contentType: string;
  body: Record<string, unknown>;
  text: string;
}

describe('the Chat Gateway simulator', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>;
  let simulator: ChatGatewaySimulator;
  let answer: ((request: Received) => ReceiverAnswer | 'hang') | undefined;

  beforeEach(async () => {
    answer = undefined;
    receiver = await startWebhookReceiver((request) => answer?.(request) ?? { status: 204 });
    simulator = await startChatGatewaySimulator({
      apiKey: 'the-key',
      tenantId: 'tenant01',
      customerId: 'customer01',
      webhookUrl: `${receiver.url}/webhooks/chat-gateway`,
      channelId: '25',
      settings: { stepMs: 5, eventRetryMs: [10, 20, 30] },
      onExchange: audit?.record,
    });
  });

  afterEach(async () => {
    await simulator.close();
    await receiver.close();
    const violations = audit?.violations() ?? [];
    audit?.exchanges.splice(0);
    expect(violations).toEqual([]);
  });

  async function call(method: string, path: string, body?: unknown, headers = {}): Promise<Reply> {
    const response = await fetch(`${simulator.url}${path}`, {
      method,
      headers: {
        'x-api-key': 'the-key',
        'X-8x8-Tenant': 'tenant01',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      body: parsed,
      text,
    };
  }

  async function settle(): Promise<void> {
    expect(await simulator.activity.settle(5000)).toBe(true);
  }

  async function openConversation(): Promise<string> {
    const created = await call('POST', `${BASE}/conversations`, CREATE);
    expect(created.status).toBe(202);
    await settle();
    return String(created.body['conversationId']);
  }

  function events(): Record<string, unknown>[] {
    return receiver.received.map(({ body }) => JSON.parse(body));
  }

  function types(): unknown[] {
    return events().map(({ eventType }) => eventType);
  }

  it('opens a conversation: created, active, QUEUED, with our correlation value in every update', async () => {
    const id = await openConversation();
    expect(events()).toMatchObject([
      { eventType: 'CONVERSATION_UPDATE', conversationId: id, data: { state: 'created' } },
      { eventType: 'CONVERSATION_UPDATE', conversationId: id, data: { state: 'active' } },
      { eventType: 'QUEUED', conversationId: id, data: { queueId: '100', queueName: 'Support' } },
    ]);
    for (const event of events().slice(0, 2)) {
      expect(event).toMatchObject({ data: { user: { additionalProperties: [CORRELATION] } } });
    }
    expect(simulator.log).toMatchObject([
      { index: 1, kind: 'conversation', conversationId: id, channelId: '25' },
    ]);
    const read = await call('GET', `${BASE}/conversations/${id}`);
    expect(read.body).toMatchObject({ id, state: 'active', assignment: { type: 'queue', id: '100' } });
  });

  it('signs every event as section 5 of the facts sheet says', async () => {
    await openConversation();
    for (const { headers, body } of receiver.received) {
      const payload = {
        checksum: crc32(body),
        cid: 'customer01',
        eid: headers['x-8x8-event-id'],
        retry: Number(headers['x-8x8-retry']),
        tid: 'tenant01',
        tt: Number(headers['x-8x8-transmission-time']),
      };
      const [protectedHeader = '', middle, signature = ''] = String(headers['x-8x8-signature']).split('.');
      expect(middle).toBe('');
      const { kid } = JSON.parse(Buffer.from(protectedHeader, 'base64url').toString());
      const response = await fetch(`${simulator.url}${BASE}/jwk/${kid}/public`);
      const jwk = (await response.json()) as JWK;
      const jws = { protected: protectedHeader, signature, payload: JSON.stringify(payload) };
      const verified = await flattenedVerify(jws, await importJWK(jwk, 'RS256'), { algorithms: ['RS256'] });
      expect(verified.protectedHeader).toMatchObject({ b64: false, crit: ['b64'], alg: 'RS256', kid });
      const forged = { ...jws, payload: JSON.stringify({ ...payload, checksum: payload.checksum + 1 }) };
      await expect(flattenedVerify(forged, await importJWK(jwk, 'RS256'))).rejects.toThrow();
    }
    expect((await call('GET', `${BASE}/jwk/unknown/public`)).status).toBe(404);
  });

  it('repeats an event with the same id and body, a higher retry and a new time until a 2xx', async () => {
    const firstId = (): unknown => receiver.received[0]?.headers['x-8x8-event-id'];
    const first = (): Received[] =>
      receiver.received.filter(({ headers }) => headers['x-8x8-event-id'] === firstId());
    answer = ({ headers }) => ({
      status: headers['x-8x8-event-id'] === firstId() && first().length < 3 ? 503 : 204,
    });
    await openConversation();
    expect(first().map(({ headers }) => headers['x-8x8-retry'])).toEqual(['0', '1', '2']);
    expect(new Set(first().map(({ body }) => body)).size).toBe(1);
    const times = first().map(({ headers }) => Number(headers['x-8x8-transmission-time']));
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
    expect(new Set(times).size).toBe(3);
    const statuses = simulator.webhooks.map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(3);
  });

  it('gives up an event after the last repeat', async () => {
    answer = () => ({ status: 503 });
    await openConversation();
    expect(receiver.received).toHaveLength(3 * 4);
  });

  it('takes messages, announces each of them, lists them newest first', async () => {
    const id = await openConversation();
    for (const text of ['one', 'two', 'three']) {
      const posted = await call('POST', `${BASE}/conversations/${id}/messages`, { authorType: 'user', text });
      expect([posted.status, posted.text]).toEqual([202, '']);
    }
    simulator.desk.accept(simulator.conversation(id), 'agent-1');
    simulator.desk.sendAsAgent(simulator.conversation(id), 'agent-1', 'answer');
    await settle();

    const announced = events().filter(({ eventType }) => eventType === 'MESSAGE');
    expect(announced).toMatchObject([
      ...['one', 'two', 'three'].map((text) => ({ data: { text, sender: { type: 'user' }, isEcho: false } })),
      { data: { text: 'answer', sender: { type: 'agent', id: 'agent-1' } } },
    ]);
    expect(announced.some((event) => JSON.stringify(event).includes('messageId'))).toBe(false);

    const page = await call('GET', `${BASE}/conversations/${id}/messages?size=3`);
    expect(page.body).toMatchObject({
      page: { size: 3, number: 0, totalElements: 4, totalPages: 2 },
      _embedded: { messages: [{ text: 'answer' }, { text: 'three' }, { text: 'two' }] },
    });
    const oldest = await call('GET', `${BASE}/conversations/${id}/messages?size=1&sort=createdAt:asc`);
    expect(oldest.body).toMatchObject({
      _embedded: { messages: [{ text: 'one', author: { type: 'user' } }] },
    });
    expect(simulator.log.filter(({ kind }) => kind === 'message')).toMatchObject([
      { text: 'one' },
      { text: 'two' },
      { text: 'three' },
    ]);
  });

  it("can show the guide's odd forms", async () => {
    const id = await openConversation();
    Object.assign(simulator.settings, { messageForm: 'guide', memberForm: 'older' });
    simulator.answer('Hi');
    await settle();
    expect(events().slice(3)).toMatchObject([
      { eventType: 'AGENT_JOINED', messageType: 'SYSTEM', agentId: 'agent-1', agentName: 'Ada' },
      { eventType: 'CONVERSATION_UPDATE', data: { assignment: { type: 'agent', id: 'agent-1' } } },
      { eventType: 'MESSAGE', conversationId: id, data: { isEcho: true, sender: { type: '' }, text: 'Hi' } },
    ]);
  });

  it('transfers without ending, ends when the customer leaves, and refuses messages then', async () => {
    const id = await openConversation();
    const conversation = simulator.conversation(id);
    simulator.desk.accept(conversation, 'agent-1');
    simulator.desk.transfer(conversation, { fromAgentId: 'agent-1', queueId: '200', toAgentId: 'agent-2' });
    await settle();
    expect(types().slice(5)).toEqual([
      'TRANSFER',
      'MEMBERS_CHANGED',
      'CONVERSATION_UPDATE',
      'QUEUED',
      'MEMBERS_CHANGED',
      'CONVERSATION_UPDATE',
    ]);
    const participants = await call('GET', `${BASE}/conversations/${id}/participants`);
    expect(participants.body).toMatchObject({
      _embedded: {
        participants: [
          { id: 'agent-1', removed: true },
          { id: 'agent-2', removed: false },
          { type: 'user', removed: false },
        ],
      },
    });

    const left = await call('PATCH', `${BASE}/conversations/${id}/participants/user`, { removed: true });
    expect(left.status).toBe(204);
    await settle();
    expect(events().slice(-3)).toMatchObject([
      { eventType: 'MEMBERS_CHANGED', data: { memberType: 'user', change: 'left' } },
      { eventType: 'MEMBERS_CHANGED', data: { memberType: 'agent', change: 'left', id: 'agent-2' } },
      { eventType: 'CONVERSATION_UPDATE', data: { state: 'idle' } },
    ]);
    const refused = await call('POST', `${BASE}/conversations/${id}/messages`, {
      authorType: 'user',
      text: 'late',
    });
    expect(refused.status).toBe(404);
    expect(await call('GET', `${BASE}/conversations/${id}`)).toMatchObject({ body: { state: 'idle' } });
    expect(simulator.log.at(-1)).toMatchObject({ kind: 'close', by: 'customer' });
    simulator.desk.forget(id);
    expect((await call('GET', `${BASE}/conversations/${id}`)).status).toBe(404);
  });

  it('changes queue and customer data', async () => {
    const id = await openConversation();
    const user = { userId: 'crm-7' };
    const patched = await call('PATCH', `${BASE}/conversations/${id}`, {
      assignment: { type: 'queue', id: '200' },
    });
    expect(patched).toMatchObject({ status: 202, body: { assignment: { id: '100' } } });
    await settle();
    expect((await call('GET', `${BASE}/conversations/${id}`)).body).toMatchObject({
      assignment: { id: '200' },
    });
    expect((await call('PATCH', `${BASE}/conversations/${id}`, { user })).body).toMatchObject({
      user: { name: 'Ann', userId: 'crm-7' },
    });
    const put = await call('PUT', `${BASE}/conversations/${id}`, { user });
    expect(put.body['user']).toEqual(user);
    await settle();
    expect(events().slice(3, 5)).toMatchObject([
      { eventType: 'CONVERSATION_UPDATE' },
      { eventType: 'QUEUED', data: { queueId: '200' } },
    ]);
  });

  it('lists conversations by page and filter', async () => {
    const ids = [await openConversation(), await openConversation(), await openConversation()].sort();
    const filter = encodeURIComponent(`channelId==25;(id==${ids[1]},id==${ids[2]})`);
    const found = await call('GET', `${BASE}/conversations?filter=${filter}`);
    expect(found.body).toMatchObject({ _embedded: { conversations: [{ id: ids[1] }, { id: ids[2] }] } });
    const second = await call('GET', `${BASE}/conversations?page=1&size=2`);
    expect(second.body).toMatchObject({
      page: { totalElements: 3 },
      _embedded: { conversations: [{ id: ids[2] }] },
    });
    expect((await call('GET', `${BASE}/conversations?filter=state==idle`)).body).toMatchObject({
      _embedded: { conversations: [] },
    });
    expect((await call('GET', `${BASE}/conversations?filter=user.name==Ann`)).status).toBe(400);
  });

  it('refuses wrong keys and tenants', async () => {
    expect(await call('GET', `${BASE}/conversations`, undefined, { 'x-api-key': 'wrong' })).toMatchObject({
      status: 401,
      contentType: 'application/problem+json',
      body: { errors: [{ code: 'access_denied' }] },
    });
    const other = await call('GET', `${BASE}/conversations`, undefined, { 'X-8x8-Tenant': 'other' });
    expect(other).toMatchObject({
      status: 403,
      body: { message: 'The tenant does not belong to customer.' },
    });
  });

  it('manages webhooks and channels, and verifies a webhook', async () => {
    const version = 'Chat Gateway v1.0';
    const uri = `${receiver.url}/other`;
    const webhook = await call('POST', `${BASE}/webhooks`, {
      name: 'w',
      uri,
      version,
      notificationVersion: version,
    });
    expect(webhook).toMatchObject({ status: 200, body: { id: '2', uri, version } });
    const channel = {
      name: 'c',
      type: 'ChatAPI',
      webHookId: '2',
      routingOptions: { type: 'queue', id: '200' },
    };
    const made = await call('POST', `${BASE}/channels`, channel);
    expect(made).toMatchObject({ status: 200, body: { id: '26', ...channel } });
    expect((await call('GET', `${BASE}/channels`)).body).toMatchObject({ page: { totalElements: 2 } });
    await call('POST', `${BASE}/conversations`, { ...CREATE, channelId: '26' });
    await settle();
    expect(receiver.received.every(({ url }) => url === '/other')).toBe(true);

    expect((await call('POST', `${BASE}/webhooks/verify`, { version, uri })).status).toBe(204);
    expect(events().at(-1)).toEqual({ eventType: 'WEB_HOOK_VERIFY', notificationVersion: version });
    answer = () => ({ status: 503 });
    expect((await call('POST', `${BASE}/webhooks/verify`, { version, uri })).status).toBe(400);

    const renamed = { ...channel, name: 'd' };
    expect((await call('PUT', `${BASE}/channels/26`, renamed)).body).toMatchObject({ id: '26', name: 'd' });
    expect((await call('DELETE', `${BASE}/channels/26`)).status).toBe(204);
    expect((await call('GET', `${BASE}/channels/26`)).status).toBe(404);
    expect((await call('DELETE', `${BASE}/webhooks/2`)).status).toBe(204);
    expect((await call('GET', `${BASE}/webhooks/1`)).body).toMatchObject({ id: '1' });
  });

  it('notes typing and read receipts', async () => {
    const id = await openConversation();
    const at = `${BASE}/conversations/${id}`;
    expect((await call('POST', `${at}/typing`, { authorType: 'user' })).status).toBe(204);
    expect(
      (await call('POST', `${at}/read-receipt`, { authorType: 'user', readAt: Date.now() })).status,
    ).toBe(204);
    expect(simulator.log.map(({ kind }) => kind)).toEqual(['conversation', 'typing', 'read-receipt']);
    simulator.desk.typeAsAgent(simulator.conversation(id), 'agent-1', true);
    await settle();
    expect(events().at(-1)).toMatchObject({
      data: { name: 'typing', value: { users: [{ type: 'agent' }] } },
    });
  });

  it('holds events back and releases them in reverse', async () => {
    simulator.settings.holdEvents = true;
    await openConversation();
    expect(receiver.received).toEqual([]);
    expect(simulator.releaseEvents('reversed')).toBe(3);
    await settle();
    expect(types()).toEqual(['QUEUED', 'CONVERSATION_UPDATE', 'CONVERSATION_UPDATE']);
  });

  it('sends every event twice when told, with one id', async () => {
    simulator.settings.webhookCopies = 2;
    await openConversation();
    const ids = receiver.received.map(({ headers }) => headers['x-8x8-event-id']);
    expect([ids.length, new Set(ids).size]).toEqual([6, 3]);
  });

  it('repeats an event at any later time, with its id and a higher retry', async () => {
    await openConversation();
    simulator.repeatWebhook(3);
    await settle();
    expect(receiver.received).toHaveLength(4);
    expect(receiver.received[3]?.headers).toMatchObject({
      'x-8x8-event-id': receiver.received[2]?.headers['x-8x8-event-id'],
      'x-8x8-retry': '1',
    });
    expect(receiver.received[3]?.body).toBe(receiver.received[2]?.body);
  });

  it('signs with a new key after a rotation; a retired key is unknown', async () => {
    const kidOf = (received: Received | undefined): string => {
      const [head = ''] = String(received?.headers['x-8x8-signature']).split('.');
      return JSON.parse(Buffer.from(head, 'base64url').toString()).kid;
    };
    await openConversation();
    const old = kidOf(receiver.received.at(-1));
    const fresh = await simulator.rotateKey(true);
    await openConversation();
    expect(kidOf(receiver.received.at(-1))).toBe(fresh);
    expect((await call('GET', `${BASE}/jwk/${old}/public`)).status).toBe(404);
    expect((await call('GET', `${BASE}/jwk/${fresh}/public`)).body).toMatchObject({ kty: 'RSA', kid: fresh });
  });
});

describe('what the Chat Gateway simulator refuses', () => {
  // Not audited: these requests break the contract on purpose.
  const property = { key: 'k', value: 'v' };
  const message = { authorType: 'user', text: 'x' };
  it.each([
    {
      what: 'an unknown queue',
      body: { ...CREATE, assignment: { type: 'queue', id: '112' } },
      code: 'invalid_queue',
    },
    { what: 'an unknown channel', body: { ...CREATE, channelId: '26' }, code: 'invalid_parameter' },
    { what: 'no user', body: { channelId: '25' }, code: 'invalid_parameter' },
    {
      what: '31 properties',
      body: { ...CREATE, user: { additionalProperties: Array.from({ length: 31 }, () => property) } },
      code: 'invalid_parameter',
    },
    {
      what: 'a property without a value',
      body: { ...CREATE, user: { additionalProperties: [{ key: 'k' }] } },
      code: 'invalid_parameter',
    },
    {
      what: '201 messages of history',
      body: { ...CREATE, history: { messages: Array.from({ length: 201 }, () => message) } },
      code: 'invalid_parameter',
    },
    { what: 'an unknown language', body: { ...CREATE, user: { language: 'xx' } }, code: 'invalid_parameter' },
  ])('$what: $code', async ({ body, code }) => {
    const simulator = await startChatGatewaySimulator({
      apiKey: 'k',
      tenantId: 't',
      customerId: 'c',
      channelId: '25',
    });
    const response = await fetch(`${simulator.url}${BASE}/conversations`, {
      method: 'POST',
      headers: { 'x-api-key': 'k', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ code }] });
    expect(simulator.log).toEqual([]);
    await simulator.close();
  });
});
