import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { v7 as uuid } from 'uuid';
import type { InboundMessageReceived } from '#core';
import {
  createDataSource,
  OperatorConversations,
  OperatorCustomers,
  OperatorDatabase,
  OperatorMessages,
} from '#persistence';
import { mergingBefore } from '../../libs/persistence/src/migrations/0015-merging.sql.js';
import {
  agentMessage,
  deskEvent,
  eventually,
  inboundMessage,
  makeNumber,
  messagesOf,
  newAddress,
  startTestDatabase,
  textsOf,
  transaction,
  waitsForLock,
  type TestDatabase,
} from '../support/accepting.js';
import {
  activeThread,
  itemsOf,
  newThread,
  startDelivery,
  type Delivery,
  type TestThread,
} from '../support/delivering.js';
import { refuses } from '../support/fakes.js';
import { aliases, endGateways, startGateway } from '../support/recording-gateway.js';

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
  await makeNumber(db.pool);
  await makeNumber(db.pool, { address: 'whatsapp:+15550100', channel: 'whatsapp' });
});
afterAll(async () => {
  await endGateways();
  await db.stop();
});
beforeEach(() => {
  delivery = startDelivery(db);
});

/** A text that shows both: what the customer is called for good, and their number. */
function both(
  lasting: string,
  number: string,
  changes: Partial<InboundMessageReceived> & { text?: string } = {},
): InboundMessageReceived {
  const bare = [lasting, number].map((name) => name.replace('whatsapp:', ''));
  const message = inboundMessage({ from: number, ...changes });
  return { ...message, aliases: bare.map((value) => ({ channel: message.channel, value })) };
}

async function meet(
  lasting: string,
  number: string,
  changes: Parameters<typeof both>[2] = {},
): Promise<void> {
  expect(await db.gateway.accept([both(lasting, number, changes)])).toEqual(['accepted']);
}

async function customerOf(name: string): Promise<string> {
  const { rows } = await db.pool.query<{ customer_id: string }>(
    'select customer_id from customer_aliases where value = $1',
    [name.replace('whatsapp:', '')],
  );
  expect(rows).toHaveLength(1);
  return rows[0]?.customer_id ?? '';
}

/** The customer's threads that go on, and those that do not. */
async function threadsOf(name: string): Promise<{ goOn: string[]; others: string[] }> {
  const { rows } = await db.pool.query<{ id: string; continues_in: string | null }>(
    'select id, continues_in from threads where customer_id = $1 order by id',
    [await customerOf(name)],
  );
  const goOn = rows.filter(({ continues_in }) => continues_in === null).map(({ id }) => id);
  const others = rows.filter(({ continues_in }) => continues_in !== null);
  // Never a chain.
  for (const { continues_in } of others) expect(goOn).toContain(continues_in);
  return { goOn, others: others.map(({ id }) => id) };
}

async function closeConversations(thread: TestThread, reason = 'operator'): Promise<void> {
  for (const { id } of await thread.conversations())
    await db.pool.query('select close_conversation($1, $2, false, false)', [id, reason]);
}

async function dueLanes(): Promise<string[]> {
  return (await delivery.upkeep.dueLanes(10_000)).map(({ laneId }) => laneId);
}

/** Where the text stands. */
async function threadOf(text: string): Promise<string | undefined> {
  const { rows } = await db.pool.query<{ thread_id: string }>(
    `select thread_id from messages where content ->> 'text' = $1`,
    [text],
  );
  expect(rows).toHaveLength(1);
  return rows[0]?.thread_id;
}

/** A session tells of its own when it ends, as one does over which a batch has failed. */
async function deadlocks(): Promise<number> {
  const { rows } = await db.pool.query<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  return Number(rows[0]?.deadlocks);
}

describe('a customer known by a business-scoped id alone', () => {
  it('gets the number as another name when it shows up', async () => {
    const [lasting, number] = [`US.${newAddress()}`, newAddress()];
    const from = `whatsapp:${lasting}`;
    await db.gateway.accept([inboundMessage({ from, text: 'hidden' })]);
    const customer = await customerOf(lasting);
    await meet(lasting, `whatsapp:${number}`, { text: 'shown' });
    expect(await customerOf(number)).toBe(customer);
    expect(await textsOf(db.pool, lasting)).toEqual(['hidden', 'shown']);
    expect((await threadsOf(number)).goOn).toHaveLength(1);
  });
});

