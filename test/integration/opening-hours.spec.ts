import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NumberSettings, OpeningHours, OpeningHoursSettings } from '#core';
import { Schedules } from '#desk-chat-gateway';
import { ClosedHours, CONFIGURABLE_REASONS, DueTexts, releaseHeld } from '#persistence';
import { Metrics, ProviderHttp } from '#platform';
import {
  everyWay,
  startChatGatewaySimulator,
  type ChatGatewaySimulator,
} from '../../apps/sandbox/src/index.js';
import { Opening } from '../../apps/worker/src/opening.js';
import { TextWriter } from '../../apps/worker/src/text-writer.js';
import { startTestDatabase, type TestDatabase } from '../support/accepting.js';
import { newThread, startDelivery, type Delivery, type TestThread } from '../support/delivering.js';

const CLOSED_TEXT = 'We are closed.';

let db: TestDatabase;
let desk: ChatGatewaySimulator;
let http: ProviderHttp;
let delivery: Delivery;
let hours: Schedules;
let reads: string[];
let numbers = 0;

beforeAll(async () => {
  db = await startTestDatabase();
  desk = await startChatGatewaySimulator({
    apiKey: 'key',
    tenantId: 'acme',
    customerId: 'customer',
    dataToken: 'token',
  });
  http = new ProviderHttp();
});
afterAll(async () => {
  http.destroy();
  await desk.close();
  await db.stop();
});
beforeEach(() => {
  desk.reset();
  delivery = startDelivery(db);
  reads = [];
  hours = schedules();
});

/** As a worker has it, but that nothing is remembered. */
function schedules(cacheMs = 0, dataToken = 'token'): Schedules {
  return new Schedules({
    http,
    accountsOf: () => ({ schedules: { baseUrl: desk.url, tenant: 'acme', dataToken } }),
    observer: { read: ({ result, code }) => void reads.push(code ?? result) },
    cacheMs,
  });
}

const says = (status: number, schedule = 'Main') => desk.deskSettings.schedules.set(schedule, { status });

async function set(numberId: string, settings: NumberSettings): Promise<void> {
  await db.pool.query('update business_numbers set settings = $2 where id = $1', [
    numberId,
    JSON.stringify(settings),
  ]);
}

/** A customer who has written `texts` to a number of their own. */
async function customer(
  texts: string[],
  openingHours: Partial<OpeningHoursSettings> = {},
): Promise<TestThread> {
  numbers += 1;
  const thread = await newThread(db, texts, { address: `+1555030${String(numbers).padStart(4, '0')}` });
  await set(thread.numberId, {
    openingHours: { schedule: 'Main', ...openingHours },
    texts: { closed: { en: CLOSED_TEXT } },
  });
  return thread;
}

const drain = (thread: TestThread) => delivery.drain(thread.inbound, { hours });

/** What the inbound messages are: texts with their state. */
async function states(thread: TestThread): Promise<string[]> {
  const messages = await thread.messages('inbound');
  return messages.map(({ text, delivery: state, reason }) => `${text} ${state} ${reason ?? ''}`.trim());
}

/** What the customer was told so far. */
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

/** A worker's round; answers the lanes that it lets go on. */
async function round(own: OpeningHours = hours): Promise<string[]> {
  const woken: string[] = [];
  const wakeUps = {
    wake: (lanes: { laneId: string }[]) => void woken.push(...lanes.map((one) => one.laneId)),
  };
  await new Opening({ closed: new ClosedHours(db.pool), hours: own, wakeUps }).run();
  return woken;
}

