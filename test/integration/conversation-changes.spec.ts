import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startChatGatewaySimulator, type ChatGatewaySimulator } from '../../apps/sandbox/src/index.js';
import type { CreateConversation, DeskUser } from '#core';
import { ChatGatewayClient, ChatGatewayDesk } from '#desk-chat-gateway';
import { ProviderHttp } from '#platform';
import { eventually, inboundMessage, makeNumber, newAddress } from '../support/accepting.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';
import { startDelivery, type Delivery } from '../support/delivering.js';
import { testTenants } from '../support/tenants.js';
import { ACCOUNT, startOperatorApi, type OperatorApi } from './operator-api-app.js';

const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
const http = new ProviderHttp();
let simulator: ChatGatewaySimulator;
let desk: ChatGatewayDesk;
let api: OperatorApi;
let delivery: Delivery;

beforeAll(async () => {
  simulator = await startChatGatewaySimulator({
    apiKey: 'a-key',
    tenantId: 'tenant-1',
    customerId: 'customer-1',
    webhookUrl: 'http://127.0.0.1:9/',
    channelId: 'channel-1',
    onExchange: audit?.record,
  });
  desk = new ChatGatewayDesk(
    new ChatGatewayClient(http, { baseUrl: simulator.url, apiKey: 'a-key', tenantId: 'tenant-1' }),
  );
  api = await startOperatorApi(undefined, { desk });
});
afterAll(async () => {
  http.destroy();
  await Promise.all([api.stop(), simulator.close()]);
  expect(audit?.violations() ?? []).toEqual([]);
});
beforeEach(() => {
  delivery = startDelivery(api.db);
  // The simulator takes the place of the desk in memory for what is created and changed.
  const { desk: fake } = delivery;
  fake.createConversation = (request: CreateConversation, context) =>
    desk.createConversation(request, context);
});

interface Opened {
  id: string;
  deskId: string;
  customerId: string;
  numberId: string;
}

/** A conversation that the desk has, on a number of its own. */
async function opened(settings: object = {}): Promise<Opened> {
  const address = newAddress();
  const numberId = await makeNumber(api.db.pool, { address });
  await api.db.pool.query('update business_numbers set settings = $2 where id = $1', [numberId, settings]);
  await api.db.gateway.accept([
    inboundMessage({ from: newAddress(), to: address, profileName: 'Ann', text: 'hello' }),
  ]);
  const { rows } = await api.db.pool.query<{ id: string; customer_id: string }>(
    'select l.id, t.customer_id from lanes l join threads t on t.id = l.thread_id where t.number_id = $1',
    [numberId],
  );
  const [lane] = rows;
  const open = () =>
    api.db.pool.query<{ id: string; desk_conversation_id: string }>(
      'select id, desk_conversation_id from conversations where number_id = $1 and desk_conversation_id is not null',
      [numberId],
    );
  await delivery.drainUntil(lane?.id ?? '', 'it is at the desk', async () => (await open()).rows.length > 0);
  const [conversation] = (await open()).rows;
  const deskId = conversation?.desk_conversation_id ?? '';
  return { id: conversation?.id ?? '', deskId, customerId: lane?.customer_id ?? '', numberId };
}

const change = (id: string, body: object) => api.call('patch', `conversations/${id}`).send(body);
const atDesk = (deskId: string) => simulator.desk.get(deskId);
function propertiesAtDesk(deskId: string): Record<string, string> {
  const properties = atDesk(deskId)?.user['additionalProperties'] as { key: string; value: string }[];
  return Object.fromEntries(properties.map(({ key, value }) => [key, value]));
}

