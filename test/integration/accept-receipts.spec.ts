import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newerReceipt, RECEIPT_RANK, type ReceiptReceived, type ReceiptStatus } from '#core';
import { acceptReceipts } from '../../libs/persistence/src/accept/receipts.js';
import {
  acceptUncommitted,
  agentMessage,
  eventually,
  inboundMessage,
  inTurn,
  receipt,
  startTestDatabase,
  transaction,
  waitsForLock,
  type TestDatabase,
} from '../support/accepting.js';
import { activeThread, itemsOf, startDelivery, type Delivery } from '../support/delivering.js';
import type { AcceptedPart } from '../support/fakes.js';

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
});

/** A thread whose agent's `texts` were submitted. */
const submitted = (...texts: string[]) => submittedTo(['hello'], ...texts);

async function submittedTo(heard: string[], ...texts: string[]) {
  // On the channel that closes its reply window.
  const thread = await activeThread(db, delivery, heard, { channel: 'whatsapp' });
  await answer(thread, ...texts);
  return thread;
}

async function answer(thread: { deskId: string; outbound: string }, ...texts: string[]): Promise<void> {
  for (const text of texts)
    await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
  await delivery.drainEmpty(thread.outbound);
}

/** What the provider says about a part that it took. */
function about(
  part: AcceptedPart | undefined,
  status: ReceiptStatus,
  changes: Partial<ReceiptReceived> = {},
): ReceiptReceived {
  return receipt({
    providerMessageId: part?.providerId ?? '',
    status,
    attempt: { messageId: part?.messageId ?? '', attemptId: part?.attemptId ?? '' },
    ...changes,
  });
}

/** A customer of whom the gateway knows the thread by heart, and one whom it looks up. */
const HEARD = [{ heard: ['hello'] }, { heard: ['hello', 'again', 'and again'] }];

const STATUSES = Object.keys(RECEIPT_RANK) as ReceiptStatus[];

describe('ranks', () => {
  it('are the same in the database and in core', async () => {
    const { rows } = await db.pool.query<{ status: ReceiptStatus; rank: number }>(
      'select s as status, receipt_rank(s) as rank from unnest($1::text[]) as s',
      [STATUSES],
    );
    expect(Object.fromEntries(rows.map(({ status, rank }) => [status, rank]))).toEqual(RECEIPT_RANK);
    const none = await db.pool.query<{ rank: number }>('select receipt_rank(null) as rank');
    expect(none.rows[0]?.rank).toBe(0);
  });
});

