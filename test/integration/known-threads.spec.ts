import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CannotStoreError, type InboundMessageReceived, type WakeUp } from '#core';
import { PostgresAcceptor, createPool, type Pool } from '#persistence';
import {
  acceptUncommitted,
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
  await Promise.all(pools.map((pool) => pool.end()));
  await Promise.all([db, naive].map((each) => each.stop()));
});

interface RecordingGateway {
  accept: PostgresAcceptor['accept'];
  /** The names of the statements that committed its batches. */
  statements: string[];
  woken: WakeUp[];
}

/** A gateway of its own memory, whose statements can be told apart, and some of which fail while asked to. */
function startGateway(
  of: TestDatabase,
  fails: (statement: string) => boolean = () => false,
): RecordingGateway {
  const statements: string[] = [];
  const woken: WakeUp[] = [];
  const open = (maxConnections: number) => {
    const pool = createPool({ databaseUrl: of.url, name: 'test', maxConnections });
    pools.push(pool);
    return pool;
  };
  const pool = open(2);
  const recording = new Proxy(pool, {
    get: (target, name) => {
      if (name !== 'query') return Reflect.get(target, name) as unknown;
      return (config: { name: string }) => {
        statements.push(config.name);
        if (fails(config.name)) return Promise.reject(new Error('The connection broke.'));
        return target.query(config as never);
      };
    },
  });
  const acceptor = new PostgresAcceptor({
    pool: recording,
    apartPool: open(4),
    wakeUps: { wake: (list) => void woken.push(...list) },
    readyMs: 3_000,
    closeGraceMs: 5_000,
  });
  return { accept: (events) => acceptor.accept(events), statements, woken };
}

/** Storing without looking anything up. */
const KNOWN = ['append-message', 'append-messages'];
const isKnown = (statement: string) => KNOWN.includes(statement);

/** Two texts: where the first one's thread is made in a way that is not remembered, the second finds it. */
async function introduce(gateway: RecordingGateway, changes: Partial<InboundMessageReceived>): Promise<void> {
  for (const text of ['first', 'second']) await gateway.accept([inboundMessage({ ...changes, text })]);
}

const aliases = (...values: string[]) => values.map((value) => ({ channel: 'sms' as const, value }));

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
    expect(new Set(gateway.statements)).toEqual(new Set(['append-messages', 'accept-messages']));
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

