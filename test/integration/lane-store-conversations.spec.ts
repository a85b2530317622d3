import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeliveryError, type ConversationFacts, type DeskEventReceived } from '#core';
import {
  agentMessage,
  deskEvent,
  eventually,
  sleep,
  startTestDatabase,
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
import { losesAnswer, losesRequest, refuses } from '../support/fakes.js';

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
});

function facts(
  deskConversationId: string,
  changes: ConversationFacts,
  rest: Partial<DeskEventReceived> = {},
) {
  return deskEvent({ deskConversationId, type: 'CONVERSATION_UPDATE', facts: changes, ...rest });
}

async function laneOf(laneId: string) {
  const { rows } = await db.pool.query<{ waiting_for: string | null; not_before: Date | null }>(
    'select waiting_for, not_before from lanes where id = $1',
    [laneId],
  );
  return rows[0];
}

/** The events by which the desk announces what a customer of ours posted. */
function announced(
  deskConversationId: string,
  text: string,
  occurredAt: number,
  authorType: 'user' | 'unknown' = 'user',
) {
  return deskEvent({
    deskConversationId,
    occurredAt,
    message: { authorType, content: { type: 'text', text } },
  });
}

describe('opening', () => {
  it('creates one conversation and delivers in order once the interaction exists', async () => {
    delivery = startDelivery(db, { readyMs: 60_000 });
    const thread = await newThread(db, ['one', 'two']);
    await delivery.drain(thread.inbound);
    const [conversation] = await thread.conversations();
    const deskId = conversation?.desk_conversation_id ?? '';
    expect(delivery.desk.conversations.map(({ id }) => id)).toEqual([deskId]);
    expect(delivery.desk.texts()).toEqual([[]]);
    expect((await laneOf(thread.inbound))?.waiting_for).toBe('opening');
    expect(delivery.wakeUps.at(-1)).toMatchObject({ laneId: thread.inbound, direction: 'inbound' });
    expect(delivery.wakeUps.at(-1)?.delayMs).toBeGreaterThan(30_000);

    db.wakeUps.length = 0;
    await db.gateway.accept([facts(deskId, { queue: { value: '100', at: 5 } })]);
    expect(db.wakeUps).toContainEqual({ laneId: thread.inbound, direction: 'inbound' });
    await delivery.drain(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['one', 'two']]);
    expect(await thread.conversations()).toMatchObject([{ id: conversation?.id, state: 'queued' }]);
  });

  it('delivers after a short time-out when no event says that the interaction exists', async () => {
    delivery = startDelivery(db, { readyMs: 60_000 });
    const thread = await newThread(db, ['one']);
    await delivery.drain(thread.inbound);
    expect(delivery.desk.texts()).toEqual([[]]);
    await db.pool.query(
      `with ready as (update conversations set ready_by = clock_timestamp() where thread_id = $1)
       update lanes set not_before = clock_timestamp() where thread_id = $1 and direction = 'inbound'`,
      [thread.threadId],
    );
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['one']]);
  });

  it('delivers at once when the event overtook the answer of the create', async () => {
    delivery = startDelivery(db, { readyMs: 60_000 });
    const thread = await newThread(db, ['one']);
    delivery.desk.creates.next({
      meanwhile: async () => {
        const made = delivery.desk.conversations[0];
        if (!made) return;
        await db.gateway.accept([
          facts(made.id, { state: { value: 'active', at: 7 } }, { create: made.request.reference }),
          agentMessage('we are here', { deskConversationId: made.id }),
        ]);
      },
    });
    await delivery.drain(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['one']]);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['we are here']);
  });

  it('applies facts that came for the conversation before anything bound it', async () => {
    delivery = startDelivery(db, { readyMs: 60_000 });
    const thread = await newThread(db, ['one']);
    delivery.desk.creates.next({
      meanwhile: async () => {
        const made = delivery.desk.conversations[0];
        // No reference in these: only the create's answer can bind.
        await db.gateway.accept([
          facts(made?.id ?? '', { agents: { a1: { joinedAt: 7 } } }),
          agentMessage('early', { deskConversationId: made?.id ?? '' }),
        ]);
      },
    });
    await delivery.drain(thread.inbound);
    expect(await thread.conversations()).toMatchObject([{ state: 'active', had_agent: true }]);
    expect(delivery.desk.texts()).toEqual([['one']]);
    expect(delivery.wakeUps).toContainEqual({ laneId: thread.outbound, direction: 'outbound' });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['early']);
  });

  it('makes one conversation of two first messages at once through two gateways and two workers', async () => {
    const other = db.acceptor();
    const thread = await newThread(db, ['zero']);
    await Promise.all([thread.says('a'), other.accept([]), thread.says('b')]);
    await Promise.all([delivery.drain(thread.inbound), delivery.drain(thread.inbound)]);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations).toHaveLength(1);
    expect(await thread.conversations()).toHaveLength(1);
  });

  it('backs off when the create is refused for now, and creates once', async () => {
    const thread = await newThread(db, ['one', 'two']);
    delivery.desk.creates.next(refuses('not-sent'), refuses('not-sent'));
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['one', 'two']]);
    expect(await thread.conversations()).toHaveLength(1);
  });

  it('fails the message when the create is refused for good, and tries again for the next', async () => {
    const thread = await newThread(db, ['one', 'two']);
    delivery.desk.creates.next(refuses('failed', { providerCode: 'invalid_queue' }));
    await delivery.drainEmpty(thread.inbound);
    expect((await thread.messages()).map((message) => message.delivery)).toEqual(['failed', 'submitted']);
    expect(delivery.desk.texts()).toEqual([['two']]);
  });
});

