import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChatGatewayApi, ChatGatewayClient } from '#desk-chat-gateway';
import { ProviderHttp } from '#platform';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';
import { startSetUp, type SetUp } from '../support/set-up.js';

const context = { timeoutMs: 5_000 };
const NUMBER = '+15550100';

const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
const http = new ProviderHttp();
let setUp: SetUp;
/** As somebody in Configuration Manager works on the account. */
let byHand: ChatGatewayApi;

beforeAll(async () => {
  setUp = await startSetUp([NUMBER], audit?.record);
  const account = { baseUrl: setUp.desk.url, apiKey: 'the-key', tenantId: 'tenant01' };
  byHand = new ChatGatewayApi(new ChatGatewayClient(http, account));
});
afterAll(async () => {
  await setUp.stop();
  http.destroy();
  expect(audit?.violations()).toEqual([]);
});
beforeEach(async () => {
  await setUp.db.pool.query('truncate business_numbers cascade');
  await setUp.db.pool.query('truncate audit');
});
afterEach(async () => {
  setUp.desk.faults.disarmAll();
  for (const { id } of await byHand.channels.all(context)) await byHand.channels.delete(id, context);
  for (const { id } of await byHand.webhooks.all(context)) await byHand.webhooks.delete(id, context);
});

async function account() {
  return { webhooks: await byHand.webhooks.all(context), channels: await byHand.channels.all(context) };
}

async function numberOf(address = NUMBER): Promise<Record<string, string>> {
  const { body } = await setUp.call('get', 'numbers');
  const { items } = body as { items: Record<string, string>[] };
  return items.find((number) => number['address'] === address) ?? {};
}

/** An unconfigured number, as a customer's text to an unknown address makes it. */
async function seen(address: string): Promise<void> {
  await setUp.db.pool.query(
    `insert into business_numbers (id, tenant_id, channel, account_sid, address, state)
     values (gen_random_uuid(), 'default', 'sms', 'AC0123456789abcdef0123456789abcdef', $1, 'unconfigured')`,
    [address],
  );
}

