import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError, StorageError, type Direction } from '#core';
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

type Active = Awaited<ReturnType<typeof activeThread>>;

/** A thread in conversation with these texts waiting in one direction. */
async function waiting(direction: Direction, ...texts: string[]): Promise<Active & { lane: string }> {
  const thread = await activeThread(db, delivery, ['hello']);
  for (const text of texts) {
    if (direction === 'inbound') await thread.says(text);
    else await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
  }
  return { ...thread, lane: direction === 'inbound' ? thread.inbound : thread.outbound };
}

function sends(direction: Direction) {
  return direction === 'inbound' ? delivery.desk.sends : delivery.channel.sends;
}

function looks(direction: Direction) {
  return direction === 'inbound' ? delivery.desk.counts : delivery.channel.finds;
}

/** What has arrived at the far side, without what came before. */
function arrived(direction: Direction, thread: Active): string[] {
  if (direction === 'outbound') return delivery.channel.texts(thread.address);
  return (delivery.desk.conversation(thread.deskId)?.messages ?? [])
    .filter(({ authorType }) => authorType === 'user')
    .map(({ text }) => text)
    .slice(1);
}

async function states(thread: TestThread, direction: Direction): Promise<[string, boolean, string | null][]> {
  const messages = (await thread.messages(direction)).filter(({ text }) => text !== 'hello');
  return messages.map((message) => [message.delivery, message.possible_duplicate, message.reason]);
}

async function outcomes(thread: TestThread, direction: Direction): Promise<(string | null)[][]> {
  const { rows } = await db.pool.query<{ outcome: string; error_code: string | null; text: string }>(
    `select a.outcome, a.error_code, m.content ->> 'text' as text from attempts a join messages m on m.id = a.message_id
     where m.thread_id = $1 and m.direction = $2 and a.kind = 'send' order by a.id`,
    [thread.threadId, direction],
  );
  return rows.filter(({ text }) => text !== 'hello').map((row) => [row.outcome, row.error_code]);
}

/** Moves the past of a lane and of its attempts further away. */
async function secondsToWait(laneId: string): Promise<number> {
  const { rows } = await db.pool.query<{ seconds: number }>(
    'select ceil(extract(epoch from not_before - clock_timestamp()))::int as seconds from lanes where id = $1',
    [laneId],
  );
  return rows[0]?.seconds ?? 0;
}

async function pass(laneId: string, ms: number): Promise<void> {
  await db.pool.query(
    `update attempts a set started_at = started_at - $2 * interval '1 ms', ended_at = ended_at - $2 * interval '1 ms',
       look_up_failing_since = look_up_failing_since - $2 * interval '1 ms'
     from messages m where m.id = a.message_id and m.lane_id = $1`,
    [laneId, ms],
  );
  await db.pool.query('update lanes set not_before = null where id = $1', [laneId]);
}

const directions: Direction[] = ['inbound', 'outbound'];