describe('receipts', () => {
  it.each(
    STATUSES.flatMap((first) =>
      STATUSES.filter((next) => next !== first).map((next) => [first, next] as const),
    ),
  )('go forward only: %s, then %s', async (first, next) => {
    shared ??= await submitted('x');
    const part = delivery.channel.accepted[0] ?? sharedPart;
    sharedPart = part;
    await db.pool.query('update attempts set receipt = null, receipt_code = null where message_id = $1', [
      part?.messageId,
    ]);
    await db.gateway.accept([about(part, first)]);
    await db.gateway.accept([about(part, next)]);
    expect((await shared.messages('outbound'))[0]?.receipt).toBe(newerReceipt(first, next));
  });
  let shared: Awaited<ReturnType<typeof submitted>> | undefined;
  let sharedPart: AcceptedPart | undefined;

  it('backwards and tenfold at once end at the highest', async () => {
    const thread = await submitted('x');
    const part = delivery.channel.accepted[0];
    const all = (['read', 'delivered', 'sent', 'sending', 'queued'] as const).map((status) =>
      about(part, status),
    );
    const gateways = [db.gateway, db.acceptor()];
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, n) => inTurn(gateways, n).accept(n % 3 === 0 ? all : all.toReversed())),
    );
    expect(results.flat().filter((result) => result === 'accepted')).toHaveLength(5);
    expect((await thread.messages('outbound'))[0]).toMatchObject({ receipt: 'read', delivery: 'submitted' });
  });

  it('never erase a stored error', async () => {
    const thread = await submitted('x');
    const part = delivery.channel.accepted[0];
    await db.gateway.accept([about(part, 'undelivered', { providerCode: '30003', late: 'failed' })]);
    await db.gateway.accept([about(part, 'delivered')]);
    const { rows } = await db.pool.query(
      'select receipt, receipt_code, receipt_late from attempts where id = $1',
      [part?.attemptId],
    );
    expect(rows).toEqual([{ receipt: 'delivered', receipt_code: '30003', receipt_late: 'failed' }]);
    // It has arrived after all, whichever report came first.
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'submitted',
      provider_code: '30003',
    });
  });

  it('of a message are the lowest over its parts, once each has one', async () => {
    delivery.channel.partLength = 2;
    delivery.channel.givesReceipt = false;
    const thread = await submitted('a b');
    const [one, two] = delivery.channel.accepted;
    await db.gateway.accept([about(one, 'read')]);
    expect((await thread.messages('outbound'))[0]?.receipt).toBeNull();
    await db.gateway.accept([about(two, 'sent')]);
    expect((await thread.messages('outbound'))[0]?.receipt).toBe('sent');
    await db.gateway.accept([about(two, 'delivered')]);
    expect((await thread.messages('outbound'))[0]?.receipt).toBe('delivered');
  });

  it('of two parts in transactions that do not see each other: the message is delivered when both are', async () => {
    await submitted('part 1 '.repeat(300).slice(0, 2000));
    const [one, two] = delivery.channel.accepted.slice(-2);
    await db.gateway.accept([about(one, 'sent'), about(two, 'sent')]);
    const other = await transaction(db);
    await acceptReceipts(other.client, [about(one, 'delivered')]);
    const second = db.gateway.accept([about(two, 'delivered')]);
    await eventually('the second waits for the first', () => waitsForLock(db, '%accept_receipts%'));
    await other.commit();
    await second;
    const { rows } = await db.pool.query<{ receipt: string }>('select receipt from messages where id = $1', [
      one?.messageId,
    ]);
    expect(rows).toEqual([{ receipt: 'delivered' }]);
  });

  it("without our reference find their attempt by the provider's id", async () => {
    const thread = await submitted('x');
    const { attempt: _, ...plain } = about(delivery.channel.accepted[0], 'delivered');
    await db.gateway.accept([plain]);
    expect((await thread.messages('outbound'))[0]?.receipt).toBe('delivered');
  });

  it('of a message that is not ours are counted, and no failure', async () => {
    const before = db.unmatched.count;
    const unknown = crypto.randomUUID();
    const results = await db.gateway.accept([
      receipt({ providerMessageId: 'SMnobody', status: 'delivered' }),
      receipt({
        providerMessageId: 'SMnobody',
        status: 'failed',
        late: 'once-more',
        attempt: { messageId: unknown, attemptId: unknown },
      }),
    ]);
    expect(results).toEqual(['accepted', 'accepted']);
    expect(db.unmatched.count).toBe(before + 2);
  });
});