describe('causeway provision chat-gateway, from an empty account', () => {
  it('shows what it would make, makes it, and has nothing to do then', async () => {
    const line = `provision chat-gateway --number ${NUMBER} --queue 101`;
    const shown = await setUp.causeway(line);
    expect(shown).toEqual({
      code: 2,
      error: '',
      out: [
        '+15550100  channel (new), queue 101  3 differences',
        '  webhook  is         (nothing)',
        `           should be  ${setUp.webhookUrl}`,
        '  channel  is         (nothing)',
        '           should be  Causeway +15550100, queue 101',
        '  number   is         (nothing)',
        '           should be  configured',
        '',
        '1 number to change. Nothing was changed: --apply does it.',
      ].join('\n'),
    });
    expect(await account()).toEqual({ webhooks: [], channels: [] });
    expect(await numberOf()).toEqual({});

    const done = await setUp.causeway(`${line} --apply --operator ann`);
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining('connected') as string });
    const { webhooks, channels } = await account();
    const [webhook] = webhooks;
    const [channel] = channels;
    expect(webhooks).toEqual([
      { id: webhook?.id, name: 'Causeway', uri: setUp.webhookUrl, version: 'Chat Gateway v1.0' },
    ]);
    expect(channels).toEqual([
      {
        id: channel?.id,
        name: 'Causeway +15550100',
        type: 'ChatAPI',
        webHookId: webhook?.id,
        queueId: '101',
      },
    ]);
    expect(await numberOf()).toMatchObject({
      state: 'configured',
      channel: 'sms',
      chatGatewayChannelId: channel?.id,
      chatGatewayWebhookId: webhook?.id,
      queueId: '101',
    });
    const { body } = await setUp.call('get', 'audit?action=number.provision-desk');
    expect(body).toMatchObject({
      items: [
        {
          operator: 'ann',
          target: { id: (await numberOf())['id'] },
          details: { fields: ['webhook', 'channel', 'number'] },
        },
      ],
    });

    for (const again of [
      line,
      `${line} --apply`,
      'provision chat-gateway',
      'provision chat-gateway --all --apply',
    ]) {
      expect(await setUp.causeway(again)).toMatchObject({
        code: 0,
        out: `+15550100  channel ${channel?.id}, queue 101  as it should be`,
      });
    }
    expect(await account()).toEqual({ webhooks, channels });
  });

  it('gives the next number a channel of its own on the same webhook, and wakes what waited', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    await seen('+15550101');
    expect((await setUp.causeway('provision chat-gateway --all')).out).toContain(
      '+15550101  skipped: not configured here; --number +15550101 --queue <id> --apply does it',
    );
    const { code } = await setUp.causeway('provision chat-gateway --number +15550101 --queue 101 --apply');
    expect(code).toBe(0);
    const { webhooks, channels } = await account();
    expect([webhooks.length, channels.length]).toEqual([1, 2]);
    expect(await numberOf('+15550101')).toMatchObject({ state: 'configured', queueId: '101' });
  });

  it('finds again what it made when it died before it could keep the ids', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    const before = await account();
    await setUp.db.pool.query('truncate business_numbers cascade');
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    expect(await account()).toEqual(before);
    expect(await numberOf()).toMatchObject({ chatGatewayChannelId: before.channels[0]?.id });
  });

  it('does it by the API, too, for an address and for an id', async () => {
    const wanted = { address: `whatsapp:${NUMBER}`, queueId: '100' };
    const tried = await setUp.call('post', 'desk-provisioning').send({ ...wanted, dryRun: true });
    expect(tried.body).toMatchObject({
      dryRun: true,
      changed: [],
      differences: [{}, {}, { field: 'number' }],
    });
    const done = await setUp.call('post', 'desk-provisioning').send(wanted);
    expect(done.body).toMatchObject({ dryRun: false, differences: [], webhook: { uri: setUp.webhookUrl } });
    const { id = '', channel } = await numberOf(`whatsapp:${NUMBER}`);
    expect([(done.body as { numberId: string }).numberId, channel]).toEqual([id, 'whatsapp']);
    const path = `numbers/${id}/desk-provisioning`;
    expect((await setUp.call('get', path)).body).toMatchObject({ numberId: id, differences: [] });
    const moved = await setUp.call('get', `${path}?queueId=101`);
    expect(moved.body).toMatchObject({
      differences: [
        { field: 'channel.routingOptions.id', is: '100', shouldBe: '101' },
        { field: 'number.queueId', is: '100', shouldBe: '101' },
      ],
    });
    expect((await setUp.call('post', path).send({ queueId: '101' })).body).toMatchObject({ differences: [] });
    expect((await account()).channels[0]?.queueId).toBe('101');
    expect((await setUp.call('post', path)).body).toMatchObject({ changed: [] });
  });
});

describe('a channel of several numbers', () => {
  it('is moved with a word about the others, and the audit keeps both queues', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    const { chatGatewayChannelId = '' } = await numberOf();
    await setUp.call('post', 'numbers').send({ address: '+15550101', chatGatewayChannelId });
    await setUp.call('post', 'numbers').send({ address: '+15550102', chatGatewayChannelId, queueId: '100' });
    const line = `provision chat-gateway --number ${NUMBER} --queue 101`;
    const note = `The channel ${chatGatewayChannelId} is that of 1 more number: its conversations go to queue 101, too.`;
    expect((await setUp.causeway(line)).out).toContain(note);
    expect((await setUp.causeway(`${line} --apply`)).out).toContain(note);
    expect((await setUp.causeway(`${line} --apply`)).out).not.toContain('too.');
    const { body } = await setUp.call('get', 'audit?action=number.provision-desk&limit=1');
    expect(body).toMatchObject({
      items: [
        {
          details: {
            changes: [
              { field: 'channel.routingOptions.id', is: '100', shouldBe: '101' },
              { field: 'number.queueId', is: '100', shouldBe: '101' },
            ],
          },
        },
      ],
    });
    const { out } = await setUp.causeway('provision chat-gateway --number +15550102');
    expect(out).toContain(`channel ${chatGatewayChannelId}, queue 100 (its own; the channel's is 101)`);
  });
});