describe('a create whose outcome is unknown', () => {
  it('is adopted by its event, and never repeated', async () => {
    const thread = await newThread(db, ['one']);
    delivery.desk.listShows = false;
    delivery.desk.creates.next(losesAnswer());
    await delivery.drain(thread.inbound, { options: { uncertainSettleMs: 60_000 } });
    expect(await thread.conversations()).toMatchObject([
      { create_outcome: 'uncertain', desk_conversation_id: null },
    ]);
    const made = delivery.desk.conversations[0];
    await db.gateway.accept([
      facts(
        made?.id ?? '',
        { state: { value: 'created', at: 1 } },
        { create: made?.request.reference ?? { conversationId: '', attemptId: '' } },
      ),
    ]);
    await delivery.drainEmpty(thread.inbound, { options: { uncertainSettleMs: 60_000 } });
    expect(delivery.desk.texts()).toEqual([['one']]);
    expect(await thread.conversations()).toMatchObject([
      { create_outcome: 'created', desk_conversation_id: made?.id },
    ]);
  });

  it('is adopted from the list', async () => {
    const thread = await newThread(db, ['one']);
    delivery.desk.creates.next(losesAnswer());
    await delivery.drainEmpty(thread.inbound, { options: { uncertainSettleMs: 60_000 } });
    expect(delivery.desk.texts()).toEqual([['one']]);
  });

  it('is made again only after the settle time; what then shows late is ended by us', async () => {
    const thread = await newThread(db, ['one']);
    delivery.desk.listShows = false;
    delivery.desk.creates.next(losesAnswer());
    const options = { uncertainSettleMs: 500 };
    const lostAt = performance.now();
    await delivery.drain(thread.inbound, { options });
    await delivery.drainUntil(thread.inbound, 'made again', () => delivery.desk.conversations.length === 2, {
      options,
    });
    expect(performance.now() - lostAt).toBeGreaterThan(490);
    await delivery.drainEmpty(thread.inbound, { options });
    const [orphan, ours] = delivery.desk.conversations;
    expect(delivery.desk.texts()).toEqual([[], ['one']]);
    await db.gateway.accept([
      facts(
        orphan?.id ?? '',
        { state: { value: 'active', at: 1 } },
        { create: orphan?.request.reference ?? { conversationId: '', attemptId: '' } },
      ),
    ]);
    expect(await thread.conversations()).toMatchObject([{ desk_conversation_id: ours?.id }]);
    const endings = await delivery.upkeep.takeEndings(60_000);
    expect(endings).toContainEqual({ tenantId: 'default', id: orphan?.id });
    expect(endings).not.toContainEqual({ tenantId: 'default', id: ours?.id });
    // Taken by one, and not again before its pause is over.
    expect(await delivery.upkeep.takeEndings(60_000)).not.toContainEqual({
      tenantId: 'default',
      id: orphan?.id,
    });
  });

  it('is not made again when its event binds it while the list is read and shows nothing', async () => {
    const thread = await newThread(db, ['one']);
    delivery.desk.listShows = false;
    delivery.desk.creates.next(losesAnswer());
    await delivery.drain(thread.inbound);
    const [made] = delivery.desk.conversations;
    const create = made?.request.reference ?? { conversationId: '', attemptId: '' };
    // By now the settle time is over: without the event the create would be made again.
    delivery.desk.finds.next({
      meanwhile: async () => {
        await db.gateway.accept([facts(made?.id ?? '', { state: { value: 'created', at: 1 } }, { create })]);
      },
    });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['one']]);
    expect(delivery.attempted.filter((one) => one.startsWith('create'))).toEqual(['create uncertain']);
    expect(await thread.conversations()).toMatchObject([{ desk_conversation_id: made?.id }]);
    expect((await thread.messages())[0]).toMatchObject({ delivery: 'submitted', possible_duplicate: false });
  });

  it('is not made again when its event binds it right before the second one', async () => {
    const thread = await newThread(db, ['one']);
    delivery.desk.listShows = false;
    delivery.desk.creates.next(losesAnswer());
    await delivery.drain(thread.inbound);
    const [made] = delivery.desk.conversations;
    const create = made?.request.reference ?? { conversationId: '', attemptId: '' };
    const intended: boolean[] = [];
    const intentCreate = delivery.store.intentCreate.bind(delivery.store);
    vi.spyOn(delivery.store, 'intentCreate').mockImplementation(async (...values) => {
      await db.gateway.accept([facts(made?.id ?? '', { state: { value: 'created', at: 1 } }, { create })]);
      intended.push(await intentCreate(...values));
      return intended.at(-1) === true;
    });
    await delivery.drainEmpty(thread.inbound);
    expect(intended).toEqual([false]);
    expect(delivery.desk.texts()).toEqual([['one']]);
    expect(await thread.conversations()).toMatchObject([{ desk_conversation_id: made?.id }]);
  });

  it('is made again when the request itself was lost, one conversation in the end', async () => {
    const thread = await newThread(db, ['one']);
    delivery.desk.creates.next(losesRequest());
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['one']]);
    expect((await thread.messages())[0]?.possible_duplicate).toBe(false);
  });

  it('waits on when the list cannot be read: the event decides', async () => {
    const thread = await newThread(db, ['one']);
    delivery.desk.finds.always(refuses('not-sent'));
    delivery.desk.creates.next(losesAnswer());
    const options = { uncertainSettleMs: 60_000 };
    for (let n = 0; n < 3; n += 1) {
      await delivery.drain(thread.inbound, { options });
      await db.pool.query('update lanes set not_before = null where id = $1', [thread.inbound]);
    }
    expect(delivery.desk.conversations).toHaveLength(1);
    expect(await itemsOf(db, thread.inbound)).toBe(1);
  });

  it('after a worker died with it under way is adopted, not repeated', async () => {
    for (const diesAt of ['after-intent', 'after-response'] as const) {
      const fresh = startDelivery(db);
      const thread = await newThread(db, ['one']);
      await expect(fresh.drain(thread.inbound, { diesAt })).rejects.toThrow();
      await fresh.drainEmpty(thread.inbound);
      expect(fresh.desk.texts(), diesAt).toEqual([['one']]);
    }
  });
});