describe.each(directions)('an uncertain attempt, %s', (direction) => {
  const submitted = ['submitted', false, null];

  it('that took effect is found and not repeated', async () => {
    const thread = await waiting(direction, 'first', 'second');
    sends(direction).next(losesAnswer());
    await delivery.drainEmpty(thread.lane);
    expect(arrived(direction, thread)).toEqual(['first', 'second']);
    expect(await states(thread, direction)).toEqual([submitted, submitted]);
    expect(delivery.lookedUp).toEqual(['send found']);
    expect(await outcomes(thread, direction)).toEqual([
      ['submitted', 'deadline'],
      ['submitted', null],
    ]);
  });

  it('that left nothing is repeated after the settle time, and not marked', async () => {
    const thread = await waiting(direction, 'first', 'second');
    sends(direction).next(losesRequest());
    const options = { uncertainSettleMs: 60_000 };
    await delivery.drain(thread.lane, { options });
    await pass(thread.lane, 1_000);
    await delivery.drain(thread.lane, { options });
    expect(delivery.lookedUp).toEqual(['send not-yet']);
    expect(arrived(direction, thread)).toEqual([]);
    await pass(thread.lane, 60_000);
    await delivery.drainEmpty(thread.lane, { options });
    expect(delivery.lookedUp).toEqual(['send not-yet', 'send not-there']);
    expect(arrived(direction, thread)).toEqual(['first', 'second']);
    expect(await states(thread, direction)).toEqual([submitted, submitted]);
    expect(await outcomes(thread, direction)).toEqual([
      ['not-sent', 'deadline'],
      ['submitted', null],
      ['submitted', null],
    ]);
  });

  it('that shows late, before the settle time is over, is found', async () => {
    const thread = await waiting(direction, 'first');
    sends(direction).next(losesAnswer());
    const options = { uncertainSettleMs: 60_000 };
    await delivery.drain(thread.lane, { options });
    looks(direction).next({ accepts: false, throws: new DeliveryError('not-sent', { code: 'reset' }) });
    await pass(thread.lane, 1_000);
    await delivery.drain(thread.lane, { options });
    await pass(thread.lane, 1_000);
    await delivery.drainEmpty(thread.lane, { options });
    expect(arrived(direction, thread)).toEqual(['first']);
    expect(delivery.lookedUp).toEqual(['send failed', 'send found']);
  });

  it('is not repeated while looking fails, and waits longer each time, up to a quarter of a minute', async () => {
    const thread = await waiting(direction, 'first', 'second');
    sends(direction).next(losesRequest());
    looks(direction).always({ accepts: false, throws: new DeliveryError('not-sent', { code: 'away' }) });
    await delivery.drain(thread.lane);
    const waited: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      await pass(thread.lane, 30_000);
      await delivery.drain(thread.lane, { random: 1 });
      waited.push(await secondsToWait(thread.lane));
    }
    expect(waited).toEqual([2, 4, 8, 15, 15, 15, 15]);
    expect(arrived(direction, thread)).toEqual([]);
    expect((await states(thread, direction))[0]).toEqual(['uncertain', false, 'look-up-failed']);

    looks(direction).always({});
    await pass(thread.lane, 60_000);
    await delivery.drainEmpty(thread.lane);
    expect(arrived(direction, thread)).toEqual(['first', 'second']);
    expect(await states(thread, direction)).toEqual([submitted, submitted]);
  });

  it('is repeated blind when looking has failed for long while other calls succeed', async () => {
    const thread = await waiting(direction, 'first', 'second');
    const worker = delivery.worker({ options: { lookUpPatienceMs: 600_000 } });
    sends(direction).next(losesRequest());
    looks(direction).always({ accepts: false, throws: new DeliveryError('not-sent', { code: 'away' }) });
    await worker.drain(thread.lane);
    await pass(thread.lane, 1_000);
    await worker.drain(thread.lane);
    await pass(thread.lane, 700_000);
    // Nothing else has succeeded: the provider as a whole may be away.
    await worker.drain(thread.lane);
    expect(arrived(direction, thread)).toEqual([]);
    const other = await waiting(direction, 'another');
    await worker.drain(other.lane);
    await pass(thread.lane, 1_000);
    await worker.drain(thread.lane);
    expect(arrived(direction, thread)).toEqual(['first', 'second']);
    expect(await states(thread, direction)).toEqual([['submitted', true, null], submitted]);
    expect((await outcomes(thread, direction))[0]).toEqual(['abandoned', 'deadline']);
  });

  it('is repeated blind, after the settle time, where there is nothing to look at', async () => {
    const thread = await waiting(direction, 'first', 'second');
    delivery.channel.lists = false;
    delivery.desk.counting = false;
    sends(direction).next(losesAnswer());
    const options = { uncertainSettleMs: 60_000 };
    await delivery.drain(thread.lane, { options });
    await pass(thread.lane, 1_000);
    await delivery.drain(thread.lane, { options });
    expect(arrived(direction, thread)).toEqual(['first']);
    await pass(thread.lane, 60_000);
    await delivery.drainEmpty(thread.lane, { options });
    expect(arrived(direction, thread)).toEqual(['first', 'first', 'second']);
    expect(await states(thread, direction)).toEqual([['submitted', true, null], submitted]);
  });

  it('makes looking impossible for the same text in the same place once it was repeated blind', async () => {
    const thread = await waiting(direction, 'ok');
    delivery.channel.lists = false;
    delivery.desk.counting = false;
    sends(direction).next(losesAnswer());
    await delivery.drainEmpty(thread.lane);
    delivery.channel.lists = true;
    delivery.desk.counting = true;
    for (const text of ['ok', 'else']) {
      if (direction === 'inbound') await thread.says(text);
      else await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
    }
    sends(direction).next(losesAnswer(), {}, losesAnswer());
    await delivery.drainEmpty(thread.lane);
    expect(arrived(direction, thread)).toEqual(['ok', 'ok', 'ok', 'ok', 'else']);
    expect(await states(thread, direction)).toEqual([
      ['submitted', true, null],
      ['submitted', true, null],
      submitted,
    ]);
    expect(delivery.lookedUp).toEqual(['send impossible', 'send impossible', 'send found']);
  });

  it('is told apart from earlier equal texts', async () => {
    const thread = await waiting(direction, 'ok', 'ok', 'ok', 'ok');
    sends(direction).next({}, losesAnswer(), losesRequest());
    await delivery.drainEmpty(thread.lane);
    expect(arrived(direction, thread)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(await states(thread, direction)).toEqual(Array.from({ length: 4 }, () => submitted));
    expect(delivery.lookedUp).toEqual(['send found', 'send not-there']);
  });

  it('is not believed to be absent by a list that lacks what is certainly there', async () => {
    const thread = await waiting(direction, 'ok', 'ok');
    sends(direction).next({}, losesAnswer());
    await delivery.drain(thread.lane);
    const there =
      direction === 'inbound'
        ? (delivery.desk.conversation(thread.deskId)?.messages ?? [])
        : delivery.channel.accepted;
    const hidden = (there as object[]).splice(0, there.length);
    await pass(thread.lane, 1_000);
    await delivery.drain(thread.lane);
    expect(delivery.lookedUp).toEqual(['send failed']);
    (there as object[]).push(...hidden);
    await pass(thread.lane, 1_000);
    await delivery.drainEmpty(thread.lane);
    expect(arrived(direction, thread)).toEqual(['ok', 'ok']);
  });

  it('that a dead worker left behind is found, too', async () => {
    const thread = await waiting(direction, 'first', 'second');
    const dying = delivery.worker({ diesAt: 'after-response' });
    await expect(dying.drain(thread.lane)).rejects.toThrow(StorageError);
    await delivery.drainEmpty(thread.lane);
    expect(arrived(direction, thread)).toEqual(['first', 'second']);
    expect(await states(thread, direction)).toEqual([submitted, submitted]);
  });

  it('fails for its age when it could not be looked up until then, and says that nobody knows', async () => {
    const thread = await waiting(direction, 'first', 'second');
    sends(direction).next(losesAnswer());
    looks(direction).always({ accepts: false, throws: new DeliveryError('not-sent', { code: 'away' }) });
    const options = { maxAgeMs: { inbound: 3_600_000, outbound: 3_600_000 } };
    await delivery.drain(thread.lane, { options });
    await pass(thread.lane, 1_000);
    await delivery.drain(thread.lane, { options });
    await db.pool.query(
      `update messages set accepted_at = accepted_at - interval '2 hours' where lane_id = $1 and seq = (
         select min(seq) from lane_items where lane_id = $1)`,
      [thread.lane],
    );
    await pass(thread.lane, 1_000);
    await delivery.drainEmpty(thread.lane, { options });
    expect(await states(thread, direction)).toEqual([['failed', false, 'outcome-unknown'], submitted]);
  });
});

