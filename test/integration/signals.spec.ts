import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError, type Permit, type ProviderCall, type ProviderGate, type Refusal } from '#core';
import { DueReadReceipts, TypingTargets } from '#persistence';
import { Metrics, type Logger } from '#platform';
import { ReadReceipts } from '../../apps/worker/src/read-receipts.js';
import { Typing } from '../../apps/worker/src/typing.js';
import {
  agentMessage,
  deskEvent,
  receipt,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import {
  activeThread,
  newThread,
  OpenGate,
  startDelivery,
  type Delivery,
  type TestThread,
} from '../support/delivering.js';
import { refuses } from '../support/fakes.js';

const LOGGER = { info() {}, warn() {} } as unknown as Logger;

let db: TestDatabase;
let delivery: Delivery;
let metrics: Metrics;
let calls: ProviderCall[];
let refusal: Refusal | undefined;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(async () => {
  delivery = startDelivery(db);
  metrics = new Metrics({ processMetrics: false });
  calls = [];
  refusal = undefined;
  await db.pool.query(`update business_numbers set settings = '{}'`);
});

const gate: ProviderGate = {
  enter: (call: ProviderCall): Promise<Permit | Refusal> => {
    calls.push(call);
    return refusal ? Promise.resolve(refusal) : new OpenGate().enter();
  },
};

async function counted(kind: string): Promise<Record<string, number>> {
  const { values } = await metrics.signals.get();
  return Object.fromEntries(
    values.filter(({ labels }) => labels.kind === kind).map(({ labels, value }) => [labels.result, value]),
  );
}

async function set(settings: object): Promise<void> {
  await db.pool.query('update business_numbers set settings = $1', [JSON.stringify(settings)]);
}

type Active = Awaited<ReturnType<typeof activeThread>>;

const whatsApp = (texts = ['hello']) => activeThread(db, delivery, texts, { channel: 'whatsapp' });

describe('typing', () => {
  const typing = () =>
    new Typing({
      targets: new TypingTargets(db.pool),
      channel: delivery.channel,
      desk: delivery.desk,
      gate,
      metrics,
      logger: LOGGER,
      timeoutMs: 100,
    });
  const think = (thread: TestThread, ageMs = 0): Promise<void> =>
    typing().think({ tenantId: 'default', threadId: thread.threadId, seconds: 7 }, ageMs);
  const show = async (thread: Active, ageMs = 0): Promise<void> => {
    await typing().show({ tenantId: 'default', deskConversationId: thread.deskId }, ageMs);
  };
  const later = (ms: number) =>
    db.pool.query(`update typing_shown set shown_at = shown_at - $1 * interval '1 ms'`, [ms]);
  const newestOf = async ({ inbound }: Active): Promise<string> => {
    const { rows } = await db.pool.query<{ id: string }>(
      'select provider_message_id as id from messages where lane_id = $1 order by seq desc limit 1',
      [inbound],
    );
    return rows[0]?.id ?? '';
  };

  it('is shown by the newest message, once in 20 s whoever asks', async () => {
    const thread = await whatsApp(['hello', 'anyone?']);
    await Promise.all([show(thread), show(thread), show(thread)]);
    expect(delivery.channel.typedTo).toEqual([await newestOf(thread)]);
    expect(await counted('typing')).toEqual({ sent: 1, skipped: 2 });
    expect(calls).toEqual([{ provider: 'channel', tenantId: 'default', kind: 'signal', account: 'AC1' }]);

    await later(19_000);
    await show(thread);
    expect(delivery.channel.typedTo).toHaveLength(1);
    await later(1_000);
    await thread.says('hm');
    await show(thread);
    expect(delivery.channel.typedTo.slice(1)).toEqual([await newestOf(thread)]);
  });

  it('is not shown by SMS, by setting, or of what was typed long ago', async () => {
    await show(await activeThread(db, delivery, ['hello']));
    const thread = await whatsApp();
    await set({ typing: false });
    await show(thread);
    await set({ typing: true });
    await show(thread, 10_001);
    expect(delivery.channel.typedTo).toEqual([]);
    await show(thread, 10_000);
    expect(delivery.channel.typedTo).toHaveLength(1);
    expect(await counted('typing')).toEqual({ sent: 1, skipped: 3 });
  });

  it('is not shown to a customer who wrote long ago, nor where nothing can be answered', async () => {
    const thread = await whatsApp();
    await db.pool.query(
      `update messages set accepted_at = accepted_at - interval '24 hours' where lane_id = $1`,
      [thread.inbound],
    );
    await show(thread);
    const closed = await whatsApp();
    const at = closed.agentAt + 60_000;
    await db.gateway.accept([
      deskEvent({ deskConversationId: closed.deskId, facts: { state: { value: 'idle', at } } }),
    ]);
    await show(closed);
    expect(delivery.channel.typedTo).toEqual([]);
    expect(await counted('typing')).toEqual({ skipped: 2 });
  });

  it('gives way to an answer that waits', async () => {
    const thread = await whatsApp();
    await db.gateway.accept([agentMessage('answer', { deskConversationId: thread.deskId })]);
    await show(thread);
    expect(delivery.channel.typedTo).toEqual([]);
    await delivery.drainEmpty(thread.outbound);
    await show(thread);
    expect(delivery.channel.typedTo).toHaveLength(1);
  });

  it('is tried once only, whether the provider refuses it or our limits do', async () => {
    const [thread, other] = [await whatsApp(), await whatsApp()];
    delivery.channel.typings.next(refuses('failed'));
    await show(thread);
    await show(thread);
    refusal = { why: 'breaker', waitMs: 1 };
    await show(other);
    expect(delivery.channel.typedTo).toEqual([]);
    expect(await counted('typing')).toEqual({ failed: 1, skipped: 1, refused: 1 });
  });

  it('is told by gateways for agents who type, once for an event that is repeated', async () => {
    const thread = await whatsApp();
    const told: string[] = [];
    const gateway = db.acceptor({
      signals: {
        typing: ({ deskConversationId }) => void told.push(deskConversationId),
        thinking: () => undefined,
      },
    });
    const types = deskEvent({
      deskConversationId: thread.deskId,
      type: 'ACTIVITY',
      typing: { present: true },
    });
    await gateway.accept([
      types,
      deskEvent({ deskConversationId: thread.deskId, typing: { present: false } }),
    ]);
    await gateway.accept([types]);
    expect(told).toEqual([thread.deskId]);
  });

  it('is shown for a bot at work, too, with a conversation or without', async () => {
    const thread = await newThread(db, ['hello'], { channel: 'whatsapp' });
    await think(thread);
    await think(thread);
    await think(await newThread(db, ['hello']));
    expect(delivery.channel.typedTo).toHaveLength(1);
    expect(delivery.desk.thoughts).toEqual([]);
    expect(await counted('typing')).toEqual({ sent: 1, skipped: 2 });
  });

  it('is shown at the desk where the bot has the customer back', async () => {
    const thread = await whatsApp();
    await think(thread);
    expect(delivery.desk.thoughts).toEqual([]);
    await db.pool.query(`update conversations set state = 'post-agent' where id = $1`, [
      thread.conversationId,
    ]);
    await think(thread, 10_001);
    await think(thread);
    expect(delivery.desk.thoughts).toEqual([{ deskConversationId: thread.deskId, seconds: 7 }]);
    expect(await counted('thinking')).toEqual({ sent: 1 });
  });
});

describe('what was read', () => {
  let readReceipts: ReadReceipts;

  beforeEach(async () => {
    await db.pool.query('truncate reads_noted, read_receipts_due');
    readReceipts = new ReadReceipts({
      due: new DueReadReceipts(db.pool),
      desk: delivery.desk,
      gate,
      metrics,
      logger: LOGGER,
      timeoutMs: 100,
    });
  });

  /** Answers of an agent who wrote them at these times, delivered; `read` reports the receipt of one of them. */
  async function answered(...times: number[]) {
    const thread = await whatsApp();
    const events = times.map((occurredAt) =>
      agentMessage(`at ${occurredAt}`, { deskConversationId: thread.deskId, occurredAt }),
    );
    for (const event of events) await db.gateway.accept([event]);
    await delivery.drainEmpty(thread.outbound);
    const report = async (time: number, status: 'delivered' | 'read' = 'read', part = 0): Promise<void> => {
      const parts = delivery.channel.accepted.filter(
        ({ to, text }) => to === thread.address && text.startsWith(`at ${time}`),
      );
      const { providerId = '', messageId = '', attemptId = '' } = parts[part] ?? {};
      await db.gateway.accept([
        receipt({ providerMessageId: providerId, status, attempt: { messageId, attemptId } }),
      ]);
    };
    return { ...thread, report };
  }

  const later = (ms: number) =>
    db.pool.query(
      `update read_receipts_due set due_at = due_at - $1 * interval '1 ms', due_since = due_since - $1 * interval '1 ms'`,
      [ms],
    );
  const read = () => delivery.desk.read.map(({ readAt }) => readAt);

  it('is told once, up to the time at which the desk announced the newest of it', async () => {
    const { report, deskId } = await answered(1_000, 2_000, 3_000);
    await report(2_000, 'delivered');
    await readReceipts.run();
    expect(read()).toEqual([]);
    await report(1_000);
    await report(2_000);
    await readReceipts.run();
    expect(delivery.desk.read).toEqual([{ deskConversationId: deskId, readAt: 2_000 }]);
    expect(calls).toEqual([{ provider: 'desk', tenantId: 'default', kind: 'signal' }]);
    await later(60_000);
    await readReceipts.run();
    expect(read()).toHaveLength(1);
    expect(await counted('read-receipt')).toEqual({ sent: 1 });
  });

  it('never goes back', async () => {
    const { report } = await answered(1_000, 2_000, 3_000);
    await report(3_000);
    await readReceipts.run();
    await report(1_000);
    await report(2_000);
    await readReceipts.run();
    expect(read()).toEqual([3_000]);
  });

  it('is only what is read in all its parts, those of a text', async () => {
    const thread = await answered();
    delivery.channel.partLength = 4;
    const occurredAt = 5_000;
    await db.gateway.accept([agentMessage('at 5000', { deskConversationId: thread.deskId, occurredAt })]);
    await delivery.drainEmpty(thread.outbound);
    const [message] = await thread.messages('outbound');
    // A part beside the text, whose receipt never comes.
    await db.pool.query(
      `insert into parts (message_id, n, content, content_digest) values ($1, 0, '{}', '\\x00')`,
      [message?.id],
    );
    const parts = delivery.channel.accepted.filter(({ to }) => to === thread.address);
    expect(parts).toHaveLength(2);
    for (const [n, part] of parts.entries()) {
      const { providerId, messageId, attemptId } = part;
      await db.gateway.accept([
        receipt({ providerMessageId: providerId, status: 'read', attempt: { messageId, attemptId } }),
      ]);
      await readReceipts.run();
      expect(read()).toEqual(n === 0 ? [] : [5_000]);
    }
    expect((await thread.messages('outbound'))[0]?.receipt).toBe('read');
  });

  it('is not told by setting, nor to a conversation that has ended', async () => {
    const { report, ...thread } = await answered(1_000, 2_000);
    await set({ readReceipts: false });
    await report(1_000);
    await readReceipts.run();
    await set({});
    const at = thread.agentAt + 60_000;
    await db.gateway.accept([
      deskEvent({ deskConversationId: thread.deskId, facts: { state: { value: 'idle', at } } }),
    ]);
    await report(2_000);
    await readReceipts.run();
    expect(read()).toEqual([]);
    await new DueReadReceipts(db.pool).forgetClosed();
    expect((await db.pool.query('select from reads_noted')).rowCount).toBe(0);
    expect((await db.pool.query('select from read_receipts_due')).rowCount).toBe(0);
  });

  it('is told later, once and only the newest, where the desk is away', async () => {
    const { report } = await answered(1_000, 2_000);
    delivery.desk.receipts.next(refuses('not-sent'), refuses('uncertain'), refuses('credentials'));
    await report(1_000);
    await readReceipts.run();
    await readReceipts.run();
    expect(await counted('read-receipt')).toEqual({ failed: 1 });
    await report(2_000);
    for (let n = 0; n < 2; n += 1) {
      await later(60_000);
      await readReceipts.run();
    }
    refusal = { why: 'breaker', waitMs: 1 };
    await later(60_000);
    await readReceipts.run();
    refusal = undefined;
    expect(read()).toEqual([]);
    for (let n = 0; n < 3; n += 1) {
      await later(60_000);
      await readReceipts.run();
    }
    expect(read()).toEqual([2_000]);
    expect(await counted('read-receipt')).toEqual({ failed: 3, refused: 1, sent: 1 });
  });

  it('is given up where the desk refuses it, or has been away for an hour', async () => {
    const refused = await answered(1_000);
    delivery.desk.receipts.next({ accepts: false, throws: new DeliveryError('gone', { code: 'gone' }) });
    await refused.report(1_000);
    await readReceipts.run();
    const late = await answered(2_000);
    delivery.desk.receipts.next(refuses('not-sent'));
    await late.report(2_000);
    await readReceipts.run();
    await later(3_600_000);
    await readReceipts.run();
    expect(read()).toEqual([]);
    expect(await counted('read-receipt')).toEqual({ failed: 2 });
  });

  it('is told by one of several workers', async () => {
    const { report } = await answered(1_000);
    await report(1_000);
    await Promise.all([readReceipts.run(), readReceipts.run(), readReceipts.run()]);
    await readReceipts.run();
    expect(read()).toEqual([1_000]);
  });
});