describe('a create that the desk answers with a conversation of somebody else', () => {
  it('holds its thread for an operator and leaves the other alone', async () => {
    const other = await activeThread(db, delivery);
    const before = await other.conversations();
    const thread = await newThread(db, ['one']);
    const creating = vi
      .spyOn(delivery.desk, 'createConversation')
      .mockResolvedValue({ deskConversationId: other.deskId });
    for (let n = 0; n < 3; n += 1) await delivery.drain(thread.inbound);
    expect(creating).toHaveBeenCalledTimes(1);
    expect((await thread.messages())[0]).toMatchObject({ delivery: 'held', reason: 'configuration' });
    expect((await laneOf(thread.inbound))?.not_before?.getTime()).toBeGreaterThan(Date.now() + 60_000);
    expect(await thread.conversations()).toMatchObject([{ state: 'opening', desk_conversation_id: null }]);

    expect(await other.conversations()).toEqual(before);
    expect(await delivery.upkeep.takeEndings(1_000)).not.toContainEqual({
      tenantId: 'default',
      id: other.deskId,
    });
    await other.says('two');
    await delivery.drainEmpty(other.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'two']]);

    // Looked at again after a while: once the desk answers rightly, the text goes where it belongs.
    creating.mockRestore();
    await db.pool.query('update lanes set not_before = null where id = $1', [thread.inbound]);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'two'], ['one']]);
  });
});