describe('what the provider says late', () => {
  it('of an attempt that counted as not sent makes the repeat a double, marked', async () => {
    const thread = await waiting('outbound', 'first');
    delivery.channel.sends.next(losesRequest());
    await delivery.drainEmpty(thread.lane);
    const { rows } = await db.pool.query<{ message_id: string; id: string }>(
      `select a.message_id, a.id from attempts a join messages m on m.id = a.message_id
       where m.lane_id = $1 and a.outcome = 'not-sent'`,
      [thread.lane],
    );
    const [late] = rows;
    await db.gateway.accept([
      receipt({
        providerMessageId: 'SM-late',
        status: 'delivered',
        attempt: { messageId: late?.message_id ?? '', attemptId: late?.id ?? '' },
      }),
    ]);
    expect(await states(thread, 'outbound')).toEqual([['submitted', true, null]]);
    expect((await outcomes(thread, 'outbound')).map(([outcome]) => outcome)).toEqual([
      'submitted',
      'submitted',
    ]);
  });

  it('before the repeat keeps the part from being sent again', async () => {
    const thread = await waiting('outbound', 'first', 'second');
    delivery.channel.sends.next(losesRequest(), refuses('not-sent'));
    await delivery.drainUntil(thread.lane, 'the second attempt is refused', () =>
      delivery.attempted.includes('send not-sent'),
    );
    const { rows } = await db.pool.query<{ message_id: string; id: string }>(
      `select a.message_id, a.id from attempts a join messages m on m.id = a.message_id
       where m.lane_id = $1 and a.error_code = 'deadline'`,
      [thread.lane],
    );
    const [late] = rows;
    await db.gateway.accept([
      receipt({
        providerMessageId: 'SM-late-2',
        status: 'sent',
        attempt: { messageId: late?.message_id ?? '', attemptId: late?.id ?? '' },
      }),
    ]);
    await delivery.drainEmpty(thread.lane);
    expect(arrived('outbound', thread)).toEqual(['second']);
    expect((await states(thread, 'outbound'))[0]).toEqual(['submitted', false, null]);
  });
});