describe('a number and an id of which nobody knew that they are one', () => {
  it.each([
    { open: ['lasting'], older: 'number', goesOn: 'lasting' },
    { open: ['number'], older: 'lasting', goesOn: 'number' },
    { open: ['lasting', 'number'], older: 'lasting', goesOn: 'lasting' },
    { open: ['lasting', 'number'], older: 'number', goesOn: 'number' },
    { open: [], older: 'lasting', goesOn: 'lasting' },
    { open: [], older: 'number', goesOn: 'number' },
  ] as const)(
    'go on in one thread (open: $open, older: the one of the $older)',
    async ({ open, older, goesOn }) => {
      const [one, two] = [await activeThread(db, delivery), await activeThread(db, delivery)];
      const threads = older === 'lasting' ? { lasting: one, number: two } : { lasting: two, number: one };
      for (const name of ['lasting', 'number'] as const)
        if (!(open as readonly string[]).includes(name)) await closeConversations(threads[name]);
      const { lasting, number } = threads;
      const customer = await customerOf(lasting.address);
      const name = lasting.address;
      await meet(lasting.address, number.address, { text: `both ${name}` });

      expect(await customerOf(lasting.address)).toBe(customer);
      expect(await customerOf(number.address)).toBe(customer);
      const winner = threads[goesOn];
      const other = goesOn === 'lasting' ? number : lasting;
      expect(await threadsOf(name)).toEqual({ goOn: [winner.threadId], others: [other.threadId] });
      // Answers go to where the customer wrote from.
      const { rows } = await db.pool.query('select customer_address from threads where id = $1', [
        winner.threadId,
      ]);
      expect(rows).toEqual([{ customer_address: number.address }]);
      // Every later text goes there, whichever name it shows; what was there before stays where it was.
      await lasting.says(`lasting ${name}`);
      await number.says(`number ${name}`);
      const later = ['both', 'lasting', 'number'].map((text) => `${text} ${name}`);
      for (const text of later) expect(await threadOf(text)).toBe(winner.threadId);
      expect((await winner.messages('inbound')).map(({ text }) => text)).toEqual(['hello', ...later]);
      expect((await other.messages('inbound')).map(({ text }) => text)).toEqual(['hello']);
      await delivery.drainEmpty(winner.inbound);
      // Into the conversation that was open, or a new one.
      const conversations = delivery.desk.conversations.length;
      expect(conversations).toBe(open.length === 0 ? 3 : 2);
      const heard = delivery.desk.texts().filter((texts) => texts.includes(later[0] ?? ''));
      expect(heard).toEqual([open.length === 0 ? later : ['hello', ...later]]);
      // Nobody's conversation was ended by it.
      const left = await other.conversations();
      expect(left.map(({ state }) => state)).toEqual([open.length === 2 ? 'active' : 'closed']);
    },
  );

  it('keep every other thread of both', async () => {
    const [lasting, number] = [newAddress(), newAddress()];
    await makeNumber(db.pool, { address: '+15550201' });
    await makeNumber(db.pool, { address: '+15550202' });
    await db.gateway.accept([inboundMessage({ from: lasting, to: '+15550201', text: `a ${lasting}` })]);
    await db.gateway.accept([inboundMessage({ from: number, to: '+15550202', text: `b ${lasting}` })]);
    // To a number that neither of them has written to.
    await meet(lasting, number, { text: `c ${lasting}` });
    expect(await threadsOf(lasting)).toMatchObject({ others: [] });
    expect((await threadsOf(lasting)).goOn).toHaveLength(3);
    await db.gateway.accept([inboundMessage({ from: lasting, to: '+15550202', text: `d ${lasting}` })]);
    expect(await threadOf(`d ${lasting}`)).toBe(await threadOf(`b ${lasting}`));
  });

  it('are merged where they have met two numbers, by a text to a third one', async () => {
    const [lasting, number] = [newAddress(), newAddress()];
    for (const to of ['+15550203', '+15550204']) {
      await makeNumber(db.pool, { address: to });
      for (const from of [lasting, number]) await db.gateway.accept([inboundMessage({ from, to })]);
    }
    await meet(lasting, number);
    const { goOn, others } = await threadsOf(number);
    expect([goOn.length, others.length]).toEqual([3, 2]);
  });

  it.each([
    [null, 'de', 'de'],
    ['fr', 'de', 'fr'],
    ['fr', null, 'fr'],
    [null, null, null],
  ])('have a language if one had: %s and %s are %s', async (ofLasting, ofNumber, expected) => {
    const [lasting, number] = [newAddress(), newAddress()];
    for (const [from, language] of [
      [lasting, ofLasting],
      [number, ofNumber],
    ] as const) {
      await db.gateway.accept([inboundMessage({ from })]);
      await db.pool.query('update customers set language = $2 where id = $1', [
        await customerOf(from),
        language,
      ]);
    }
    await meet(lasting, number);
    const { rows } = await db.pool.query(
      'select merged_into is null as kept, language from customers where id = $1 or merged_into = $1 order by 1',
      [await customerOf(lasting)],
    );
    expect(rows).toEqual([
      { kept: false, language: null },
      { kept: true, language: expected },
    ]);
  });

  it('have the newest name', async () => {
    const name = async (address: string) => {
      const { rows } = await db.pool.query<{ name: string | null }>(
        'select name from customers where id = $1',
        [await customerOf(address)],
      );
      return rows[0]?.name;
    };
    for (const newest of [0, 1]) {
      const people = [newAddress(), newAddress()];
      const [lasting = '', number = ''] = people;
      const order = newest === 1 ? people : people.toReversed();
      for (const [n, from] of order.entries())
        await db.gateway.accept([inboundMessage({ from, profileName: n === 1 ? 'New' : 'Old' })]);
      await meet(lasting, number);
      expect(await name(lasting)).toBe('New');
      // What was known of the other one is kept nowhere.
      const { rows } = await db.pool.query('select name from customers where merged_into = $1', [
        await customerOf(lasting),
      ]);
      expect(rows).toEqual([{ name: null }]);
    }
    const [lasting, number] = [newAddress(), newAddress()];
    await db.gateway.accept([inboundMessage({ from: number, profileName: 'Old' })]);
    await db.gateway.accept([inboundMessage({ from: lasting })]);
    await meet(lasting, number, { profileName: 'Newest' });
    expect(await name(lasting)).toBe('Newest');
  });

  it('are shown to operators with both threads, whichever address or id they ask for', async () => {
    const [lasting, number] = [await activeThread(db, delivery), await activeThread(db, delivery)];
    const former = await customerOf(number.address);
    await meet(lasting.address, number.address);
    const dataSource = createDataSource(db.url, 'test-operator');
    const database = new OperatorDatabase(dataSource, ['default']);
    const wakeUps = { wake: () => undefined };
    try {
      for (const { address } of [lasting, number]) {
        const { items } = await new OperatorConversations(database, wakeUps).list({ address }, { limit: 10 });
        expect(new Set(items.map(({ conversation }) => conversation.threadId))).toEqual(
          new Set([lasting.threadId, number.threadId]),
        );
        expect(items[0]?.addresses).toEqual([lasting.address, number.address]);
        const messages = await new OperatorMessages(database, wakeUps).list({ address }, { limit: 10 });
        expect(messages.items).toHaveLength(3);
      }
      expect(await new OperatorCustomers(database).get(former)).toMatchObject({
        id: await customerOf(lasting.address),
        addresses: [lasting.address, number.address],
      });
    } finally {
      await dataSource.destroy();
    }
  });
});

