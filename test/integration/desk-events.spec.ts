import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deriveState, mergeFacts, type ConversationFacts, type DeskEventReceived } from '#core';
import {
  agentMessage,
  deskEvent,
  inTurn,
  messagesOf,
  newDeskId,
  sleep,
  startTestDatabase,
  textsOf,
  type TestDatabase,
} from '../support/accepting.js';
import {
  activeThread,
  newThread,
  startDelivery,
  unboundThread,
  type Delivery,
} from '../support/delivering.js';
import { intentLaneFirst, parkAfterLooking } from '../support/naive.js';

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
});

async function one<Row extends object>(statement: string, values: unknown[] = []): Promise<Row | undefined> {
  return (await db.pool.query<Row>(statement, values)).rows[0];
}

const unbound = () => unboundThread(db, delivery);

describe('an event that comes again', () => {
  it('tenfold at once through two gateways is one message', async () => {
    const thread = await activeThread(db, delivery);
    const gateways = [db.gateway, db.acceptor()];
    const event = agentMessage('once', { deskConversationId: thread.deskId });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => inTurn(gateways, n).accept([event])),
    );
    expect(results.flat().filter((result) => result === 'accepted')).toHaveLength(1);
    expect(results.flat().filter((result) => result === 'duplicate')).toHaveLength(19);
    expect(await textsOf(db.pool, thread.address, 'outbound')).toEqual(['once']);
  });

  it('with another body is a conflict, in a batch, later, and at the same time elsewhere', async () => {
    const thread = await activeThread(db, delivery);
    const event = agentMessage('true', { deskConversationId: thread.deskId });
    const forged = {
      ...event,
      ...agentMessage('forged', { deskConversationId: thread.deskId }),
      eventId: event.eventId,
    };
    expect(await db.gateway.accept([event, forged])).toEqual(['accepted', 'conflict']);
    expect(await db.acceptor().accept([forged])).toEqual(['conflict']);
    expect(await db.gateway.accept([event])).toEqual(['duplicate']);
    expect(await textsOf(db.pool, thread.address, 'outbound')).toEqual(['true']);
  });

  it('with another body is a conflict although the first is not committed yet', async () => {
    const thread = await activeThread(db, delivery);
    const event = agentMessage('true', { deskConversationId: thread.deskId });
    const forged = {
      ...agentMessage('forged', { deskConversationId: thread.deskId }),
      eventId: event.eventId,
    };
    const session = db.session();
    const client = await session.connect();
    // The conversation is locked, so the first event has inserted its key and waits.
    await client.query('begin');
    await client.query('select 1 from desk_conversations where id = $1 for update', [thread.deskId]);
    const first = db.gateway.accept([event]);
    await sleep(100);
    const second = db.acceptor().accept([forged]);
    await sleep(100);
    await client.query('commit');
    client.release();
    expect(await first).toEqual(['accepted']);
    expect(await second).toEqual(['conflict']);
  });
});

describe("the order of agents' messages", () => {
  it('is that of their own times within a batch', async () => {
    const thread = await activeThread(db, delivery);
    const times = [50, 30, 40, 10, 20];
    await db.gateway.accept(
      times.map((occurredAt) =>
        agentMessage(String(occurredAt), { deskConversationId: thread.deskId, occurredAt }),
      ),
    );
    expect(
      (await messagesOf(db.pool, thread.address))
        .filter((m) => m.direction === 'outbound')
        .map(({ text, seq, out_of_order }) => [seq, text, out_of_order]),
    ).toEqual([
      [1, '10', false],
      [2, '20', false],
      [3, '30', false],
      [4, '40', false],
      [5, '50', false],
    ]);
  });

  it('is that of acceptance for one that comes after a newer one, and that is flagged', async () => {
    const thread = await activeThread(db, delivery);
    for (const occurredAt of [10, 30, 20, 40]) {
      await db.gateway.accept([
        agentMessage(String(occurredAt), { deskConversationId: thread.deskId, occurredAt }),
      ]);
    }
    const sent = (await thread.messages('outbound')).map(({ text, out_of_order }) => [text, out_of_order]);
    expect(sent).toEqual([
      ['10', false],
      ['30', false],
      ['20', true],
      ['40', false],
    ]);
  });

  it('is that of their own times for what was parked', async () => {
    const thread = await unbound();
    const deskConversationId = newDeskId();
    for (const occurredAt of [30, 10, 20]) {
      await db.gateway.accept([agentMessage(String(occurredAt), { deskConversationId, occurredAt })]);
    }
    expect(await delivery.store.bind('default', deskConversationId, thread.create)).toBe('bound');
    expect(await textsOf(db.pool, thread.address, 'outbound')).toEqual(['10', '20', '30']);
  });
});

