import { v7 as uuid } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WaitingSettings } from '#core';
import { QueueMetrics } from '#desk-chat-gateway';
import { DueTexts, Waits } from '#persistence';
import { Metrics, ProviderHttp, type Logger } from '#platform';
import { startChatGatewaySimulator, type ChatGatewaySimulator } from '../../apps/sandbox/src/index.js';
import { TextWriter } from '../../apps/worker/src/text-writer.js';
import { Waiting } from '../../apps/worker/src/waiting.js';
import { deskEvent, startTestDatabase, type TestDatabase } from '../support/accepting.js';
import { newThread, OpenGate, startDelivery, type Delivery, type TestThread } from '../support/delivering.js';
import { refuses } from '../support/fakes.js';

const LOGGER = { info() {}, warn() {} } as unknown as Logger;
const TEXTS = {
  waiting: { en: 'Place {{position}} in {{queue}}, about {{minutes}} min.' },
  waitingLong: { en: 'It takes longer.' },
  noAgent: { en: 'Nobody is there.' },
};

let db: TestDatabase;
let centre: ChatGatewaySimulator;
let http: ProviderHttp;
let delivery: Delivery;
let waiting: Waiting;
let numbers = 0;
let at = 1_000;

beforeAll(async () => {
  db = await startTestDatabase();
  centre = await startChatGatewaySimulator({
    apiKey: 'key',
    tenantId: 'acme',
    customerId: 'customer',
    metricsKey: 'metrics',
    metricsSecret: 'secret',
  });
  http = new ProviderHttp();
});
afterAll(async () => {
  http.destroy();
  await centre.close();
  await db.stop();
});
beforeEach(async () => {
  centre.reset();
  delivery = startDelivery(db);
  waiting = worker();
  await db.pool.query(`update conversations set state = 'closed'`);
});

/** One that remembers no figures: its clock is always beyond their life. */
function worker(metricsSecret = 'secret'): Waiting {
  let now = 0;
  const account = {
    baseUrl: centre.url,
    region: 'eu',
    key: 'metrics',
    secret: metricsSecret,
    tenant: 'acme',
  } as const;
  return new Waiting({
    waits: new Waits(db.pool),
    statistics: new QueueMetrics({
      http,
      accountsOf: () => ({ metrics: account }),
      observer: { read: () => undefined },
      now: () => (now += 6_000),
    }),
    texts: new DueTexts(db.pool),
    desk: delivery.desk,
    gate: new OpenGate(),
    metrics: new Metrics({ processMetrics: false }),
    logger: LOGGER,
    timeoutMs: 1_000,
  });
}

const figures = (changes: object, queueId = '100') =>
  centre.deskSettings.statistics.set(queueId, {
    waiting: 3,
    averageWaitSeconds: 61,
    eligibleAgents: 1,
    ...changes,
  });

type Queued = TestThread & { deskId: string };

/** A customer of a number with these settings, who has written. */
async function threadOf(settings: WaitingSettings): Promise<TestThread> {
  numbers += 1;
  const thread = await newThread(db, ['hello'], { address: `+1555040${String(numbers).padStart(4, '0')}` });
  await db.pool.query('update business_numbers set settings = $2 where id = $1', [
    thread.numberId,
    JSON.stringify({ waiting: settings, texts: TEXTS }),
  ]);
  return thread;
}

/** Their conversation is at the desk; answers its id there. */
async function bound(thread: TestThread): Promise<string> {
  await delivery.drainUntil(thread.inbound, 'the conversation is bound', async () =>
    (await thread.conversations()).some((one) => one.desk_conversation_id !== null),
  );
  return (await thread.conversations())[0]?.desk_conversation_id ?? '';
}

/** A customer whose conversation waits in queue 100. */
async function queued(settings: WaitingSettings): Promise<Queued> {
  const thread = await threadOf(settings);
  const deskId = await bound(thread);
  await inQueue(deskId, '100');
  await delivery.drainEmpty(thread.inbound);
  return { ...thread, deskId };
}

async function inQueue(deskConversationId: string, queueId: string): Promise<void> {
  at += 1_000;
  const facts = { state: { value: 'active' as const, at }, queue: { value: queueId, at } };
  await db.gateway.accept([deskEvent({ deskConversationId, type: 'QUEUED', occurredAt: at, facts })]);
}

/** So much time passes, for whoever waits. */
async function minutesPass(minutes: number): Promise<void> {
  await db.pool.query(
    `update waits set since = since - make_interval(mins => $1), told_at = told_at - make_interval(mins => $1),
       moved_at = moved_at - make_interval(mins => $1)`,
    [minutes],
  );
}

async function told(thread: TestThread): Promise<string[]> {
  const writer = new TextWriter({
    due: new DueTexts(db.pool),
    wakeUps: { wake: () => undefined },
    metrics: new Metrics({ processMetrics: false }),
  });
  await writer.run();
  await delivery.drainEmpty(thread.outbound);
  return delivery.channel.texts(thread.address);
}