describe('the order of texts over a merge', () => {
  /** The number's conversation is open; two texts wait under the lasting name, one under the number. */
  async function waiting() {
    const number = await activeThread(db, delivery);
    const lasting = await newThread(db, ['a', 'b']);
    await number.says('c');
    await meet(lasting.address, number.address, { text: 'd' });
    return { number, lasting };
  }

  it('is kept by a desk that is slow: what came under the other name goes first, into the same conversation', async () => {
    const { number, lasting } = await waiting();
    await delivery.drain(number.inbound);
    expect(delivery.desk.texts()).toEqual([['hello']]);
    expect(await delivery.store.lookAgain(number.inbound)).toBeUndefined();
    expect(await dueLanes()).not.toContain(number.inbound);
    expect(await dueLanes()).toContain(lasting.inbound);

    delivery.desk.sends.next({}, refuses('not-sent'));
    await delivery.drain(lasting.inbound, { options: { maxItems: 1 } });
    await delivery.drain(number.inbound);
    await delivery.drain(lasting.inbound, { options: { maxItems: 1 } });
    expect(await dueLanes()).not.toContain(number.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'a']]);
    await delivery.drainEmpty(lasting.inbound);
    expect(await dueLanes()).toContain(number.inbound);
    await delivery.drainEmpty(number.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'a', 'b', 'c', 'd']]);
    expect(await lasting.conversations()).toEqual([]);
    // From then on it is a lane like any other.
    await lasting.says('e');
    await delivery.drain(number.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'a', 'b', 'c', 'd', 'e']]);
  });

  it('naive: a worker that does not know of the other lane inverts it', async () => {
    const { number, lasting } = await waiting();
    await db.pool.query('update lanes set follows_since = null where id = $1', [number.inbound]);
    await delivery.drainEmpty(number.inbound);
    await delivery.drainEmpty(lasting.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'c', 'd', 'a', 'b']]);
  });

  it('is kept by a worker that has the lane meanwhile', async () => {
    const number = await activeThread(db, delivery);
    const lasting = await newThread(db, ['a']);
    await number.says('before');
    delivery.desk.sends.next({
      meanwhile: () => meet(lasting.address, number.address, { text: 'after' }),
    });
    await delivery.drain(number.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'before']]);
    await delivery.drainEmpty(lasting.inbound);
    await dueLanes();
    await delivery.drainEmpty(number.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'before', 'a', 'after']]);
  });

  it('lets what waits not grow older', async () => {
    const { number, lasting } = await waiting();
    await db.pool.query(
      `update lanes set still_since = now() - interval '30 hours', follows_since = now() - interval '30 hours' where id = $1`,
      [number.inbound],
    );
    await db.pool.query(
      `update messages set accepted_at = now() - interval '31 hours' where thread_id = $1 and seq > 1`,
      [number.threadId],
    );
    await delivery.drainEmpty(lasting.inbound);
    await dueLanes();
    await delivery.drainEmpty(number.inbound);
    expect((await number.messages('inbound')).map(({ delivery: state }) => state)).toEqual([
      'submitted',
      'submitted',
      'submitted',
    ]);
  });

  it('is kept where one merge follows another', async () => {
    const [first, second] = [await newThread(db, ['a']), await newThread(db, ['b'])];
    await meet(first.address, second.address, { text: 'c' });
    const third = await activeThread(db, delivery);
    await third.says('d');
    await meet(first.address, third.address, { text: 'e' });
    expect(await threadsOf(third.address)).toEqual({
      goOn: [third.threadId],
      others: [first.threadId, second.threadId].toSorted(),
    });
    for (let n = 0; n < 3; n += 1) {
      // From the last one on: whoever may not go yet does not.
      for (const thread of [third, first, second]) await delivery.drain(thread.inbound);
      await dueLanes();
    }
    expect(delivery.desk.texts()).toEqual([['hello', 'b', 'a', 'c', 'd', 'e']]);
  });
});

