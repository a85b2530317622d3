import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { StorageError, type CrashPoint, type DeliveryErrorKind, type HoldReason } from '#core';
import {
  acceptUncommitted,
  agentMessage,
  eventually,
  inboundMessage,
  receipt,
  sleep,
  startTestDatabase,
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

/** A thread with an agent who has answered `texts`; nothing of that is delivered yet. */
async function answered(
  ...texts: string[]
): Promise<TestThread & { deskId: string; conversationId: string }> {
  // On the channel that closes its reply window.
  const thread = await activeThread(db, delivery, ['hello'], { channel: 'whatsapp' });
  for (const text of texts)
    await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
  return thread;
}

async function laneOf(laneId: string) {
  const { rows } = await db.pool.query<{
    failures: number;
    waits: number | null;
    waiting_for: string | null;
    leased: boolean;
  }>(
    `select failures, (extract(epoch from not_before - clock_timestamp()) * 1000)::float8 as waits, waiting_for,
       lease_until is not null as leased from lanes where id = $1`,
    [laneId],
  );
  return rows[0];
}

async function attemptsOf(
  thread: TestThread,
): Promise<{ outcome: string; part_n: number; error_code: string | null }[]> {
  const { rows } = await db.pool.query<{ outcome: string; part_n: number; error_code: string | null }>(
    `select a.outcome, a.part_n, a.error_code from attempts a join messages m on m.id = a.message_id
     where m.thread_id = $1 and m.direction = 'outbound' order by a.id`,
    [thread.threadId],
  );
  return rows;
}

describe('every kind of failure', () => {
  const table: {
    kind: DeliveryErrorKind;
    hold?: HoldReason;
    retryAfterMs?: number;
    delivery: string;
    reason: string;
    stays: boolean;
    failures: number;
    waitsMs?: [number, number];
  }[] = [
    {
      kind: 'not-sent',
      delivery: 'open',
      reason: 'test-not-sent',
      stays: true,
      failures: 1,
      waitsMs: [0, 1_000],
    },
    {
      kind: 'not-sent',
      retryAfterMs: 7_000,
      delivery: 'open',
      reason: 'test-not-sent',
      stays: true,
      failures: 1,
      waitsMs: [5_000, 7_000],
    },
    { kind: 'failed', delivery: 'failed', reason: 'test-failed', stays: false, failures: 0 },
    { kind: 'held', hold: 'window', delivery: 'held', reason: 'window', stays: true, failures: 0 },
    {
      kind: 'held',
      hold: 'reopening-limit',
      delivery: 'held',
      reason: 'reopening-limit',
      stays: true,
      failures: 0,
    },
    {
      kind: 'held',
      hold: 'configuration',
      delivery: 'held',
      reason: 'configuration',
      stays: true,
      failures: 0,
      waitsMs: [200_000, 300_000],
    },
    {
      kind: 'credentials',
      delivery: 'held',
      reason: 'credentials',
      stays: true,
      failures: 1,
      waitsMs: [25_000, 30_000],
    },
    {
      kind: 'uncertain',
      delivery: 'uncertain',
      reason: 'test-uncertain',
      stays: true,
      failures: 1,
      waitsMs: [500, 1_000],
    },
    { kind: 'gone', delivery: 'open', reason: 'test-gone', stays: true, failures: 1, waitsMs: [0, 1_000] },
  ];

  it.each(table)('$kind $hold $retryAfterMs → $delivery', async (row) => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(
      refuses(row.kind, {
        providerCode: '12345',
        httpStatus: 418,
        ...(row.hold && { hold: row.hold }),
        ...(row.retryAfterMs && { retryAfterMs: row.retryAfterMs }),
      }),
    );
    await delivery.drain(thread.outbound, { random: 1, options: { uncertainSettleMs: 600 } });
    const [first, second] = await thread.messages('outbound');
    expect(first).toMatchObject({
      delivery: row.delivery,
      reason: row.reason,
      provider_code: '12345',
      possible_duplicate: false,
    });
    expect(second?.delivery).toBe(row.stays ? 'open' : 'submitted');
    expect(await itemsOf(db, thread.outbound)).toBe(row.stays ? 2 : 0);
    const lane = await laneOf(thread.outbound);
    expect(lane).toMatchObject({ failures: row.failures, leased: false });
    if (row.waitsMs) {
      expect(lane?.waits).toBeGreaterThan(row.waitsMs[0] - 500);
      expect(lane?.waits).toBeLessThanOrEqual(row.waitsMs[1]);
    } else {
      expect(lane?.waits).toBeNull();
    }
    const { rows } = await db.pool.query<{ outcome: string }>(
      'select outcome, error_class, error_code, provider_code, http_status from attempts where message_id = $1 order by id limit 1',
      [first?.id],
    );
    expect(rows[0]).toEqual({
      outcome: row.kind,
      error_class: row.kind,
      error_code: `test-${row.kind}`,
      provider_code: '12345',
      http_status: 418,
    });
    // Whatever it was: once it works again and the wait is over, what is left goes out in order.
    if (row.stays && (row.delivery !== 'held' || row.kind === 'credentials')) {
      await db.pool.query('update lanes set not_before = null where id = $1', [thread.outbound]);
      await delivery.drainEmpty(thread.outbound);
      expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second']);
      expect((await thread.messages('outbound')).map((message) => message.delivery)).toEqual([
        'submitted',
        'submitted',
      ]);
    }
  });

  it('backs a lane off longer with every failure, and starts over after a success', async () => {
    const thread = await answered('first');
    delivery.channel.sends.next(refuses('not-sent'), refuses('not-sent'), refuses('not-sent'));
    const waits: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      await delivery.drain(thread.outbound, { random: 1 });
      waits.push(Math.round(((await laneOf(thread.outbound))?.waits ?? 0) / 1_000));
      await db.pool.query('update lanes set not_before = null where id = $1', [thread.outbound]);
    }
    expect(waits).toEqual([1, 2, 4]);
    await delivery.drain(thread.outbound);
    expect((await laneOf(thread.outbound))?.failures).toBe(0);
  });

  it('asks to be woken when the back-off is over', async () => {
    const thread = await answered('first');
    delivery.channel.sends.next(refuses('not-sent', { retryAfterMs: 5_000 }));
    await delivery.drain(thread.outbound);
    const wakeUp = delivery.wakeUps.findLast(({ laneId }) => laneId === thread.outbound);
    expect(wakeUp?.direction).toBe('outbound');
    expect(wakeUp?.delayMs).toBeGreaterThan(2_000);
  });
});

