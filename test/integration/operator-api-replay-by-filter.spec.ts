import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startOperatorApi, type OperatorApi } from './operator-api-app.js';

let api: OperatorApi;

beforeAll(async () => {
  api = await startOperatorApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  await api.db.pool.query(
    `truncate business_numbers, customers, customer_aliases, threads, lanes, lane_items, conversations,
       desk_conversations, desk_events, dedupe_keys, messages, parts, attempts, audit`,
  );
  api.woken.length = 0;
});

const A = '+15550001000';
const B = '+15550001001';
const AT = '2026-03-01T12:00:00.000Z';

interface Row {
  number: string;
  customer: string;
  direction: 'inbound' | 'outbound';
  delivery: string;
  reason: string | null;
  minutes: number;
}

const ids = new Map<string, string>();

/** A message as it would stand there after all that happened to it, made when `minutes` after {@link AT} were over. */
async function message(name: string, changes: Partial<Row> = {}): Promise<void> {
  const row: Row = {
    number: '+15550100',
    customer: A,
    direction: 'outbound',
    delivery: 'failed',
    reason: 'too-old',
    minutes: 0,
    ...changes,
  };
  const { rows } = await api.db.pool.query<{ id: string }>(
    `with number as (
       insert into business_numbers (id, tenant_id, channel, account_sid, address, state)
       values (new_id(), 'default', 'sms', 'AC1', $2, 'unconfigured')
       on conflict (tenant_id, account_sid, address) do update set address = excluded.address returning id
     ), known as (select customer_id from customer_aliases where value = $3), customer as (
       insert into customers (id, tenant_id) select new_id(), 'default' where not exists (select from known) returning id
     ), alias as (
       insert into customer_aliases (tenant_id, channel, value, customer_id) select 'default', 'sms', $3, id from customer
     ), thread as (
       insert into threads (id, tenant_id, number_id, customer_id, customer_address)
       select new_id(), 'default', number.id, c.id, $3
       from number, (select customer_id as id from known union all select id from customer) c
       on conflict (tenant_id, number_id, customer_id) where continues_in is null do update set customer_address = excluded.customer_address returning id
     ), lane as (
       insert into lanes as l (id, tenant_id, thread_id, direction, next_seq) select new_id(), 'default', id, $4, 1 from thread
       on conflict (thread_id, direction) do update set next_seq = l.next_seq + 1 returning id, thread_id, next_seq
     ), made as (
       insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery, reason, accepted_at)
       select overlay(new_id()::text placing left(uuid_v7_floor($7::timestamptz)::text, 13) from 1)::uuid, 'default', thread_id,
         id, $4, 'agent', next_seq, json_build_object('type', 'text', 'text', $1::text), $5, $6, $7
       from lane returning *
     ), item as (
       insert into lane_items (lane_id, seq, message_id, state, reason)
       select lane_id, seq, id, delivery, reason from made where delivery <> 'failed' and delivery <> 'submitted'
         and reason is distinct from 'quarantine'
     )
     select id from made`,
    [
      name,
      row.number,
      row.customer,
      row.direction,
      row.delivery,
      row.reason,
      new Date(Date.parse(AT) + row.minutes * 60_000),
    ],
  );
  ids.set(name, rows[0]?.id ?? '');
}

/** One of each kind. */
async function variety(): Promise<void> {
  await message('old');
  await message('filtered', { reason: 'filtered', minutes: 1 });
  await message('inbound', { direction: 'inbound', minutes: 2 });
  await message('of B', { customer: B, minutes: 3 });
  await message('of another number', { number: '+15550199', minutes: 4 });
  await message('quarantined', { delivery: 'held', reason: 'quarantine', minutes: 5 });
  await message('window', { customer: B, delivery: 'held', reason: 'window', minutes: 6 });
  await message('doubtful', { number: '+15550198', delivery: 'held', reason: 'uncertain', minutes: 7 });
  await message('discarded', { reason: 'discarded', minutes: 8 });
  await message('submitted', { delivery: 'submitted', reason: null, minutes: 9 });
  await message('open', { number: '+15550197', delivery: 'open', reason: 'connect-refused', minutes: 10 });
}