/** The desk says that the thread's conversation waits for an agent. */
async function open(thread: TestThread): Promise<void> {
  const conversation = (await thread.conversations()).at(-1);
  if (!conversation?.desk_conversation_id) return;
  const queue = { value: '100', at: 15_000 };
  await db.gateway.accept([
    deskEvent({ deskConversationId: conversation.desk_conversation_id, type: 'QUEUED', facts: { queue } }),
  ]);
}

describe('a conversation that is gone', () => {
  it('is not believed while it is still being made: the message waits for it', async () => {
    const thread = await newThread(db, ['hello']);
    delivery.desk.sends.next(refuses('gone'));
    delivery.desk.reads.next({ accepts: false });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['hello']]);
    expect(await thread.conversations()).toHaveLength(1);
  });

  it('is believed only after reading it: the message is tried again', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('two');
    delivery.desk.sends.next(refuses('gone'));
    const conversation = delivery.desk.conversation(thread.deskId);
    if (conversation) conversation.state = 'active';
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'two']]);
  });

  it('is not believed when it cannot be read', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('two');
    delivery.desk.sends.next(refuses('gone'));
    delivery.desk.reads.next(refuses('not-sent'));
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations).toHaveLength(1);
  });

  it.each(['idle', 'gone'] as const)(
    'is replaced by a new one when it reads %s, without a mark',
    async (state) => {
      const thread = await activeThread(db, delivery);
      await thread.says('two');
      const conversation = delivery.desk.conversation(thread.deskId);
      if (conversation) conversation.state = state;
      delivery.desk.sends.next(refuses('gone'));
      await delivery.drainEmpty(thread.inbound);
      expect(delivery.desk.texts()).toEqual([['hello'], ['two']]);
      expect(await thread.conversations()).toMatchObject([
        { state: 'closed', close_reason: 'gone' },
        { state: 'opening' },
      ]);
      expect((await thread.messages()).at(-1)).toMatchObject({
        delivery: 'submitted',
        possible_duplicate: false,
      });
    },
  );

  it('is replaced once per message; the second time the message is held and an operator called', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('two');
    delivery.desk.sends.always(refuses('gone'));
    delivery.desk.reads.always({ accepts: false });
    await delivery.drainUntil(thread.inbound, 'held', async () => {
      await open(thread);
      return (await thread.messages()).at(-1)?.delivery === 'held';
    });
    expect((await thread.messages()).at(-1)).toMatchObject({ delivery: 'held', reason: 'reopening-limit' });
    expect(delivery.desk.conversations).toHaveLength(2);
    expect(delivery.alarms).toContain('reopening-limit');
  });

  it('three times in ten minutes holds the thread', async () => {
    const thread = await activeThread(db, delivery);
    for (const text of ['two', 'three', 'four']) {
      await thread.says(text);
      delivery.desk.sends.next(refuses('gone'));
      delivery.desk.reads.next({ accepts: false });
      if (text !== 'four') await delivery.drainEmpty(thread.inbound);
      await open(thread);
    }
    await delivery.drainUntil(
      thread.inbound,
      'held',
      async () => (await thread.messages()).at(-1)?.delivery === 'held',
    );
    expect((await thread.messages()).at(-1)).toMatchObject({ delivery: 'held', reason: 'reopening-limit' });
    expect(delivery.desk.conversations).toHaveLength(3);
  });
});

