import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  DeliveryError,
  type CardAction,
  type MessageContent,
  type Permit,
  type ProviderCall,
  type ProviderGate,
  type Refusal,
} from '#core';
import { DueCardSubmissions } from '#persistence';
import { Metrics, type Logger } from '#platform';
import { CardSubmissions } from '../../apps/worker/src/card-submissions.js';
import {
  agentMessage,
  deskEvent,
  inboundMessage,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import { activeThread, OpenGate, startDelivery, type Delivery } from '../support/delivering.js';
import { refuses } from '../support/fakes.js';

let db: TestDatabase;
let delivery: Delivery;
let metrics: Metrics;
let calls: ProviderCall[];
let refusal: Refusal | undefined;
let submissions: CardSubmissions;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(async () => {
  delivery = startDelivery(db);
  delivery.channel.renders = (content) =>
    content.type === 'card'
      ? [{ text: '1. Red\n2. Blue', choices: [red, { title: 'Blue' }] }]
      : [{ text: 'text' in content ? (content.text ?? '') : '' }];
  metrics = new Metrics({ processMetrics: false });
  calls = [];
  refusal = undefined;
  await db.pool.query('truncate card_submissions_due');
  submissions = new CardSubmissions({
    due: new DueCardSubmissions(db.pool),
    desk: delivery.desk,
    gate,
    metrics,
    logger: { info() {} } as unknown as Logger,
    timeoutMs: 100,
  });
});

const gate: ProviderGate = {
  enter: (call: ProviderCall): Promise<Permit | Refusal> => {
    calls.push(call);
    return refusal ? Promise.resolve(refusal) : new OpenGate().enter();
  },
};
// Second of two cards, with what no JSON of the database can be read for.
const cardAction: CardAction = { card: 1, action: 'submit', data: { colour: 'r\u0000' } };
const red = { title: 'Red', payload: 'r', cardAction };
const CARDS = [{ content: { first: true } }, { contentType: 'adaptive', content: { n: 'Red?\u0000' } }];

type Thread = Awaited<ReturnType<typeof activeThread>>;

/** A thread in which an agent's card has reached the customer. */
async function offered(): Promise<Thread> {
  const thread = await activeThread(db, delivery);
  const content: MessageContent = { type: 'card', cards: CARDS };
  const message = { authorType: 'agent' as const, authorId: 'a1', content };
  await db.gateway.accept([
    agentMessage('', { deskConversationId: thread.deskId, occurredAt: 20_000, message }),
  ]);
  await delivery.drainEmpty(thread.outbound);
  return thread;
}

async function says(thread: Thread, text: string): Promise<void> {
  await db.gateway.accept([inboundMessage({ from: thread.address, text })]);
  await delivery.drainEmpty(thread.inbound);
}

async function counted(): Promise<Record<string, number>> {
  const { values } = await metrics.signals.get();
  return Object.fromEntries(values.map(({ labels, value }) => [labels.result, value]));
}

const due = async (): Promise<number> =>
  (await db.pool.query('select from card_submissions_due')).rowCount ?? 0;
const later = (ms: number) =>
  db.pool.query(
    `update card_submissions_due set due_at = due_at - $1 * interval '1 ms', due_since = due_since - $1 * interval '1 ms'`,
    [ms],
  );
const atDesk = (thread: Thread) =>
  delivery.desk
    .conversation(thread.deskId)
    ?.messages.map(({ text }) => text)
    .slice(1);

describe('what a customer chooses on a card', () => {
  it('is read by the agent as text, and then told to the card, once', async () => {
    const thread = await offered();
    await says(thread, '1');
    expect(atDesk(thread)).toEqual(['Red']);
    expect(delivery.desk.submitted).toEqual([]);
    await Promise.all([submissions.run(), submissions.run(), submissions.run()]);
    expect(delivery.desk.submitted).toMatchObject([
      {
        tenantId: 'default',
        deskConversationId: thread.deskId,
        card: CARDS[1],
        announcedAt: 20_000,
        action: 'submit',
        data: { colour: 'r\u0000' },
        title: 'Red',
      },
    ]);
    expect(calls).toEqual([{ provider: 'desk', tenantId: 'default', kind: 'signal' }]);
    expect(await counted()).toEqual({ submitted: 1 });
    expect(await due()).toBe(0);
  });

  it('is told to no card where the choice belongs to none, or where they only wrote', async () => {
    const thread = await offered();
    await says(thread, 'hm');
    await says(thread, '2');
    expect(atDesk(thread)).toEqual(['hm', 'Blue']);
    expect(await due()).toBe(0);
  });

  it('waits for the text, however long that takes, and goes where the text goes', async () => {
    const thread = await offered();
    delivery.desk.sends.next(refuses('not-sent'));
    await db.gateway.accept([inboundMessage({ from: thread.address, text: '1' })]);
    await delivery.drain(thread.inbound, { random: 1 });
    await submissions.run();
    await later(7_200_000);
    await submissions.run();
    expect(delivery.desk.submitted).toEqual([]);
    expect(await due()).toBe(1);
    await db.pool.query('update lanes set not_before = null where id = $1', [thread.inbound]);
    await delivery.drainEmpty(thread.inbound);
    await later(60_000);
    await submissions.run();
    expect(delivery.desk.submitted).toHaveLength(1);

    await db.pool.query('truncate card_submissions_due');
    const failing = await offered();
    delivery.desk.sends.next(refuses('failed'));
    await says(failing, '1');
    await submissions.run();
    expect(await due()).toBe(0);
    expect(delivery.desk.submitted).toHaveLength(1);
  });

  it('is told again where it was not taken, and not where the answer was lost: the desk says so itself', async () => {
    const thread = await offered();
    await says(thread, '1');
    delivery.desk.submissions.next(refuses('not-sent'), refuses('credentials'), {
      accepts: true,
      throws: new DeliveryError('not-sent', { code: 'deadline' }),
    });
    for (let n = 0; n < 5; n += 1) {
      await submissions.run();
      await submissions.run();
      await later(60_000);
    }
    expect(delivery.desk.submitted).toHaveLength(1);
    expect(await counted()).toEqual({ failed: 3, already: 1 });
    expect(atDesk(thread)).toEqual(['Red']);
  });

  it('is given up where the desk means no, its conversation is over, or an hour has passed', async () => {
    await says(await offered(), '1');
    delivery.desk.submissions.next(refuses('failed'));
    await submissions.run();
    expect(await due()).toBe(0);

    const over = await offered();
    await says(over, '1');
    await db.gateway.accept([
      deskEvent({ deskConversationId: over.deskId, facts: { state: { value: 'idle', at: 90_000 } } }),
    ]);
    await submissions.run();
    expect(await due()).toBe(0);

    await says(await offered(), '1');
    refusal = { why: 'breaker', waitMs: 1 };
    await submissions.run();
    await later(3_600_000);
    await submissions.run();
    expect(await due()).toBe(0);
    expect(delivery.desk.submitted).toEqual([]);
    expect(await counted()).toEqual({ failed: 1, refused: 1 });
  });
});
