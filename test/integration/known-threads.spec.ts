import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InboundMessageReceived } from '#core';
import { PostgresAcceptor, createPool, type Pool } from '#persistence';
import {
  inboundMessage,
  makeNumber,
  messagesOf,
  newAddress,
  startTestDatabase,
  textsOf,
  transaction,
  waitsForLock,
  eventually,
  type TestDatabase,
} from '../support/accepting.js';
import {
  aliases,
  endGateways,
  introduce,
  lastOf,
  startGateway,
  type RecordingGateway,
} from '../support/recording-gateway.js';

let db: TestDatabase;
/** The same schema, yet nobody says when who writes to whom has changed. */
let naive: TestDatabase;
const pools: Pool[] = [];

beforeAll(async () => {
  db = await startTestDatabase();
  naive = await startTestDatabase();
  for (const each of [db, naive]) await makeNumber(each.pool);
  await naive.pool.query(`
    drop trigger number_is_known on business_numbers; drop trigger number_changes on business_numbers;
    drop trigger alias_changes on customer_aliases; drop trigger thread_changes on threads;
    drop trigger customer_is_renamed on customers;`);
});
afterAll(async () => {
  await endGateways();
  await Promise.all(pools.map((pool) => pool.end()));
  await Promise.all([db, naive].map((each) => each.stop()));
});

/** Storing without looking anything up. */
const KNOWN = ['append-message', 'append-messages'];
const isKnown = (statement: string) => KNOWN.includes(statement);