describe('a message of several parts', () => {
  it('goes out part by part, and again only from the part that did not', async () => {
    const thread = await answered('one two three');
    delivery.channel.partLength = 6;
    delivery.channel.sends.next({}, refuses('not-sent'));
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['one ', 'two ', 'three']);
    expect((await attemptsOf(thread)).map(({ part_n, outcome }) => `${part_n} ${outcome}`)).toEqual([
      '1 submitted',
      '2 not-sent',
      '2 submitted',
      '3 submitted',
    ]);
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'submitted',
      possible_duplicate: false,
    });
  });

  it('fails whole when a part is refused, and the lane goes on', async () => {
    const thread = await answered('one two three', 'four');
    delivery.channel.partLength = 6;
    delivery.channel.sends.next({}, refuses('failed'));
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['one ', 'four']);
    expect((await thread.messages('outbound')).map((message) => message.delivery)).toEqual([
      'failed',
      'submitted',
    ]);
  });

  it('marks only itself when one of its parts had to be sent again blind', async () => {
    const thread = await answered('one two', 'four');
    delivery.channel.partLength = 4;
    delivery.channel.lists = false;
    delivery.channel.sends.next({}, losesAnswer());
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['one ', 'two', 'two', 'four']);
    expect((await thread.messages('outbound')).map((message) => message.possible_duplicate)).toEqual([
      true,
      false,
    ]);
  });

  it('ends when the provider reports an early part as failed for good while a later one is still under way', async () => {
    const thread = await answered('one two', 'four');
    delivery.channel.partLength = 4;
    delivery.channel.sends.next(
      {},
      {
        meanwhile: async () => {
          const part = delivery.channel.accepted[0];
          await db.gateway.accept([
            receipt({
              providerMessageId: part?.providerId ?? '',
              status: 'failed',
              providerCode: '30007',
              late: 'failed',
              attempt: { messageId: part?.messageId ?? '', attemptId: part?.attemptId ?? '' },
            }),
          ]);
        },
      },
    );
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['one ', 'two', 'four']);
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'failed',
      provider_code: '30007',
    });
  });

  it('does not repeat a part for ever that the provider takes and then fails each time', async () => {
    const thread = await answered('one two', 'four');
    delivery.channel.partLength = 4;
    delivery.channel.sends.always({
      meanwhile: async () => {
        const part = delivery.channel.accepted.at(-1);
        if (part?.text !== 'one ') return;
        await db.gateway.accept([
          receipt({
            providerMessageId: part.providerId,
            status: 'failed',
            providerCode: '30003',
            late: 'once-more',
            attempt: { messageId: part.messageId, attemptId: part.attemptId },
          }),
        ]);
      },
    });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address).filter((text) => text === 'one ')).toHaveLength(2);
    expect((await thread.messages('outbound')).map((message) => message.delivery)).toEqual([
      'failed',
      'submitted',
    ]);
  });
});