describe('a conversation that stays open in the other thread', () => {
  it('still reaches the customer, and who was not heard in it is heard in the one that goes on', async () => {
    const number = await activeThread(db, delivery);
    const lasting = await activeThread(db, delivery);
    await meet(lasting.address, number.address, { text: 'both' });
    await delivery.drainEmpty(number.inbound);
    await db.gateway.accept([agentMessage('I am still here', { deskConversationId: lasting.deskId })]);
    await delivery.drainEmpty(lasting.outbound);
    expect(delivery.channel.texts(lasting.address)).toEqual(['I am still here']);

    // Its agent left before the customer's last text in it, which is announced late.
    await db.gateway.accept([
      deskEvent({
        deskConversationId: lasting.deskId,
        type: 'MEMBERS_CHANGED',
        occurredAt: lasting.agentAt + 1_000,
        facts: { agents: { a1: { leftAt: lasting.agentAt + 1_000 } } },
      }),
      deskEvent({
        deskConversationId: lasting.deskId,
        occurredAt: lasting.agentAt + 2_000,
        message: { authorType: 'user', content: { type: 'text', text: 'hello' } },
      }),
    ]);
    await closeConversations(lasting, 'agent-left');
    await delivery.drainEmpty(lasting.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'both', 'hello'], ['hello']]);
    expect(delivery.desk.conversations).toHaveLength(2);
  });

  it('is not opened by a worker who was about to', async () => {
    const number = await activeThread(db, delivery);
    const lasting = await newThread(db, ['a']);
    const claimed = await delivery.store.claim(lasting.inbound, 60_000);
    await meet(lasting.address, number.address, { text: 'b' });
    // The thread that goes on has a conversation already.
    expect(claimed && (await delivery.store.openConversation(claimed))).toBeUndefined();
    expect(await lasting.conversations()).toEqual([]);
  });

  it('gets what waited for the reply window once the customer writes to the one that goes on', async () => {
    delivery.channel.capabilities.replyWindowMs.whatsapp = 24 * 3_600_000;
    const whatsapp = { channel: 'whatsapp' } as const;
    const number = await activeThread(db, delivery, ['hello'], whatsapp);
    const lasting = await activeThread(db, delivery, ['hello'], whatsapp);
    await db.pool.query(
      `update messages set accepted_at = now() - interval '25 hours' where thread_id = $1 and direction = 'inbound'`,
      [lasting.threadId],
    );
    await db.gateway.accept([agentMessage('are you there?', { deskConversationId: lasting.deskId })]);
    await delivery.drain(lasting.outbound);
    expect(await lasting.messages('outbound')).toMatchObject([{ delivery: 'held', reason: 'window' }]);
    await meet(lasting.address, number.address);
    expect(await delivery.upkeep.openMergedWindows()).toEqual([
      { laneId: lasting.outbound, direction: 'outbound' },
    ]);
    await db.gateway.accept([agentMessage('good', { deskConversationId: lasting.deskId })]);
    await delivery.drainEmpty(lasting.outbound);
    expect(delivery.channel.texts(lasting.address)).toEqual(['are you there?', 'good']);
    expect(await delivery.upkeep.openMergedWindows()).toEqual([]);
  });
});