describe('closed', { timeout: 60_000 }, () => {
  it('texts wait with their reason, the customer is told once, and all goes on in order at opening', async () => {
    says(-1);
    const thread = await customer(['first']);
    await drain(thread);
    await thread.says('second');
    await drain(thread);
    expect(await states(thread)).toEqual(['first held closed-hours', 'second open']);
    expect(await thread.conversations()).toEqual([]);
    expect(await told(thread)).toEqual([CLOSED_TEXT]);
    expect(await round()).toEqual([]);
    expect((await states(thread))[0]).toBe('first held closed-hours');

    says(0);
    expect(await round()).toEqual([thread.inbound]);
    await delivery.drainEmpty(thread.inbound, { hours });
    expect(delivery.desk.texts()).toEqual([['first', 'second']]);
    expect(await told(thread)).toEqual([CLOSED_TEXT]);
    expect(await round()).toEqual([]);
  });

  it('a text that finds an open conversation never waits', async () => {
    const thread = await customer(['first']);
    await delivery.drainEmpty(thread.inbound, { hours });
    says(-1);
    await thread.says('second');
    await delivery.drainEmpty(thread.inbound, { hours });
    expect(delivery.desk.texts()).toEqual([['first', 'second']]);
    expect(await told(thread)).toEqual([]);
  });

  it('a number may open conversations all the same, and says that it is closed', async () => {
    says(-1);
    const thread = await customer(['first', 'second'], { whenClosed: 'open' });
    await delivery.drainEmpty(thread.inbound, { hours });
    expect(delivery.desk.texts()).toEqual([['first', 'second']]);
    expect(await told(thread)).toEqual([CLOSED_TEXT]);
  });

  it('a text that came within the grace goes on from the conversation before, however long it waits', async () => {
    const thread = await customer(['first']);
    await set(thread.numberId, {
      openingHours: { schedule: 'Main' },
      texts: { welcome: { en: 'Welcome.' } },
      closing: { goOnMinutes: 5 },
    });
    await delivery.drainEmpty(thread.inbound, { hours });
    const [before] = await thread.conversations();
    await db.pool.query(`select close_conversation($1, 'idle', false, false)`, [before?.id]);
    says(-1);
    const waits = async (text: string, minutesAfter: number) => {
      await thread.says(text);
      await drain(thread);
      expect((await states(thread)).at(-1)).toBe(`${text} held closed-hours`);
      await db.pool.query(
        `with message as (
           update messages set accepted_at = now() - interval '10 hours' where thread_id = $1 and delivery = 'held')
         update conversations set closed_at = now() - interval '10 hours' - make_interval(mins => $2) where thread_id = $1`,
        [thread.threadId, minutesAfter],
      );
      says(0);
      await round();
      await delivery.drainEmpty(thread.inbound, { hours });
    };
    await waits('second', 4);
    const [, created] = delivery.desk.conversations;
    expect(created?.request.history).toEqual([{ authorType: 'user', text: 'first' }]);
    expect(await told(thread)).toEqual(['Welcome.']);

    const open = (await thread.conversations()).find(({ state }) => state !== 'closed');
    await db.pool.query(`select close_conversation($1, 'idle', false, false)`, [open?.id]);
    says(-1);
    await waits('third', 6);
    expect(delivery.desk.conversations[2]?.request.history).toBeUndefined();
    expect(await told(thread)).toEqual(['Welcome.', 'Welcome.']);
  });

  it('its age stands still', async () => {
    says(-1);
    const thread = await customer(['first']);
    await drain(thread);
    const days = `interval '3 days'`;
    await db.pool.query(
      `update messages set accepted_at = accepted_at - ${days} where thread_id = $1 and direction = 'inbound'`,
      [thread.threadId],
    );
    await db.pool.query(`update lanes set still_since = still_since - ${days} where id = $1`, [
      thread.inbound,
    ]);
    says(0);
    await round();
    await delivery.drainEmpty(thread.inbound, { hours });
    expect(delivery.desk.texts()).toEqual([['first']]);
  });

  it('is asked of the schedule of the queue, and a choice of the tenant counts as the number says', async () => {
    says(-1);
    says(2, 'Support');
    const queues = { '100': 'Support' };
    const closed = await customer(['one'], { queues });
    const open = await customer(['one'], { queues, openStatuses: [2] });
    for (const thread of [closed, open]) await drain(thread);
    expect(await states(closed)).toEqual(['one held closed-hours']);
    await delivery.drainEmpty(open.inbound, { hours });
    expect(delivery.desk.texts()).toEqual([['one']]);
  });
});

