import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DueNotes, DueTexts } from '#persistence';
import { Metrics } from '#platform';
import { NoteWriter } from '../../apps/worker/src/note-writer.js';
import { TextWriter } from '../../apps/worker/src/text-writer.js';
import {
  agentMessage,
  deskEvent,
  receipt,
  startTestDatabase,
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
import type { NumberSettings } from '#core';
import { losesAnswer, refuses } from '../support/fakes.js';

let db: TestDatabase;
let delivery: Delivery;
let notes: NoteWriter;
let texts: TextWriter;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
  notes = new NoteWriter({
    due: new DueNotes(db.pool),
    words: { name: 'Provider', reason: () => undefined, providerCode: (code) => `Meaning of ${code}.` },
    wakeUps: { wake: (list) => void delivery.wakeUps.push(...list) },
    metrics: new Metrics({ processMetrics: false }),
  });
  texts = new TextWriter({
    due: new DueTexts(db.pool),
    wakeUps: { wake: (list) => void delivery.wakeUps.push(...list) },
    metrics: new Metrics({ processMetrics: false }),
  });
});

type Active = Awaited<ReturnType<typeof activeThread>>;

async function answered(...texts: string[]): Promise<Active> {
  const thread = await activeThread(db, delivery, ['hello'], { channel: 'whatsapp' });
  for (const text of texts)
    await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
  return thread;
}

const refused = () => refuses('failed', { providerCode: '21211' });

/** What bots have written at the desk in any conversation of the thread, history included. */
function told(thread: { deskId?: string }): string[] {
  return delivery.desk.conversations
    .filter(({ id }) => thread.deskId === undefined || id === thread.deskId)
    .flatMap(({ request, messages }) => [...(request.history ?? []), ...messages])
    .filter(({ authorType }) => authorType === 'bot')
    .map(({ text }) => text);
}

async function ends(thread: Active): Promise<void> {
  const at = thread.agentAt + 60_000;
  await db.gateway.accept([
    deskEvent({ deskConversationId: thread.deskId, facts: { state: { value: 'idle', at } } }),
  ]);
}

async function replay(messageId: string): Promise<void> {
  await db.pool.query(
    `with message as (update messages set delivery = 'open', reason = null where id = $1 returning lane_id, seq, id)
     insert into lane_items (lane_id, seq, message_id, state) select lane_id, seq, id, 'open' from message`,
    [messageId],
  );
}