describe('a gateway', () => {
  it('looks up no thread that it knows, and stores and wakes as ever', async () => {
    const gateway = startGateway(db);
    const from = newAddress();
    for (let n = 1; n <= 4; n += 1) {
      expect(await gateway.accept([inboundMessage({ from, text: String(n) })])).toEqual(['accepted']);
    }
    expect(gateway.statements).toEqual([
      'introduce-threads',
      ...Array.from({ length: 4 }, () => 'append-message'),
    ]);
    const stored = await messagesOf(db.pool, from);
    expect(stored.map(({ text, seq, delivery }) => [text, seq, delivery])).toEqual([
      ['1', 1, 'open'],
      ['2', 2, 'open'],
      ['3', 3, 'open'],
      ['4', 4, 'open'],
    ]);
    expect(gateway.woken.map(({ laneId }) => laneId)).toEqual(
      Array.from({ length: 4 }, () => stored[0]?.lane_id),
    );
  });

  it('keeps many texts of many known customers in order, and finds the repeated ones', async () => {
    const gateway = startGateway(db);
    const customers = Array.from({ length: 6 }, () => newAddress());
    await Promise.all(customers.map((from) => introduce(gateway, { from })));
    const before = await gateway.accept([inboundMessage({ from: customers[0]!, text: 'third' })]);
    expect(before).toEqual(['accepted']);
    gateway.statements.length = 0;
    const rounds = Array.from({ length: 8 }, (_, n) => String(n));
    const messages = rounds.flatMap((text) => customers.map((from) => inboundMessage({ from, text })));
    const repeated = messages.slice(0, 20);
    expect(await gateway.accept(repeated)).toEqual(repeated.map(() => 'accepted'));
    expect(await gateway.accept(messages)).toEqual(
      messages.map((_, n) => (n < repeated.length ? 'duplicate' : 'accepted')),
    );
    // What came before is told apart by the statement that can.
    expect(new Set(gateway.statements)).toEqual(
      new Set(['append-messages', 'accept-messages', 'add-parameters']),
    );
    expect(await gateway.accept([messages[3]!])).toEqual(['duplicate']);
    for (const [n, from] of customers.entries()) {
      const stored = await messagesOf(db.pool, from);
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1));
      expect(stored.map(({ text }) => text)).toEqual([
        'first',
        'second',
        ...(n === 0 ? ['third'] : []),
        ...rounds,
      ]);
    }
  });

  it('keeps its connections over texts that come again', async () => {
    let connections = 0;
    const pool = createPool({ databaseUrl: db.url, name: 'test', maxConnections: 2 });
    pools.push(pool.on('connect', () => (connections += 1)));
    const wakeUps = { wake: () => undefined };
    const acceptor = new PostgresAcceptor({ pool, apartPool: pool, wakeUps, readyMs: 1, closeGraceMs: 1 });
    const texts = Array.from({ length: 5 }, () => inboundMessage({ from: newAddress() }));
    await acceptor.accept(texts);
    const before = connections;
    for (let n = 0; n < 5; n += 1) {
      expect(await acceptor.accept(texts.slice(0, 1))).toEqual(['duplicate']);
      expect(await acceptor.accept(texts)).toEqual(texts.map(() => 'duplicate'));
    }
    expect(connections).toBe(before);
  });

  it('lets a row that cannot be stored fail alone', async () => {
    const gateway = startGateway(db);
    const [good, bad] = [newAddress(), newAddress()];
    await introduce(gateway, { from: good });
    await introduce(gateway, { from: bad });
    gateway.statements.length = 0;
    const results = await gateway.accept([
      inboundMessage({ from: good, text: 'good' }),
      inboundMessage({ from: bad, providerMessageId: 'SM\0' }),
    ]);
    expect(results).toEqual(['accepted', 'invalid']);
    expect(gateway.statements).toEqual(['append-messages']);
    expect(await textsOf(db.pool, good)).toEqual(['first', 'second', 'good']);
    expect(await textsOf(db.pool, bad)).toEqual(['first', 'second']);
  });

  it.each([1, 2])('makes a lane anew that is gone (%i messages at once)', async (count) => {
    const gateway = startGateway(db);
    const from = newAddress();
    await introduce(gateway, { from });
    await db.pool.query(
      `delete from lanes where thread_id in (select t.id from threads t
         join customer_aliases a on a.customer_id = t.customer_id where a.value = $1)`,
      [from],
    );
    const texts = Array.from({ length: count }, (_, n) => `again ${n}`);
    const results = await gateway.accept(texts.map((text) => inboundMessage({ from, text })));
    expect(results).toEqual(texts.map(() => 'accepted'));
    const stored = await messagesOf(db.pool, from);
    expect(stored.map(({ text }) => text).toSorted()).toEqual(['first', 'second', ...texts].toSorted());
    expect(gateway.woken.at(-1)?.laneId).toBe(stored.find(({ text }) => text === 'again 0')?.lane_id);
  });

  it('does not deadlock with another one over the same lanes', async () => {
    const gateways = [startGateway(db), startGateway(db)];
    const customers = Array.from({ length: 12 }, () => newAddress());
    for (const gateway of gateways) {
      await Promise.all(customers.map((from) => introduce(gateway, { from })));
      gateway.statements.length = 0;
    }
    for (let round = 0; round < 12; round += 1) {
      const results = await Promise.all(
        gateways.map((gateway, n) => {
          const order = n === 0 ? customers : customers.toReversed();
          return gateway.accept(order.map((from) => inboundMessage({ from })));
        }),
      );
      expect(new Set(results.flat())).toEqual(new Set(['accepted']));
    }
    // A batch that had to be split would have been looked up.
    expect(new Set(gateways.flatMap(({ statements }) => statements))).toEqual(new Set(['append-messages']));
  });

  it('takes the last of two names that one batch brings', async () => {
    const from = newAddress();
    const lasting = `US.${from}`;
    for (const knows of [true, false]) {
      const gateway = startGateway(db);
      await introduce(gateway, { from, aliases: aliases(lasting, from) });
      await db.pool.query(
        'update customers set name = null where id in (select customer_id from customer_aliases where value = $1)',
        [from],
      );
      await gateway.accept([
        inboundMessage({ from, aliases: aliases(from), profileName: 'Ada' }),
        inboundMessage({ from, aliases: aliases(lasting), profileName: 'Grace' }),
      ]);
      const next = inboundMessage({
        from,
        aliases: aliases(from),
        profileName: 'Ada',
        text: `last ${knows} ${from}`,
      });
      await (knows ? gateway : startGateway(db)).accept([next]);
      expect(await lastOf(db, `last ${knows} ${from}`)).toMatchObject({ name: 'Ada' });
    }
  });

  it.each([1, 2])('says whether a lane was claimed since (%i messages at once)', async (count) => {
    const gateway = startGateway(db);
    const customers = Array.from({ length: count }, () => newAddress());
    const [first = ''] = customers;
    const change = (what: string) =>
      db.pool.query(
        `update lanes set ${what} where thread_id in (select t.id from threads t
           join customer_aliases a on a.customer_id = t.customer_id where a.value = $1)`,
        [first],
      );
    const fences = async (): Promise<(string | undefined)[]> => {
      gateway.woken.length = 0;
      await gateway.accept(customers.map((from) => inboundMessage({ from })));
      const own = (await messagesOf(db.pool, first))[0]?.lane_id;
      return gateway.woken.filter(({ laneId }) => laneId === own).map(({ fence }) => fence);
    };
    expect([await fences(), await fences()]).toEqual([['0'], ['0']]);
    await change(`fence = fence + 1, lease_until = clock_timestamp() + interval '1 minute'`);
    expect(await fences()).toEqual([undefined]);
    // Whoever held it may renew it under the same fence.
    await change(`lease_until = clock_timestamp() - interval '1 second'`);
    expect(await fences()).toEqual([undefined]);
    await change('lease_until = null');
    expect(await fences()).toEqual(['1']);
  });

  it('waits for no lane but its own', async () => {
    const gateway = startGateway(db);
    const [held, free] = [newAddress(), newAddress()];
    await introduce(gateway, { from: held });
    await introduce(gateway, { from: free });
    const { client, commit } = await transaction(db);
    await client.query(
      `select 1 from lanes l join threads t on t.id = l.thread_id join customer_aliases a on a.customer_id = t.customer_id
       where a.value = $1 for update of l`,
      [held],
    );
    let waits = true;
    const waiting = gateway
      .accept([inboundMessage({ from: held, text: 'third' })])
      .then(() => (waits = false));
    await eventually('it waits', () => waitsForLock(db, '%append_message%'));
    expect(await gateway.accept([inboundMessage({ from: free, text: 'third' })])).toEqual(['accepted']);
    expect(waits).toBe(true);
    await commit();
    await waiting;
    expect(await textsOf(db.pool, held)).toEqual(['first', 'second', 'third']);
  });
});