describe('telling a place', { timeout: 60_000 }, () => {
  it('once somebody is queued, at intervals, and never a worse one', async () => {
    figures({});
    const thread = await queued({ tellEveryMinutes: 5 });
    await waiting.run();
    await waiting.run();
    expect(await told(thread)).toEqual(['Place 3 in Support, about 2 min.']);
    figures({ waiting: 7, averageWaitSeconds: 300 });
    await minutesPass(5);
    await waiting.run();
    figures({ waiting: 1 });
    await minutesPass(4);
    await waiting.run();
    expect(await told(thread)).toHaveLength(2);
    await minutesPass(1);
    await waiting.run();
    expect((await told(thread)).slice(1)).toEqual([
      'Place 3 in Support, about 5 min.',
      'Place 1 in Support, about 2 min.',
    ]);
  });

  it.each<[string, object, string[]]>([
    ['the queue that a bot has named', { queueId: '200' }, ['Place 2 in Sales, about 2 min.']],
    ["the number's queue where a bot names none", {}, ['Place 3 in Support, about 2 min.']],
    ['no queue where a script finds one', { assignment: { type: 'script', id: '7' } }, []],
  ])('is in %s, before the desk says so', async (_, details, expected) => {
    figures({});
    figures({ waiting: 2 }, '200');
    const thread = await threadOf({});
    await db.pool.query(`select append_inbound_item('default', $1, $2, $3)`, [
      thread.threadId,
      uuid(),
      JSON.stringify({ type: 'handoff', details }),
    ]);
    const deskConversationId = await bound(thread);
    at += 1_000;
    const facts = { state: { value: 'active' as const, at } };
    await db.gateway.accept([deskEvent({ deskConversationId, occurredAt: at, facts })]);
    await delivery.drainEmpty(thread.inbound);
    expect(await thread.conversations()).toMatchObject([{ state: 'queued' }]);
    await waiting.run();
    expect(await told(thread)).toEqual(expected);
    await inQueue(deskConversationId, '100');
    await waiting.run();
    expect((await told(thread)).at(-1)).toBe('Place 3 in Support, about 2 min.');
  });

  it('ends with the first agent, and nothing of it stays after the conversation', async () => {
    figures({});
    const thread = await queued({ tellOnQueue: false, tellEveryMinutes: 1 });
    await waiting.run();
    at += 1_000;
    await db.gateway.accept([
      deskEvent({
        deskConversationId: thread.deskId,
        type: 'MEMBERS_CHANGED',
        occurredAt: at,
        facts: { agents: { a1: { joinedAt: at } } },
      }),
    ]);
    await minutesPass(10);
    await waiting.run();
    expect(await told(thread)).toEqual([]);
    await db.pool.query(`update conversations set state = 'closed' where thread_id = $1`, [thread.threadId]);
    await waiting.forget();
    expect((await db.pool.query('select 1 from waits')).rows).toEqual([]);
  });

  it.each([
    [
      'the figures are away',
      () => centre.setFault({ operation: 'metrics.queue', effect: 'answer', status: 503 }),
    ],
    ['no token is given', () => (waiting = worker('wrong'))],
  ])('waits while %s, and the conversation does not', async (_, break_) => {
    figures({});
    const thread = await queued({ maxWaitMinutes: 10 });
    break_();
    await waiting.run();
    expect(await told(thread)).toEqual([]);
    expect(delivery.desk.texts()).toEqual([['hello']]);
    await minutesPass(10);
    waiting = worker('wrong');
    await waiting.run();
    expect(await told(thread)).toEqual(['It takes longer.']);
    waiting = worker();
    await waiting.run();
    expect(await told(thread)).toHaveLength(2);
  });
});

describe('waiting too long', { timeout: 60_000 }, () => {
  it('leads to another queue once, where the place is told anew and the wait begins anew', async () => {
    figures({});
    figures({ waiting: 2 }, '200');
    const thread = await queued({ maxWaitMinutes: 10, thenQueueId: '200' });
    await waiting.run();
    await minutesPass(10);
    await waiting.run();
    await waiting.run();
    expect(delivery.desk.moves).toEqual([{ deskConversationId: thread.deskId, queueId: '200' }]);
    await inQueue(thread.deskId, '200');
    await waiting.run();
    await minutesPass(9);
    await waiting.run();
    expect(await told(thread)).toEqual([
      'Place 3 in Support, about 2 min.',
      'Place 2 in Sales, about 2 min.',
    ]);
    await minutesPass(1);
    await waiting.run();
    await waiting.run();
    expect((await told(thread)).slice(2)).toEqual(['It takes longer.']);
    expect(delivery.desk.moves).toHaveLength(1);
  });

  it('without anybody eligible is told at once where there is no other queue', async () => {
    figures({ eligibleAgents: 0 });
    const thread = await queued({});
    await waiting.run();
    await waiting.run();
    expect(await told(thread)).toEqual(['Nobody is there.']);
    expect(delivery.desk.moves).toEqual([]);
  });

  it.each([
    ['was never asked for', refuses('not-sent', { code: 'connect-refused' }), 1],
    ['was refused', refuses('failed'), 0],
    ['may have been taken', refuses('not-sent', { code: 'deadline' }), 0],
  ])('a move that %s is made again %#', async (_, outcome, moves) => {
    figures({ eligibleAgents: 0 });
    delivery.desk.updates.next(outcome);
    const thread = await queued({ thenQueueId: '200' });
    await waiting.run();
    await waiting.run();
    expect(delivery.desk.moves).toHaveLength(moves);
    await minutesPass(1);
    await waiting.run();
    expect(await told(thread)).toEqual(['Nobody is there.']);
  });
});