/** The attempts of a lane's messages, the oldest first, as callbacks name them. */
async function attemptsIn(laneId: string): Promise<{ messageId: string; attemptId: string }[]> {
  const { rows } = await db.pool.query<{ messageId: string; attemptId: string }>(
    `select a.message_id as "messageId", a.id as "attemptId" from attempts a join messages m on m.id = a.message_id
     where m.lane_id = $1 order by a.id`,
    [laneId],
  );
  return rows;
}

describe('a callback that comes beside a look-up', () => {
  it('wins over a list that did not show the attempt yet', async () => {
    const thread = await waiting('outbound', 'first', 'second');
    delivery.channel.sends.next(losesRequest());
    delivery.channel.finds.next({
      meanwhile: async () => {
        const [attempt] = await attemptsIn(thread.lane);
        if (!attempt) throw new Error('There is no attempt.');
        await db.gateway.accept([receipt({ providerMessageId: 'SM-beside', status: 'sent', attempt })]);
      },
    });
    await delivery.drainEmpty(thread.lane);
    expect(arrived('outbound', thread)).toEqual(['second']);
    expect(await states(thread, 'outbound')).toEqual(
      Array.from({ length: 2 }, () => ['submitted', false, null]),
    );
  });

  it('of a blind repeat leaves the mark', async () => {
    const thread = await waiting('outbound', 'first');
    delivery.channel.lists = false;
    delivery.channel.sends.next(losesRequest(), losesAnswer());
    await delivery.drainUntil(thread.lane, 'both are tried', () => delivery.attempted.length === 4);
    const [, repeat] = await attemptsIn(thread.lane);
    if (!repeat) throw new Error('It was not repeated.');
    await db.gateway.accept([receipt({ providerMessageId: 'SM-repeat', status: 'sent', attempt: repeat })]);
    await delivery.drainEmpty(thread.lane);
    expect(arrived('outbound', thread)).toEqual(['first']);
    expect(await states(thread, 'outbound')).toEqual([['submitted', true, null]]);
  });

  it('about the failure of what was given up takes nothing from its repeat', async () => {
    const thread = await waiting('outbound', 'first');
    delivery.channel.sends.next(losesRequest());
    await delivery.drainEmpty(thread.lane);
    const [given] = await attemptsIn(thread.lane);
    await db.gateway.accept([
      receipt({
        providerMessageId: 'SM-given-up',
        status: 'undelivered',
        providerCode: '30007',
        late: 'failed',
        ...(given && { attempt: given }),
      }),
    ]);
    expect(await states(thread, 'outbound')).toEqual([['submitted', false, null]]);
  });

  it('about the arrival of what was too old to wait for ends well', async () => {
    const thread = await waiting('outbound', 'first');
    delivery.channel.sends.next(losesAnswer());
    delivery.channel.finds.always({
      accepts: false,
      throws: new DeliveryError('not-sent', { code: 'away' }),
    });
    await delivery.drain(thread.lane);
    await db.pool.query(
      `update messages set accepted_at = accepted_at - interval '5 hours' where lane_id = $1`,
      [thread.lane],
    );
    await pass(thread.lane, 1_000);
    await delivery.drainEmpty(thread.lane);
    expect(await states(thread, 'outbound')).toEqual([['failed', false, 'outcome-unknown']]);
    const [attempt] = await attemptsIn(thread.lane);
    const providerMessageId = 'SM-old';
    await db.gateway.accept([
      receipt({ providerMessageId, status: 'delivered', ...(attempt && { attempt }) }),
    ]);
    expect(await states(thread, 'outbound')).toEqual([['submitted', false, null]]);
  });
});