describe('an answer that fails', () => {
  it.each([
    ['agent', 'Call them instead.', 'Call them instead.'],
    ['operator', 'Enable it.', 'Tell your administrator: Enable it.'],
  ] as const)('says what an %s can do about it', async (by, text, said) => {
    const words = {
      name: 'Provider',
      reason: () => undefined,
      providerCode: () => 'It is so.',
      remedy: (code: string) => (code === '21211' ? { by, text } : undefined),
    };
    notes = new NoteWriter({
      due: new DueNotes(db.pool),
      words,
      wakeUps: { wake: () => undefined },
      metrics: new Metrics({ processMetrics: false }),
    });
    const thread = await answered('first');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    await notes.run();
    await delivery.drainEmpty(thread.inbound);
    expect(told(thread)).toEqual([
      `Not delivered to the customer: “first”. It is so. (Provider 21211) ${said}`,
    ]);
  });

  it('is told to the agent in the conversation, with the reason and what it said', async () => {
    const thread = await answered('your\n\n  parcel is on its way', 'second');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    await notes.run();
    expect(delivery.wakeUps).toContainEqual({ laneId: thread.inbound, direction: 'inbound' });
    await delivery.drainEmpty(thread.inbound);
    expect(told(thread)).toEqual([
      'Not delivered to the customer: “your parcel is on its way”. Meaning of 21211. (Provider 21211)',
    ]);
    await notes.run();
    expect(await itemsOf(db, thread.inbound)).toBe(0);
    expect(delivery.channel.texts(thread.address)).toEqual(['second']);
  });

  it('stands among what the customer writes in the order of what happened', async () => {
    const thread = await answered('lost');
    await thread.says('before');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    await notes.run();
    await thread.says('after');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversation(thread.deskId)?.messages.map(({ text }) => text)).toEqual([
      'hello',
      'before',
      expect.stringMatching(/^Not delivered/),
      'after',
    ]);
  });

  it('late, by a callback, is told likewise', async () => {
    const thread = await answered('first');
    await delivery.drainEmpty(thread.outbound);
    const [part] = delivery.channel.accepted;
    await db.gateway.accept([
      receipt({
        providerMessageId: part?.providerId ?? '',
        status: 'undelivered',
        providerCode: '30005',
        late: 'failed',
        attempt: { messageId: part?.messageId ?? '', attemptId: part?.attemptId ?? '' },
      }),
    ]);
    await notes.run();
    await delivery.drainEmpty(thread.inbound);
    expect(told(thread)).toEqual([
      'Not delivered to the customer: “first”. Meaning of 30005. (Provider 30005)',
    ]);
  });

  it('is told of once more when it arrives after all', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    const [first] = await thread.messages('outbound');
    await replay(first?.id ?? '');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    await replay(first?.id ?? '');
    await delivery.drainEmpty(thread.outbound);
    await notes.run();
    await delivery.drainEmpty(thread.inbound);
    expect(told(thread)).toEqual([
      expect.stringMatching(/^Not delivered to the customer: “first”/),
      'Delivered to the customer after all: “first”.',
    ]);
  });

  it('of which the provider reports the arrival later has recovered', async () => {
    const thread = await answered('first');
    await delivery.drainEmpty(thread.outbound);
    const [part] = delivery.channel.accepted;
    const attempt = { messageId: part?.messageId ?? '', attemptId: part?.attemptId ?? '' };
    const providerMessageId = part?.providerId ?? '';
    await db.gateway.accept([
      receipt({ providerMessageId, status: 'undelivered', providerCode: '30008', late: 'failed', attempt }),
    ]);
    expect((await thread.messages('outbound'))[0]?.delivery).toBe('failed');
    await db.gateway.accept([receipt({ providerMessageId, status: 'delivered', attempt })]);
    expect((await thread.messages('outbound'))[0]).toMatchObject({
      delivery: 'submitted',
      receipt: 'delivered',
      reason: null,
    });
    await notes.run();
    await delivery.drainEmpty(thread.inbound);
    expect(told(thread)).toHaveLength(2);
  });

  it('with what text cannot hold is told of all the same', async () => {
    const thread = await answered('zero \0 and half \ud83d');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    await notes.run();
    await delivery.drainEmpty(thread.inbound);
    expect(told(thread)).toEqual([expect.stringContaining('“zero and half \ufffd”')]);
  });
});

describe('a note without a conversation', () => {
  it('opens none, stays with its reason, and goes into the history of the next', async () => {
    const thread = await answered('first');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    await ends(thread);
    await notes.run();
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations).toHaveLength(1);
    const [note] = (await thread.messages('inbound')).slice(1);
    expect(note).toMatchObject({ delivery: 'held', reason: 'no-conversation', author_type: 'bot' });
    expect(await itemsOf(db, thread.inbound)).toBe(0);

    await thread.says('are you there?');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations[1]?.request.history).toEqual([
      { authorType: 'bot', text: expect.stringMatching(/^Not delivered/) as string },
    ]);
    expect((await thread.messages('inbound')).map(({ delivery: state }) => state)).toEqual([
      'submitted',
      'submitted',
      'submitted',
    ]);
    await ends({ ...thread, deskId: delivery.desk.conversations[1]?.id ?? '' });
    await thread.says('again');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations[2]?.request.history).toBeUndefined();
  });

  it('that is ahead of a text does not keep it waiting', async () => {
    const thread = await answered('first');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    await ends(thread);
    await notes.run();
    await thread.says('next');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()[1]).toEqual(['next']);
    expect(delivery.desk.conversations[1]?.request.history).toHaveLength(1);
  });

  it('survives a create whose answer was lost, and is carried once', async () => {
    const thread = await answered('first');
    delivery.channel.sends.next(refused());
    await delivery.drainEmpty(thread.outbound);
    await ends(thread);
    await notes.run();
    await delivery.drainEmpty(thread.inbound);
    await thread.says('next');
    delivery.desk.creates.next(losesAnswer());
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations).toHaveLength(2);
    expect(told({})).toHaveLength(1);
    expect((await thread.messages('inbound')).map(({ delivery: state }) => state)).toEqual([
      'submitted',
      'submitted',
      'submitted',
    ]);
  });
});