describe('an attempt without a known outcome that cannot be looked up', () => {
  beforeEach(() => {
    delivery.channel.lists = false;
    delivery.desk.counting = false;
  });

  it('waits until its effect would have shown, then goes out again, marked', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(losesAnswer());
    const options = { uncertainSettleMs: 400 };
    await delivery.drain(thread.outbound, { options });
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'uncertain',
      possible_duplicate: false,
    });
    await delivery.drain(thread.outbound, { options });
    expect(delivery.channel.accepted).toHaveLength(1);
    await delivery.drainEmpty(thread.outbound, { options });
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'first', 'second']);
    expect(
      (await thread.messages('outbound')).map((message) => [message.delivery, message.possible_duplicate]),
    ).toEqual([
      ['submitted', true],
      ['submitted', false],
    ]);
  });

  it.each(['answer', 'worker'] as const)(
    'is never repeated before that, even when its lane is pulled forward (%s lost)',
    async (lost) => {
      const thread = await answered('first');
      const options = { uncertainSettleMs: 60_000, leaseMs: 200 };
      if (lost === 'answer') delivery.channel.sends.next(losesAnswer());
      const first = delivery.drain(thread.outbound, {
        options,
        ...(lost === 'worker' && { diesAt: 'after-response' }),
      });
      await first.catch((error: unknown) => expect(error).toBeInstanceOf(StorageError));
      for (let n = 0; n < 3; n += 1) {
        await sleep(250);
        await db.pool.query('update lanes set not_before = null where id = $1', [thread.outbound]);
        await delivery.drain(thread.outbound, { options });
      }
      expect(delivery.channel.texts(thread.address)).toEqual(['first']);
      expect((await thread.messages('outbound'))[0]?.delivery).toBe(
        lost === 'answer' ? 'uncertain' : 'sending',
      );
    },
  );

  it('is marked although it had not arrived: nobody can tell', async () => {
    const thread = await answered('first');
    delivery.channel.sends.next(losesRequest());
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first']);
    expect((await thread.messages('outbound'))[0]?.possible_duplicate).toBe(true);
  });

  it('is held where the policy says so, and the lane behind it', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(losesAnswer());
    await delivery.drainUntil(
      thread.outbound,
      'held',
      async () => (await thread.messages('outbound'))[0]?.delivery === 'held',
      { options: { uncertainPolicy: 'hold' } },
    );
    expect((await thread.messages('outbound')).map(({ delivery: state, reason }) => [state, reason])).toEqual(
      [
        ['held', 'uncertain'],
        ['open', null],
      ],
    );
    await delivery.drain(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first']);
  });

  it('is done without another call once a callback has named it', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(losesAnswer());
    await delivery.drain(thread.outbound);
    const part = delivery.channel.accepted[0];
    await db.gateway.accept([
      receipt({
        providerMessageId: part?.providerId ?? '',
        status: 'delivered',
        attempt: { messageId: part?.messageId ?? '', attemptId: part?.attemptId ?? '' },
      }),
    ]);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second']);
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'submitted',
      possible_duplicate: false,
      receipt: 'delivered',
    });
  });

  it('is not repeated once a callback has named it, although a later attempt was refused', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(losesAnswer(), refuses('not-sent'));
    await delivery.drainUntil(thread.outbound, 'the second attempt is refused', () =>
      delivery.attempted.includes('send not-sent'),
    );
    expect((await thread.messages('outbound'))[0]?.delivery).toBe('open');
    const part = delivery.channel.accepted[0];
    await db.gateway.accept([
      receipt({
        providerMessageId: part?.providerId ?? '',
        status: 'delivered',
        attempt: { messageId: part?.messageId ?? '', attemptId: part?.attemptId ?? '' },
      }),
    ]);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second']);
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'submitted',
      receipt: 'delivered',
    });
    expect((await attemptsOf(thread)).map(({ outcome }) => outcome)).toEqual([
      'submitted',
      'not-sent',
      'submitted',
    ]);
  });

  it('to the desk waits and is marked likewise', async () => {
    const thread = await activeThread(db, delivery);
    await thread.says('second');
    await thread.says('third');
    delivery.desk.sends.next(losesAnswer());
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['hello', 'second', 'second', 'third']]);
    expect((await thread.messages('inbound')).map((message) => message.possible_duplicate)).toEqual([
      false,
      true,
      false,
    ]);
  });
});