describe('a callback that names an attempt while it is being looked up', () => {
  it('does not make it look like one that is not there', async () => {
    const thread = await waiting('outbound', 'first', 'second');
    delivery.channel.sends.next(losesAnswer());
    delivery.channel.finds.next({
      meanwhile: async () => {
        const [taken] = delivery.channel.accepted.filter(({ to }) => to === thread.address);
        if (!taken) throw new Error('Nothing was taken.');
        const { providerId, messageId, attemptId } = taken;
        const attempt = { messageId, attemptId };
        await db.gateway.accept([receipt({ providerMessageId: providerId, status: 'sent', attempt })]);
      },
    });
    await delivery.drainEmpty(thread.lane);
    expect(arrived('outbound', thread)).toEqual(['first', 'second']);
    expect(await states(thread, 'outbound')).toEqual(
      Array.from({ length: 2 }, () => ['submitted', false, null]),
    );
  });
});

describe('a repeat of what the provider reported as undelivered', () => {
  it('is not mistaken for the attempt that failed', async () => {
    const thread = await waiting('outbound', 'first');
    delivery.channel.sends.next({}, losesRequest());
    await delivery.drainEmpty(thread.lane);
    const [taken] = delivery.channel.accepted.filter(({ to }) => to === thread.address);
    const { providerId = '', messageId = '', attemptId = '' } = taken ?? {};
    await db.gateway.accept([
      receipt({
        providerMessageId: providerId,
        status: 'undelivered',
        providerCode: '30003',
        late: 'once-more',
        attempt: { messageId, attemptId },
      }),
    ]);
    await delivery.drainEmpty(thread.lane);
    expect(delivery.lookedUp).toEqual(['send not-there']);
    expect(arrived('outbound', thread)).toEqual(['first', 'first']);
    expect(await states(thread, 'outbound')).toEqual([['submitted', false, null]]);
  });
});

describe('a text in doubt when its conversation ends', () => {
  it('is looked up where it went, and handed over when nobody was left to read it', async () => {
    const thread = await waiting('inbound', 'last words');
    const leftAt = thread.agentAt + 1_000;
    delivery.desk.sends.next(losesAnswer());
    await delivery.drain(thread.inbound);
    await db.gateway.accept([
      deskEvent({
        deskConversationId: thread.deskId,
        type: 'MEMBERS_CHANGED',
        occurredAt: leftAt,
        facts: { agents: { a1: { leftAt } } },
      }),
      deskEvent({
        deskConversationId: thread.deskId,
        type: 'MESSAGE',
        occurredAt: leftAt + 1_000,
        message: { authorType: 'user', content: { type: 'text', text: 'last words' } },
      }),
      deskEvent({
        deskConversationId: thread.deskId,
        occurredAt: leftAt + 2_000,
        facts: { state: { value: 'idle', at: leftAt + 2_000 } },
      }),
    ]);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.lookedUp).toContain('send found');
    expect(delivery.desk.conversations).toHaveLength(2);
    expect(delivery.desk.conversations[1]?.request.history).toContainEqual({
      authorType: 'user',
      text: 'last words',
    });
    expect(arrived('inbound', thread)).toEqual(['last words']);
  });
});

describe('a create without a known outcome', () => {
  it('is not made again while the list fails', async () => {
    const thread = await newThread(db, ['first']);
    delivery.desk.creates.next(losesAnswer());
    delivery.desk.finds.always({ accepts: false, throws: new DeliveryError('not-sent', { code: 'away' }) });
    await delivery.drain(thread.inbound);
    for (let n = 0; n < 3; n += 1) {
      await db.pool.query(
        `update conversations set create_started_at = create_started_at - interval '1 minute',
           create_ended_at = create_ended_at - interval '1 minute' where thread_id = $1`,
        [thread.threadId],
      );
      await pass(thread.inbound, 60_000);
      await delivery.drain(thread.inbound);
    }
    expect(delivery.desk.conversations).toHaveLength(1);
    expect(delivery.lookedUp).toEqual(Array.from({ length: 3 }, () => 'create failed'));
    delivery.desk.finds.always({});
    await pass(thread.inbound, 60_000);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['first']]);
    expect(delivery.lookedUp.at(-1)).toBe('create found');
  });

  it('is made again where there is no list, once its event has had its time', async () => {
    const thread = await newThread(db, ['first']);
    delivery.desk.creates.next(losesRequest());
    delivery.desk.finds.always({
      accepts: false,
      throws: new DeliveryError('failed', { code: 'not-supported', httpStatus: 501 }),
    });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['first']]);
    expect(delivery.lookedUp.at(-1)).toBe('create impossible');
  });
});