describe('the agent leaving', () => {
  const leftAt = 20_000;

  async function left(graceMs: number): Promise<TestThread & { deskId: string; conversationId: string }> {
    const thread = await activeThread(db, delivery);
    await db
      .acceptor({ closeGraceMs: graceMs })
      .accept([facts(thread.deskId, { agents: { a1: { leftAt } } })]);
    return thread;
  }

  it('closes after a grace, during which texts wait; the next text opens a new conversation', async () => {
    const thread = await left(300);
    await thread.says('two');
    await delivery.drain(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['hello']]);
    expect((await laneOf(thread.inbound))?.waiting_for).toBe('closing');
    const closed = await eventually('the grace is over', async () => {
      const wakeUps = await delivery.upkeep.closeDue();
      return wakeUps.length > 0 && wakeUps;
    });
    expect(closed).toContainEqual({ laneId: thread.inbound, direction: 'inbound' });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['hello'], ['two']]);
    expect(delivery.desk.conversations[1]?.request.history).toBeUndefined();
    expect(await thread.conversations()).toMatchObject([
      { state: 'closed', close_reason: 'agent-left' },
      { state: 'opening' },
    ]);
  });

  it.each([
    ['a transfer', { transferAt: leftAt + 1 }],
    ['another agent', { agents: { a2: { joinedAt: leftAt + 1 } } }],
    ['a queue', { queue: { value: '200', at: leftAt + 1 } }],
    ['the same agent coming back', { agents: { a1: { joinedAt: leftAt + 1 } } }],
  ] satisfies [string, ConversationFacts][])(
    'is called off by %s, and the waiting lane goes on',
    async (_what, change) => {
      const thread = await left(60_000);
      await thread.says('two');
      await delivery.drain(thread.inbound);
      db.wakeUps.length = 0;
      await db.gateway.accept([facts(thread.deskId, change)]);
      expect(db.wakeUps).toContainEqual({ laneId: thread.inbound, direction: 'inbound' });
      expect((await thread.conversations())[0]?.close_due_at).toBeNull();
      await delivery.drain(thread.inbound);
      expect(delivery.desk.texts()).toEqual([['hello', 'two']]);
    },
  );

  it('is no closing when the transfer was announced before', async () => {
    const thread = await activeThread(db, delivery);
    await db.gateway.accept([facts(thread.deskId, { transferAt: leftAt })]);
    await db.gateway.accept([facts(thread.deskId, { agents: { a1: { leftAt: leftAt + 1 } } })]);
    expect((await thread.conversations())[0]?.close_due_at).toBeNull();
  });

  it('closes at once when the interaction is over', async () => {
    const thread = await left(60_000);
    await db.gateway.accept([facts(thread.deskId, { state: { value: 'idle', at: leftAt + 2 } })]);
    expect(await thread.conversations()).toMatchObject([{ state: 'closed', close_reason: 'agent-left' }]);
  });

  it('still lets what the agent wrote go out after the closing', async () => {
    const thread = await left(0);
    await eventually('closed', async () => (await delivery.upkeep.closeDue()).length > 0);
    await db.gateway.accept([agentMessage('goodbye', { deskConversationId: thread.deskId })]);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['goodbye']);
  });

  it('with texts that nobody has read opens a new conversation at once, with those as history', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('anyone there?');
    await thread.says('hello??');
    await delivery.drainEmpty(thread.inbound);
    // The agent left before those texts were posted, and the event about it is late.
    await db.gateway.accept([
      announced(thread.deskId, 'hello', leftAt - 5),
      announced(thread.deskId, 'anyone there?', leftAt + 1),
      announced(thread.deskId, 'hello??', leftAt + 2),
    ]);
    await db.acceptor({ closeGraceMs: 0 }).accept([facts(thread.deskId, { agents: { a1: { leftAt } } })]);
    await eventually('closed', async () => (await delivery.upkeep.closeDue()).length > 0);
    await thread.says('three');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations).toHaveLength(2);
    expect(delivery.desk.conversations[1]?.request.history).toEqual([
      { authorType: 'user', text: 'anyone there?' },
      { authorType: 'user', text: 'hello??' },
    ]);
    expect(delivery.desk.texts()[1]).toEqual(['three']);
  });

  it('reopens without a word of the customer when texts were left unheard', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('anyone there?');
    await delivery.drainEmpty(thread.inbound);
    await db.gateway.accept([announced(thread.deskId, 'anyone there?', leftAt + 1)]);
    await db.gateway.accept([
      facts(thread.deskId, { agents: { a1: { leftAt } }, state: { value: 'idle', at: leftAt + 3 } }),
    ]);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations[1]?.request.history).toEqual([
      { authorType: 'user', text: 'anyone there?' },
    ]);
    expect((await thread.conversations()).filter(({ state }) => state !== 'closed')).toHaveLength(1);
  });

  describe('before texts were posted that are announced only after the closing', () => {
    /** `texts` reach the desk after the agent has left; the conversation closes with those of `known` announced. */
    async function closedWith(texts: string[], known: string[] = []) {
      const thread = await activeThread(db, delivery);
      for (const text of texts) await thread.says(text);
      await delivery.drainEmpty(thread.inbound);
      await db.gateway.accept(known.map((text, n) => announced(thread.deskId, text, leftAt + 1 + n)));
      await db.acceptor({ closeGraceMs: 0 }).accept([facts(thread.deskId, { agents: { a1: { leftAt } } })]);
      await eventually('closed', async () => {
        await delivery.upkeep.closeDue();
        return (await thread.conversations())[0]?.state === 'closed';
      });
      return thread;
    }

    /** What agents are shown of earlier texts: the history of each conversation after the first. */
    const histories = () =>
      delivery.desk.conversations.slice(1).map(({ request }) => request.history?.map(({ text }) => text));

    it.each(['user', 'unknown'] as const)(
      'opens a new conversation with them (author %s)',
      async (author) => {
        const thread = await closedWith(['anyone there?']);
        await delivery.drainEmpty(thread.inbound);
        expect(delivery.desk.conversations).toHaveLength(1);
        await db.gateway.accept([announced(thread.deskId, 'anyone there?', leftAt + 1, author)]);
        await delivery.drainEmpty(thread.outbound);
        await delivery.drainEmpty(thread.inbound);
        expect(histories()).toEqual([['anyone there?']]);
        expect(delivery.desk.texts()).toEqual([['hello', 'anyone there?'], []]);
        expect(delivery.channel.accepted).toHaveLength(0);
      },
    );

    it('opens none when they were posted before the agent left', async () => {
      const thread = await closedWith(['bye']);
      await db.gateway.accept([announced(thread.deskId, 'bye', leftAt - 1)]);
      await delivery.drainEmpty(thread.inbound);
      expect(delivery.desk.conversations).toHaveLength(1);
    });

    it('hands over once what is announced twice, at once and later', async () => {
      const thread = await closedWith(['anyone there?']);
      const event = announced(thread.deskId, 'anyone there?', leftAt + 1);
      await Promise.all([db.gateway.accept([event]), db.acceptor().accept([event])]);
      expect(await itemsOf(db, thread.inbound)).toBe(1);
      await db.gateway.accept([event]);
      await delivery.drainEmpty(thread.inbound);
      expect(histories()).toEqual([['anyone there?']]);
    });

    it('hands over once what another event announces again', async () => {
      const thread = await closedWith(['anyone there?']);
      await db.gateway.accept([announced(thread.deskId, 'anyone there?', leftAt + 1)]);
      await db.gateway.accept([announced(thread.deskId, 'anyone there?', leftAt + 1)]);
      expect(await itemsOf(db, thread.inbound)).toBe(1);
      await delivery.drainEmpty(thread.inbound);
      expect(histories()).toEqual([['anyone there?']]);
    });

    it('leaves alone what the closing has handed over, when it is announced again', async () => {
      const thread = await closedWith(['anyone there?'], ['anyone there?']);
      await delivery.drainEmpty(thread.inbound);
      await db.gateway.accept([announced(thread.deskId, 'anyone there?', leftAt + 1)]);
      expect(await itemsOf(db, thread.inbound)).toBe(0);
      expect(histories()).toEqual([['anyone there?']]);
    });

    it('hands over beside what the closing has handed over', async () => {
      const thread = await closedWith(['anyone there?', 'hello??'], ['anyone there?']);
      await db.gateway.accept([announced(thread.deskId, 'hello??', leftAt + 2)]);
      await db.gateway.accept([announced(thread.deskId, 'hello??', leftAt + 2)]);
      await delivery.drainEmpty(thread.inbound);
      expect(histories()).toEqual([['anyone there?', 'hello??']]);
      expect((await thread.conversations()).filter(({ state }) => state !== 'closed')).toHaveLength(1);
    });
  });

  it('posts into the conversation that is open by then what came too late for its history', async () => {
    const thread = await activeThread(db, delivery);
    for (const text of ['anyone there?', 'hello??']) await thread.says(text);
    await delivery.drainEmpty(thread.inbound);
    await db.gateway.accept([announced(thread.deskId, 'anyone there?', leftAt + 1)]);
    await db.gateway.accept([
      facts(thread.deskId, { agents: { a1: { leftAt } }, state: { value: 'idle', at: leftAt + 2 } }),
    ]);
    await delivery.drainEmpty(thread.inbound);
    await db.gateway.accept([announced(thread.deskId, 'hello??', leftAt + 3)]);
    await delivery.drainEmpty(thread.inbound);
    const [, second] = delivery.desk.conversations;
    expect(second?.request.history?.map(({ text }) => text)).toEqual(['anyone there?']);
    expect(delivery.desk.texts()[1]).toEqual(['hello??']);
  });

  it('hands over one text once, although it went out in several parts', async () => {
    const thread = await activeThread(db, delivery);
    delivery.desk.partLength = 5;
    await thread.says('heard');
    await thread.says('one two three');
    await delivery.drainEmpty(thread.inbound);
    await db.gateway.accept([
      announced(thread.deskId, 'heard', leftAt - 1),
      announced(thread.deskId, 'one ', leftAt + 1),
      announced(thread.deskId, 'two ', leftAt + 2),
      announced(thread.deskId, 'three', leftAt + 3),
    ]);
    await db.gateway.accept([
      facts(thread.deskId, { agents: { a1: { leftAt } }, state: { value: 'idle', at: leftAt + 4 } }),
    ]);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations[1]?.request.history?.map(({ text }) => text)).toEqual([
      'one ',
      'two ',
      'three',
    ]);
  });
});