describe('ids made by hand in Configuration Manager', () => {
  it('are taken as they are, and their webhook is learnt', async () => {
    const webhook = await byHand.webhooks.create({ name: 'By hand', uri: setUp.webhookUrl }, context);
    const channel = await byHand.channels.create(
      { name: 'Texts', webHookId: webhook.id, queueId: '100' },
      context,
    );
    await setUp.call('post', 'numbers').send({ address: NUMBER, chatGatewayChannelId: channel.id });
    const shown = await setUp.causeway('provision chat-gateway');
    expect(shown.out).toContain('number.chatGatewayWebhookId');
    await setUp.causeway('provision chat-gateway --all --apply');
    expect(await numberOf()).toMatchObject({
      chatGatewayChannelId: channel.id,
      chatGatewayWebhookId: webhook.id,
    });
    expect(await account()).toEqual({ webhooks: [webhook], channels: [channel] });
  });

  it('can be given whole, and another channel makes the webhook unknown', async () => {
    const fields = { address: NUMBER, chatGatewayChannelId: '7', chatGatewayWebhookId: '3' };
    const { body } = await setUp.call('post', 'numbers').send(fields);
    expect(body).toMatchObject(fields);
    const path = `numbers/${(body as { id: string }).id}`;
    expect((await setUp.call('patch', path).send({ displayName: 'Shop' })).body).toMatchObject(fields);
    const changed = await setUp.call('patch', path).send({ chatGatewayChannelId: '8' });
    expect(changed.body).not.toHaveProperty('chatGatewayWebhookId');
  });

  it('follow our own address where it has changed since', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    const [webhook] = (await account()).webhooks;
    await byHand.webhooks.replace(webhook?.id ?? '', { name: 'Kept', uri: 'https://old.example/x' }, context);
    const { out } = await setUp.causeway('provision chat-gateway --all');
    expect(out).toContain('webhook.uri  is         https://old.example/x');
    await setUp.causeway('provision chat-gateway --all --apply');
    expect((await account()).webhooks).toEqual([{ ...webhook, name: 'Kept' }]);
  });

  it('that are gone are made anew', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    const { chatGatewayChannelId = '' } = await numberOf();
    await byHand.channels.delete(chatGatewayChannelId, context);
    const { out } = await setUp.causeway('provision chat-gateway --all');
    expect(out).toContain(`The channel ${chatGatewayChannelId} that the number has does not exist there.`);
    expect(await setUp.causeway('provision chat-gateway --all --apply')).toMatchObject({ code: 0 });
    expect((await account()).channels).toMatchObject([{ id: (await numberOf())['chatGatewayChannelId'] }]);
  });
});