describe('who is delivered to the customer', () => {
  it.each([
    ['agent', true],
    ['unknown', true],
    ['user', false],
    ['bot', false],
  ] as const)('%s: %s', async (authorType, delivered) => {
    const thread = await activeThread(db, delivery);
    await db.gateway.accept([
      deskEvent({
        deskConversationId: thread.deskId,
        message: { authorType, content: { type: 'text', text: 'x' } },
      }),
    ]);
    expect(await textsOf(db.pool, thread.address, 'outbound')).toEqual(delivered ? ['x'] : []);
    const stored = await one<{ parked: boolean; author_type: string }>(
      'select parked, author_type from desk_events where desk_conversation_id = $1 order by id desc limit 1',
      [thread.deskId],
    );
    expect(stored).toEqual({ parked: false, author_type: authorType });
  });
});

describe('facts', () => {
  it('make the same conversation in whatever order they come, through two gateways at once', async () => {
    const gateways = [db.gateway, db.acceptor()];
    const changes: ConversationFacts[] = [
      { state: { value: 'created', at: 1 } },
      { state: { value: 'active', at: 2 } },
      { queue: { value: '100', at: 3 } },
      { agents: { a1: { joinedAt: 4 } } },
      { transferAt: 5 },
      { agents: { a1: { leftAt: 6 } } },
      { agents: { a2: { joinedAt: 7, name: 'Grace \ud800\0' } } },
    ];
    const expected = deriveState(changes.reduce(mergeFacts, {}));
    for (let round = 0; round < 6; round += 1) {
      const thread = await newThread(db, ['hello']);
      await delivery.drain(thread.inbound);
      const deskConversationId = (await thread.conversations())[0]?.desk_conversation_id ?? '';
      const shuffled = changes.map((facts) => ({ facts, at: Math.random() })).sort((a, b) => a.at - b.at);
      const results = await Promise.all(
        shuffled.map(({ facts }, n) =>
          inTurn(gateways, n).accept([deskEvent({ deskConversationId, facts })]),
        ),
      );
      expect(results.flat()).toEqual(changes.map(() => 'accepted'));
      const conversation = await one(
        'select state, queue_id, agent_id, had_agent, close_due_at from conversations where thread_id = $1',
        [thread.threadId],
      );
      expect(conversation).toEqual({
        state: expected.state,
        queue_id: expected.queueId,
        agent_id: expected.agentId,
        had_agent: true,
        close_due_at: null,
      });
    }
  });
});

