import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPool, migrateDatabase, PostgresAcceptor, type Pool } from '#persistence';
import { KnownThreads } from '../../libs/persistence/src/accept/known-threads.js';
import { acceptMessages } from '../../libs/persistence/src/accept/messages.js';
import { migrations } from '../../libs/persistence/src/migrations/index.js';
import { deskEvent, inboundMessage, makeNumber } from '../support/accepting.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

let server: TestPostgres;
const pools: Pool[] = [];

beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await server.stop();
});

const FROM = '+15551234567';

function open(url: string): Pool {
  const pool = createPool({ databaseUrl: url, name: 'test', maxConnections: 1 });
  pools.push(pool);
  return pool;
}

/** A database as the version before left it, and a session that stays open over the migration. */
async function versionBefore(): Promise<{ url: string; pool: Pool; source: DataSource }> {
  const url = await server.createDatabase();
  const source = new DataSource({ type: 'postgres', url, migrations, migrationsTransactionMode: 'all' });
  const before = new DataSource({ ...source.options, migrations: migrations.slice(0, -1) } as never);
  await before.initialize();
  await before.runMigrations();
  await before.destroy();
  const pool = open(url);
  await makeNumber(pool);
  await acceptAsBefore(pool, FROM);
  return { url, pool, source };
}

async function acceptAsBefore(pool: Pool, from: string): Promise<void> {
  await acceptMessages(pool, [{ lane: from, event: inboundMessage({ from }) }], new KnownThreads());
}

/** An event that ends a conversation, by the statements of the version before. */
async function idleAsBefore(pool: Pool, deskId: string): Promise<void> {
  const { eventId, type, occurredAt, raw } = deskEvent();
  const facts = { state: { value: 'idle', at: 5 } };
  await pool.query(
    `insert into desk_events (id, tenant_id, desk_conversation_id, event_id, type, occurred_at, author_type, author_id,
       content, content_digest, parked, message_id, body)
     values (new_id(), 'default', $1, $2, $3, $4, null, null, null, null, false, null, $5)`,
    [deskId, eventId, type, occurredAt, raw],
  );
  await pool.query('update desk_conversations set facts = $2, newest_message_at = 5 where id = $1', [
    deskId,
    JSON.stringify(facts),
  ]);
  const closed = await pool.query(
    `select close_conversation(id, 'idle', false, false) from conversations where desk_conversation_id = $1`,
    [deskId],
  );
  expect(closed.rowCount).toBe(1);
}

/** A prepared statement, as a build of before has it: its plan must survive the migration. */
const CLAIM_AS_BEFORE = {
  name: 'claim-as-before',
  text: `with claimed as (
     update lanes set fence = fence + 1, lease_until = clock_timestamp() + $2 * interval '1 ms',
       not_before = null, waiting_for = null
     where id = $1 and (lease_until is null or lease_until <= clock_timestamp())
       and (not_before is null or not_before <= clock_timestamp()) and paused_at is null
       and exists (select from lane_items where lane_id = $1)
     returning id, fence, direction, tenant_id, thread_id, failures
   )
   select l.*, t.customer_id, t.customer_address, c.name as customer_name, n.id as number_id, n.address, n.account_sid,
     n.messaging_service_sid, n.state as number_state, n.chat_gateway_channel_id, n.queue_id, n.language,
     (n.settings ->> 'messagesPerSecond')::float8 as messages_per_second
   from claimed l join threads t on t.id = l.thread_id join customers c on c.id = t.customer_id
   join business_numbers n on n.id = t.number_id`,
};

function acceptorOn(pool: Pool): PostgresAcceptor {
  const wakeUps = { wake: () => undefined };
  return new PostgresAcceptor({ pool, apartPool: pool, wakeUps, readyMs: 1, closeGraceMs: 1 });
}

async function all(pool: Pool, statement: string): Promise<unknown[]> {
  return (await pool.query<Record<string, unknown>>(statement)).rows;
}

/** Everything that statements were made for. */
const SHAPE = [
  `select conrelid::regclass::text as of, conname, pg_get_constraintdef(oid) as definition from pg_constraint
     where connamespace = 'public'::regnamespace order by 1, 2`,
  `select table_name, column_name, data_type, domain_name, is_nullable, column_default
     from information_schema.columns where table_schema = 'public' order by 1, 2`,
  `select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1`,
  `select proname, pg_get_functiondef(p.oid) as definition from pg_proc p
     where pronamespace = 'public'::regnamespace order by 1, 2`,
];

async function shapeOf(pool: Pool): Promise<unknown[][]> {
  const shape: unknown[][] = [];
  for (const statement of SHAPE) shape.push(await all(pool, statement));
  return shape;
}