describe('a worker that dies', () => {
  const deaths: { point: CrashPoint; calls: number; marked: boolean }[] = [
    { point: 'before-claim', calls: 0, marked: false },
    { point: 'after-claim', calls: 0, marked: false },
    { point: 'after-intent', calls: 0, marked: true },
    { point: 'after-response', calls: 1, marked: true },
    { point: 'before-release', calls: 3, marked: false },
  ];

  it.each(deaths)('$point leaves order, no double and no mark', async ({ point, calls }) => {
    const thread = await answered('first', 'second', 'third');
    await expect(delivery.worker({ diesAt: point }).drain(thread.outbound)).rejects.toThrow(StorageError);
    expect(delivery.channel.accepted).toHaveLength(calls);
    if (point !== 'before-release') await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second', 'third']);
    expect(
      (await thread.messages('outbound')).map((message) => [message.delivery, message.possible_duplicate]),
    ).toEqual(Array.from({ length: 3 }, () => ['submitted', false]));
  });

  it.each(deaths)(
    '$point leaves order where nothing can be looked up, and a mark only where nobody can know ($marked)',
    async ({ point, calls, marked }) => {
      delivery.channel.lists = false;
      const thread = await answered('first', 'second', 'third');
      const dying = delivery.worker({ diesAt: point });
      await expect(dying.drain(thread.outbound)).rejects.toThrow(StorageError);
      expect(dying.isDead()).toBe(true);
      expect(delivery.channel.accepted).toHaveLength(calls);
      if (point !== 'before-release') {
        await delivery.drainEmpty(thread.outbound);
      }
      const twice = point === 'after-response' ? ['first'] : [];
      expect(delivery.channel.texts(thread.address)).toEqual([...twice, 'first', 'second', 'third']);
      expect(
        (await thread.messages('outbound')).map((message) => [message.delivery, message.possible_duplicate]),
      ).toEqual([
        ['submitted', marked],
        ['submitted', false],
        ['submitted', false],
      ]);
    },
  );

  it('in the middle of a create is survived: one conversation, adopted', async () => {
    const thread = await newThread(db, ['first', 'second']);
    const dying = delivery.worker({ diesAt: 'after-response' });
    await expect(dying.drain(thread.inbound)).rejects.toThrow(StorageError);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['first', 'second']]);
    expect((await thread.messages()).map((message) => message.possible_duplicate)).toEqual([false, false]);
  });

  it('is followed no sooner than its lease ends', async () => {
    const thread = await answered('first');
    const options = { leaseMs: 700 };
    const diedAt = performance.now();
    await expect(
      delivery.worker({ diesAt: 'after-claim', options }).drain(thread.outbound),
    ).rejects.toThrow();
    await delivery.drain(thread.outbound, { options });
    expect(performance.now() - diedAt < 700 ? delivery.channel.accepted.length : 0).toBe(0);
    await delivery.drainEmpty(thread.outbound, { options });
    expect(performance.now() - diedAt).toBeGreaterThan(690);
  });
});

describe('a worker that was only slow', () => {
  it('writes nothing once another has the lane', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.lists = false;
    const slow = delivery.worker({ options: { leaseMs: 50 } });
    let others: Promise<void> | undefined;
    delivery.channel.sends.next({
      meanwhile: async () => {
        await sleep(100);
        // Both settle on its own: it sees an attempt without an outcome, waits, and repeats it.
        others = delivery.drainEmpty(thread.outbound);
        await eventually('another has the lane', async () => delivery.channel.accepted.length >= 2);
      },
    });
    await slow.drain(thread.outbound);
    await others;
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'first', 'second']);
    expect(
      (await thread.messages('outbound')).map((message) => [message.delivery, message.possible_duplicate]),
    ).toEqual([
      ['submitted', true],
      ['submitted', false],
    ]);
    expect((await attemptsOf(thread)).map(({ outcome }) => outcome)).toEqual([
      'abandoned',
      'submitted',
      'submitted',
    ]);
  });
});