describe('what was said in the other thread', () => {
  it('can be quoted, answered, and heard by the next agent in the one that goes on', async () => {
    const number = await activeThread(db, delivery);
    const lasting = await activeThread(db, delivery);
    await closeConversations(lasting);
    await db.gateway.accept([
      inboundMessage({
        from: lasting.address,
        providerMessageId: `SMquoted${lasting.address}`,
        text: 'said',
      }),
    ]);
    delivery.channel.renders = () => [{ text: '1 yes', choices: [{ title: 'yes' }] }];
    await db.pool.query(
      `select append_outbound(array[new_id()], '{default}', $1, '{null}', '{agent}', '{a1}', $2, '{f}')`,
      [[lasting.threadId], ['{"type":"text","text":"yes?"}']],
    );
    await delivery.drainEmpty(lasting.outbound);
    await db.pool.query(
      `with note as (insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery, reason)
         values (new_id(), 'default', $1, $2, 'inbound', 'bot', 99, '{"type":"note","text":"a note"}', 'held', 'no-conversation')
         returning id)
       insert into waiting_notes (message_id, thread_id) select id, $1 from note`,
      [lasting.threadId, lasting.inbound],
    );
    await meet(lasting.address, number.address, { text: '1' });
    expect(await delivery.store.quoted(number.threadId, `SMquoted${lasting.address}`)).toEqual({
      type: 'text',
      text: 'said',
    });
    await delivery.drainEmpty(lasting.inbound);
    await dueLanes();
    const lane = await delivery.store.claim(number.inbound, 60_000);
    const head = lane && (await delivery.store.head(lane));
    expect(head?.offered).toBe(true);
    expect(await delivery.store.offers(head?.messageId ?? '')).toMatchObject([
      { choices: [{ title: 'yes' }], answered: false },
    ]);
    expect(await delivery.store.reopenings(number.inbound)).toMatchObject([
      { details: { history: [{ text: 'a note' }] } },
    ]);
    // An offer that is made there later counts here, too.
    await db.pool.query('update threads set offered_at = null where id = $1', [number.threadId]);
    await delivery.store.offered(lasting.threadId);
    expect(lane && (await delivery.store.head(lane))?.offered).toBe(true);
  });
});

describe('a number that was shown with another id before', () => {
  it('moves to the new one, and nothing of its former owner follows', async () => {
    const [former, owner] = [await activeThread(db, delivery), await activeThread(db, delivery)];
    const number = newAddress();
    await meet(former.address, number, { text: 'former' });
    await meet(owner.address, number, { text: 'owner' });
    expect(await customerOf(number)).toBe(await customerOf(owner.address));
    expect(await customerOf(former.address)).not.toBe(await customerOf(owner.address));
    expect(await textsOf(db.pool, former.address)).toEqual(['hello', 'former']);
    expect(await textsOf(db.pool, number)).toEqual(['hello', 'owner']);
    expect(await threadsOf(number)).toEqual({ goOn: [owner.threadId], others: [] });
  });

  it('moves from whom it was merged with, too', async () => {
    const [first, number] = [await activeThread(db, delivery), await activeThread(db, delivery)];
    await meet(first.address, number.address);
    const next = `US.${newAddress()}`;
    await meet(next, number.address, { text: `next ${next}` });
    expect(await customerOf(number.address)).toBe(await customerOf(next));
    expect(await textsOf(db.pool, next)).toEqual([`next ${next}`]);
    expect((await threadsOf(first.address)).others).toEqual([number.threadId]);
  });
});