/** What the statements of a build rest on: functions by their arguments and answers, columns by their types. */
async function restsOn(pool: Pool): Promise<string[]> {
  const rows = (await all(
    pool,
    `select format('function %s(%s) returns %s', proname, pg_get_function_identity_arguments(oid), pg_get_function_result(oid))
       as thing from pg_proc where pronamespace = 'public'::regnamespace
     union all select format('column %s.%s %s', table_name, column_name, data_type)
       from information_schema.columns where table_schema = 'public'`,
  )) as { thing: string }[];
  return rows.map(({ thing }) => thing);
}

describe('migrations after the first release', () => {
  /** The oldest build that may still run beside the newest one. */
  const OLDEST = migrations.findIndex(({ name }) => name.startsWith('ReceiptsOfParts')) + 1;

  async function fromOldest(): Promise<{ url: string; pool: Pool }> {
    const url = await server.createDatabase();
    const source = new DataSource({ type: 'postgres', url, migrations: migrations.slice(0, OLDEST) });
    await source.initialize();
    await source.runMigrations();
    await source.destroy();
    return { url, pool: open(url) };
  }

  // No older build is released that could be run here: what its statements rest on is compared instead.
  it('process-14: keep every function and column that an older build uses', async () => {
    expect(OLDEST).toBeGreaterThan(0);
    const { url, pool } = await fromOldest();
    const before = await restsOn(pool);
    await migrateDatabase(url);
    const after = new Set(await restsOn(pool));
    expect(before.filter((thing) => !after.has(thing))).toEqual([]);
  });

  it('process-14: add no column that an older build would have to fill', async () => {
    const { url, pool } = await fromOldest();
    const required = async () =>
      (await all(
        pool,
        `select table_name as table, column_name as column from information_schema.columns
         where table_schema = 'public' and is_nullable = 'NO' and column_default is null`,
      )) as { table: string; column: string }[];
    const before = await required();
    await migrateDatabase(url);
    const tables = new Set(before.map(({ table }) => table));
    expect((await required()).filter(({ table }) => tables.has(table))).toEqual(
      expect.arrayContaining(before),
    );
    expect((await required()).filter(({ table }) => tables.has(table))).toHaveLength(before.length);
  });
});

describe('the newest migration', () => {
  it('lets sessions of before go on: accepting, working a lane, closing conversations', async () => {
    const { url, pool } = await versionBefore();
    const [{ id: laneId }] = (await all(pool, 'select id from lanes')) as [{ id: string }];
    const work = async (n: number): Promise<void> => {
      await acceptAsBefore(pool, FROM);
      expect((await pool.query({ ...CLAIM_AS_BEFORE, values: [laneId, 5_000] })).rowCount).toBe(1);
      // What those before read of a head is still there.
      expect(
        await all(
          pool,
          `select i.seq, i.state, i.reason, i.tries, m.content, m.accepted_at, p.n, a.outcome, a.error_code, l.paused_at
           from lane_items i join messages m on m.id = i.message_id join lanes l on l.id = i.lane_id
           left join parts p on p.message_id = m.id left join attempts a on a.message_id = m.id`,
        ),
      ).not.toEqual([]);
      await pool.query('update lanes set lease_until = null where id = $1', [laneId]);
      await pool.query(
        `with made as (insert into conversations (id, tenant_id, thread_id, number_id, state, desk_conversation_id)
           select new_id(), tenant_id, id, number_id, 'active', $1 from threads returning *)
         insert into desk_conversations (tenant_id, id, conversation_id)
         select tenant_id, desk_conversation_id, id from made`,
        [`desk-${n}`],
      );
      await idleAsBefore(pool, `desk-${n}`);
    };
    const session = () => all(pool, 'select pg_backend_pid() as pid');
    await work(1);
    const before = await session();
    await migrateDatabase(url);
    for (const n of [2, 3]) await work(n);
    expect(await session()).toEqual(before);
    expect(await all(pool, 'select distinct state from conversations')).toEqual([{ state: 'closed' }]);
  });

  it('can be taken back and run again, with data, and numbers go on', async () => {
    const { url, pool, source } = await versionBefore();
    const shape = await shapeOf(pool);
    const fresh = () => acceptorOn(open(url)).accept([inboundMessage({ from: FROM })]);
    await migrateDatabase(url);
    expect(await shapeOf(pool)).not.toEqual(shape);
    expect(await fresh()).toEqual(['accepted']);
    await source.initialize();
    await source.undoLastMigration();
    await source.destroy();
    expect(await shapeOf(pool)).toEqual(shape);
    await acceptAsBefore(pool, FROM);
    await migrateDatabase(url);
    expect(await fresh()).toEqual(['accepted']);
    expect(
      await all(pool, 'select array_agg(seq::int order by seq) as seq from messages group by lane_id'),
    ).toEqual([{ seq: [1, 2, 3, 4] }]);
  });
});