describe('a bug of our own', () => {
  it('in rendering is tried five times, then set aside, and the lane goes on', async () => {
    const thread = await answered('cursed', 'fine');
    let tries = 0;
    delivery.channel.renders = (content) => {
      const text = 'text' in content ? (content.text ?? '') : '';
      if (text !== 'cursed') return [{ text }];
      tries += 1;
      throw new TypeError('undefined is not a function');
    };
    await delivery.drainEmpty(thread.outbound);
    expect(tries).toBe(5);
    expect(delivery.channel.texts(thread.address)).toEqual(['fine']);
    expect((await thread.messages('outbound'))[0]).toMatchObject({ delivery: 'held', reason: 'quarantine' });
    expect(delivery.alarms.filter((name) => name === 'own-failure')).toHaveLength(5);
  });

  it('after the intent counts as an attempt that may have arrived', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next({ throws: new TypeError('undefined is not a function') });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second']);
    expect(delivery.lookedUp).toEqual(['send found']);
    expect((await thread.messages('outbound'))[0]?.possible_duplicate).toBe(false);
  });
});

describe('storage that does not answer', () => {
  it('leaves everything to the sweeper', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next({ throws: new StorageError(new Error('away')) });
    await expect(delivery.drain(thread.outbound)).rejects.toThrow(StorageError);
    expect((await laneOf(thread.outbound))?.leased).toBe(true);
    await eventually('the sweeper sees the lane', async () =>
      (await delivery.upkeep.dueLanes(10_000)).some(({ laneId }) => laneId === thread.outbound),
    );
    await delivery.drainEmpty(thread.outbound);
    expect((await thread.messages('outbound')).map((message) => message.delivery)).toEqual([
      'submitted',
      'submitted',
    ]);
  });
});

describe('fairness', () => {
  it('gives the slot back after so many items, and asks to be woken again', async () => {
    const thread = await answered('1', '2', '3', '4', '5');
    delivery.wakeUps.length = 0;
    await delivery.drain(thread.outbound, { options: { maxItems: 2 } });
    expect(delivery.channel.texts(thread.address)).toEqual(['1', '2']);
    expect(delivery.wakeUps).toEqual([{ laneId: thread.outbound, direction: 'outbound' }]);
    expect((await laneOf(thread.outbound))?.leased).toBe(false);
    await delivery.drainEmpty(thread.outbound, { options: { maxItems: 2 } });
    expect(delivery.channel.texts(thread.address)).toEqual(['1', '2', '3', '4', '5']);
  });

  it('gives the slot back after so long', async () => {
    const thread = await answered('1', '2');
    delivery.channel.sends.always({ meanwhile: () => sleep(40) });
    delivery.wakeUps.length = 0;
    await delivery.drain(thread.outbound, { options: { maxDrainMs: 30 } });
    expect(delivery.channel.texts(thread.address)).toEqual(['1']);
    expect(delivery.wakeUps).toHaveLength(1);
  });

  it('finishes the item at hand when it is told to stop, and starts nothing more', async () => {
    const thread = await answered('1', '2');
    const worker = delivery.worker();
    delivery.channel.sends.next({ meanwhile: () => worker.stop() });
    await worker.drain(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['1']);
    expect((await laneOf(thread.outbound))?.leased).toBe(false);
    await worker.drain(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['1']);
  });

  it('lets several workers at one lane send everything once, in order', async () => {
    const thread = await answered();
    const texts = Array.from({ length: 30 }, (_, n) => String(n));
    const workers = [delivery.worker(), delivery.worker(), delivery.worker()];
    let done = false;
    const running = workers.map(async (worker) => {
      while (!done) {
        await worker.drain(thread.outbound);
        await sleep(1);
      }
    });
    for (const text of texts)
      await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
    await eventually('all is sent', async () => (await itemsOf(db, thread.outbound)) === 0);
    done = true;
    await Promise.all(running);
    expect(delivery.channel.texts(thread.address)).toEqual(texts);
  });
});

describe('a number that is not configured', () => {
  it('holds its lanes from the start', async () => {
    const thread = await newThread(db, ['first'], { address: '+15550199', configured: false });
    await delivery.drain(thread.inbound);
    expect((await thread.messages())[0]).toMatchObject({ delivery: 'held', reason: 'unconfigured' });
    expect(await itemsOf(db, thread.inbound)).toBe(1);
    expect(await delivery.store.lookAgain(thread.inbound)).toBeUndefined();
  });
});

