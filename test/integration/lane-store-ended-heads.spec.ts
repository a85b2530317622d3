import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { v7 as uuid } from 'uuid';
import type { ClaimedLane, LaneHead } from '#core';
import { agentMessage, receipt, startTestDatabase, type TestDatabase } from '../support/accepting.js';
import {
  activeThread,
  itemsOf,
  startDelivery,
  type Delivery,
  type TestThread,
} from '../support/delivering.js';

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
  delivery.channel.partLength = 6;
});

/** A worker has read the head, of whose two parts one is sent; then the provider reports that one as failed, for good. */
async function endedHead(): Promise<{ thread: TestThread; lane: ClaimedLane; head: LaneHead }> {
  const thread = await activeThread(db, delivery);
  await db.gateway.accept([agentMessage('first second', { deskConversationId: thread.deskId })]);
  delivery.channel.sends.next({}, { accepts: false, throws: new Error('a bug of ours') });
  await delivery.drain(thread.outbound);
  await db.pool.query('update lanes set not_before = null where id = $1', [thread.outbound]);
  const lane = await delivery.store.claim(thread.outbound, 60_000);
  const head = lane && (await delivery.store.head(lane));
  if (!lane || !head) throw new Error('There was no head.');
  const [part] = delivery.channel.accepted;
  await db.gateway.accept([
    receipt({
      providerMessageId: part?.providerId ?? '',
      status: 'failed',
      late: 'failed',
      attempt: { messageId: part?.messageId ?? '', attemptId: part?.attemptId ?? '' },
    }),
  ]);
  expect((await thread.messages('outbound'))[0]?.delivery).toBe('failed');
  return { thread, lane, head };
}

describe('a head that ends after a worker has read it', () => {
  it('is not sent any more', async () => {
    const { thread, lane, head } = await endedHead();
    const attempt = { id: uuid(), messageId: head.messageId, seq: head.seq, partN: 2 };
    expect(await delivery.store.intent(lane.lease, 60_000, attempt)).toBe(false);
    expect((await thread.messages('outbound'))[0]?.delivery).toBe('failed');
    expect(await delivery.store.renew(lane.lease, 60_000)).toBe(true);
  });

  it('keeps its end, and nothing waits for it', async () => {
    const { thread, lane, head } = await endedHead();
    const settled = await delivery.store.settle(lane.lease, 60_000, {
      messageId: head.messageId,
      seq: head.seq,
      delivery: 'held',
      ends: false,
      reason: 'uncertain',
      lane: { failures: 3, notBeforeMs: 300_000, waitingFor: 'back-off' },
    });
    expect(settled).toBe('failed');
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'failed',
      reason: 'reported-by-provider',
    });
    await delivery.store.release(lane.lease);
    await db.gateway.accept([
      agentMessage('next', {
        deskConversationId: (await thread.conversations())[0]?.desk_conversation_id ?? '',
      }),
    ]);
    await delivery.drain(thread.outbound);
    expect(await itemsOf(db, thread.outbound)).toBe(0);
  });
});
