import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inboundMessage, newAddress } from '../support/accepting.js';
import { testTenants } from '../support/tenants.js';
import { ACCOUNT, startOperatorApi, type OperatorApi } from './operator-api-app.js';

interface Item {
  id: string;
  tenantId: string;
  threadId: string;
  [field: string]: unknown;
}

const NUMBER = { address: '+15550100', chatGatewayChannelId: '25' };
const ACCOUNTS = { default: ACCOUNT, acme: 'ACacme', gone: 'ACgone' } as const;

let api: OperatorApi;
/** Writes to two tenants of ours, and to one that was ours. */
const customer = newAddress();

beforeAll(async () => {
  api = await startOperatorApi(undefined, {
    tenants: testTenants(ACCOUNT, { tenants: { acme: ['ACacme'], bolt: ['ACbolt'] } }),
  });
  for (const accountSid of [undefined, 'ACacme']) {
    const { status } = await api.call('post', 'numbers').send({ ...NUMBER, accountSid });
    expect(status).toBe(201);
  }
  for (const [tenantId, account] of Object.entries(ACCOUNTS)) {
    await api.db
      .acceptor()
      .accept([inboundMessage({ tenantId, account, from: customer, text: `To ${tenantId}` })]);
  }
});
afterAll(() => api.stop());

async function items(path: string): Promise<Item[]> {
  const { status, body } = await api.call('get', path);
  expect([path, status]).toEqual([path, 200]);
  return (body as { items: Item[] }).items;
}

const tenantsOf = async (path: string) => (await items(path)).map(({ tenantId }) => tenantId).sort();
const own = async (path: string) => {
  const all = await items(path);
  const of = (tenantId: string) => {
    const item = all.find((one) => one.tenantId === tenantId);
    if (!item) throw new Error(`${path} has nothing of ${tenantId}.`);
    return item;
  };
  return { acme: of('acme'), default: of('default') };
};
const messagesAt = `messages?address=${encodeURIComponent(customer)}`;
const audited = async (tenantId: string, action: string) =>
  (await items(`audit?tenantId=${tenantId}&action=${action}`)).length;

