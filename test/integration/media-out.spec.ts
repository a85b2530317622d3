import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { twilioWords } from '#channel-twilio';
import {
  MediaRefusedError,
  ProviderGate,
  type Attachment,
  type MessageContent,
  type Permit,
  type ProviderCall,
  type ReceiptReceived,
} from '#core';
import { DueNotes } from '#persistence';
import { Metrics } from '#platform';
import { NoteWriter } from '../../apps/worker/src/note-writer.js';
import {
  deskEvent,
  eventually,
  receipt,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import { activeThread, itemsOf, startDelivery, type Delivery } from '../support/delivering.js';
import { refuses } from '../support/fakes.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());

type Thread = Awaited<ReturnType<typeof activeThread>>;

async function setUp(): Promise<{ delivery: Delivery; thread: Thread }> {
  const delivery = startDelivery(db);
  return { delivery, thread: await activeThread(db, delivery) };
}

async function answers(thread: Thread, content: MessageContent): Promise<void> {
  await db.gateway.accept([
    deskEvent({
      deskConversationId: thread.deskId,
      type: 'MESSAGE',
      occurredAt: Date.now(),
      message: { authorType: 'agent', content },
    }),
  ]);
}

const png = (id: string): Attachment => ({ id, filename: `${id}.png` });
const withFiles = (text: string | undefined, ...attachments: Attachment[]): MessageContent => ({
  type: 'attachments',
  ...(text !== undefined && { text }),
  attachments,
});

/** Posts what is due and answers the notes of the thread. */
async function notes({ delivery, thread }: { delivery: Delivery; thread: Thread }): Promise<string[]> {
  const writer = new NoteWriter({
    due: new DueNotes(db.pool),
    words: twilioWords,
    wakeUps: { wake: () => undefined },
    metrics: new Metrics({ processMetrics: false }),
  });
  await writer.run();
  await delivery.drainEmpty(thread.inbound);
  return (await thread.messages('inbound')).flatMap(({ text, author_type }) =>
    author_type === 'bot' ? [text] : [],
  );
}

/** A message becomes older than a file is waited for. */
async function grow(thread: Thread): Promise<void> {
  await db.pool.query(
    `update messages set accepted_at = accepted_at - interval '11 minutes' where thread_id = $1 and direction = 'outbound'`,
    [thread.threadId],
  );
}

describe("an agent's files", () => {
  it('go out with links that are made when their part is sent, and are kept with the part by their keys', async () => {
    const { delivery, thread } = await setUp();
    delivery.desk.agentFiles.set('a', Buffer.from('one')).set('b', Buffer.from('two'));
    await answers(thread, withFiles('Look', png('a'), png('b')));
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.accepted.map(({ text, mediaUrls }) => [text, mediaUrls])).toEqual([
      ['Look', undefined],
      ['', ['https://media/key-a.png']],
      ['', ['https://media/key-b.png']],
    ]);
    const { rows } = await db.pool.query<{ content: unknown }>(
      `select p.content from parts p join messages m on m.id = p.message_id
       where m.thread_id = $1 and m.direction = 'outbound' order by p.n`,
      [thread.threadId],
    );
    expect(rows.map(({ content }) => content)).toEqual([
      { text: 'Look' },
      { media: [{ key: 'key-a.png', contentType: 'image/png', bytes: 3, filename: 'a.png' }] },
      { media: [{ key: 'key-b.png', contentType: 'image/png', bytes: 3, filename: 'b.png' }] },
    ]);
  });

  it('that are not there yet are asked for again, and nothing overtakes them', async () => {
    const { delivery, thread } = await setUp();
    await answers(thread, withFiles(undefined, png('late')));
    await answers(thread, { type: 'text', text: 'after' });
    await delivery.drain(thread.outbound);
    expect(delivery.channel.accepted).toEqual([]);
    delivery.desk.agentFiles.set('late', Buffer.from('here'));
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.accepted.map(({ text, mediaUrls }) => mediaUrls ?? text)).toEqual([
      ['https://media/key-late.png'],
      'after',
    ]);
  });

  it('that do not come at all are left out after ten minutes, and the agent reads which', async () => {
    const { delivery, thread } = await setUp();
    delivery.desk.agentFiles.set('there', Buffer.from('x'));
    await answers(thread, withFiles('Hello', png('there'), png('lost')));
    await delivery.drain(thread.outbound);
    await grow(thread);
    await delivery.drain(thread.outbound);
    // The first tries after an outage may be the first at all.
    expect(delivery.channel.accepted).toEqual([]);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.accepted.map(({ text, mediaUrls }) => mediaUrls ?? text)).toEqual([
      'Hello',
      ['https://media/key-there.png'],
    ]);
    expect(await notes({ delivery, thread })).toEqual([
      'Sent to the customer without a file: “Hello”. “lost.png”: it was not found.',
    ]);
    // Once.
    expect(await notes({ delivery, thread })).toHaveLength(1);
  });

  it('that cannot be had elsewhere say nothing of the desk', async () => {
    const { delivery, thread } = await setUp();
    delivery.desk.agentFiles.set('a', Buffer.from('x'));
    delivery.desk.fetches.next(
      refuses('not-sent', { code: 'dns' }),
      refuses('not-sent', { code: 'server-error', httpStatus: 503 }),
    );
    await answers(thread, withFiles(undefined, png('a')));
    const ends: unknown[] = [];
    class Listening extends ProviderGate {
      override enter({ provider }: ProviderCall): Promise<Permit> {
        const heard = (what: unknown) => void (provider === 'desk' && ends.push(what));
        return Promise.resolve({ end: (error) => heard(error), unused: () => heard('unused') });
      }
    }
    await delivery.drainEmpty(thread.outbound, { gate: new Listening() });
    expect(ends).toEqual(['unused', expect.objectContaining({ httpStatus: 503 }), undefined]);
  });

  it('that may not be carried are left out at once, with the reason', async () => {
    const { delivery, thread } = await setUp();
    delivery.desk.agentFiles.set('a', Buffer.from('<svg>')).set('b', Buffer.from('fine'));
    delivery.media.keeps.next({
      throws: new MediaRefusedError({ refused: 'wrong-type', detail: 'image/svg+xml' }),
    });
    await answers(thread, withFiles(undefined, { id: 'a', filename: 'x\0\n.svg' }, png('b')));
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.accepted.map(({ mediaUrls }) => mediaUrls)).toEqual([
      ['https://media/key-b.png'],
    ]);
    expect(await notes({ delivery, thread })).toEqual([
      'Sent to the customer without a file: [attachments]. “x .svg”: files of this kind are not sent, for safety (image/svg+xml).',
    ]);
  });

  it('that were all there was fail their message, and its note says why', async () => {
    const { delivery, thread } = await setUp();
    delivery.desk.agentFiles.set('a', Buffer.from('x'));
    delivery.media.keeps.next({ throws: new MediaRefusedError({ refused: 'empty' }) });
    await answers(thread, withFiles('  ', png('a')));
    await answers(thread, { type: 'text', text: 'after' });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts()).toEqual(['after']);
    const [message] = await thread.messages('outbound');
    expect(message).toMatchObject({ delivery: 'failed', reason: 'media-refused' });
    expect(await notes({ delivery, thread })).toEqual([
      'Not delivered to the customer: “a.png”: it is empty.',
    ]);
  });

  it('wait without a slot while many are under way', async () => {
    const { delivery } = await setUp();
    const worker = delivery.worker();
    const threads = await Promise.all(Array.from({ length: 10 }, () => activeThread(db, delivery)));
    delivery.desk.agentFiles.set('a', Buffer.from('x'));
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    delivery.media.keeps.always({ meanwhile: () => held });
    for (const thread of threads) await answers(thread, withFiles(undefined, png('a')));
    const drains = threads.map(({ outbound }) => worker.drain(outbound));
    let ended = 0;
    for (const drain of drains) void drain.then(() => (ended += 1));
    await eventually('two have given their slots back', () => ended === 2);
    release();
    await Promise.all(drains);
    for (const { outbound } of threads) await delivery.drainEmpty(outbound);
    expect(delivery.channel.accepted).toHaveLength(10);
  });
});