describe('changing a conversation that waits', () => {
  it('moves it to another queue and says all of the user again, with our own property', async () => {
    const { id, deskId } = await opened({ user: { company: 'Acme', properties: { Brand: 'North' } } });
    const reference = propertiesAtDesk(deskId)['causeway-ref'];
    expect(reference).toMatch(new RegExp(`^${id}\\.`));
    const first = await change(id, {
      queueId: '200',
      user: { email: 'ann@acme.example', properties: { Tier: 'gold' } },
    });
    expect(first.status).toBe(202);
    expect(first.body).toMatchObject({ id });
    const second = await change(id, { user: { name: 'Ann Lee', properties: { Tier: 'silver' } } });
    expect(second.status).toBe(202);
    await eventually('it is in the other queue', () => atDesk(deskId)?.queueId === '200');
    expect(atDesk(deskId)).toMatchObject({
      user: { name: 'Ann Lee', company: 'Acme', email: 'ann@acme.example' },
    });
    expect(propertiesAtDesk(deskId)).toEqual({ Brand: 'North', Tier: 'silver', 'causeway-ref': reference });
    // Twice is once.
    expect((await change(id, { user: { name: 'Ann Lee', properties: { Tier: 'silver' } } })).status).toBe(
      202,
    );
    const log = await api.call('get', `audit?target=${id}`);
    expect((log.body as { items: unknown[] }).items).toMatchObject([
      { action: 'conversation.change', details: { fields: ['user.name', 'user.properties'] } },
      { action: 'conversation.change', details: { fields: ['user.name', 'user.properties'] } },
      { action: 'conversation.change', details: { fields: ['user.email', 'user.properties'] } },
      { action: 'conversation.change', details: { fields: ['queueId'] } },
    ]);
    expect(JSON.stringify(log.body)).not.toMatch(/Lee|gold|ann@/);
  });

  it('loses nothing of what others change at the same time', async () => {
    const { id, deskId } = await opened();
    const answers = await Promise.all(
      ['A', 'B'].map((key) => change(id, { user: { properties: { [key]: 'yes' } } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    await eventually('both are there', () =>
      Promise.resolve('A' in propertiesAtDesk(deskId) && 'B' in propertiesAtDesk(deskId)),
    );
  });

  it('is refused with a reason', async () => {
    const { id, deskId } = await opened();
    const unknown = await change(id, { queueId: '999', user: { name: 'Ann Lee' } });
    expect(unknown.status).toBe(422);
    expect(unknown.body).toMatchObject({ errors: [{ field: 'queueId' }] });
    expect(atDesk(deskId)?.user['name']).toBe('Ann');

    const many = Object.fromEntries(Array.from({ length: 29 }, (_, n) => [`key ${n}`, 'v']));
    expect((await change(id, { user: { properties: many } })).status).toBe(202);
    const one = await change(id, { user: { properties: { more: 'v' } } });
    expect(one.status).toBe(400);
    expect(one.body).toMatchObject({
      errors: [
        { field: 'user.properties', message: expect.stringMatching(/at most 29.*would be 30/) as string },
      ],
    });

    await api.db.pool.query("update conversations set state = 'active' where id = $1", [id]);
    expect((await change(id, { queueId: '200' })).body).toMatchObject({
      status: 409,
      detail: expect.stringMatching(/agent/) as string,
    });
    expect((await change(id, { user: { caseId: 'C-1' } })).status).toBe(202);

    simulator.setFault({ operation: 'conversations.update', effect: 'answer', status: 404 });
    expect((await change(id, { user: { caseId: 'C-2' } })).body).toMatchObject({
      status: 409,
      detail: expect.stringMatching(/over/) as string,
    });
    simulator.setFault({ operation: 'conversations.update', effect: 'reset' });
    expect((await change(id, { user: { caseId: 'C-3' } })).status).toBe(502);
    expect((await change(id, { user: { caseId: 'C-3' } })).status).toBe(202);

    expect((await api.call('post', `conversations/${id}/close`)).status).toBe(200);
    expect((await change(id, { user: { caseId: 'C-4' } })).body).toMatchObject({
      status: 409,
      detail: 'This conversation is closed.',
    });
    expect((await change(crypto.randomUUID(), { queueId: '200' })).status).toBe(404);
  });

  it.each<[string, object, string]>([
    ['nothing', {}, ''],
    ['an empty user', { user: {} }, ''],
    ['a language that the desk does not know', { user: { language: 'xx' } }, 'user.language'],
    ['an empty name', { user: { name: '' } }, 'user.name'],
    ['a property without a value', { user: { properties: { a: '' } } }, 'user.properties'],
    ['a property without a key', { user: { properties: { '': 'a' } } }, 'user.properties'],
    ['our own property', { user: { properties: { 'causeway-ref': 'a' } } }, 'user.properties'],
    ['what is not there', { user: { age: 7 } }, 'user.age'],
  ])('takes no %s', async (_, body, field) => {
    const answer = await change(crypto.randomUUID(), body);
    expect(answer.status).toBe(400);
    if (field !== '') expect(answer.body).toMatchObject({ errors: [{ field }] });
  });

  it('waits until it is at the desk', async () => {
    const { id } = await opened();
    await api.db.pool.query('update conversations set desk_conversation_id = null where id = $1', [id]);
    expect((await change(id, { queueId: '200' })).body).toMatchObject({
      status: 409,
      detail: expect.stringMatching(/not at the Chat Gateway yet/) as string,
    });
  });

  it('says who it is of conversations that a build before has created', async () => {
    const { id, deskId } = await opened();
    const before = atDesk(deskId)?.user;
    await api.db.pool.query('update conversations set details = null where id = $1', [id]);
    expect((await change(id, { user: { company: 'Acme' } })).status).toBe(202);
    const { name, phone } = before as DeskUser;
    expect(atDesk(deskId)?.user).toMatchObject({ name, phone, company: 'Acme' });
  });
});

describe('a customer', () => {
  it('has a language once an operator says so', async () => {
    const { customerId } = await opened();
    const set = (language: unknown) => api.call('patch', `customers/${customerId}`).send({ language });
    expect((await set('zh-TW')).body).toMatchObject({ id: customerId, language: 'zh-TW' });
    expect((await api.call('get', `customers/${customerId}`)).body).toMatchObject({ language: 'zh-TW' });
    expect((await set('fr-CA')).body).toMatchObject({ language: 'fr' });
    expect((await set('klingon')).body).toMatchObject({ status: 400, errors: [{ field: 'language' }] });
    expect((await set(null)).body).not.toHaveProperty('language');
    expect(
      (await api.call('patch', `customers/${crypto.randomUUID()}`).send({ language: 'de' })).status,
    ).toBe(404);
    const log = await api.call('get', `audit?target=${customerId}`);
    expect((log.body as { items: unknown[] }).items).toMatchObject([
      { action: 'customer.change', details: { fields: ['language'] } },
      { action: 'customer.change' },
      { action: 'customer.change' },
    ]);
  });
});

describe('the settings of a number', () => {
  const put = (body: object) =>
    api.call('post', 'numbers').send({ address: newAddress(), chatGatewayChannelId: 'channel-1', ...body });

  it('say what agents are shown, and where to ask', async () => {
    const settings = {
      user: { company: 'Acme', properties: { Brand: 'North' } },
      detectLanguage: true,
      directory: { url: 'https://crm.example/who', cacheMinutes: 5 },
    };
    expect((await put({ settings, language: 'cy' })).body).toMatchObject({ settings, language: 'cy' });
    expect((await put({ language: 'en-US' })).body).toMatchObject({ language: 'en' });
    expect((await put({ language: 'zh-Hant' })).body).toMatchObject({ language: 'zh-TW' });
    expect((await put({ language: 'fi-FI' })).body).toMatchObject({
      status: 400,
      errors: [{ field: 'language', message: expect.stringMatching(/one of en, ru/) as string }],
    });
  });

  it.each<[string, object, string]>([
    ['a language that the desk does not know', { language: 'xx' }, 'language'],
    [
      'a directory in clear text',
      { settings: { directory: { url: 'http://crm.example/' } } },
      'settings.directory.url',
    ],
    [
      'a directory with a password',
      { settings: { directory: { url: 'https://a:b@crm.example/' } } },
      'settings.directory.url',
    ],
    [
      'too many properties',
      {
        settings: {
          user: { properties: Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`k${n}`, 'v'])) },
        },
      },
      'settings.user.properties',
    ],
  ])('take no %s', async (_, body, field) => {
    expect((await put(body)).body).toMatchObject({ status: 400, errors: [{ field }] });
  });

  it('need a secret to sign with where there is somebody to ask', async () => {
    const unsigned = await startOperatorApi(undefined, {
      tenants: testTenants(ACCOUNT, { tenants: { acme: ['ACacme'] }, hookSecrets: { acme: ['whsec_QUJD'] } }),
    });
    try {
      const body = {
        address: newAddress(),
        chatGatewayChannelId: 'c',
        settings: { directory: { url: 'https://crm.example/' } },
      };
      const signed = await unsigned.call('post', 'numbers').send({ ...body, accountSid: 'ACacme' });
      expect(signed.status).toBe(201);
      const { id } = signed.body as { id: string };
      const { settings } = body;
      expect((await unsigned.call('patch', `numbers/${id}`).send({ settings })).status).toBe(200);
      const answer = await unsigned.call('post', 'numbers').send(body);
      expect(answer.body).toMatchObject({
        status: 400,
        errors: [
          { field: 'settings.directory', message: expect.stringMatching(/HOOK_SIGNING_SECRET/) as string },
        ],
      });
    } finally {
      await unsigned.stop();
    }
  });
});