describe('who wants no messages', () => {
  it.each([
    { words: ['number out'], optedOut: true },
    { words: ['lasting out'], optedOut: true },
    { words: ['number out', 'lasting in'], optedOut: false },
    { words: ['lasting in', 'number out'], optedOut: true },
    { words: ['lasting out', 'number in'], optedOut: false },
    { words: [], optedOut: false },
  ])('is asked by their newest word: $words', async ({ words, optedOut }) => {
    const threads = { lasting: await newThread(db, ['hello']), number: await newThread(db, ['hello']) };
    for (const word of words) {
      const [name, out] = word.split(' ');
      const thread = name === 'lasting' ? threads.lasting : threads.number;
      await db.pool.query('select record_opt_out($1, $2, $3)', [thread.threadId, out === 'out', uuid()]);
    }
    await meet(threads.lasting.address, threads.number.address);
    for (const { inbound, outbound, threadId } of Object.values(threads)) {
      await db.pool.query('update lanes set lease_until = null where id = $1', [inbound]);
      await db.pool.query(
        `select append_outbound(array[new_id()], '{default}', $1, '{null}', '{agent}', '{a1}', $2, '{f}')`,
        [[threadId], ['{"type":"text","text":"x"}']],
      );
      expect((await delivery.store.claim(outbound, 1_000))?.customer.optedOut).toBe(optedOut);
    }
  });
});

describe('a webhook that comes again', () => {
  it('merges nothing, and moves nothing back', async () => {
    const [lasting, number] = [newAddress(), newAddress()];
    for (const from of [lasting, number]) await db.gateway.accept([inboundMessage({ from })]);
    const message = both(lasting, number);
    const again = () => Promise.all([db.acceptor(), db.gateway].map((gateway) => gateway.accept([message])));
    expect(await db.gateway.accept([message])).toEqual(['accepted']);
    const before = await threadsOf(lasting);
    expect(await again()).toEqual([['duplicate'], ['duplicate']]);
    const next = newAddress();
    await meet(next, number);
    expect(await again()).toEqual([['duplicate'], ['duplicate']]);
    expect(await customerOf(number)).toBe(await customerOf(next));
    expect(await threadsOf(lasting)).toEqual(before);
  });

  it('may be merged again: everything is as it was', async () => {
    const [lasting, number] = [newAddress(), newAddress()];
    for (const from of [lasting, number]) await db.gateway.accept([inboundMessage({ from })]);
    await meet(lasting, number);
    const state = async () =>
      (
        await db.pool.query(
          `select t.*, c.name, c.merged_into, l.* from threads t join customers c on c.id = t.customer_id
           join lanes l on l.thread_id = t.id where t.customer_id = $1 order by l.id`,
          [await customerOf(lasting)],
        )
      ).rows;
    const before = await state();
    const { rows } = await db.pool.query<{ id: string }>(
      `select merge_customers('default', 'sms', $1, $2) as id`,
      [lasting, number],
    );
    expect(rows).toEqual([{ id: await customerOf(lasting) }]);
    expect(await state()).toEqual(before);
  });
});