describe('closing by another', () => {
  it('by idle wakes the lane and lets the next text open anew', async () => {
    const thread = await activeThread(db, delivery);
    await db.gateway.accept([facts(thread.deskId, { state: { value: 'idle', at: 99_000 } })]);
    expect(await thread.conversations()).toMatchObject([{ state: 'closed', close_reason: 'idle' }]);
    await thread.says('two');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['hello'], ['two']]);
  });

  it('for the silence of the customer ends the conversation at the desk too', async () => {
    const thread = await activeThread(db, delivery);
    await db.pool.query(
      `update business_numbers set settings = '{"customerSilentMinutes": 30}' where id = $1`,
      [thread.numberId],
    );
    expect((await delivery.upkeep.closeSilent()).map(({ laneId }) => laneId)).not.toContain(thread.inbound);
    await db.pool.query(
      `update conversations set opened_at = now() - interval '32 minutes', active_at = now() - interval '31 minutes' where id = $1`,
      [thread.conversationId],
    );
    await db.pool.query(
      `update messages set accepted_at = now() - interval '31 minutes' where conversation_id = $1`,
      [thread.conversationId],
    );
    expect((await delivery.upkeep.closeSilent()).map(({ laneId }) => laneId)).toContain(thread.inbound);
    await db.pool.query(`update business_numbers set settings = '{}' where id = $1`, [thread.numberId]);
    expect(await thread.conversations()).toMatchObject([
      { state: 'closed', close_reason: 'customer-silent' },
    ]);
    expect(await delivery.upkeep.takeEndings(1_000)).toContainEqual({
      tenantId: 'default',
      id: thread.deskId,
    });
    await delivery.upkeep.ended('default', thread.deskId);
    await sleep(1_100);
    expect(await delivery.upkeep.takeEndings(1_000)).not.toContainEqual({
      tenantId: 'default',
      id: thread.deskId,
    });
  });
});