describe('a late failure', () => {
  it('is final when its code says so', async () => {
    const thread = await submitted('x');
    db.wakeUps.length = 0;
    await db.gateway.accept([
      about(delivery.channel.accepted[0], 'failed', { providerCode: '30007', late: 'failed' }),
    ]);
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'failed',
      reason: 'reported-by-provider',
      provider_code: '30007',
      receipt: 'failed',
    });
    expect(await itemsOf(db, thread.outbound)).toBe(0);
    expect(db.wakeUps).toEqual([]);
  });

  it('is tried once more when its code says so, and then is final', async () => {
    const thread = await submitted('x');
    db.wakeUps.length = 0;
    await db.gateway.accept([
      about(delivery.channel.accepted[0], 'failed', { providerCode: '30003', late: 'once-more' }),
    ]);
    expect(db.wakeUps).toContainEqual({ laneId: thread.outbound, direction: 'outbound' });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['x', 'x']);
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'submitted',
      possible_duplicate: false,
    });
    await db.gateway.accept([
      about(delivery.channel.accepted[1], 'failed', { providerCode: '30003', late: 'once-more' }),
    ]);
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'failed',
      provider_code: '30003',
    });
  });

  it('is final for what would be overtaken: something newer was submitted', async () => {
    const thread = await submitted('x', 'y');
    await db.gateway.accept([about(delivery.channel.accepted[0], 'failed', { late: 'once-more' })]);
    expect((await thread.messages('outbound')).map((message) => message.delivery)).toEqual([
      'failed',
      'submitted',
    ]);
  });

  it('repeats only the part that failed', async () => {
    delivery.channel.partLength = 2;
    const thread = await submitted('a b');
    await db.gateway.accept([about(delivery.channel.accepted[1], 'failed', { late: 'once-more' })]);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['a ', 'b', 'b']);
  });

  it.each(HEARD)(
    'of a closed window holds the message at its place, whatever is newer, until the customer writes ($heard)',
    async ({ heard }) => {
      const thread = await submittedTo(heard);
      const repeated = inboundMessage({ from: thread.address });
      await db.gateway.accept([repeated]);
      await answer(thread, 'x', 'y');
      await db.gateway.accept([
        about(delivery.channel.accepted[0], 'failed', { providerCode: '63016', late: 'held-window' }),
      ]);
      expect(
        (await thread.messages('outbound')).map(({ delivery: state, reason }) => [state, reason]),
      ).toEqual([
        ['held', 'window'],
        ['submitted', null],
      ]);
      await db.gateway.accept([agentMessage('z', { deskConversationId: thread.deskId })]);
      await delivery.drain(thread.outbound);
      expect(delivery.channel.texts(thread.address)).toEqual(['x', 'y']);
      await db.gateway.accept([repeated]);
      await delivery.drain(thread.outbound);
      expect(delivery.channel.texts(thread.address)).toEqual(['x', 'y']);
      await db.gateway.accept([inboundMessage({ from: thread.address }), repeated]);
      await delivery.drainEmpty(thread.outbound);
      expect(delivery.channel.texts(thread.address)).toEqual(['x', 'y', 'x', 'z']);
    },
  );

  it('of a closed window that the customer has opened meanwhile is tried again at once', async () => {
    const thread = await submitted('x');
    await db.gateway.accept([inboundMessage({ from: thread.address })]);
    db.wakeUps.length = 0;
    await db.gateway.accept([
      about(delivery.channel.accepted[0], 'failed', { providerCode: '63016', late: 'held-window' }),
    ]);
    expect(db.wakeUps).toContainEqual({ laneId: thread.outbound, direction: 'outbound' });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['x', 'x']);
  });

  it.each(
    HEARD.flatMap((each) => [
      { ...each, first: 'receipt' },
      { ...each, first: 'text' },
    ]),
  )(
    'of a closed window and the text that opens it see each other (the $first is not committed yet, $heard)',
    async ({ heard, first }) => {
      const thread = await submittedTo(heard, 'x');
      const closed = [
        about(delivery.channel.accepted[0], 'failed', { providerCode: '63016', late: 'held-window' }),
      ];
      const text = [inboundMessage({ from: thread.address })];
      const { client, commit } = await transaction(db);
      await (first === 'receipt' ? acceptReceipts(client, closed) : acceptUncommitted(client, text));
      let done = false;
      const second = db.gateway.accept(first === 'receipt' ? text : closed).then(() => (done = true));
      await eventually('the second waits', async () => done || (await waitsForLock(db, '%accept%')));
      await commit();
      await second;
      expect((await thread.messages('outbound'))[0]?.delivery).toBe('open');
      await delivery.drainEmpty(thread.outbound);
      expect(delivery.channel.texts(thread.address)).toEqual(['x', 'x']);
    },
  );

  it('that comes again changes nothing, however often', async () => {
    const thread = await submitted('x');
    const failure = about(delivery.channel.accepted[0], 'failed', { late: 'once-more' });
    const results = await Promise.all(Array.from({ length: 10 }, () => db.gateway.accept([failure])));
    expect(results.flat().filter((result) => result === 'accepted')).toHaveLength(1);
    await delivery.drainEmpty(thread.outbound);
    expect(await db.gateway.accept([failure])).toEqual(['duplicate']);
    expect(delivery.channel.texts(thread.address)).toEqual(['x', 'x']);
  });

  it('comes in while the worker sends the next: no deadlock, both are done', async () => {
    for (let round = 0; round < 10; round += 1) {
      const thread = await submitted('x');
      const part = delivery.channel.accepted.at(-1);
      await db.gateway.accept([agentMessage('y', { deskConversationId: thread.deskId })]);
      await Promise.all([
        delivery.drain(thread.outbound),
        db.gateway.accept([about(part, 'failed', { late: round % 2 === 0 ? 'once-more' : 'held-window' })]),
        db.gateway.accept([inboundMessage({ from: thread.address })]),
      ]);
      const [x, y] = await thread.messages('outbound');
      expect(['submitted', 'failed', 'open', 'held']).toContain(x?.delivery);
      await db.gateway.accept([inboundMessage({ from: thread.address })]);
      await delivery.drainEmpty(thread.outbound);
      expect(
        (await thread.messages('outbound')).every((message) =>
          ['submitted', 'failed'].includes(message.delivery),
        ),
      ).toBe(true);
      expect(y).toBeDefined();
    }
  });
});