describe('an event racing the binding of its conversation', () => {
  it('naive: the message stays parked for ever', async () => {
    const deskConversationId = newDeskId();
    const thread = await unbound();
    const parked = await parkAfterLooking(db.pool, { id: 'e', deskConversationId }, async () => {
      await delivery.store.bind('default', deskConversationId, thread.create);
    });
    expect(parked).toBe('parked');
    expect(await textsOf(db.pool, thread.address, 'outbound')).toEqual([]);
    // Only the sweeper finds it.
    expect(await delivery.upkeep.sweepParked()).toContainEqual({
      laneId: thread.outbound,
      direction: 'outbound',
    });
    expect(await textsOf(db.pool, thread.address, 'outbound')).toEqual(['lost']);
    expect(await delivery.upkeep.sweepParked()).toEqual([]);
  });

  it('is delivered once, whatever comes first', async () => {
    const gateways = [db.gateway, db.acceptor()];
    for (let round = 0; round < 25; round += 1) {
      const thread = await unbound();
      const deskConversationId = newDeskId();
      const messages = [1, 2, 3].map((n) => agentMessage(String(n), { deskConversationId, occurredAt: n }));
      const update: DeskEventReceived = deskEvent({
        deskConversationId,
        type: 'CONVERSATION_UPDATE',
        occurredAt: 1,
        create: thread.create,
        facts: { state: { value: 'active', at: 1 } },
      });
      const later = (work: () => Promise<unknown>) => sleep(Math.random() * 12).then(work);
      await Promise.all([
        ...messages.map((message, n) => later(async () => inTurn(gateways, n).accept([message]))),
        ...(round % 3 === 0 ? [] : [later(async () => inTurn(gateways, round).accept([update]))]),
        ...(round % 3 === 1
          ? []
          : [later(() => delivery.store.bind('default', deskConversationId, thread.create))]),
      ]);
      expect((await textsOf(db.pool, thread.address, 'outbound')).toSorted(), `round ${round}`).toEqual([
        '1',
        '2',
        '3',
      ]);
      expect(
        await one('select 1 from desk_events where desk_conversation_id = $1 and parked', [
          deskConversationId,
        ]),
      ).toBeUndefined();
      expect(await thread.conversations()).toMatchObject([
        {
          desk_conversation_id: deskConversationId,
          create_outcome: 'created',
          state: round % 3 === 0 ? 'opening' : 'queued',
        },
      ]);
    }
  });

  it('of two conversations of the desk for one of ours makes the second an orphan, to be ended', async () => {
    for (let round = 0; round < 10; round += 1) {
      const thread = await unbound();
      const [byAnswer, byEvent] = [newDeskId(), newDeskId()];
      const [bound] = await Promise.all([
        delivery.store.bind('default', byAnswer, thread.create),
        db.gateway.accept([deskEvent({ deskConversationId: byEvent, create: thread.create })]),
      ]);
      const orphan = bound === 'bound' ? byEvent : byAnswer;
      expect((await thread.conversations())[0]?.desk_conversation_id).toBe(
        bound === 'bound' ? byAnswer : byEvent,
      );
      const row = await one<{ conversation_id: string | null; wanted: boolean }>(
        'select conversation_id, end_wanted_at is not null as wanted from desk_conversations where id = $1',
        [orphan],
      );
      expect(row).toEqual({ conversation_id: null, wanted: true });
    }
  });

  it('keeps a message for a conversation that nobody knows', async () => {
    const deskConversationId = newDeskId();
    expect(await db.gateway.accept([agentMessage('for whom?', { deskConversationId })])).toEqual([
      'accepted',
    ]);
    expect(
      await one('select parked from desk_events where desk_conversation_id = $1', [deskConversationId]),
    ).toEqual({ parked: true });
  });

  it('that names a conversation of ours that is not here is left alone', async () => {
    const deskConversationId = newDeskId();
    const row = await one<{ id: string }>('select new_id() as id');
    const create = { conversationId: row?.id ?? '', attemptId: row?.id ?? '' };
    expect(await db.gateway.accept([deskEvent({ deskConversationId, create })])).toEqual(['accepted']);
    expect(
      await one('select end_wanted_at is not null as wanted from desk_conversations where id = $1', [
        deskConversationId,
      ]),
    ).toEqual({ wanted: false });
  });
});