describe('a message whose author is not named', () => {
  async function unnamed(text: string, withAgent = true) {
    const thread = withAgent ? await activeThread(db, delivery) : await newThread(db, ['hello']);
    if (!withAgent) await delivery.drainEmpty(thread.inbound);
    const deskId = (await thread.conversations())[0]?.desk_conversation_id ?? '';
    await db.gateway.accept([
      deskEvent({
        deskConversationId: deskId,
        message: { authorType: 'unknown', content: { type: 'text', text } },
      }),
    ]);
    return { ...thread, deskId };
  }

  it('is dropped when it equals what we posted and nobody has announced yet', async () => {
    const thread = await unnamed('hello');
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.accepted).toHaveLength(0);
    expect(await thread.messages('outbound')).toEqual([]);
    const { rows } = await db.pool.query<{ ours: boolean }>(
      `select ours from desk_events where desk_conversation_id = $1 and author_type = 'unknown'`,
      [thread.deskId],
    );
    expect(rows).toEqual([{ ours: true }]);
  });

  it('is the agent repeating the customer when ours is accounted for', async () => {
    const thread = await unnamed('hello');
    await delivery.drainEmpty(thread.outbound);
    await db.gateway.accept([
      deskEvent({
        deskConversationId: thread.deskId,
        message: { authorType: 'unknown', content: { type: 'text', text: 'hello' } },
      }),
    ]);
    delivery.desk.conversation(thread.deskId)?.messages.push({ text: 'hello', authorType: 'agent' });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['hello']);
  });

  it('goes out when the list names an agent', async () => {
    const thread = await unnamed('how can I help?', false);
    delivery.desk
      .conversation(thread.deskId)
      ?.messages.push({ text: 'how can I help?', authorType: 'agent' });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['how can I help?']);
    expect((await thread.messages('outbound'))[0]?.author_type).toBe('agent');
  });

  it('is dropped when the list names a bot', async () => {
    const thread = await unnamed('beep', false);
    delivery.desk.conversation(thread.deskId)?.messages.push({ text: 'beep', authorType: 'bot' });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.accepted).toHaveLength(0);
  });

  it("is taken for an agent's where one is or was there, and that is counted", async () => {
    const thread = await unnamed('how can I help?');
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['how can I help?']);
    expect(delivery.alarms).toContain('author-assumed-agent');
  });

  it('is set aside with an alarm where no agent ever was', async () => {
    const thread = await unnamed('who am I?', false);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.accepted).toHaveLength(0);
    expect((await thread.messages('outbound'))[0]).toMatchObject({ delivery: 'held', reason: 'quarantine' });
    expect(delivery.alarms).toContain('author-unknown');
  });

  it('waits while the list cannot be read, and not for ever', async () => {
    const thread = await unnamed('how can I help?');
    delivery.desk.lists.always({
      accepts: false,
      throws: new DeliveryError('uncertain', { code: 'deadline' }),
    });
    await delivery.drain(thread.outbound);
    expect(delivery.channel.accepted).toHaveLength(0);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['how can I help?']);
    expect((await thread.messages('outbound'))[0]?.possible_duplicate).toBe(false);
  });
});