describe('a closed reply window', () => {
  it('holds the message until the customer writes again, in its place', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(refuses('held', { hold: 'window', providerCode: '63016' }));
    await delivery.drain(thread.outbound);
    await delivery.drain(thread.outbound);
    expect(delivery.channel.accepted).toHaveLength(0);
    db.wakeUps.length = 0;
    await db.gateway.accept([inboundMessage({ from: thread.address })]);
    expect(db.wakeUps).toContainEqual({ laneId: thread.outbound, direction: 'outbound' });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second']);
  });
});

describe('a window hold and the text of the customer at the same time', () => {
  const closedWindow = refuses('held', { hold: 'window', providerCode: '63016' });

  it('the hold is being written when the text comes: the text opens it', async () => {
    const thread = await answered('first', 'second');
    let accepted: Promise<unknown> | undefined;
    delivery.channel.sends.next({
      ...closedWindow,
      meanwhile: async () => {
        // The hold stops in the middle of its transaction, at its item.
        const { client, commit } = await transaction(db);
        await client.query('select 1 from lane_items where lane_id = $1 for update', [thread.outbound]);
        accepted = (async () => {
          await eventually('the hold waits', () => waitsForLock(db, 'select settle_head%'));
          let done = false;
          const text = db.gateway
            .accept([inboundMessage({ from: thread.address })])
            .then(() => (done = true));
          await eventually(
            'the text waits',
            async () => done || (await waitsForLock(db, 'select %accept%messages(%')),
          );
          await commit();
          await text;
        })();
      },
    });
    db.wakeUps.length = 0;
    await delivery.drain(thread.outbound);
    await accepted;
    expect((await thread.messages('outbound')).map((message) => message.delivery)).not.toContain('held');
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second']);
  });

  it('the text is being written when the hold comes: the hold sees it', async () => {
    const thread = await answered('first', 'second');
    let committed: Promise<unknown> | undefined;
    delivery.channel.sends.next({
      ...closedWindow,
      meanwhile: async () => {
        const { client, commit } = await transaction(db);
        await acceptUncommitted(client, [inboundMessage({ from: thread.address })]);
        const settled = async () => (await thread.messages('outbound'))[0]?.delivery !== 'sending';
        committed = eventually(
          'the hold waits',
          async () => (await waitsForLock(db, 'select settle_head%')) || settled(),
        ).then(commit);
      },
    });
    await delivery.drain(thread.outbound);
    await committed;
    expect((await thread.messages('outbound')).map((message) => message.delivery)).not.toContain('held');
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second']);
  });

  it('the text of another customer opens nothing', async () => {
    const thread = await answered('first');
    const other = await answered();
    delivery.channel.sends.next({
      ...closedWindow,
      meanwhile: async () => void (await db.gateway.accept([inboundMessage({ from: other.address })])),
    });
    await delivery.drain(thread.outbound);
    db.wakeUps.length = 0;
    await db.gateway.accept([
      inboundMessage({ from: other.address }),
      inboundMessage({ from: '+15550001000' }),
    ]);
    expect((await thread.messages('outbound'))[0]).toMatchObject({ delivery: 'held', reason: 'window' });
    expect(db.wakeUps.map(({ laneId }) => laneId)).not.toContain(thread.outbound);
    await delivery.drain(thread.outbound);
    expect(delivery.channel.accepted).toHaveLength(0);
  });
});

describe('an outcome that storage does not take at once', () => {
  it.each([
    ['once', 1, 'before'],
    ['twice', 2, 'before'],
    ['once, although it was written', 1, 'after'],
  ] as const)('is written by the tries that follow (%s)', async (_what, times, when) => {
    const thread = await answered('first', 'second');
    const settle = delivery.store.settle.bind(delivery.store);
    let failures = 0;
    vi.spyOn(delivery.store, 'settle').mockImplementation(async (...values) => {
      if (failures === times) return settle(...values);
      failures += 1;
      if (when === 'after') await settle(...values);
      throw new StorageError(new Error('away'));
    });
    // A lease that outlasts the tries: nobody else may come to the lane meanwhile.
    await delivery.drain(thread.outbound, { options: { leaseMs: 20_000 } });
    expect(failures).toBe(times);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second']);
    expect(
      (await thread.messages('outbound')).map((message) => [message.delivery, message.possible_duplicate]),
    ).toEqual([
      ['submitted', false],
      ['submitted', false],
    ]);
    expect((await attemptsOf(thread)).map(({ outcome }) => outcome)).toEqual(['submitted', 'submitted']);
    expect(await itemsOf(db, thread.outbound)).toBe(0);
  });
});
