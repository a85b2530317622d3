import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CannotStoreError } from '#core';
import { createPool, PostgresAcceptor } from '#persistence';
import {
  eventually,
  inboundMessage,
  inTurn,
  makeNumber,
  messagesOf,
  newAddress,
  sleep,
  startTestDatabase,
  textsOf,
  type TestDatabase,
} from '../support/accepting.js';
import {
  acceptByJoiningKeys,
  acceptInOneStatement,
  countPerMessage,
  insertKeysAsTheyCome,
  makeCustomerFirst,
  storeTexts,
  takeFromSequence,
} from '../support/naive.js';
import { freePort } from '../support/postgres.js';

let db: TestDatabase;
let numberId: string;

beforeAll(async () => {
  db = await startTestDatabase();
  numberId = await makeNumber(db.pool);
});
afterAll(() => db.stop());

async function count(statement: string, values: unknown[] = []): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>(`select count(*)::int as n from ${statement}`, values);
  return rows[0]?.n ?? -1;
}

const orphans = () =>
  count('customers c where not exists (select from customer_aliases a where a.customer_id = c.id)');

describe('a thread that is new', () => {
  it('naive: the key is committed and the message is not', async () => {
    const digest = randomBytes(16);
    await acceptInOneStatement(db.pool, { digest, numberId, address: newAddress(), text: 'lost' });
    expect(await count('dedupe_keys where digest = $1', [digest])).toBe(1);
    expect(await count(`messages where content::text = '"lost"'`)).toBe(0);
  });

  it('gets its message, with a number nobody ever configured', async () => {
    const address = newAddress();
    const to = '+15550177';
    expect(await db.gateway.accept([inboundMessage({ from: address, to, text: 'hello' })])).toEqual([
      'accepted',
    ]);
    expect(await messagesOf(db.pool, address)).toMatchObject([{ seq: 1, text: 'hello', delivery: 'open' }]);
    expect(await count(`business_numbers where address = $1 and state = 'unconfigured'`, [to])).toBe(1);
    expect(
      await count('lane_items i join messages m on m.id = i.message_id where m.content::text like $1', [
        '%"hello"%',
      ]),
    ).toBe(1);
  });

  it('in a batch gets all of its messages, in order', async () => {
    const customers = Array.from({ length: 20 }, newAddress);
    const messages = Array.from({ length: 60 }, (_, n) =>
      inboundMessage({ from: customers[n % 20] ?? '', text: String(n) }),
    );
    const acceptor = db.acceptor();
    const results = await Promise.all(messages.map((message) => acceptor.accept([message])));
    expect(results.flat()).toEqual(messages.map(() => 'accepted'));
    for (const [n, customer] of customers.entries()) {
      const stored = await messagesOf(db.pool, customer);
      expect(stored.map(({ seq, text }) => [seq, text])).toEqual([
        [1, String(n)],
        [2, String(n + 20)],
        [3, String(n + 40)],
      ]);
    }
  });
});