describe('the thread directory', () => {
  const version = async (): Promise<string | undefined> =>
    (await db.pool.query<{ version: string }>('select version from thread_directory')).rows[0]?.version;
  const rename = async (pool: Pool, from: string): Promise<unknown> =>
    pool.query(
      `update customers set name = 'somebody else' where id in
         (select customer_id from customer_aliases where value = $1)`,
      [from],
    );

  it('never has a version again, so that a database that was set back is not taken for its own future', async () => {
    const from = newAddress();
    await db.gateway.accept([inboundMessage({ from })]);
    const versions: unknown[] = [];
    const change = async (to: string) => {
      await db.pool.query(
        `update customers set name = $2 where id in (select customer_id from customer_aliases where value = $1)`,
        [from, to],
      );
      versions.push(await version());
    };
    for (const name of ['a', 'b', 'c']) await change(name);
    await db.pool.query('update thread_directory set version = $1', [versions[0]]);
    for (const name of ['b', 'c', 'd']) await change(name);
    expect(new Set(versions).size).toBe(6);
  });

  it('that somebody has emptied costs look-ups, no text', async () => {
    const gateway = startGateway(naive);
    const from = newAddress();
    await introduce(gateway, { from });
    await naive.pool.query('delete from thread_directory');
    for (const text of ['third', 'fourth']) {
      expect(await gateway.accept([inboundMessage({ from, text })])).toEqual(['accepted']);
    }
    expect(await textsOf(naive.pool, from)).toEqual(['first', 'second', 'third', 'fourth']);
    await naive.pool.query('insert into thread_directory default values');
  });

  it('is changed by a truncated table, too', async () => {
    const before = await version();
    const { client, commit } = await transaction(db);
    await client.query('truncate lanes');
    const { rows } = await client.query<{ version: string }>('select version from thread_directory');
    expect(rows[0]?.version).not.toBe(before);
    await client.query('rollback');
    await commit();
  });

  it('is not held by whoever still waits for a customer', async () => {
    const gateway = startGateway(db);
    const [from, other] = [newAddress(), newAddress()];
    for (const each of [from, other]) await introduce(gateway, { from: each, profileName: 'Ada' });
    const { client, commit } = await transaction(db);
    await client.query(
      `select 1 from customers where id = (select customer_id from customer_aliases where value = $1) for update`,
      [from],
    );
    // Takes the number over, and looks whether its customer is there.
    const message = inboundMessage({ from, aliases: aliases(`US.${from}`, from) });
    const accepted = gateway.accept([message]);
    await eventually('it waits', () => waitsForLock(db, '%accept_messages%'));
    const impatient = createPool({
      databaseUrl: db.url,
      name: 'test',
      maxConnections: 1,
      lockTimeoutMs: 100,
    });
    pools.push(impatient);
    await rename(impatient, other);
    await commit();
    expect(await accepted).toEqual(['accepted']);
  });
});

interface Change {
  title: string;
  /** What the gateway knows… */
  message: (from: string) => Partial<InboundMessageReceived>;
  /** …and what happens elsewhere, after which that is no longer true. */
  happens: (of: TestDatabase, other: RecordingGateway, from: string) => Promise<unknown>;
}