describe('the next part of a message', () => {
  async function twoParts(partsWaitFor: 'sent' | 'delivered' | undefined) {
    const both = await setUp();
    await db.pool.query(`update business_numbers set settings = $2 where id = $1`, [
      both.thread.numberId,
      JSON.stringify({ partsWaitFor }),
    ]);
    both.delivery.channel.partLength = 5;
    await answers(both.thread, { type: 'text', text: 'firstsecon' });
    await both.delivery.drain(both.thread.outbound);
    return both;
  }
  const report = (delivery: Delivery, changes: Partial<ReceiptReceived>) => {
    const [part] = delivery.channel.accepted;
    return db.gateway.accept([
      receipt({
        providerMessageId: part?.providerId ?? '',
        attempt: { messageId: part?.messageId ?? '', attemptId: part?.attemptId ?? '' },
        ...changes,
      }),
    ]);
  };
  const woken = (laneId: string) => db.wakeUps.filter((one) => one.laneId === laneId).length;

  it('waits for nothing unless its number says so', async () => {
    const { delivery } = await twoParts(undefined);
    expect(delivery.channel.texts()).toEqual(['first', 'secon']);
  });

  it('waits for the receipt of the part before, which wakes its lane', async () => {
    const { delivery, thread } = await twoParts('sent');
    expect(delivery.channel.texts()).toEqual(['first']);
    await delivery.drain(thread.outbound);
    await report(delivery, { status: 'sending' });
    await delivery.drain(thread.outbound);
    expect(delivery.channel.texts()).toEqual(['first']);
    const before = woken(thread.outbound);
    await report(delivery, { status: 'delivered' });
    expect(woken(thread.outbound)).toBe(before + 1);
    await delivery.drain(thread.outbound);
    expect(delivery.channel.texts()).toEqual(['first', 'secon']);
    expect(await itemsOf(db, thread.outbound)).toBe(0);
    expect(
      (await db.pool.query('select from receipt_waits where lane_id = $1', [thread.outbound])).rowCount,
    ).toBe(0);
  });

  it('is looked at again soon, for a receipt may come unheard', async () => {
    const { delivery, thread } = await twoParts('sent');
    const { rows } = await db.pool.query(
      `select not_before <= clock_timestamp() + interval '1 s' as soon from lanes where id = $1`,
      [thread.outbound],
    );
    expect(rows).toEqual([{ soon: true }]);
    // As when the receipt is stored after the lane has looked for it, and before it waits.
    await db.pool.query('delete from receipt_waits where lane_id = $1', [thread.outbound]);
    await report(delivery, { status: 'sent' });
    await eventually('the next part', async () => {
      await delivery.drain(thread.outbound);
      return delivery.channel.texts().length === 2;
    });
  });

  it('does not take `sent` for `delivered`', async () => {
    const { delivery, thread } = await twoParts('delivered');
    await report(delivery, { status: 'sent' });
    await delivery.drain(thread.outbound);
    expect(delivery.channel.texts()).toEqual(['first']);
  });

  it('does not wait longer than ten seconds after the part before', async () => {
    const { delivery, thread } = await twoParts('delivered');
    const { rows } = await db.pool.query<{ ms: number }>(
      `select extract(epoch from not_before - clock_timestamp()) * 1000 as ms from lanes where id = $1`,
      [thread.outbound],
    );
    expect(Number(rows[0]?.ms)).toBeLessThanOrEqual(10_000);
    await db.pool.query(`update lanes set not_before = null where id = $1`, [thread.outbound]);
    await db.pool.query(
      `update attempts set ended_at = ended_at - interval '10 seconds' where message_id = $1`,
      [delivery.channel.accepted[0]?.messageId],
    );
    await delivery.drain(thread.outbound);
    expect(delivery.channel.texts()).toEqual(['first', 'secon']);
  });

  it('is woken by a failure of the part before, and does not go out', async () => {
    const { delivery, thread } = await twoParts('delivered');
    const before = woken(thread.outbound);
    await report(delivery, { status: 'failed', providerCode: '30005', late: 'failed' });
    expect(woken(thread.outbound)).toBeGreaterThan(before);
    await delivery.drain(thread.outbound);
    expect(delivery.channel.texts()).toEqual(['first']);
    expect((await thread.messages('outbound'))[0]?.delivery).toBe('failed');
  });
});