describe('introducing', () => {
  const introduced = async (...events: InboundMessageReceived[]): Promise<RecordingGateway> => {
    const gateway = startGateway(db);
    expect(await gateway.accept(events)).toEqual(events.map(() => 'accepted'));
    return gateway;
  };
  const ofCustomer = async (alias: string) =>
    (
      await db.pool.query(
        `select c.name, t.customer_address, b.address from customer_aliases a join customers c on c.id = a.customer_id
         join threads t on t.customer_id = c.id join business_numbers b on b.id = t.number_id
         where a.value = $1 order by b.address`,
        [alias],
      )
    ).rows as unknown[];

  it('makes customer and thread of a stranger, under the name that the text brings', async () => {
    const from = newAddress();
    const gateway = await introduced(inboundMessage({ from, profileName: 'A\0da', text: 'hello' }));
    expect(gateway.statements).toEqual(['introduce-threads', 'append-message']);
    expect(await ofCustomer(from)).toEqual([{ name: 'Ada', customer_address: from, address: '+15550100' }]);
    expect(await textsOf(db.pool, from)).toEqual(['hello']);
  });

  it('finds the thread of a customer whom another gateway knows, and makes nothing', async () => {
    const from = newAddress();
    await introduced(inboundMessage({ from, text: 'one' }));
    const gateway = await introduced(inboundMessage({ from, text: 'two' }));
    expect(gateway.statements).toEqual(['introduce-threads', 'append-message']);
    expect(await ofCustomer(from)).toHaveLength(1);
    expect(await textsOf(db.pool, from)).toEqual(['one', 'two']);
  });

  it('takes a stranger who comes twice at once for one, in order, and the last name', async () => {
    const from = newAddress();
    await introduced(
      inboundMessage({ from, text: 'one', profileName: 'Ada' }),
      inboundMessage({ from, text: 'two', profileName: 'Grace' }),
    );
    expect(await ofCustomer(from)).toMatchObject([{ name: 'Grace' }]);
    expect(await textsOf(db.pool, from)).toEqual(['one', 'two']);
  });

  it('takes a stranger who writes to two numbers at once for one, with two threads', async () => {
    const [from, other] = [newAddress(), '+15550111'];
    await makeNumber(db.pool, { address: other });
    await introduced(inboundMessage({ from }), inboundMessage({ from, to: other }));
    expect(await ofCustomer(from)).toMatchObject([{ address: '+15550100' }, { address: other }]);
  });

  it('leaves who has two names, or writes to a number nobody knows, to the statement that can', async () => {
    const [from, stranger] = [newAddress(), newAddress()];
    const gateway = await introduced(
      inboundMessage({ from, aliases: aliases(`US.${from}`, from) }),
      inboundMessage({ from: stranger, to: `+1888${stranger.slice(-7)}` }),
    );
    expect(gateway.statements).toEqual(['introduce-threads', 'accept-messages']);
    expect(await lastOf(db, (await textsOf(db.pool, from))[0] ?? '')).toMatchObject({
      aliases: [from, `US.${from}`],
    });
  });

  describe('who differs from text to text of one batch', () => {
    const [one, other] = [
      { to: '+15558881', serviceId: 'MG1' },
      { to: '+15558882', serviceId: 'MG1' },
    ];
    const customerOf = async (alias: string) =>
      (
        await db.pool.query(
          `select c.name, t.customer_address as address,
             (select array_agg(x.value order by x.value) from customer_aliases x where x.customer_id = c.id) as aliases
           from customer_aliases a join customers c on c.id = a.customer_id join threads t on t.customer_id = c.id
           where a.value = $1`,
          [alias],
        )
      ).rows[0] as unknown;
    // Two addresses of one service are one number, yet two lanes for the batcher.
    beforeAll(() => makeNumber(db.pool, { address: '+15550888', service: 'MG1' }));

    it('by name: has the last one', async () => {
      const from = newAddress();
      const gateway = await introduced(
        inboundMessage({ from, ...one, profileName: 'Ada' }),
        inboundMessage({ from, ...other, profileName: 'Grace' }),
      );
      await gateway.accept([inboundMessage({ from, ...other, profileName: 'Grace' })]);
      expect(await customerOf(from)).toMatchObject({ name: 'Grace' });
    });

    it('by another number of theirs: has both', async () => {
      const [from, second] = [newAddress(), newAddress()];
      await introduced(
        inboundMessage({ from, ...one, aliases: aliases(from) }),
        inboundMessage({ from, ...other, aliases: aliases(from, second) }),
      );
      expect(await customerOf(from)).toMatchObject({ aliases: [from, second] });
    });

    it('by where they write from: is answered there', async () => {
      const [from, moved] = [newAddress(), newAddress()];
      await introduced(
        inboundMessage({ from, ...one, aliases: aliases(`US.${from}`) }),
        inboundMessage({ from: moved, ...other, aliases: aliases(`US.${from}`) }),
      );
      expect(await customerOf(`US.${from}`)).toMatchObject({ address: moved });
    });

    it('is one person also where storing fails in between, and the provider tries again', async () => {
      const [from, second] = [newAddress(), newAddress()];
      let broken = true;
      const gateway = startGateway(db, (statement) => broken && statement === 'accept-messages');
      const texts = [
        inboundMessage({ from, aliases: aliases(from), text: 'one' }),
        inboundMessage({ from, aliases: aliases(from, second), text: 'two', profileName: 'Grace' }),
      ];
      await expect(gateway.accept(texts)).rejects.toThrow(CannotStoreError);
      broken = false;
      for (const text of texts.toReversed()) expect(await gateway.accept([text])).toEqual(['accepted']);
      await gateway.accept([inboundMessage({ from: second, aliases: aliases(second), text: 'three' })]);
      expect(await customerOf(from)).toMatchObject({ aliases: [from, second], name: 'Grace' });
      expect(await textsOf(db.pool, from)).toEqual(['two', 'one', 'three']);
    });
  });

  it('waits for nobody for long: whom another gateway is making is taken when that one is done', async () => {
    const [from, known] = [newAddress(), newAddress()];
    const gateway = startGateway(db);
    await introduce(gateway, { from: known });
    const { client, commit } = await transaction(db);
    await acceptUncommitted(client, [inboundMessage({ from, text: 'one' })]);
    const waiting = gateway.accept([inboundMessage({ from, text: 'two' })]);
    await eventually('it waits', () => waitsForLock(db, '%accept_messages%'));
    // Another batch, and a stranger in the same one, get through.
    const stranger = newAddress();
    const through = await gateway.accept([
      inboundMessage({ from: known }),
      inboundMessage({ from: stranger }),
    ]);
    expect(through).toEqual(['accepted', 'accepted']);
    await commit();
    expect(await waiting).toEqual(['accepted']);
    expect(await textsOf(db.pool, from)).toEqual(['one', 'two']);
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

/** Whom and where a customer's last text counts for: what any gateway must make of it. */
async function lastOf(of: TestDatabase, text: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await of.pool.query<Record<string, unknown>>(
    `select b.address, c.name, t.customer_address,
       (select array_agg(a.value order by a.value) from customer_aliases a where a.customer_id = c.id) as aliases
     from messages m join threads t on t.id = m.thread_id join customers c on c.id = t.customer_id
     join business_numbers b on b.id = t.number_id
     where m.content->>'text' = $1`,
    [text],
  );
  return rows[0];
}

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
          await Promise.all(pools.splice(0).map((pool) => pool.end()));
        }
        expect(worlds[0]).toEqual(worlds[1]);
      }),
      { numRuns: 25 },
    );
    // Not a comparison of two worlds that look everything up.
    expect(known).toBeGreaterThan(run / 2);
  });
});