describe('gateways', () => {
  it('forget where a number belonged', async () => {
    const [first, second] = [startGateway(db), startGateway(db)];
    const lasting = await activeThread(db, delivery);
    const number = await newThread(db, ['a']);
    const says = (text: string) =>
      second.accept([inboundMessage({ from: number.address, text: `${text} ${number.address}` })]);
    await says('b');
    await says('c');
    expect(second.statements.at(-1)).toBe('append-message');
    await first.accept([both(lasting.address, number.address)]);
    second.statements.length = 0;
    await says('d');
    expect(await threadOf(`c ${number.address}`)).toBe(number.threadId);
    expect(await threadOf(`d ${number.address}`)).toBe(lasting.threadId);
    await says('e');
    expect(second.statements.at(-1)).toBe('append-message');
    expect(await threadOf(`e ${number.address}`)).toBe(lasting.threadId);
  });

  it('go on remembering when choices are offered', async () => {
    const gateway = startGateway(db);
    const thread = await newThread(db, ['a']);
    const says = () => gateway.accept([inboundMessage({ from: thread.address })]);
    await says();
    await says();
    gateway.statements.length = 0;
    await delivery.store.offered(thread.threadId);
    await says();
    expect(gateway.statements).toEqual(['append-message']);
  });

  it('merge out of a batch, beside strangers, in order', async () => {
    const strangers = Array.from({ length: 5 }, () => newAddress());
    const [lasting, number] = [newAddress(), newAddress()];
    for (const from of [lasting, number]) await db.gateway.accept([inboundMessage({ from })]);
    const texts = ['a', 'b', 'c'];
    const messages = [
      ...strangers.map((from) => inboundMessage({ from })),
      ...texts.map((text) => both(lasting, number, { text })),
    ];
    expect(await db.gateway.accept(messages)).toEqual(messages.map(() => 'accepted'));
    expect(await customerOf(number)).toBe(await customerOf(lasting));
    expect((await textsOf(db.pool, lasting)).filter((text) => texts.includes(text))).toEqual(texts);
    for (const from of strangers) expect(await messagesOf(db.pool, from)).toHaveLength(1);
  });

  it('give the history of a number to the first id that shows it, and the number to the last', async () => {
    const [first, second, number] = [newAddress(), newAddress(), newAddress()];
    for (const from of [first, second, number]) await db.gateway.accept([inboundMessage({ from })]);
    await db.gateway.accept([both(first, number), both(second, number), both(first, number)]);
    const all = await Promise.all([first, second].map((name) => messagesOf(db.pool, name)));
    // Two lanes of the batcher: either may be the first, never both.
    expect([
      [4, 2],
      [3, 3],
    ]).toContainEqual(all.map(({ length }) => length));
  });

  it('take the lanes of both threads in the order in which everybody does', async () => {
    for (const lastingFirst of [true, false]) {
      const names = [await newThread(db, ['a']), await newThread(db, ['b'])];
      const [lower, higher] = names.map(({ threadId }) => threadId).toSorted();
      const [lasting, number] = lastingFirst ? names : names.toReversed();
      const { client, commit } = await transaction(db);
      const lock = (threadId: string | undefined, how = '') =>
        client.query(`select 1 from lanes where thread_id = $1 for update ${how}`, [threadId]);
      await lock(lower);
      const merged = meet(lasting?.address ?? '', number?.address ?? '');
      await eventually('it waits', () => waitsForLock(db, '%accept_messages%'));
      await lock(higher, 'nowait');
      await commit();
      await merged;
    }
  });

  it('do not deadlock over customers whom both merge while both write', async () => {
    const gateways = [db.acceptor(), db.acceptor(), db.acceptor()];
    const before = await deadlocks();
    for (let round = 0; round < 16; round += 1) {
      const people = Array.from({ length: 3 }, () => ({ lasting: newAddress(), number: newAddress() }));
      const names = people.flatMap(({ lasting, number }) => [lasting, number]);
      await Promise.all(names.map((from) => db.gateway.accept([inboundMessage({ from })])));
      const accepted = gateways.map((gateway, n) => {
        const order = n % 2 === 0 ? people : people.toReversed();
        const messages = order.flatMap(({ lasting, number }) => [
          inboundMessage({ from: number }),
          both(lasting, number),
          inboundMessage({ from: lasting }),
        ]);
        // All at once, one batch each, and in turn.
        return round % 2 === 0
          ? gateway.accept(messages)
          : Promise.all(messages.map((message) => gateway.accept([message]))).then((all) => all.flat());
      });
      expect(new Set((await Promise.all(accepted)).flat())).toEqual(new Set(['accepted']));
      for (const { lasting, number } of people) {
        expect(await customerOf(number)).toBe(await customerOf(lasting));
        expect(await messagesOf(db.pool, number)).toHaveLength(11);
        const { goOn, others } = await threadsOf(lasting);
        expect([goOn.length, others.length]).toEqual([1, 1]);
      }
    }
    expect(await deadlocks()).toBe(before);
  });
});

