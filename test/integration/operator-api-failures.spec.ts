import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  agentMessage,
  eventually,
  receipt,
  transaction,
  waitsForLock,
  type StoredMessage,
} from '../support/accepting.js';
import {
  activeThread,
  itemsOf,
  newThread,
  startDelivery,
  type Delivery,
  type TestThread,
} from '../support/delivering.js';
import { losesAnswer, refuses } from '../support/fakes.js';
import { startOperatorApi, type OperatorApi } from './operator-api-app.js';

let api: OperatorApi;
let delivery: Delivery;

beforeAll(async () => {
  api = await startOperatorApi();
});
afterAll(() => api.stop());
beforeEach(() => {
  delivery = startDelivery(api.db);
  api.woken.length = 0;
});

interface Shown {
  id: string;
  delivery: string;
  reason?: string;
  explanation?: string;
  possibleDuplicate: boolean;
  parts: { n: number; attempts: { outcome: string; errorCode?: string; providerCode?: string }[] }[];
}

type Answered = Awaited<ReturnType<typeof activeThread>>;

/** A thread with an agent who has written `texts`; nothing of that is delivered yet. */
async function answered(...texts: string[]): Promise<Answered> {
  const thread = await activeThread(api.db, delivery);
  for (const text of texts)
    await api.db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
  return thread;
}

async function outbound(thread: TestThread, n = 0): Promise<StoredMessage> {
  const message = (await thread.messages('outbound'))[n];
  if (!message) throw new Error(`There is no message ${n}.`);
  return message;
}

async function show(id: string): Promise<Shown> {
  return (await api.call('get', `messages/${id}`)).body as Shown;
}

async function replay(
  id: string,
  body?: object,
): Promise<{ status: number; body: Shown & { detail?: string } }> {
  const call = api.call('post', `messages/${id}/replay`);
  const answer = await (body ? call.send(body) : call);
  return { status: answer.status, body: answer.body as Shown };
}

async function discard(id: string): Promise<{ status: number; body: Shown & { detail?: string } }> {
  const answer = await api.call('post', `messages/${id}/discard`);
  return { status: answer.status, body: answer.body as Shown };
}

async function audited(target: string): Promise<{ action: string; details: unknown }[]> {
  const answer = await api.call('get', `audit?target=${target}`);
  const { items } = answer.body as { items: { action: string; details: unknown }[] };
  return items.map(({ action, details }) => ({ action, details })).reverse();
}

const wakes = (laneId: string) => [{ laneId, direction: 'outbound' }];