describe('events that lock a conversation while a worker holds its lane', () => {
  it('naive: the lane before the conversation deadlocks with an event', async () => {
    const thread = await activeThread(db, delivery);
    const event = await db.session().connect();
    const worker = await db.session().connect();
    try {
      for (const client of [event, worker]) {
        await client.query(`set lock_timeout = 0; set deadlock_timeout = '20ms'`);
        await client.query('begin');
      }
      await event.query('select 1 from conversations where id = $1 for update', [thread.conversationId]);
      const intent = intentLaneFirst(worker, thread.inbound, thread.conversationId).then(
        () => 'done',
        (error: { code?: string }) => error.code,
      );
      await sleep(50);
      const lanes = event.query('select 1 from lanes where id = $1 for update', [thread.inbound]).then(
        () => 'done',
        (error: { code?: string }) => error.code,
      );
      expect([await intent, await lanes]).toContain('40P01');
    } finally {
      for (const client of [event, worker]) {
        await client.query('rollback');
        // Figures are told now and then: these deadlocks must not count as those of the tests below.
        await client.query('select pg_stat_force_next_flush()');
        client.release();
      }
    }
  });

  it('and then the lane: the worker waits its turn, and nothing locks', async () => {
    const thread = await unbound();
    await one('update lanes set lease_until = null where id = $1', [thread.inbound]);
    const lane = await delivery.store.claim(thread.inbound, 60_000);
    const head = lane && (await delivery.store.head(lane));
    if (!lane || !head) throw new Error('No head.');
    const event = await db.session().connect();
    await event.query('begin');
    await event.query('select 1 from conversations where id = $1 for update', [thread.create.conversationId]);
    const intent = delivery.store.intentCreate(lane.lease, 60_000, {
      ...thread.create,
      attemptId: head.messageId,
      messageId: head.messageId,
    });
    await sleep(50);
    await event.query('select 1 from lanes where id = $1 for update', [thread.inbound]);
    await event.query('commit');
    event.release();
    expect(await intent).toBe(true);
  });

  it('all get done, again and again, from several sessions', async () => {
    const threads = await Promise.all(Array.from({ length: 3 }, () => activeThread(db, delivery)));
    const gateways = [db.gateway, db.acceptor(), db.acceptor()];
    const deadlocksBefore = await one<{ n: number }>(
      'select deadlocks::int as n from pg_stat_database where datname = current_database()',
    );
    const rounds = 25;
    const accepting = gateways.map(async (gateway) => {
      for (let n = 0; n < rounds; n += 1) {
        const events = threads
          .map((thread) =>
            agentMessage('x', {
              deskConversationId: thread.deskId,
              facts: { agents: { [`a${n}`]: { joinedAt: 10 + n } } },
            }),
          )
          .sort(() => Math.random() - 0.5);
        expect(await gateway.accept(events)).toEqual(['accepted', 'accepted', 'accepted']);
      }
    });
    let done = false;
    const working = threads.map(async (thread) => {
      while (!done) {
        // Closing and opening anew by hand: the statements of a worker that take conversations and lanes.
        await thread.says('y');
        await delivery.drain(thread.inbound);
        await delivery.drain(thread.outbound);
        const [open] = (await thread.conversations()).filter(({ state }) => state !== 'closed');
        if (open) await delivery.store.conversationGone(open.id);
        await db.pool.query(
          `update conversations set close_reason = 'test' where thread_id = $1 and state = 'closed'`,
          [thread.threadId],
        );
        await delivery.store.bind('default', thread.deskId, {
          conversationId: thread.conversationId,
          attemptId: thread.conversationId,
        });
        await delivery.upkeep.closeDue();
      }
    });
    await Promise.all(accepting);
    done = true;
    await Promise.all(working);
    for (const thread of threads) {
      await delivery.drainEmpty(thread.outbound);
      expect(delivery.channel.texts(thread.address)).toHaveLength(rounds * gateways.length);
    }
    await sleep(1_100);
    expect(
      await one('select deadlocks::int as n from pg_stat_database where datname = current_database()'),
    ).toEqual(deadlocksBefore);
  });
});
