import { v7 as uuid } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClaimedLane, LaneStore } from '#core';
import {
  agentMessage,
  deskEvent,
  eventually,
  sleep,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import { activeThread, itemsOf, newThread, startDelivery, type Delivery } from '../support/delivering.js';

let db: TestDatabase;
let delivery: Delivery;
let store: LaneStore;

beforeAll(async () => {
  db = await startTestDatabase();
  delivery = startDelivery(db);
  store = delivery.store;
});
afterAll(() => db.stop());

async function claimed(laneId: string, leaseMs = 60_000): Promise<ClaimedLane> {
  const lane = await store.claim(laneId, leaseMs);
  if (!lane) throw new Error('The lane was not to be had.');
  return lane;
}

async function column(table: string, id: string, name: string): Promise<unknown> {
  const { rows } = await db.pool.query<Record<string, unknown>>(
    `select ${name} from ${table} where id = $1`,
    [id],
  );
  return rows[0]?.[name];
}

describe('the lease', () => {
  it('goes to one of ten who claim at once', async () => {
    const { inbound } = await newThread(db, ['one']);
    const claims = await Promise.all(Array.from({ length: 10 }, () => store.claim(inbound, 60_000)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await store.claim(inbound, 60_000)).toBeUndefined();
  });

  it('goes to the next when it has run out, with a higher fence', async () => {
    const { inbound } = await newThread(db, ['one']);
    const first = await claimed(inbound, 30);
    const second = await eventually('the lease has run out', () => store.claim(inbound, 60_000));
    expect(second.lease.fence).toBe(first.lease.fence + 1);
  });

  it('is not given for an empty, a paused or a waiting lane', async () => {
    const { inbound, outbound } = await newThread(db, ['one']);
    expect(await store.claim(outbound, 1_000)).toBeUndefined();
    await db.pool.query('update lanes set paused_at = now() where id = $1', [inbound]);
    expect(await store.claim(inbound, 1_000)).toBeUndefined();
    await db.pool.query(
      `update lanes set paused_at = null, not_before = now() + interval '1 hour' where id = $1`,
      [inbound],
    );
    expect(await store.claim(inbound, 1_000)).toBeUndefined();
    await db.pool.query(`update lanes set not_before = now() - interval '1 ms' where id = $1`, [inbound]);
    expect(await store.claim(inbound, 1_000)).toBeDefined();
  });

  it('is prolonged by every guarded write', async () => {
    const { inbound } = await newThread(db, ['one']);
    const lane = await claimed(inbound, 50);
    expect(await store.renew(lane.lease, 60_000)).toBe(true);
    await sleep(80);
    expect(await store.claim(inbound, 1_000)).toBeUndefined();
  });
});

describe('the fence', () => {
  /** A thread with a bound conversation whose lane was claimed by an old worker, then by a new one. */
  async function fenced() {
    const thread = await activeThread(db, delivery);
    await thread.says('two');
    const old = await claimed(thread.inbound, 1);
    const head = await store.head(old);
    if (!head) throw new Error('No head.');
    const now = await eventually('the next claim', () => store.claim(thread.inbound, 60_000));
    return { thread, old, now, head };
  }

  const attempt = () => ({ id: uuid(), partN: 1 });

  const writes: [
    string,
    (old: ClaimedLane, head: { messageId: string; seq: number }, conversationId: string) => Promise<unknown>,
  ][] = [
    ['renew', (old) => store.renew(old.lease, 1_000)],
    ['storeParts', (old, head) => store.storeParts(old.lease, head.messageId, [{ text: 'x' }])],
    ['intent', (old, head) => store.intent(old.lease, 1_000, { ...attempt(), ...head })],
    [
      'settle',
      (old, head) =>
        store.settle(old.lease, 1_000, {
          ...head,
          delivery: 'submitted',
          ends: true,
          lane: { failures: 7, notBeforeMs: 5 },
        }),
    ],
    ['wait', (old) => store.wait(old.lease, 60_000, 'back-off')],
    [
      'dropEcho',
      (old, head, conversationId) => store.dropEcho(old.lease, head.messageId, head.seq, conversationId),
    ],
    ['resolveAuthor', (old, head) => store.resolveAuthor(old.lease, head.messageId, 'agent')],
    [
      'intentCreate',
      (old, head, conversationId) =>
        store.intentCreate(old.lease, 1_000, {
          attemptId: uuid(),
          messageId: head.messageId,
          conversationId,
        }),
    ],
    [
      'endCreate',
      (old, head, conversationId) =>
        store.endCreate(old.lease, conversationId, head.messageId, { id: uuid(), outcome: 'not-sent' }),
    ],
    ['openConversation', (old) => store.openConversation(old)],
  ];

  async function snapshot(threadId: string): Promise<unknown> {
    const { rows } = await db.pool.query<{ all: unknown }>(
      `select json_build_array(
         (select json_agg(l order by l.id) from lanes l where l.thread_id = $1),
         (select json_agg(m order by m.id) from messages m where m.thread_id = $1),
         (select json_agg(i order by i.seq) from lane_items i join lanes l on l.id = i.lane_id where l.thread_id = $1),
         (select json_agg(c order by c.id) from conversations c where c.thread_id = $1),
         (select json_agg(p order by p.message_id, p.n) from parts p join messages m on m.id = p.message_id where m.thread_id = $1),
         (select json_agg(a order by a.id) from attempts a join messages m on m.id = a.message_id where m.thread_id = $1)
       ) as all`,
      [threadId],
    );
    return rows[0]?.all;
  }

  it.each(writes)('keeps an old holder from %s', async (_name, write) => {
    const { thread, old, head } = await fenced();
    const before = await snapshot(thread.threadId);
    const answer = await write(old, { messageId: head.messageId, seq: head.seq }, thread.conversationId);
    expect(answer === false || answer === undefined).toBe(true);
    expect(await snapshot(thread.threadId)).toEqual(before);
  });

  it('keeps an old holder from releasing what is no longer its own', async () => {
    const { thread, old } = await fenced();
    await store.release(old.lease);
    expect(await store.claim(thread.inbound, 1_000)).toBeUndefined();
  });

  it('keeps a released holder from writing although nobody followed', async () => {
    const { inbound } = await newThread(db, ['one']);
    const lane = await claimed(inbound);
    const head = await store.head(lane);
    await store.release(lane.lease);
    expect(await store.renew(lane.lease, 1_000)).toBe(false);
    expect(
      await store.intent(lane.lease, 1_000, { ...attempt(), messageId: head?.messageId ?? '', seq: 1 }),
    ).toBe(false);
  });
});

describe('parts', () => {
  it('are stored once: what was rendered first stays', async () => {
    const { inbound } = await newThread(db, ['one']);
    const lane = await claimed(inbound);
    const { messageId } = (await store.head(lane)) ?? { messageId: '' };
    expect(await store.storeParts(lane.lease, messageId, [{ text: 'a\0\ud800' }, { text: 'b' }])).toBe(true);
    expect(await store.storeParts(lane.lease, messageId, [{ text: 'c' }])).toBe(true);
    const head = await store.head(lane);
    expect(head?.parts).toEqual([
      { n: 1, content: { text: 'a\0\ud800' } },
      { n: 2, content: { text: 'b' } },
    ]);
  });
});

describe('other parts in their place', () => {
  it('are followed by what the first were not: media to delete, and a card to tell', async () => {
    const { inbound } = await newThread(db, ['one']);
    const lane = await claimed(inbound);
    const { messageId } = (await store.head(lane)) ?? { messageId: '' };
    const due = async () => {
      const { rows } = await db.pool.query(
        `select (select count(*)::int from media_deletions where message_id = $1) as media,
           (select count(*)::int from card_submissions_due where message_id = $1) as cards`,
        [messageId],
      );
      return rows;
    };
    await store.storeParts(lane.lease, messageId, [{ text: 'a' }]);
    await store.replaceParts(lane.lease, messageId, [{ text: 'b' }]);
    expect(await due()).toEqual([{ media: 0, cards: 0 }]);
    const cardAction = { card: 0, action: 'submit' as const, data: {} };
    const answer = { title: 'Red', offeredBy: messageId, cardAction };
    for (const text of ['c', 'd'])
      await store.replaceParts(lane.lease, messageId, [{ text, answer }], { deletesMedia: true });
    expect(await due()).toEqual([{ media: 1, cards: 1 }]);
  });
});

describe('looking again after a release', () => {
  it('finds what came while the lane was held', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('two');
    const lane = await claimed(thread.inbound);
    const head = await store.head(lane);
    await store.settle(lane.lease, 1_000, {
      messageId: head?.messageId ?? '',
      seq: head?.seq ?? 0,
      delivery: 'submitted',
      ends: true,
      lane: { failures: 0 },
    });
    expect(await store.head(lane)).toBeUndefined();
    // Its wake-up finds the lane held, and is used up by that.
    await thread.says('three');
    expect(await store.claim(thread.inbound, 1_000)).toBeUndefined();
    await store.release(lane.lease);
    expect(await store.lookAgain(thread.inbound)).toBe(0);
  });

  it('answers how long a back-off still takes', async () => {
    const { inbound } = await newThread(db, ['one']);
    const lane = await claimed(inbound);
    await store.wait(lane.lease, 5_000, 'back-off');
    await store.release(lane.lease);
    const due = await store.lookAgain(inbound);
    expect(due).toBeGreaterThan(2_000);
    expect(due).toBeLessThanOrEqual(5_000);
  });

  it('answers nothing for a lane that is empty, held, paused or blocked', async () => {
    const thread = await activeThread(db, delivery);
    expect(await store.lookAgain(thread.inbound)).toBeUndefined();
    await thread.says('two');
    expect(await store.lookAgain(thread.inbound)).toBe(0);
    const lane = await claimed(thread.inbound);
    expect(await store.lookAgain(thread.inbound)).toBeUndefined();
    await store.release(lane.lease);
    await db.pool.query('update lanes set paused_at = now() where id = $1', [thread.inbound]);
    expect(await store.lookAgain(thread.inbound)).toBeUndefined();
    await db.pool.query('update lanes set paused_at = null where id = $1', [thread.inbound]);
    await db.pool.query(
      `update lane_items set state = 'held', reason = 'reopening-limit' where lane_id = $1`,
      [thread.inbound],
    );
    expect(await store.lookAgain(thread.inbound)).toBeUndefined();
    await db.pool.query(`update lane_items set reason = 'credentials' where lane_id = $1`, [thread.inbound]);
    expect(await store.lookAgain(thread.inbound)).toBe(0);
  });

  it('ends a wait for the opening that was over before it began', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('two');
    const lane = await claimed(thread.inbound);
    await store.wait(lane.lease, 60_000, 'opening');
    await store.release(lane.lease);
    expect(await store.lookAgain(thread.inbound)).toBe(0);
    expect(await store.claim(thread.inbound, 1_000)).toBeDefined();
  });

  it('ends a wait for the closing that was called off before it began', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('two');
    const lane = await claimed(thread.inbound);
    await store.wait(lane.lease, 60_000, 'closing');
    await store.release(lane.lease);
    expect(await store.lookAgain(thread.inbound)).toBe(0);
  });

  it('never ends a back-off', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('two');
    const lane = await claimed(thread.inbound);
    await store.wait(lane.lease, 60_000, 'back-off');
    await store.release(lane.lease);
    expect(await store.lookAgain(thread.inbound)).toBeGreaterThan(30_000);
    await db.gateway.accept([
      deskEvent({
        deskConversationId: thread.deskId,
        facts: { agents: { a2: { joinedAt: thread.agentAt + 1 } } },
      }),
    ]);
    expect(await store.claim(thread.inbound, 1_000)).toBeUndefined();
  });
});