const replay = (body: unknown) => api.call('post', 'messages/replay').send(body as object);

async function texts(delivery: string): Promise<string[]> {
  const { rows } = await api.db.pool.query<{ text: string }>(
    `select content ->> 'text' as text from messages where delivery = $1 order by accepted_at, seq`,
    [delivery],
  );
  return rows.map(({ text }) => text);
}

async function everything(): Promise<unknown[][]> {
  const tables = ['messages', 'lane_items', 'lanes', 'attempts', 'audit'];
  return Promise.all(
    tables.map(
      async (table) =>
        (await api.db.pool.query<{ t: string }>(`select t::text from ${table} t order by 1`)).rows,
    ),
  );
}

const at = (minutes: number) => new Date(Date.parse(AT) + minutes * 60_000).toISOString();

describe('a replay by filter', () => {
  it.each<[string, (numbers: Map<string, string>) => object, string[]]>([
    [
      'delivery failed',
      () => ({ delivery: 'failed' }),
      ['old', 'filtered', 'inbound', 'of B', 'of another number'],
    ],
    ['delivery held', () => ({ delivery: 'held' }), ['quarantined', 'window']],
    ['reason', () => ({ reason: 'filtered' }), ['filtered']],
    ['a reason of neither', () => ({ reason: 'connect-refused' }), []],
    ['doubt, by its name', () => ({ reason: 'uncertain' }), ['doubtful']],
    ['discarded, by its name', () => ({ reason: 'discarded' }), ['discarded']],
    ['number', (numbers) => ({ numberId: numbers.get('+15550199') }), ['of another number']],
    ['direction', () => ({ direction: 'inbound' }), ['inbound']],
    ['address', () => ({ address: B }), ['of B', 'window']],
    ['an address of nobody', () => ({ address: '+15559999999' }), []],
    ['a time', () => ({ acceptedFrom: at(1), acceptedTo: at(3) }), ['filtered', 'inbound']],
    [
      'a time with another offset',
      () => ({ acceptedFrom: '2026-03-01T13:05:00+01:00' }),
      ['quarantined', 'window'],
    ],
    [
      'all at once',
      () => ({ delivery: 'failed', address: A, direction: 'outbound', acceptedTo: at(1) }),
      ['old'],
    ],
  ])('takes what it says: %s', async (_what, filter, expected) => {
    await variety();
    const { items } = (await api.call('get', 'numbers')).body as { items: { id: string; address: string }[] };
    const wanted = filter(new Map(items.map(({ id, address }) => [address, id])));

    const before = await everything();
    const dry = await replay({ filter: wanted, dryRun: true });
    expect(dry.status).toBe(200);
    expect(dry.body).toMatchObject({ dryRun: true, matched: expected.length, replayed: 0 });
    expect(await everything()).toEqual(before);
    expect(api.woken).toEqual([]);

    const done = await replay({ filter: wanted });
    expect(done.body).toEqual({
      ...(dry.body as object),
      dryRun: false,
      replayed: expected.length,
    });
    expect(await texts('open')).toEqual([...expected, 'open']);
    const { rows } = await api.db.pool.query<{ id: string }>(
      `select m.id from lane_items i join messages m on m.id = i.message_id and m.lane_id = i.lane_id and m.seq = i.seq
       where i.state = 'open' and i.reason is null`,
    );
    expect(rows.map(({ id }) => id)).toEqual(expect.arrayContaining(expected.map((name) => ids.get(name))));
    expect(await texts('submitted')).toEqual(['submitted']);
    const lanes = await api.db.pool.query<{ id: string }>(
      'select distinct lane_id as id from messages where id = any ($1)',
      [expected.map((name) => ids.get(name))],
    );
    expect(api.woken.map(({ laneId }) => laneId).sort()).toEqual(lanes.rows.map(({ id }) => id).sort());
  });

  it('counts what it matches by reason, the most frequent first', async () => {
    await variety();
    expect((await replay({ filter: { acceptedFrom: AT }, dryRun: true })).body).toEqual({
      dryRun: true,
      matched: 7,
      replayed: 0,
      reasons: [
        { delivery: 'failed', reason: 'too-old', count: 4 },
        { delivery: 'failed', reason: 'filtered', count: 1 },
        { delivery: 'held', reason: 'quarantine', count: 1 },
        { delivery: 'held', reason: 'window', count: 1 },
      ],
    });
  });

  it.each([
    ['nothing', undefined],
    ['no filter', {}],
    ['an empty filter', { filter: {} }],
    ['an empty filter, even dry', { filter: {}, dryRun: true }],
    ['a null filter', { filter: null }],
    ['a list', { filter: [] }],
    ['what cannot be replayed', { filter: { delivery: 'submitted' } }],
    ['an unknown field', { filter: { delivery: 'failed', tenant: 'x' } }],
    ['an unknown field beside it', { filter: { delivery: 'failed' }, force: true }],
    ['half a dry run', { filter: { delivery: 'failed' }, dryRun: 'true' }],
    ['an empty reason', { filter: { reason: '' } }],
    ['a null reason', { filter: { reason: null } }],
    ['a number that is none', { filter: { numberId: '+15550100' } }],
    ['both directions', { filter: { direction: 'both' } }],
    ['an address with a NUL', { filter: { address: 'a\0' } }],
    ['a day', { filter: { acceptedFrom: '2026-03-01' } }],
    ['an instant without offset', { filter: { acceptedTo: '2026-03-01T12:00:00' } }],
    ['a time that is none', { filter: { acceptedTo: '2026-13-01T12:00:00Z' } }],
  ])('is refused with %s, and touches nothing', async (_what, body) => {
    await message('old');
    const answer = await replay(body);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(await texts('failed')).toEqual(['old']);
  });

  it('goes through many in bounded transactions, each lane in its order', async () => {
    await message('old');
    await api.db.pool.query(
      `with lane as (update lanes set next_seq = 451 returning id, thread_id)
       insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery, reason)
       select new_id(), 'default', thread_id, lane.id, 'outbound', 'agent', n, '{"type":"text","text":"many"}', 'failed', 'many'
       from lane, generate_series(2, 451) n`,
    );
    expect((await replay({ filter: { reason: 'many' } })).body).toMatchObject({
      matched: 450,
      replayed: 450,
    });
    const { rows } = await api.db.pool.query<{ first: number; last: number }>(
      `select min(seq)::int as first, max(seq)::int as last from lane_items group by xmin::text order by 1`,
    );
    expect(rows).toEqual([
      { first: 2, last: 201 },
      { first: 202, last: 401 },
      { first: 402, last: 451 },
    ]);
    const { items } = (await api.call('get', 'audit')).body as { items: object[] };
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ details: { matched: 450, replayed: 450 } });
  });

  it('wakes many lanes one after the other', async () => {
    await message('old');
    await api.db.pool.query(
      `with customer as (
         insert into customers (id, tenant_id) select new_id(), 'default' from generate_series(1, 450) returning id
       ), thread as (
         insert into threads (id, tenant_id, number_id, customer_id, customer_address)
         select new_id(), 'default', n.id, customer.id, 'somewhere' from customer, business_numbers n returning id
       ), lane as (
         insert into lanes (id, tenant_id, thread_id, direction, next_seq)
         select new_id(), 'default', id, 'outbound', 1 from thread returning id, thread_id
       )
       insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery, reason)
       select new_id(), 'default', thread_id, id, 'outbound', 'agent', 1, '{"type":"text","text":"many"}', 'failed', 'many'
       from lane`,
    );
    expect((await replay({ filter: { reason: 'many' } })).body).toMatchObject({ replayed: 450 });
    const delays = Map.groupBy(api.woken, ({ delayMs }) => delayMs ?? 0);
    expect([...delays].map(([delayMs, lanes]) => [delayMs, lanes.length])).toEqual([
      [0, 200],
      [1_000, 200],
      [2_000, 50],
    ]);
    expect(new Set(api.woken.map(({ laneId }) => laneId)).size).toBe(450);
  });
});