describe('a replay', () => {
  it('sends a failed message once more, and leaves a line in the log', async () => {
    const thread = await answered('hello back');
    delivery.channel.sends.next(refuses('failed', { code: 'invalid-recipient', providerCode: '21211' }));
    await delivery.drainEmpty(thread.outbound);
    const { id } = await outbound(thread);
    expect(await show(id)).toMatchObject({
      delivery: 'failed',
      reason: 'invalid-recipient',
      explanation:
        "Twilio: The customer's address is not valid. (21211) Look for another number of the customer. Replay it once that has changed, or discard it.",
      parts: [{ attempts: [{ outcome: 'failed', errorCode: 'invalid-recipient', providerCode: '21211' }] }],
    });

    const answer = await replay(id);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id, delivery: 'open', possibleDuplicate: false });
    for (const gone of ['reason', 'explanation', 'providerCode'])
      expect(answer.body).not.toHaveProperty(gone);
    expect(api.woken).toEqual(wakes(thread.outbound));
    expect(await audited(id)).toEqual([
      {
        action: 'message.replay',
        details: { allParts: false, was: { delivery: 'failed', reason: 'invalid-recipient' } },
      },
    ]);
    await delivery.drainEmpty(thread.outbound);
    expect(await show(id)).toMatchObject({ delivery: 'submitted', possibleDuplicate: false });
    expect(delivery.channel.texts(thread.address)).toEqual(['hello back']);
  });

  it('sends the parts that are missing, and no other', async () => {
    delivery.channel.partLength = 4;
    const thread = await answered('one two three');
    delivery.channel.sends.next({}, refuses('failed'));
    await delivery.drainEmpty(thread.outbound);
    const first = delivery.channel.texts();
    expect(first).toHaveLength(1);
    const { id } = await outbound(thread);
    expect((await replay(id, { allParts: false })).status).toBe(200);
    await delivery.drainEmpty(thread.outbound);
    const { parts } = await show(id);
    expect(parts.map(({ attempts }) => attempts.map(({ outcome }) => outcome))).toEqual([
      ['submitted'],
      ['failed', 'submitted'],
      ...parts.slice(2).map(() => ['submitted']),
    ]);
    expect(delivery.channel.texts().join('').replaceAll(' ', '')).toBe('onetwothree');
  });

  it('sends all parts where it is asked to', async () => {
    delivery.channel.partLength = 4;
    const thread = await answered('one two');
    delivery.channel.sends.next({}, refuses('failed'));
    await delivery.drainEmpty(thread.outbound);
    const { id } = await outbound(thread);
    expect((await replay(id, { allParts: true })).status).toBe(200);
    await delivery.drainEmpty(thread.outbound);
    expect(await show(id)).toMatchObject({ delivery: 'submitted', possibleDuplicate: false });
    const [first, ...again] = delivery.channel.texts();
    expect(again).toHaveLength(2);
    expect(again[0]).toBe(first);
  });

  it('of all parts begins after every attempt that was made, whatever the clocks', async () => {
    delivery.channel.partLength = 4;
    const thread = await answered('one two three');
    delivery.channel.sends.next({}, refuses('failed'));
    await delivery.drainEmpty(thread.outbound);
    const { id } = await outbound(thread);
    expect((await replay(id, { allParts: true })).status).toBe(200);
    const { rows } = await api.db.pool.query<{ before: boolean; near: string; newest: string }>(
      `select (select bool_and(a.id < m.replay_from) from attempts a where a.message_id = m.id) as before,
         m.replay_from::text as near, (select max(a.id::text) from attempts a where a.message_id = m.id) as newest
       from messages m where m.id = $1`,
      [id],
    );
    expect(rows[0]?.before).toBe(true);
    const number = (uuid = '') => BigInt(`0x${uuid.replaceAll('-', '')}`);
    expect(number(rows[0]?.near) - number(rows[0]?.newest)).toBe(1n);
  });

  it('sends again what the provider reported failed, part by part, whatever it had reported before', async () => {
    delivery.channel.partLength = 4;
    const thread = await answered('one two');
    await delivery.drainEmpty(thread.outbound);
    const { id } = await outbound(thread);
    const sent = delivery.channel.accepted.map(({ providerId, attemptId }) => ({ providerId, attemptId }));
    expect(sent).toHaveLength(2);
    for (const { providerId, attemptId } of sent) {
      await api.db.gateway.accept([
        receipt({
          providerMessageId: providerId,
          status: 'undelivered',
          providerCode: '30005',
          late: 'failed',
          attempt: { messageId: id, attemptId },
        }),
      ]);
    }
    expect(await show(id)).toMatchObject({
      delivery: 'failed',
      reason: 'reported-by-provider',
      receipt: 'undelivered',
      explanation: expect.stringContaining('does not exist any more. (30005)') as string,
    });
    const answer = await replay(id);
    expect(answer.body).not.toHaveProperty('receipt');
    await delivery.drainEmpty(thread.outbound);
    expect(await show(id)).toMatchObject({ delivery: 'submitted' });
    expect(delivery.channel.texts(thread.address)).toHaveLength(4);
    // Which once more are over when the provider reports the new ones, too.
    const [again] = delivery.channel.accepted.slice(2);
    await api.db.gateway.accept([
      receipt({
        providerMessageId: again?.providerId ?? '',
        status: 'failed',
        providerCode: '30005',
        late: 'failed',
        attempt: { messageId: id, attemptId: again?.attemptId ?? '' },
      }),
    ]);
    expect(await show(id)).toMatchObject({ delivery: 'failed', reason: 'reported-by-provider' });
  });

  it('takes a quarantined message back into its own place, its age and tries at nothing', async () => {
    const thread = await newThread(api.db, ['first', 'second']);
    delivery.desk.renders = () => {
      throw new Error('a bug of ours');
    };
    await delivery.drainUntil(
      thread.inbound,
      'the first is quarantined',
      async () => (await thread.messages())[0]?.reason === 'quarantine',
    );
    delete delivery.desk.renders;
    const [first] = await thread.messages();
    await api.db.pool.query(`update messages set accepted_at = now() - interval '2 days' where id = $1`, [
      first?.id,
    ]);
    expect((await replay(first?.id ?? '')).body).toMatchObject({ delivery: 'open' });
    const { rows } = await api.db.pool.query<{ age: number; tries: number; seq: number }>(
      `select extract(epoch from clock_timestamp() - m.accepted_at)::float8 - i.still_ms / 1000.0::float8 as age, i.tries, i.seq
       from lane_items i join messages m on m.id = i.message_id where m.id = $1`,
      [first?.id],
    );
    expect(rows[0]).toMatchObject({ tries: 0, seq: 1 });
    expect(rows[0]?.age).toBeLessThan(10);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['first', 'second']]);
  });

  it.each(['replay', 'resume'])('of what is held for doubt sends it again, marked (%s)', async (act) => {
    const thread = await answered('doubtful');
    delivery.channel.lists = false;
    delivery.channel.sends.next(losesAnswer());
    const policy = { options: { uncertainPolicy: 'hold' as const } };
    await delivery.drainUntil(
      thread.outbound,
      'it is held',
      async () => (await outbound(thread)).delivery === 'held',
      policy,
    );
    const { id } = await outbound(thread);
    expect(await show(id)).toMatchObject({
      reason: 'uncertain',
      explanation: expect.stringContaining('Nobody can tell whether the provider took it') as string,
    });
    if (act === 'replay') expect((await replay(id)).status).toBe(200);
    else expect((await api.call('post', `lanes/${thread.outbound}/resume`)).status).toBe(200);
    expect(await show(id)).toMatchObject({
      delivery: 'open',
      possibleDuplicate: true,
      parts: [{ attempts: [{ outcome: 'abandoned' }] }],
    });
    await delivery.drainEmpty(thread.outbound, policy);
    expect(await show(id)).toMatchObject({ delivery: 'submitted', possibleDuplicate: true });
    expect(delivery.channel.texts(thread.address)).toEqual(['doubtful', 'doubtful']);
    expect(await audited(act === 'replay' ? id : thread.outbound)).toEqual([
      act === 'replay'
        ? {
            action: 'message.replay',
            details: { allParts: false, was: { delivery: 'held', reason: 'uncertain' } },
          }
        : { action: 'lane.resume', details: { released: { messageId: id, reason: 'uncertain' } } },
    ]);
  });

  it('of what failed in doubt looks that up again before anything is repeated', async () => {
    const thread = await answered('arrived');
    delivery.channel.sends.next(losesAnswer());
    delivery.channel.finds.always(refuses('not-sent'));
    await delivery.drain(thread.outbound);
    await delivery.drainEmpty(thread.outbound, { options: { maxAgeMs: { inbound: 0, outbound: 0 } } });
    const { id } = await outbound(thread);
    expect(await show(id)).toMatchObject({ delivery: 'failed', reason: 'outcome-unknown' });
    const { body } = await replay(id);
    expect(body).toMatchObject({
      delivery: 'uncertain',
      explanation: 'Whether the provider has it is found out before anything is repeated.',
      possibleDuplicate: false,
    });
    delivery.channel.finds.always({});
    await delivery.drainEmpty(thread.outbound);
    expect(await show(id)).toMatchObject({ delivery: 'submitted', possibleDuplicate: false });
    expect(delivery.channel.texts(thread.address)).toEqual(['arrived']);
  });

  it.each(['running', 'standing still'])('makes a message young in a lane that is %s', async (lane) => {
    const thread = await answered('old', 'behind');
    delivery.channel.sends.next(refuses(lane === 'running' ? 'failed' : 'held', { hold: 'reopening-limit' }));
    if (lane === 'running') await delivery.drain(thread.outbound);
    await delivery.drain(thread.outbound);
    const { id } = await outbound(thread);
    await api.db.pool.query(`update messages set accepted_at = now() - interval '3 days' where id = $1`, [
      id,
    ]);
    await api.db.pool.query(`update lanes set still_since = still_since - interval '1 day' where id = $1`, [
      thread.outbound,
    ]);
    expect((await replay(id)).status).toBe(200);
    const seen: number[] = [];
    const head = delivery.store.head.bind(delivery.store);
    delivery.store.head = async (claimed) => {
      const found = await head(claimed);
      if (found?.messageId === id) seen.push(found.ageMs);
      return found;
    };
    await delivery.drainEmpty(thread.outbound);
    expect(await show(id)).toMatchObject({ delivery: 'submitted' });
    expect(seen.length).toBeGreaterThan(0);
    for (const ageMs of seen) expect(Math.abs(ageMs)).toBeLessThan(10_000);
  });

  it('does not grow older while its lane is paused', async () => {
    const thread = await answered('paused');
    const { id } = await outbound(thread);
    await api.call('post', `lanes/${thread.outbound}/pause`);
    await api.db.pool.query(`update messages set accepted_at = now() - interval '3 days' where id = $1`, [
      id,
    ]);
    await api.db.pool.query(`update lanes set still_since = still_since - interval '3 days' where id = $1`, [
      thread.outbound,
    ]);
    await api.call('post', `lanes/${thread.outbound}/resume`);
    await delivery.drainEmpty(thread.outbound);
    expect(await show(id)).toMatchObject({ delivery: 'submitted' });
  });

  it('ends the back-off of a head that it releases, and no other', async () => {
    const thread = await answered('held', 'behind');
    delivery.channel.sends.next(refuses('held', { hold: 'configuration', code: 'sender-not-registered' }));
    await delivery.drain(thread.outbound);
    const { id } = await outbound(thread);
    expect((await show(id)).explanation).toMatch(
      /^Twilio: Our number or campaign is not registered\. Register the number or its campaign at Twilio\. Something/,
    );
    expect((await replay(id)).status).toBe(200);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['held', 'behind']);

    const other = await answered('refused for now', 'failed');
    await api.db.pool.query(
      `with gone as (delete from lane_items where lane_id = $1 and seq = 2 returning message_id)
       update messages set delivery = 'failed', reason = 'too-old' from gone where id = message_id`,
      [other.outbound],
    );
    delivery.channel.sends.next(refuses('not-sent', { retryAfterMs: 30_000 }));
    await delivery.drain(other.outbound);
    expect((await replay((await outbound(other, 1)).id)).status).toBe(200);
    const { rows } = await api.db.pool.query(
      'select not_before > now() as waits, failures from lanes where id = $1',
      [other.outbound],
    );
    expect(rows).toEqual([{ waits: true, failures: 1 }]);
  });

  it('is not needed where the number is changed: what it held goes on at once', async () => {
    const thread = await answered('held');
    delivery.channel.sends.next(refuses('held', { hold: 'configuration', code: 'sender-not-registered' }));
    await delivery.drain(thread.outbound);
    const changed = await api
      .call('patch', `numbers/${thread.numberId}`)
      .send({ displayName: 'With a registered sender' });
    expect(changed.status).toBe(200);
    await delivery.drain(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['held']);
  });

  it.each(['open', 'sending', 'uncertain', 'submitted'])('of what is %s is refused', async (state) => {
    const thread = await answered('text');
    const { id } = await outbound(thread);
    await api.db.pool.query('update messages set delivery = $2 where id = $1', [id, state]);
    const { status, body } = await replay(id);
    expect(status).toBe(409);
    expect(body.detail).toMatch(/submitted: there is nothing|found out|on its way/);
    expect(await audited(id)).toEqual([]);
    expect(api.woken).toEqual([]);
  });

  it.each(['replay', 'discard'])('or discard of nothing is a 404 (%s)', async (act) => {
    for (const id of [crypto.randomUUID(), 'nonsense']) {
      expect((await api.call('post', `messages/${id}/${act}`)).status).toBe(404);
    }
  });

  it.each([
    ['a text', { allParts: 'yes' }, 400],
    ['null', { allParts: null }, 400],
    ['an unknown field', { dryRun: true }, 400],
    ['a list', [], 400],
  ])('is refused with %s', async (_what, body, status) => {
    expect((await replay(crypto.randomUUID(), body)).status).toBe(status);
  });

  it('is refused as a form', async () => {
    const call = api.call('post', `messages/${crypto.randomUUID()}/replay`);
    expect(
      (await call.set('content-type', 'application/x-www-form-urlencoded').send('allParts=true')).status,
    ).toBe(415);
  });

  it('is done once by many at a time', async () => {
    const thread = await answered('once');
    delivery.channel.sends.next(refuses('failed'));
    await delivery.drainEmpty(thread.outbound);
    const { id } = await outbound(thread);
    const answers = await Promise.all(Array.from({ length: 8 }, () => replay(id)));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 7 }, () => 409),
    ]);
    expect(await audited(id)).toHaveLength(1);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['once']);
  });

  it('does not disturb a worker that holds the lane', async () => {
    const thread = await answered('failed', 'being sent', 'behind');
    delivery.channel.sends.next(refuses('failed'), {
      meanwhile: async () => {
        expect((await replay((await outbound(thread)).id)).status).toBe(200);
        expect((await replay((await outbound(thread, 1)).id)).status).toBe(409);
      },
    });
    await delivery.drainEmpty(thread.outbound);
    // At its own place: before what is behind it.
    expect(delivery.channel.texts(thread.address)).toEqual(['being sent', 'failed', 'behind']);
    expect((await thread.messages('outbound')).map((one) => one.delivery)).toEqual(
      Array.from({ length: 3 }, () => 'submitted'),
    );
  });

  it('loses and doubles nothing while workers race for the lane', async () => {
    const texts = Array.from({ length: 12 }, (_, n) => `text ${n}`);
    const thread = await answered(...texts);
    // Half of all calls are refused, each message's again and again.
    let calls = 0;
    const send = delivery.channel.send.bind(delivery.channel);
    delivery.channel.send = (request, context) => {
      calls += 1;
      if (calls % 2 === 0) delivery.channel.sends.next(refuses('failed'));
      return send(request, context);
    };
    const workers = [1, 2, 3].map(() => delivery.worker());
    await eventually('everything is submitted', async () => {
      await Promise.all([
        ...workers.map((worker) => worker.drain(thread.outbound)),
        api.call('post', 'messages/replay').send({ filter: { delivery: 'failed', address: thread.address } }),
      ]);
      return (await thread.messages('outbound')).every((one) => one.delivery === 'submitted');
    });
    expect(delivery.channel.texts(thread.address).sort()).toEqual([...texts].sort());
    expect(await itemsOf(api.db, thread.outbound)).toBe(0);
  });
});