describe('two gateways racing for one new customer', () => {
  it('naive: leaves customers that nobody knows', async () => {
    const address = newAddress();
    const before = await orphans();
    await makeCustomerFirst(db.pool, address, () =>
      makeCustomerFirst(db.pool, address, async () => undefined),
    );
    expect(await orphans()).toBeGreaterThan(before);
  });

  it('make one customer, one thread, and nobody besides', async () => {
    const gateways = [db.gateway, db.acceptor(), db.acceptor()];
    const before = await orphans();
    for (let round = 0; round < 8; round += 1) {
      const address = newAddress();
      const to = `+1555018${round}`;
      const results = await Promise.all(
        gateways.flatMap((gateway) =>
          [1, 2].map(() => gateway.accept([inboundMessage({ from: address, to })])),
        ),
      );
      expect(results.flat()).toEqual(Array.from({ length: 6 }, () => 'accepted'));
      expect(await count('customer_aliases where value = $1', [address])).toBe(1);
      expect(await count('threads where customer_address = $1', [address])).toBe(1);
      expect(await count('business_numbers where address = $1', [to])).toBe(1);
      expect((await messagesOf(db.pool, address)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    }
    expect(await orphans()).toBe(before);
  });
});

describe('unsorted keys of two batches', () => {
  const keys = () => Array.from({ length: 8 }, () => randomBytes(16));

  beforeAll(async () => {
    // Each key takes a while, so that two batches always meet in the middle.
    await db.pool.query(`create function slow_key() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.01); return new; end $$`);
    await db.pool.query(
      'create trigger slow_key before insert on dedupe_keys for each row execute function slow_key()',
    );
    await db.pool.query(`alter system set deadlock_timeout = '50ms'`);
    await db.pool.query('select pg_reload_conf()');
  });
  afterAll(async () => {
    await db.pool.query('drop trigger slow_key on dedupe_keys');
    await db.pool.query('alter system reset deadlock_timeout');
    await db.pool.query('select pg_reload_conf()');
  });

  it('naive: lock each other', async () => {
    const digests = keys();
    const race = await Promise.allSettled([
      insertKeysAsTheyCome(db.pool, digests),
      insertKeysAsTheyCome(db.pool, digests.toReversed()),
    ]);
    expect(
      race.map((result) => result.status === 'rejected' && (result.reason as { code?: string }).code),
    ).toContain('40P01');
  });

  it('are no matter: every message is stored once, and nothing locks', async () => {
    const deadlocks = async () => {
      const { rows } = await db.pool.query<{ n: number }>(
        'select deadlocks::int as n from pg_stat_database where datname = current_database()',
      );
      return rows[0]?.n;
    };
    await eventually('the naive one is counted', async () => ((await deadlocks()) ?? 0) > 0);
    const before = await deadlocks();
    const [one, two] = [db.acceptor(), db.acceptor()];
    for (let round = 0; round < 5; round += 1) {
      const customers = Array.from({ length: 8 }, newAddress);
      const messages = customers.map((from) => inboundMessage({ from }));
      const answers = await Promise.all([one.accept(messages), two.accept(messages.toReversed())]);
      expect(answers.flat().filter((answer) => answer === 'accepted')).toHaveLength(8);
      expect(answers.flat().filter((answer) => answer === 'duplicate')).toHaveLength(8);
      for (const customer of customers) expect(await messagesOf(db.pool, customer)).toHaveLength(1);
    }
    await sleep(1_100); // the server reports its figures once a second
    expect(await deadlocks()).toBe(before);
  });
});

describe('one key twice in a batch', () => {
  it('naive: two messages', async () => {
    const digest = randomBytes(16);
    const { rows } = await db.pool.query<{ id: string }>('select new_id() as id');
    const threadId = rows[0]?.id ?? '';
    await acceptByJoiningKeys(db.pool, threadId, [
      { digest, text: 'a' },
      { digest, text: 'a' },
    ]);
    expect(await count('messages where thread_id = $1', [threadId])).toBe(2);
    await db.pool.query('delete from messages where thread_id = $1', [threadId]);
  });

  it('is one message; the others are answered as duplicates', async () => {
    const message = inboundMessage({ from: newAddress() });
    const results = await db.gateway.accept([
      message,
      message,
      inboundMessage({ from: message.from }),
      message,
    ]);
    expect(results).toEqual(['accepted', 'duplicate', 'accepted', 'duplicate']);
    expect((await messagesOf(db.pool, message.from)).map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

describe('two messages of one lane in a batch', () => {
  it('naive: 21000', async () => {
    await db.gateway.accept([inboundMessage({ from: newAddress() })]);
    const { rows } = await db.pool.query<{ id: string }>('select id from threads limit 1');
    const id = rows[0]?.id ?? '';
    await expect(countPerMessage(db.pool, [id, id])).rejects.toMatchObject({ code: '21000' });
  });

  it('get a seq each, in the order of arrival', async () => {
    const [one, two] = [newAddress(), newAddress()];
    const texts = Array.from({ length: 10 }, (_, n) => String(n));
    await db.gateway.accept(
      texts.flatMap((text) => [inboundMessage({ from: one, text }), inboundMessage({ from: two, text })]),
    );
    for (const customer of [one, two]) {
      expect((await messagesOf(db.pool, customer)).map(({ seq, text }) => [seq, text])).toEqual(
        texts.map((text, n) => [n + 1, text]),
      );
    }
  });
});

describe('a NUL in one row', () => {
  it('naive: refuses the whole batch', async () => {
    await expect(storeTexts(db.pool, ['fine', 'not\0fine', 'fine'])).rejects.toMatchObject({ code: '22021' });
  });

  it('is kept where it stands in a text, with whatever else is odd there', async () => {
    const from = newAddress();
    const text = 'a\0b \ud800 \u202Eright to left\u202C \r\n __proto__ 👩‍👩‍👧';
    const message = inboundMessage({
      from,
      text,
      profileName: 'A\0da',
      raw: { Body: text, ProfileName: 'A\0da' },
    });
    expect(await db.gateway.accept([message])).toEqual(['accepted']);
    expect(await textsOf(db.pool, from)).toEqual([text]);
    const { rows } = await db.pool.query<{ name: string; raw: unknown }>(
      `select c.name, m.raw from customer_aliases a join customers c on c.id = a.customer_id
       join threads t on t.customer_id = c.id join messages m on m.thread_id = t.id where a.value = $1`,
      [from],
    );
    expect(rows).toEqual([{ name: 'Ada', raw: message.raw }]);
  });

  it('anywhere else refuses that row alone', async () => {
    const good = [newAddress(), newAddress(), newAddress()];
    const results = await db.gateway.accept([
      inboundMessage({ from: good[0] ?? '' }),
      inboundMessage({ from: good[1] ?? '', aliases: [{ channel: 'sms', value: 'nul\0' }] }),
      inboundMessage({ from: good[1] ?? '' }),
      inboundMessage({ from: good[2] ?? '', to: '+1\0' }),
      inboundMessage({ from: good[2] ?? '' }),
    ]);
    expect(results).toEqual(['accepted', 'invalid', 'accepted', 'invalid', 'accepted']);
    for (const customer of good) expect(await messagesOf(db.pool, customer)).toHaveLength(1);
  });

  it('and so does a name longer than an index takes', async () => {
    const from = newAddress();
    const huge = randomBytes(6_000).toString('hex');
    const results = await db.gateway.accept([
      inboundMessage({ from }),
      inboundMessage({ from: huge, aliases: [{ channel: 'sms', value: huge }] }),
      inboundMessage({ from }),
    ]);
    expect(results).toEqual(['accepted', 'invalid', 'accepted']);
  });
});

describe('the order of seq', () => {
  it('naive: a sequence does not follow commits, so that one is passed over', async () => {
    await db.pool.query('create sequence naive_seq');
    const [early, late] = [await db.session().connect(), await db.session().connect()];
    try {
      await early.query('begin');
      const first = await takeFromSequence(early, 'naive_seq');
      await late.query('begin');
      const second = await takeFromSequence(late, 'naive_seq');
      await late.query('commit'); // a worker delivers `second` now
      await early.query('commit'); // and only then `first` is there
      expect(first).toBeLessThan(second);
    } finally {
      early.release();
      late.release();
    }
  });

  it('is that of commits, without gaps, with many gateways at one lane', async () => {
    const from = newAddress();
    const gateways = [db.gateway, db.acceptor(), db.acceptor()];
    const seen: number[][] = [];
    let done = false;
    const watching = (async () => {
      while (!done) {
        seen.push((await messagesOf(db.pool, from)).map(({ seq }) => seq));
        await sleep(2);
      }
    })();
    await Promise.all(
      gateways.map(async (gateway) => {
        for (let n = 0; n < 15; n += 1)
          await gateway.accept([inboundMessage({ from }), inboundMessage({ from })]);
      }),
    );
    done = true;
    await watching;
    // Whoever looks at any time sees 1..n: nothing ever appears below what was there.
    for (const seqs of seen) expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(await messagesOf(db.pool, from)).toHaveLength(90);
  });

  it('gives back what was counted when the batch is rolled back', async () => {
    const from = newAddress();
    await db.gateway.accept([inboundMessage({ from })]);
    // The second message is refused at its very end, after the lane was counted on.
    await db.gateway.accept([inboundMessage({ from }), inboundMessage({ from, providerMessageId: 'nul\0' })]);
    await db.gateway.accept([inboundMessage({ from })]);
    expect((await messagesOf(db.pool, from)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });
});

describe('a webhook that comes again', () => {
  it('tenfold at once through two gateways is one message', async () => {
    const gateways = [db.gateway, db.acceptor()];
    const message = inboundMessage({ from: newAddress() });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => inTurn(gateways, n).accept([message])),
    );
    expect(results.flat().filter((result) => result === 'accepted')).toHaveLength(1);
    expect(results.flat().filter((result) => result === 'duplicate')).toHaveLength(19);
    expect(await messagesOf(db.pool, message.from)).toHaveLength(1);
  });

  it('long after its message was delivered and dropped is still a duplicate', async () => {
    const message = inboundMessage({ from: newAddress() });
    await db.gateway.accept([message]);
    await db.pool.query(
      'delete from lane_items where message_id in (select id from messages where provider_message_id = $1)',
      [message.providerMessageId],
    );
    await db.pool.query('delete from messages where provider_message_id = $1', [message.providerMessageId]);
    expect(await db.acceptor().accept([message])).toEqual(['duplicate']);
    expect(await messagesOf(db.pool, message.from)).toEqual([]);
  });
});

describe('whom an address means', () => {
  it("is the number itself where configured, else the service's, else a new unconfigured one", async () => {
    const serviceNumber = await makeNumber(db.pool, { address: '+15550301', service: 'MG1' });
    const own = await makeNumber(db.pool, { address: '+15550302', service: 'MG1' });
    const numberOf = async (to: string, serviceId?: string) => {
      const from = newAddress();
      await db.gateway.accept([inboundMessage({ from, to, ...(serviceId && { serviceId }) })]);
      const { rows } = await db.pool.query<{ number_id: string }>(
        'select number_id from threads where customer_address = $1',
        [from],
      );
      return rows[0]?.number_id;
    };
    expect(await numberOf('+15550302', 'MG1')).toBe(own);
    expect(await numberOf('+15550303', 'MG1')).toBe(serviceNumber);
    expect(await count(`business_numbers where address = '+15550303'`)).toBe(0);
    const unknown = await numberOf('+15550304', 'MG2');
    expect(await numberOf('+15550304')).toBe(unknown);
    expect(await count(`business_numbers where id = $1 and state = 'unconfigured'`, [unknown])).toBe(1);
  });

  it('keeps customers of one number apart, and one customer of two numbers in two threads', async () => {
    const from = newAddress();
    await db.gateway.accept([inboundMessage({ from }), inboundMessage({ from, to: '+15550305' })]);
    expect(await count('threads where customer_address = $1', [from])).toBe(2);
    expect(await count('customer_aliases where value = $1', [from])).toBe(1);
  });
});

describe('a customer with several names', () => {
  const whatsapp = (values: string[], from = `whatsapp:${values.at(-1)}`) =>
    inboundMessage({
      channel: 'whatsapp',
      to: 'whatsapp:+15550100',
      from,
      aliases: values.map((value) => ({ channel: 'whatsapp' as const, value })),
    });
  const customerOf = async (value: string) => {
    const { rows } = await db.pool.query<{ customer_id: string }>(
      `select customer_id from customer_aliases where channel = 'whatsapp' and value = $1`,
      [value],
    );
    return rows[0]?.customer_id;
  };

  it('is one customer, whichever name a later webhook shows', async () => {
    const [id, number] = ['US.abc1', newAddress()];
    await db.gateway.accept([whatsapp([id, number])]);
    await db.gateway.accept([whatsapp([number])]);
    await db.gateway.accept([whatsapp([id], `whatsapp:${id}`)]);
    expect(await customerOf(id)).toBe(await customerOf(number));
    expect(await messagesOf(db.pool, number)).toHaveLength(3);
    // An answer goes to where the customer last wrote from.
    expect(await count('threads where customer_address = $1', [`whatsapp:${id}`])).toBe(1);
  });

  it('is the customer known by number before the id was ever shown', async () => {
    const [id, number] = ['US.abc2', newAddress()];
    await db.gateway.accept([whatsapp([number])]);
    await db.gateway.accept([whatsapp([id, number])]);
    expect(await customerOf(id)).toBe(await customerOf(number));
    expect(await messagesOf(db.pool, number)).toHaveLength(2);
  });

  it('loses a number to the next id that shows it, and nothing of the former owner follows', async () => {
    const [first, second, number] = ['US.abc3', 'US.abc4', newAddress()];
    await db.gateway.accept([whatsapp([first, number])]);
    await db.gateway.accept([whatsapp([second, number])]);
    expect(await customerOf(first)).not.toBe(await customerOf(second));
    expect(await customerOf(number)).toBe(await customerOf(second));
    expect(await messagesOf(db.pool, first)).toHaveLength(1);
    expect(await messagesOf(db.pool, second)).toHaveLength(1);
  });

  it('moves a number between two ids that show it in one batch, and loses nothing', async () => {
    const [first, second, number] = ['US.abc5', 'US.abc6', newAddress()];
    const batch = [whatsapp([first, number]), whatsapp([second, number]), whatsapp([first, number])];
    expect(await db.gateway.accept(batch)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(await messagesOf(db.pool, first)).toHaveLength(2);
    expect(await messagesOf(db.pool, second)).toHaveLength(1);
    expect(await customerOf(number)).toBe(await customerOf(first));
  });

  it('is made once when two gateways see both names for the first time', async () => {
    const gateways = [db.gateway, db.acceptor()];
    for (let round = 0; round < 5; round += 1) {
      const [id, number] = [`US.race${round}`, newAddress()];
      const before = await orphans();
      if (round % 2 === 1) await db.gateway.accept([whatsapp([number])]);
      await Promise.all([0, 1, 0, 1].map((n) => inTurn(gateways, n).accept([whatsapp([id, number])])));
      expect(await customerOf(id)).toBe(await customerOf(number));
      expect(await messagesOf(db.pool, id)).toHaveLength(4 + (round % 2));
      expect(await orphans()).toBe(before);
    }
  });

  it('takes the newest profile name, and keeps it when none is shown', async () => {
    const from = newAddress();
    const name = async () => {
      const { rows } = await db.pool.query<{ name: string | null }>(
        'select c.name from customers c join customer_aliases a on a.customer_id = c.id where a.value = $1',
        [from],
      );
      return rows[0]?.name;
    };
    await db.gateway.accept([inboundMessage({ from })]);
    expect(await name()).toBeNull();
    await db.gateway.accept([inboundMessage({ from, profileName: 'Ada' })]);
    await db.gateway.accept([inboundMessage({ from })]);
    expect(await name()).toBe('Ada');
    await db.gateway.accept([
      inboundMessage({ from, profileName: 'Ada' }),
      inboundMessage({ from, profileName: 'Grace' }),
    ]);
    expect(await name()).toBe('Grace');
  });
});

describe('a database that is away', () => {
  it('is said at once', async () => {
    const pool = createPool({
      databaseUrl: `postgres://test@127.0.0.1:${await freePort()}/x`,
      name: 'test',
      maxConnections: 2,
    });
    const acceptor = new PostgresAcceptor({
      pool,
      apartPool: pool,
      wakeUps: { wake: () => undefined },
      readyMs: 1,
      closeGraceMs: 1,
    });
    const startedAt = performance.now();
    await expect(acceptor.accept([inboundMessage()])).rejects.toThrow(CannotStoreError);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await pool.end();
  });
});