describe('what can be wrong', () => {
  const line = `provision chat-gateway --number ${NUMBER} --queue 100 --apply`;

  afterEach(() => setUp.restart());

  async function refused(of = line): Promise<string> {
    const { code, out, error } = await setUp.causeway(of);
    expect([code, error]).toEqual([1, '']);
    expect(await account()).toMatchObject({ channels: [] });
    expect(await numberOf()).toEqual({});
    return out;
  }

  it.each<[string, Record<string, string>, string]>([
    [
      'the API key',
      { CHAT_GATEWAY_API_KEY: 'another' },
      'The Chat Gateway refuses CHAT_GATEWAY_API_KEY (HTTP 401',
    ],
    [
      'the tenant',
      { CHAT_GATEWAY_TENANT_ID: 'other' },
      "CHAT_GATEWAY_TENANT_ID is no tenant of this API key's customer",
    ],
    [
      'the way there',
      { CHAT_GATEWAY_BASE_URL: 'http://127.0.0.1:9' },
      'The Chat Gateway could not be reached in time',
    ],
    [
      'our own address',
      { PUBLIC_BASE_URL: 'http://127.0.0.1:9' },
      'The Chat Gateway called http://127.0.0.1:9/webhooks/chat-gateway and got no 2xx',
    ],
    [
      'our own address, for the real one',
      { CHAT_GATEWAY_BASE_URL: 'https://api.8x8.example' },
      'PUBLIC_BASE_URL must begin with https:// before the Chat Gateway is pointed at it.',
    ],
  ])('%s', async (_what, environment, words) => {
    await setUp.restart(environment);
    expect(await refused()).toContain(words);
  });

  it('the queue, and once it is right the webhook made meanwhile is found', async () => {
    expect(await refused(line.replace('100 --apply', '999 --apply'))).toContain(
      'The Chat Gateway has no queue 999 in this tenant',
    );
    expect(await setUp.causeway(line)).toMatchObject({ code: 0 });
    expect((await account()).webhooks).toHaveLength(1);
  });

  it('no queue', async () => {
    expect(await refused(`provision chat-gateway --number ${NUMBER} --apply`)).toContain(
      'A channel needs a queue',
    );
  });

  it('no address', async () => {
    const { out } = await setUp.causeway('provision chat-gateway --number 12 --queue 100 --apply');
    expect(out).toContain('address must be a phone number in E.164 form');
  });

  it('an answer that never came: the next run finds what was made', async () => {
    setUp.desk.setFault({ operation: 'channels.create', when: 'after', effect: 'reset' });
    const { code, out } = await setUp.causeway(line);
    expect([code, out]).toEqual([1, expect.stringContaining('nobody can tell whether the channel was made')]);
    expect(await setUp.causeway(line)).toMatchObject({ code: 0 });
    expect((await account()).channels).toHaveLength(1);
  });

  it('whoever answers there is not the Chat Gateway', async () => {
    await setUp.restart({ CHAT_GATEWAY_BASE_URL: setUp.publicUrl });
    const { out } = await setUp.causeway(line);
    // It cannot call us either, and that is what is tried first.
    expect(out).toContain('HTTP 404');
  });

  it('a channel that leads to another webhook is taken from nobody', async () => {
    const other = await byHand.webhooks.create(
      { name: 'Bot', uri: 'https://bot.example/secret?k=1' },
      context,
    );
    const channel = await byHand.channels.create(
      { name: 'Bot', webHookId: other.id, queueId: '100' },
      context,
    );
    await setUp.call('post', 'numbers').send({ address: NUMBER, chatGatewayChannelId: channel.id });
    const { code, out } = await setUp.causeway('provision chat-gateway --all --apply');
    expect([code, out]).toEqual([1, expect.stringContaining('leads to another webhook at bot.example')]);
    expect(out).not.toContain('secret');
    expect(await account()).toEqual({ webhooks: [other], channels: [channel] });
  });

  it.each([
    ['provision chat-gateway --apply', 'Say which numbers to change: --number +15550100, or --all.'],
    ['provision chat-gateway --remove', 'Say which numbers to change: --number +15550100, or --all.'],
    ['provision chat-gateway --all --number +1555', 'Say either --number or --all, not both.'],
    ['provision chat-gateway --all --queue 1', 'Say --queue for one number: --number +15550100.'],
    [`provision chat-gateway --number ${NUMBER} --remove`, `${NUMBER} is not a number of this Causeway.`],
  ])('%s', async (words, error) => {
    expect(await setUp.causeway(words)).toEqual({ code: 1, out: '', error });
  });
});