describe('what the sweeper sees', () => {
  const due = async () => (await delivery.upkeep.dueLanes(10_000)).map(({ laneId }) => laneId);

  it('is every lane with work that nobody holds and nothing delays', async () => {
    const { inbound } = await newThread(db, ['one']);
    expect(await due()).toContain(inbound);
    const lane = await claimed(inbound, 60_000);
    expect(await due()).not.toContain(inbound);
    await store.wait(lane.lease, 60_000, 'back-off');
    await store.release(lane.lease);
    expect(await due()).not.toContain(inbound);
    await db.pool.query('update lanes set not_before = now() where id = $1', [inbound]);
    expect(await due()).toContain(inbound);
    await db.pool.query(`update lane_items set state = 'held', reason = 'window' where lane_id = $1`, [
      inbound,
    ]);
    expect(await due()).not.toContain(inbound);
  });

  it('is a lane whose holder died, once the lease is over', async () => {
    const { inbound } = await newThread(db, ['one']);
    await claimed(inbound, 50);
    await eventually('the sweeper sees it', async () => (await due()).includes(inbound));
  });
});

describe('a failure that a callback reported before the call returned', () => {
  async function sending() {
    const thread = await activeThread(db, delivery);
    await db.gateway.accept([agentMessage('hi', { deskConversationId: thread.deskId })]);
    const lane = await claimed(thread.outbound);
    const head = await store.head(lane);
    if (!head) throw new Error('No head.');
    await store.storeParts(lane.lease, head.messageId, [{ text: 'hi' }]);
    const id = uuid();
    await store.intent(lane.lease, 60_000, { id, messageId: head.messageId, seq: head.seq, partN: 1 });
    return { thread, lane, head, id };
  }

  it.each([
    ['failed', 'failed', 0],
    ['once-more', 'open', 1],
    ['held-window', 'held', 1],
  ] as const)('outranks the answer: %s → %s', async (late, delivered, items) => {
    const { thread, lane, head, id } = await sending();
    await db.gateway.accept([
      {
        kind: 'receipt',
        tenantId: 'default',
        dedupeKey: `early:${id}`,
        providerMessageId: `SM-${id}`,
        status: 'failed',
        providerCode: '30003',
        attempt: { messageId: head.messageId, attemptId: id },
        late,
      },
    ]);
    const answer = await store.settle(lane.lease, 1_000, {
      messageId: head.messageId,
      seq: head.seq,
      delivery: 'submitted',
      ends: true,
      attempt: { id, outcome: 'submitted', providerId: `SM-${id}`, receipt: 'queued', httpStatus: 201 },
      lane: { failures: 0 },
    });
    expect(answer).toBe(delivered);
    expect(await itemsOf(db, thread.outbound)).toBe(items);
    const [message] = await thread.messages('outbound');
    expect(message).toMatchObject({ delivery: delivered, provider_code: '30003', receipt: 'failed' });
    expect(await column('attempts', id, 'outcome')).toBe('submitted');
  });
});