describe('an act', () => {
  it.each<
    [string, string, (id: string, thread: TestThread) => Promise<{ status: number; body: object }>, object]
  >([
    ['replay', '%replay_message(%', (id) => replay(id), { status: 409 }],
    ['discard', '%discard_message(%', (id) => discard(id), { status: 409 }],
    [
      'resume',
      '%resume_lane(%',
      async (_id, { outbound: lane }) => api.call('post', `lanes/${lane}/resume`),
      { status: 200, body: { head: { delivery: 'sending' } } },
    ],
    [
      'replay by filter',
      '%replay_messages(%',
      async (_id, { address }) =>
        api.call('post', 'messages/replay').send({ filter: { address, reason: 'configuration' } }),
      { status: 200, body: { matched: 1, replayed: 0 } },
    ],
  ])(
    'waits for whoever has the row of the lane, and sees what they did: %s',
    async (_act, statement, act, expected) => {
      const thread = await answered('held');
      delivery.channel.sends.next(refuses('held', { hold: 'configuration' }));
      await delivery.drain(thread.outbound);
      const { id } = await outbound(thread);
      const { client, commit } = await transaction(api.db);
      await client.query('update lanes set fence = fence + 1 where id = $1', [thread.outbound]);
      await client.query(`update lane_items set state = 'sending', reason = null where lane_id = $1`, [
        thread.outbound,
      ]);
      await client.query(`update messages set delivery = 'sending', reason = null where id = $1`, [id]);
      const answer = act(id, thread);
      await eventually('it waits', () => waitsForLock(api.db, statement));
      await commit();
      expect(await answer).toMatchObject(expected);
      expect(await show(id)).toMatchObject({ delivery: 'sending' });
    },
  );
});