const CHANGES: Change[] = [
  {
    title: 'the number has moved to somebody else',
    message: (from) => ({ from, aliases: aliases(from) }),
    happens: async (_of, other, from) => {
      // Shown with a lasting name, it belongs to that customer; shown with another, it moves on.
      for (const lasting of ['one', 'two']) {
        await other.accept([inboundMessage({ from, aliases: aliases(`US.${lasting}${from}`, from) })]);
      }
    },
  },
  {
    title: 'the address was configured as a number of its own',
    message: (from) => ({ from, to: `+1777${from.slice(-7)}`, serviceId: 'MG1' }),
    happens: (of, _other, from) => makeNumber(of.pool, { address: `+1777${from.slice(-7)}` }),
  },
  {
    title: 'the customer writes from another address',
    message: (from) => ({ from, aliases: aliases(`US.${from}`) }),
    happens: (_of, other, from) =>
      other.accept([inboundMessage({ from: `US.${from}`, aliases: aliases(`US.${from}`) })]),
  },
  {
    title: 'the customer has another name',
    message: (from) => ({ from, profileName: 'Ada' }),
    happens: (_of, other, from) => other.accept([inboundMessage({ from, profileName: 'Grace' })]),
  },
];

describe.each(CHANGES)('when $title meanwhile', ({ message, happens }) => {
  let texts = 0;
  /** What becomes of a text that a gateway takes which knew the customer before, or of one that knows nothing. */
  async function outcome(of: TestDatabase, knows: boolean): Promise<Record<string, unknown>> {
    const [from, text] = [newAddress(), `after ${(texts += 1)} ${newAddress()}`];
    const [gateway, other] = [startGateway(of), startGateway(of)];
    await introduce(knows ? gateway : other, message(from));
    await happens(of, other, from);
    await gateway.accept([inboundMessage({ ...message(from), text })]);
    const last = await lastOf(of, text);
    return JSON.parse(JSON.stringify(last).replaceAll(from.slice(-7), '…')) as Record<string, unknown>;
  }

  beforeAll(async () => {
    for (const each of [db, naive]) await makeNumber(each.pool, { address: '+15550999', service: 'MG1' });
  });

  it('naive: what is remembered is no longer true', async () => {
    expect(await outcome(naive, true)).not.toEqual(await outcome(naive, false));
  });

  it('a gateway that knows the customer does what one does that knows nothing', async () => {
    expect(await outcome(db, true)).toEqual(await outcome(db, false));
  });
});

describe('any messages through gateways that remember', () => {
  /** So that what is known is mostly true, and every now and then is not. */
  const rarely = <T>(value: fc.Arbitrary<T>) =>
    fc.oneof({ arbitrary: fc.constant(undefined), weight: 5 }, value);
  const message = fc.record({
    gateway: fc.nat({ max: 1 }),
    sender: fc.constantFrom('p', 'q'),
    lasting: rarely(fc.constantFrom('x', 'y')),
    name: rarely(fc.constantFrom('Ada', 'Grace')),
    number: fc.oneof({ arbitrary: fc.constant('+15550100'), weight: 4 }, fc.constant('+15550101')),
    service: rarely(fc.constant('MG1')),
  });

  const acquaintance = ['p', 'q', 'p', 'q'].flatMap((sender) =>
    [0, 1].map((gateway) => ({
      gateway,
      sender,
      number: '+15550100',
      lasting: undefined,
      name: undefined,
      service: undefined,
    })),
  );

  it('end where they end through gateways that look everything up', async () => {
    let run = 0;
    let known = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 2, maxLength: 16, size: 'max' }), async (messages) => {
        const worlds: unknown[] = [];
        for (const remembers of [true, false]) {
          run += 1;
          const prefix = `run${run}:`;
          const gateways = [startGateway(db), startGateway(db)];
          for (const [n, each] of [...acquaintance, ...messages].entries()) {
            const { gateway, sender, lasting, name, number, service } = each;
            const from = prefix + sender;
            const event = inboundMessage({
              from,
              to: number,
              text: `${prefix}${n}`,
              aliases: aliases(...(lasting === undefined ? [] : [prefix + lasting]), from),
              ...(name !== undefined && { profileName: name }),
              ...(service !== undefined && { serviceId: service }),
            });
            const at = remembers ? gateways[gateway] : startGateway(db);
            expect(await at?.accept([event])).toEqual(['accepted']);
          }
          const { rows } = await db.pool.query(
            `select replace(m.content->>'text', $1, '') as text, m.seq::int, b.address, c.name,
               replace(t.customer_address, $1, '') as customer_address,
               (select array_agg(replace(a.value, $1, '') order by a.value) from customer_aliases a
                 where a.customer_id = c.id) as aliases
             from messages m join threads t on t.id = m.thread_id join customers c on c.id = t.customer_id
             join business_numbers b on b.id = t.number_id
             where m.content->>'text' like $1 || '%' order by m.seq, 1`,
            [prefix],
          );
          worlds.push(rows);
          known += gateways.flatMap(({ statements }) => statements).filter(isKnown).length;
          await endGateways();
        }
        expect(worlds[0]).toEqual(worlds[1]);
      }),
      { numRuns: 25 },
    );
    // Not a comparison of two worlds that look everything up.
    expect(known).toBeGreaterThan(run / 2);
  });
});