describe('--remove', () => {
  const remove = `provision chat-gateway --number ${NUMBER} --remove`;

  it('says what would go, deletes it, and the number waits until it is connected again', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    const { webhooks, channels } = await account();
    await setUp.call('patch', `numbers/${(await numberOf())['id']}`).send({ displayName: 'Shop' });
    const what = `channel ${channels[0]?.id} and webhook ${webhooks[0]?.id}`;
    expect(await setUp.causeway(remove)).toEqual({
      code: 2,
      error: '',
      out: [
        `+15550100  ${what} to be deleted; what customers write to it would wait here`,
        '',
        '1 number to take away. Nothing was changed: --apply does it.',
      ].join('\n'),
    });
    expect(await account()).toEqual({ webhooks, channels });
    expect(await setUp.causeway(`${remove} --apply --operator ann`)).toMatchObject({
      code: 0,
      out: `+15550100  ${what} deleted; what customers write to it waits here`,
    });
    expect(await account()).toEqual({ webhooks: [], channels: [] });
    expect(await numberOf()).toMatchObject({ state: 'unconfigured', displayName: 'Shop' });
    const { body } = await setUp.call('get', 'audit?action=number.remove-desk');
    expect(body).toMatchObject({ items: [{ operator: 'ann' }] });
    for (const again of [`${remove} --apply`, remove, 'provision chat-gateway --all --remove --apply']) {
      expect(await setUp.causeway(again)).toEqual({
        code: 0,
        error: '',
        out: '+15550100  nothing to take away',
      });
    }
    expect(await setUp.causeway('provision chat-gateway --all')).toMatchObject({
      code: 2,
      out: expect.stringContaining(
        'None of them is configured. For each: npm run causeway -- provision chat-gateway --number <address> --queue <id> --apply',
      ) as string,
    });
    // Its queue is known from before.
    expect(await setUp.causeway(`provision chat-gateway --number ${NUMBER} --apply`)).toMatchObject({
      code: 0,
    });
    expect(await numberOf()).toMatchObject({ state: 'configured', displayName: 'Shop', queueId: '100' });
  });

  it('leaves what others use, and says so', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    const { chatGatewayChannelId = '', chatGatewayWebhookId = '' } = await numberOf();
    await setUp.call('post', 'numbers').send({ address: '+15550101', chatGatewayChannelId });
    expect((await setUp.causeway(`${remove} --apply`)).out).toContain(
      `The channel ${chatGatewayChannelId} is that of 1 more number here and goes with the last of them.`,
    );
    await setUp.causeway('provision chat-gateway --number +15550102 --queue 100 --apply');
    const { out } = await setUp.causeway('provision chat-gateway --number +15550101 --remove --apply');
    expect(out).toContain(`channel ${chatGatewayChannelId} deleted`);
    expect(out).toContain(`The webhook ${chatGatewayWebhookId} is used by 1 more channel and stays.`);
    expect(await account()).toMatchObject({ webhooks: [{ id: chatGatewayWebhookId }], channels: [{}] });
  });

  it('shows of numbers that go together what goes with the last of them', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    const { chatGatewayChannelId = '', chatGatewayWebhookId = '' } = await numberOf();
    for (const address of ['+15550101', '+15550102']) {
      await setUp.call('post', 'numbers').send({ address, chatGatewayChannelId });
    }
    await setUp.causeway('provision chat-gateway --number +15550103 --queue 100 --apply');
    const { chatGatewayChannelId: second = '' } = await numberOf('+15550103');
    const all = 'provision chat-gateway --all --remove';
    const { code, out: shown } = await setUp.causeway(all);
    expect(code).toBe(2);
    expect(shown.split(`channel ${chatGatewayChannelId} `)).toHaveLength(4);
    for (const gone of [`channel ${chatGatewayChannelId} `, `channel ${second} `])
      expect(shown).toContain(gone);
    expect(shown).toContain(`webhook ${chatGatewayWebhookId} to be deleted`);
    const { out: done } = await setUp.causeway(`${all} --apply`);
    const told = shown
      .replaceAll('to be deleted', 'deleted')
      .replaceAll('to be taken', 'taken')
      .replaceAll('would wait', 'waits');
    expect(told).toBe(`${done}\n\n4 numbers to take away. Nothing was changed: --apply does it.`);
    expect(await account()).toEqual({ webhooks: [], channels: [] });
  });

  it('touches nothing that leads elsewhere', async () => {
    const other = await byHand.webhooks.create({ name: 'Bot', uri: 'https://bot.example' }, context);
    const channel = await byHand.channels.create(
      { name: 'Bot', webHookId: other.id, queueId: '100' },
      context,
    );
    await setUp.call('post', 'numbers').send({ address: NUMBER, chatGatewayChannelId: channel.id });
    expect((await setUp.causeway(`${remove} --apply`)).out).toContain('does not lead to us and stays');
    expect(await account()).toEqual({ webhooks: [other], channels: [channel] });
    expect(await numberOf()).toMatchObject({ state: 'unconfigured' });
  });

  it('waits for conversations that are open', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    const { id } = await numberOf();
    const { pool } = setUp.db;
    await pool.query(
      `with c as (insert into customers (id, tenant_id) values (gen_random_uuid(), 'default') returning id),
       t as (insert into threads (id, tenant_id, number_id, customer_id, customer_address)
         select gen_random_uuid(), 'default', $1, id, '+15550123' from c returning id)
       insert into conversations (id, tenant_id, thread_id, number_id, state)
       select gen_random_uuid(), 'default', id, $1, 'active' from t`,
      [id],
    );
    const before = await account();
    const { code, out } = await setUp.causeway(`${remove} --apply`);
    expect([code, out]).toEqual([1, expect.stringContaining('Conversations of this number are open (1)')]);
    expect(await account()).toEqual(before);
  });

  it('goes on where it broke off', async () => {
    await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    setUp.desk.setFault({ operation: 'webhooks.delete', when: 'before', effect: 'answer', status: 500 });
    expect(await setUp.causeway(`${remove} --apply`)).toMatchObject({ code: 1 });
    const { code, out } = await setUp.causeway(`${remove} --apply`);
    expect([code, out]).toEqual([0, expect.stringContaining('is gone already')]);
    expect(await account()).toEqual({ webhooks: [], channels: [] });
  });
});