describe('any webhooks of people with several names', () => {
  const NUMBERS = ['+15550100', '+15550101'];
  /** Each person has an id and two numbers; what a webhook shows of them is any of these, or the id with one of them. */
  const webhook = fc.record({
    person: fc.nat({ max: 1 }),
    shows: fc.constantFrom(['x'], ['p'], ['q'], ['x', 'p'], ['x', 'q']),
    to: fc.constantFrom(...NUMBERS),
    gateway: fc.nat({ max: 1 }),
    /** Delivered before the next one. */
    drains: fc.boolean(),
  });

  it('leave every name with one customer, and every text in one lane in the order in which it came', async () => {
    for (const address of NUMBERS) await makeNumber(db.pool, { address });
    const gateways = [db.acceptor(), db.acceptor()];
    let run = 0;
    let merged = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(webhook, { minLength: 2, maxLength: 12, size: 'max' }), async (webhooks) => {
        run += 1;
        delivery = startDelivery(db);
        const prefix = `run${run}-${newAddress()}:`;
        const drainAll = () =>
          eventually('every lane empty', async () => {
            const { rows } = await db.pool.query<{ id: string; empty: boolean }>(
              `select l.id, not exists (select from lane_items i where i.lane_id = l.id) as empty from lanes l
               where l.direction = 'inbound' and l.id in (select lane_id from messages where content ->> 'text' like $1 || '%')`,
              [prefix],
            );
            if (rows.every(({ empty }) => empty)) return true;
            await dueLanes();
            for (const { id } of rows) await delivery.drain(id);
            return false;
          });
        for (const [n, { person, shows, to, gateway, drains }] of webhooks.entries()) {
          const names = shows.map((name) => `${prefix}${person}${name}`);
          const message = inboundMessage({
            from: names.at(-1) ?? '',
            to,
            text: `${prefix}${n}`,
            aliases: aliases(...names),
          });
          expect(await gateways[gateway]?.accept([message])).toEqual(['accepted']);
          if (drains) await drainAll();
        }
        const { rows } = await db.pool.query<{
          thread_id: string;
          seq: number;
          n: number;
          person: string;
          number_id: string;
          continues_in: string | null;
        }>(
          `select m.thread_id, m.seq::int, substr(m.content ->> 'text', length($1) + 1)::int as n, t.number_id,
             t.continues_in from messages m join threads t on t.id = m.thread_id
           where m.content ->> 'text' like $1 || '%' order by m.thread_id, m.seq`,
          [prefix],
        );
        expect(rows.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(webhooks.map((_, n) => n));
        for (const [, texts] of Map.groupBy(rows, ({ thread_id }) => thread_id)) {
          expect(texts.map(({ seq }) => seq)).toEqual(texts.map((_, index) => index + 1));
          expect(texts.map(({ n }) => n)).toEqual(texts.map(({ n }) => n).toSorted((a, b) => a - b));
        }
        merged += rows.filter(({ continues_in }) => continues_in !== null).length;
        // What was shown together is one; no two persons are.
        for (const [n, { person, shows }] of webhooks.entries()) {
          const customers = new Set(
            await Promise.all(shows.map((name) => customerOf(`${prefix}${person}${name}`))),
          );
          expect(customers.size, `webhook ${n}`).toBe(1);
          for (const { person: other, shows: otherShows } of webhooks) {
            if (other === person) continue;
            for (const name of otherShows)
              expect(customers).not.toContain(await customerOf(`${prefix}${other}${name}`));
          }
        }
        await drainAll();
        // No more than one conversation is open for a customer and a number, and it has heard everything since it was opened.
        const { rows: open } = await db.pool.query(
          `select t.customer_id, t.number_id from conversations c join threads t on t.id = c.thread_id
           where c.state <> 'closed' and t.continues_in is null and t.id = any ($1)
           group by 1, 2 having count(*) > 1`,
          [rows.map(({ thread_id }) => thread_id)],
        );
        expect(open).toEqual([]);
      }),
      { numRuns: 20 },
    );
    expect(merged).toBeGreaterThan(0);
  });
});

describe('going back to the version before', () => {
  it('gives threads that do not go on a customer of their own', async () => {
    const number = await activeThread(db, delivery);
    const lasting = await newThread(db, ['a']);
    await meet(lasting.address, number.address);
    const client = await db.session().connect();
    try {
      await client.query('begin');
      await client.query(mergingBefore);
      const { rows } = await client.query<{ id: string; aliases: number }>(
        `select t.id, (select count(*)::int from customer_aliases a where a.customer_id = t.customer_id) as aliases
         from threads t where t.id = any ($1) order by 2`,
        [[number.threadId, lasting.threadId]],
      );
      expect(rows).toEqual([
        { id: lasting.threadId, aliases: 0 },
        { id: number.threadId, aliases: 2 },
      ]);
    } finally {
      await client.query('rollback');
      client.release();
    }
    expect(await itemsOf(db, lasting.inbound)).toBe(1);
  });
});