describe('whoever waits goes on', { timeout: 60_000 }, () => {
  const held = async (): Promise<TestThread> => {
    says(-1);
    const thread = await customer(['first']);
    await drain(thread);
    expect(await states(thread)).toEqual(['first held closed-hours']);
    return thread;
  };

  it('at once when an operator changes the number, and waits again where that changes nothing', async () => {
    const thread = await held();
    const release = () =>
      releaseHeld(
        async (text, values) => (await db.pool.query(text, values)).rows,
        CONFIGURABLE_REASONS,
        thread.numberId,
      );
    expect(await release()).toEqual([{ laneId: thread.inbound, direction: 'inbound' }]);
    await drain(thread);
    expect(await states(thread)).toEqual(['first held closed-hours']);
    await set(thread.numberId, {});
    await release();
    await delivery.drainEmpty(thread.inbound, { hours });
    expect(delivery.desk.texts()).toEqual([['first']]);
  });

  it('by a round where the number has no hours any more, or opens conversations all the same', async () => {
    for (const settings of [{}, { openingHours: { schedule: 'Main', whenClosed: 'open' as const } }]) {
      const thread = await held();
      await set(thread.numberId, settings);
      expect(await round()).toContain(thread.inbound);
    }
  });

  it('by a round where the schedule cannot be read', async () => {
    const thread = await held();
    desk.deskSettings.schedules.delete('Main');
    expect(await round()).toContain(thread.inbound);
    await delivery.drainEmpty(thread.inbound, { hours });
    expect(reads.at(-1)).toBe('not-found');
  });
});

describe('a closed period', { timeout: 60_000 }, () => {
  it('ends when the schedule was seen open, whoever saw it, and not when it could not be read', async () => {
    says(-1);
    const thread = await customer(['first'], { whenClosed: 'open' });
    const conversation = async () => {
      await delivery.drainEmpty(thread.inbound, { hours });
      await db.pool.query(`update conversations set state = 'closed' where thread_id = $1`, [
        thread.threadId,
      ]);
      await thread.says('again');
    };
    await conversation();
    desk.setFault({ operation: 'schedules.status', effect: 'reset' });
    await conversation();
    await conversation();
    expect(await told(thread)).toHaveLength(1);
    says(0);
    // Nobody writes while it is open.
    await round();
    says(-1);
    await conversation();
    await conversation();
    expect(await told(thread)).toHaveLength(2);
  });

  it('is not begun again by what a worker remembers from before', async () => {
    const closed = new ClosedHours(db.pool);
    const { numberId } = await customer(['never delivered']);
    const note = (open: boolean, ageMs: number) => closed.note(numberId, 'Main', open, ageMs);
    expect(await note(false, 30_000)).toBe(false);
    expect(await note(true, 40_000)).toBe(false);
    expect(await note(true, 10_000)).toBe(true);
    expect(await note(false, 20_000)).toBe(true);
    expect(await note(false, 0)).toBe(false);
  });
});

describe('a schedule that cannot be read', { timeout: 120_000 }, () => {
  const ways = everyWay({ slowMs: 2_300 }).filter(({ effect }) => effect !== 'slow');

  it.each([...ways, { effect: 'slow', delayMs: 2_300 } as const])(
    'is open within its time: %j',
    async (way) => {
      says(-1);
      desk.setFault({ ...way, operation: 'schedules.status' });
      const startedAt = performance.now();
      expect(await hours.isOpen({ tenantId: 'default', schedule: 'Main' })).toMatchObject({ open: true });
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(reads).toHaveLength(1);
      expect(reads).not.toEqual(['ok']);
      expect(await hours.isOpen({ tenantId: 'default', schedule: 'Main' })).toMatchObject({ open: false });
    },
  );

  it('for want of the right token, or of anybody there, lets texts through', async () => {
    says(-1);
    const refused = await customer(['first']);
    await delivery.drainEmpty(refused.inbound, { hours: schedules(0, 'wrong') });
    const nobody = await customer(['second']);
    desk.vanish();
    await delivery.drainEmpty(nobody.inbound, { hours });
    await desk.comeBack();
    expect(delivery.desk.texts()).toEqual([['first'], ['second']]);
    expect(new Set(reads)).toEqual(new Set(['unauthorized', 'connect-refused']));
    expect(await told(refused)).toEqual([]);
  });
});