describe('a report of arrival', () => {
  it('that comes at the same time as a replay is heard: nothing is sent again', async () => {
    const thread = await answered('arrived after all');
    await delivery.drainEmpty(thread.outbound);
    const { id } = await outbound(thread);
    const [sent] = delivery.channel.accepted;
    const report = {
      providerMessageId: sent?.providerId ?? '',
      attempt: { messageId: id, attemptId: sent?.attemptId ?? '' },
    };
    await api.db.gateway.accept([receipt({ ...report, status: 'undelivered', late: 'failed' })]);
    const { client, commit } = await transaction(api.db);
    await client.query(`update attempts set receipt = 'delivered' where message_id = $1`, [id]);
    await client.query('select recover_message($1)', [id]);
    const answer = replay(id);
    await eventually('it waits', () => waitsForLock(api.db, '%replay_message(%'));
    await commit();
    expect(await answer).toMatchObject({ status: 409 });
    expect(await show(id)).toMatchObject({ delivery: 'submitted' });
    expect(await itemsOf(api.db, thread.outbound)).toBe(0);
  });
});

describe('a discard', () => {
  it('gives a failed message up, for good and once', async () => {
    const thread = await answered('unwanted');
    delivery.channel.sends.next(refuses('failed', { code: 'filtered' }));
    await delivery.drainEmpty(thread.outbound);
    const { id } = await outbound(thread);
    for (let n = 0; n < 2; n += 1) {
      const { status, body } = await discard(id);
      expect(status).toBe(200);
      expect(body).toMatchObject({ delivery: 'failed', reason: 'discarded' });
      expect(body.explanation).toMatch(/An operator has discarded it\. A replay takes that back\.$/);
    }
    expect(await audited(id)).toEqual([
      { action: 'message.discard', details: { was: { delivery: 'failed', reason: 'filtered' } } },
    ]);
    expect((await replay(id)).status).toBe(200);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['unwanted']);
  });

  it('takes a held head out of the way, and has its author told', async () => {
    const thread = await answered('held', 'behind');
    delivery.channel.sends.next(refuses('held', { hold: 'configuration' }));
    await delivery.drain(thread.outbound);
    const { id } = await outbound(thread);
    expect((await discard(id)).status).toBe(200);
    const notes = await api.db.pool.query('select kind from notes_due where message_id = $1', [id]);
    expect(notes.rows).toEqual([{ kind: 'failed' }]);
    expect(api.woken).toEqual(wakes(thread.outbound));
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['behind']);
  });

  it('takes an open message out of a lane that nobody works on', async () => {
    const thread = await answered('first', 'unwanted', 'last');
    expect((await discard((await outbound(thread, 1)).id)).status).toBe(200);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'last']);
    expect((await thread.messages('outbound'))[1]).toMatchObject({ delivery: 'failed', reason: 'discarded' });
  });

  it('is refused while a worker has the lane', async () => {
    const thread = await answered('being sent', 'behind');
    const refused: (string | undefined)[] = [];
    delivery.channel.sends.next({
      meanwhile: async () => {
        for (const n of [0, 1]) refused.push((await discard((await outbound(thread, n)).id)).body.detail);
      },
    });
    await delivery.drainEmpty(thread.outbound);
    expect(refused).toEqual([
      expect.stringContaining('on its way already'),
      expect.stringContaining('pause the lane first'),
    ]);
    expect(delivery.channel.texts(thread.address)).toEqual(['being sent', 'behind']);
  });

  it('stops a worker whose lease has run out before it sends', async () => {
    const thread = await answered('unwanted');
    const lane = await delivery.store.claim(thread.outbound, 1);
    const head = lane && (await delivery.store.head(lane));
    if (!lane || !head) throw new Error('The lane has no work.');
    await eventually('the lease has run out', async () => (await discard(head.messageId)).status === 200);
    const attempt = { id: crypto.randomUUID(), messageId: head.messageId, seq: head.seq, partN: 1 };
    expect(await delivery.store.intent(lane.lease, 1_000, attempt)).toBe(false);
    expect(await show(head.messageId)).toMatchObject({ delivery: 'failed', reason: 'discarded' });
  });

  it.each(['sending', 'uncertain', 'submitted'])('of what is %s is refused', async (state) => {
    const thread = await answered('text');
    const { id } = await outbound(thread);
    await api.db.pool.query('update messages set delivery = $2 where id = $1', [id, state]);
    expect((await discard(id)).status).toBe(409);
    expect(await audited(id)).toEqual([]);
    expect(await itemsOf(api.db, thread.outbound)).toBe(1);
  });
});