describe("a customer's message that fails", () => {
  const maxAge = { options: { maxAgeMs: { inbound: 1_000, outbound: 14_400_000 } } };

  async function failing(said: string[], settings: NumberSettings = {}) {
    const number = `+1555${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`;
    const thread = await newThread(db, said, { address: number });
    await db.pool.query('update business_numbers set settings = $2 where id = $1', [
      thread.numberId,
      settings,
    ]);
    await fails(thread);
    return thread;
  }

  /** What was accepted and waits becomes too old, and whoever is to be told is. */
  async function fails(thread: TestThread): Promise<void> {
    await db.pool.query(
      `update messages set accepted_at = accepted_at - interval '1 hour' where lane_id = $1`,
      [thread.inbound],
    );
    await delivery.drainEmpty(thread.inbound, maxAge);
    await Promise.all([notes.run(), notes.run()]);
    await texts.run();
    await delivery.drainEmpty(thread.outbound);
  }

  it('is told to nobody unless a text for it is configured', async () => {
    const thread = await failing(['help']);
    expect((await thread.messages('inbound'))[0]).toMatchObject({ delivery: 'failed', reason: 'too-old' });
    expect(delivery.channel.texts(thread.address)).toEqual([]);
    expect(await db.pool.query('select 1 from notes_due')).toMatchObject({ rowCount: 0 });
  });

  it('is told to the customer with the text of the number, once for many', async () => {
    const thread = await failing(['help', 'hello?', 'anybody?'], {
      failedText: 'Sorry, please write again.',
    });
    expect(delivery.channel.texts(thread.address)).toEqual(['Sorry, please write again.']);
    expect((await thread.messages('outbound')).map(({ author_type: author }) => author)).toEqual(['bot']);
  });

  it('is not told of in turn when that text fails', async () => {
    delivery.channel.sends.next(refused());
    await failing(['help'], { failedText: 'Sorry.' });
    await notes.run();
    expect(told({})).toEqual([]);
  });

  it('is told again after ten minutes, whatever else they were told meanwhile', async () => {
    const thread = await failing(['help'], { failedText: 'Sorry.' });
    await db.pool.query(
      `select * from append_outbound(array[new_id()], array['default'], array[$1::uuid], array[null::uuid], array['bot'],
         array[null], array['{"type": "text", "text": "Hello."}'::json], array[false])`,
      [thread.threadId],
    );
    await thread.says('hello?');
    await fails(thread);
    expect(delivery.channel.texts(thread.address)).toEqual(['Sorry.', 'Hello.']);
    await db.pool.query(
      `update texts_due set created_at = created_at - interval '11 minutes' where thread_id = $1`,
      [thread.threadId],
    );
    await thread.says('anybody?');
    await fails(thread);
    expect(delivery.channel.texts(thread.address)).toEqual(['Sorry.', 'Hello.', 'Sorry.']);
  });

  it("is told in the customer's language, and in the number's by the text that has none", async () => {
    const settings = { failedText: 'Sorry.', texts: { failed: { de: 'Leider nicht.' } } };
    const thread = await failing(['help'], settings);
    expect(delivery.channel.texts(thread.address)).toEqual(['Sorry.']);
    await db.pool.query(
      `update customers c set language = 'de' from threads t where t.id = $1 and c.id = t.customer_id`,
      [thread.threadId],
    );
    await db.pool.query('delete from texts_due where thread_id = $1', [thread.threadId]);
    await thread.says('Hilfe');
    await fails(thread);
    expect(delivery.channel.texts(thread.address)).toEqual(['Sorry.', 'Leider nicht.']);
  });
});

describe('notes', () => {
  it('are written once, by however many workers', async () => {
    const thread = await answered('one', 'two', 'three');
    delivery.channel.sends.next(refused(), refused(), refused());
    await delivery.drainEmpty(thread.outbound);
    await Promise.all([notes.run(), notes.run(), notes.run()]);
    await delivery.drainEmpty(thread.inbound);
    expect(told(thread).map((text) => text.slice(0, 37))).toEqual([
      'Not delivered to the customer: “one”.',
      'Not delivered to the customer: “two”.',
      'Not delivered to the customer: “three',
    ]);
  });
});