describe('several tenants', () => {
  it('bind each number to whose account it has', async () => {
    const numbers = await own('numbers');
    expect(numbers.acme).toMatchObject({ address: '+15550100', accountSid: 'ACacme' });
    expect(numbers.default).toMatchObject({ address: '+15550100', accountSid: ACCOUNT });
    expect(await tenantsOf('numbers')).toEqual(['acme', 'default']);
    expect(await tenantsOf('numbers?tenantId=acme')).toEqual(['acme']);
    expect(await tenantsOf('numbers?tenantId=bolt')).toEqual([]);
    expect(await tenantsOf('numbers?tenantId=gone')).toEqual([]);
    const { rows } = await api.db.pool.query(
      `select tenant_id, account_sid from business_numbers where state = 'configured' order by 1`,
    );
    expect(rows).toEqual([
      { tenant_id: 'acme', account_sid: 'ACacme' },
      { tenant_id: 'default', account_sid: ACCOUNT },
    ]);
  });

  it('refuse an account of nobody, and a number that is configured for its tenant', async () => {
    const foreign = await api.call('post', 'numbers').send({ ...NUMBER, accountSid: 'ACgone' });
    expect([foreign.status, foreign.body]).toEqual([
      400,
      expect.objectContaining({ errors: [expect.objectContaining({ field: 'accountSid' })] }),
    ]);
    expect((await api.call('post', 'numbers').send({ ...NUMBER, accountSid: 'ACacme' })).status).toBe(409);
  });

  it('read, change and delete the numbers of each', async () => {
    const made = await api
      .call('post', 'numbers')
      .send({ ...NUMBER, address: '+15550101', accountSid: 'ACbolt' });
    const { id } = made.body as Item;
    expect((await api.call('get', `numbers/${id}`)).body).toMatchObject({ tenantId: 'bolt' });
    const changed = await api.call('patch', `numbers/${id}`).send({ displayName: 'Bolt' });
    expect(changed.body).toMatchObject({ tenantId: 'bolt', displayName: 'Bolt' });
    expect((await api.call('delete', `numbers/${id}`)).status).toBe(204);
    expect((await items('audit?tenantId=bolt')).map(({ action }) => action)).toEqual([
      'number.delete',
      'number.change',
      'number.configure',
    ]);
  });

  it('are all seen, but nobody who is no tenant any more', async () => {
    const both = ['acme', 'default'];
    expect(await tenantsOf(messagesAt)).toEqual(both);
    expect(await tenantsOf('messages')).toEqual(both);
    expect(await tenantsOf('messages?delivery=open&tenantId=acme')).toEqual(['acme']);
    expect(await tenantsOf('lanes')).toEqual(both);
    expect(await tenantsOf('lanes?tenantId=default')).toEqual(['default']);
    const { rows } = await api.db.pool.query<{ message: string; lane: string; customer: string }>(
      `select m.id as message, m.lane_id as lane, t.customer_id as customer
       from messages m join threads t on t.id = m.thread_id where m.tenant_id = 'gone'`,
    );
    const [gone] = rows;
    expect(rows).toHaveLength(1);
    for (const path of [`messages/${gone?.message}`, `customers/${gone?.customer}`]) {
      expect([path, (await api.call('get', path)).status]).toEqual([path, 404]);
    }
    for (const path of [`lanes/${gone?.lane}/pause`, `messages/${gone?.message}/discard`]) {
      expect([path, (await api.call('post', path)).status]).toEqual([path, 404]);
    }
  });

  it('want a narrow list of the messages of one', async () => {
    const { status, body } = await api.call('get', 'messages?tenantId=acme');
    expect([status, body]).toEqual([
      400,
      expect.objectContaining({ errors: [expect.objectContaining({ field: 'tenantId' })] }),
    ]);
    expect(await tenantsOf(`${messagesAt}&tenantId=acme`)).toEqual(['acme']);
  });

  it('have their lanes paused and resumed apart', async () => {
    const lanes = await own('lanes');
    expect((await api.call('post', `lanes/${lanes.acme.id}/pause`)).body).toMatchObject({ tenantId: 'acme' });
    expect((await own('lanes')).default['pausedAt']).toBeUndefined();
    expect((await api.call('post', `lanes/${lanes.acme.id}/resume`)).status).toBe(200);
    expect([await audited('acme', 'lane.pause'), await audited('default', 'lane.pause')]).toEqual([1, 0]);
  });

  it('have conversations of one desk id each', async () => {
    const lanes = await own('lanes');
    const ids = {
      acme: await api.openConversation(lanes.acme.id, 'desk-1'),
      default: await api.openConversation(lanes.default.id, 'desk-1'),
    };
    const path = `conversations?address=${encodeURIComponent(customer)}`;
    expect(await tenantsOf(path)).toEqual(['acme', 'default']);
    expect(await tenantsOf(`${path}&tenantId=acme`)).toEqual(['acme']);
    expect((await api.call('get', `conversations/${ids.acme}`)).body).toMatchObject({ tenantId: 'acme' });
    expect((await api.call('post', `conversations/${ids.acme}/close`)).body).toMatchObject({
      state: 'closed',
    });
    expect((await api.call('get', `conversations/${ids.default}`)).body).toMatchObject({ state: 'opening' });
    expect([
      await audited('acme', 'conversation.close'),
      await audited('default', 'conversation.close'),
    ]).toEqual([1, 0]);
  });

  it('have a customer each, who opts out of one alone', async () => {
    const { rows } = await api.db.pool.query<{ tenant_id: 'acme' | 'default'; customer_id: string }>(
      `select tenant_id, customer_id from customer_aliases where value = $1`,
      [customer],
    );
    const of = (tenantId: string) => rows.find((row) => row.tenant_id === tenantId)?.customer_id ?? '';
    expect(of('acme')).not.toBe(of('default'));
    const numbers = await own('numbers');
    const change = { numberId: numbers.acme.id, optedOut: true };
    expect((await api.call('post', `customers/${of('default')}/opt-out`).send(change)).status).toBe(404);
    const optedOut = await api.call('post', `customers/${of('acme')}/opt-out`).send(change);
    expect(optedOut.body).toMatchObject({ tenantId: 'acme', optOuts: [{ optedOut: true }] });
    expect((await api.call('get', `customers/${of('default')}`)).body).toMatchObject({ optOuts: [] });
  });

  it('are sent texts under the same key', async () => {
    const { acme, default: ours } = await own('lanes');
    const post = async ({ threadId }: Item) => {
      const body = { threadId, content: { type: 'text', text: 'Hello' }, idempotencyKey: 'one' };
      const answer = await api.call('post', 'messages').send(body);
      expect(answer.status).toBe(202);
      return answer.body as Item;
    };
    const sent = [await post(acme), await post(ours), await post(acme)];
    expect(sent.map(({ tenantId }) => tenantId)).toEqual(['acme', 'default', 'acme']);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(2);
  });

  it('have what failed replayed together or alone, with a line for each', async () => {
    const outbound = `${messagesAt}&direction=outbound`;
    const messages = await own(outbound);
    for (const { id } of Object.values(messages)) {
      expect((await api.call('post', `messages/${id}/discard`)).body).toMatchObject({ delivery: 'failed' });
    }
    const filter = { reason: 'discarded', address: customer };
    const replay = async (body: object) =>
      (await api.call('post', 'messages/replay').send(body)).body as object;
    expect(await replay({ filter, dryRun: true })).toMatchObject({
      matched: 2,
      replayed: 0,
      reasons: [{ delivery: 'failed', reason: 'discarded', count: 2 }],
    });
    expect(await replay({ filter: { ...filter, tenantId: 'acme' }, dryRun: true })).toMatchObject({
      matched: 1,
    });
    expect(await replay({ filter: { ...filter, tenantId: 'gone' } })).toMatchObject({
      matched: 0,
      replayed: 0,
    });
    expect(await replay({ filter })).toMatchObject({ matched: 2, replayed: 2 });
    for (const tenantId of ['acme', 'default']) {
      expect(await items(`audit?tenantId=${tenantId}&action=messages.replay`)).toMatchObject([
        { tenantId, details: { matched: 1, replayed: 1, filter: { reason: 'discarded' } } },
      ]);
    }
    expect((await api.call('post', `messages/${messages.acme.id}/discard`)).status).toBe(200);
    expect((await api.call('post', `messages/${messages.acme.id}/replay`)).body).toMatchObject({
      tenantId: 'acme',
      delivery: 'open',
    });
  });
});
