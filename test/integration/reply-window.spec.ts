import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NumberSettings } from '#core';
import { DueNotes } from '#persistence';
import { Metrics } from '#platform';
import { NoteWriter } from '../../apps/worker/src/note-writer.js';
import {
  agentMessage,
  inboundMessage,
  receipt,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import { activeThread, startDelivery, type Delivery } from '../support/delivering.js';
import { losesAnswer, losesRequest, refuses } from '../support/fakes.js';

const DAY_MS = 24 * 3_600_000;
const TEMPLATE = { contentSid: `HX${'1'.repeat(32)}`, variables: { '1': 'Acme' } };

let db: TestDatabase;
let delivery: Delivery;
let notes: NoteWriter;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
  delivery.channel.capabilities.replyWindowMs.whatsapp = DAY_MS;
  notes = new NoteWriter({
    due: new DueNotes(db.pool),
    words: { name: 'Provider', reason: () => undefined, providerCode: (code) => `Meaning of ${code}.` },
    wakeUps: { wake: () => undefined },
    metrics: new Metrics({ processMetrics: false }),
  });
});

type Active = Awaited<ReturnType<typeof activeThread>>;

/** A customer whose last word is a day old, and an agent who answers now. */
async function late(texts: string[], settings: NumberSettings = {}): Promise<Active> {
  const thread = await activeThread(db, delivery, ['hello'], { channel: 'whatsapp' });
  await db.pool.query('update business_numbers set settings = $2 where id = $1', [thread.numberId, settings]);
  await wroteAgo(thread, '25 hours');
  await says(thread, texts);
  return thread;
}

async function says(thread: Active, texts: string[]): Promise<void> {
  for (const text of texts)
    await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
}

async function wroteAgo(thread: Active, age: string): Promise<void> {
  await db.pool.query(
    `update messages set accepted_at = now() - $2::interval where thread_id = $1 and direction = 'inbound'`,
    [thread.threadId, age],
  );
}

/** What was sent to the customer: a text, or the sid of a template. */
function sent(thread: Active): string[] {
  return delivery.channel.accepted
    .filter(({ to }) => to === thread.address)
    .map(({ text, content }) => content?.sid ?? text);
}

async function told(thread: Active): Promise<string[]> {
  await notes.run();
  await delivery.drainEmpty(thread.inbound);
  return delivery.desk.conversations
    .filter(({ id }) => id === thread.deskId)
    .flatMap(({ messages }) => messages)
    .filter(({ authorType }) => authorType === 'bot')
    .map(({ text }) => text);
}

async function customerWrites(thread: Active): Promise<void> {
  await db.gateway.accept([inboundMessage({ from: thread.address, text: 'I am here' })]);
}

async function heads(thread: Active): Promise<string[]> {
  return (await thread.messages('outbound')).map(({ delivery: state, reason }) =>
    [state, reason].filter(Boolean).join(' '),
  );
}

describe('an answer after the window has closed', () => {
  it('is not sent: the agent is told at once, and it goes out, in order, when the customer writes', async () => {
    const thread = await late(['first', 'second']);
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toEqual([]);
    expect(delivery.attempted.filter((one) => one.startsWith('send'))).toEqual(['send submitted']);
    expect(await heads(thread)).toEqual(['held window', 'held window']);
    const [note, ...others] = await told(thread);
    expect(others).toEqual([]);
    expect(note).toBe(
      'Waiting for the customer: “first”. The customer has not written within 24 hours, and WhatsApp takes only templates then. It goes out when they write.',
    );
    await delivery.drain(thread.outbound);
    await customerWrites(thread);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread)).toEqual(['first', 'second']);
    expect(await told(thread)).toHaveLength(1);
  });

  it('sends the template of its number once, and waits for what the customer says to it', async () => {
    const thread = await late(['first', 'second'], { windowTemplate: TEMPLATE });
    await delivery.drain(thread.outbound);
    await delivery.drain(thread.outbound);
    expect(delivery.channel.accepted.filter(({ to }) => to === thread.address)).toMatchObject([
      { text: '', content: { sid: TEMPLATE.contentSid, variables: { '1': 'Acme' } } },
    ]);
    expect(await heads(thread)).toEqual(['held window', 'held window']);
    expect((await told(thread))[0]).toContain('They have been sent the template that asks them to answer');
    await customerWrites(thread);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread)).toEqual([TEMPLATE.contentSid, 'first', 'second']);
    expect((await thread.messages('outbound')).map(({ delivery: state }) => state)).toEqual([
      'submitted',
      'submitted',
    ]);
  });

  it('asks again when the window has closed again', async () => {
    const thread = await late(['first'], { windowTemplate: TEMPLATE });
    await delivery.drain(thread.outbound);
    await customerWrites(thread);
    await delivery.drainEmpty(thread.outbound);
    await delivery.drainEmpty(thread.inbound);
    await wroteAgo(thread, '25 hours');
    await db.pool.query(`update lanes set template_sent_at = now() - interval '49 hours' where id = $1`, [
      thread.outbound,
    ]);
    await says(thread, ['third']);
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toEqual([TEMPLATE.contentSid, 'first', TEMPLATE.contentSid]);
  });

  it('does not ask again for the next message when the first is discarded', async () => {
    const thread = await late(['first', 'second'], { windowTemplate: TEMPLATE });
    await delivery.drain(thread.outbound);
    const [first] = await thread.messages('outbound');
    await db.pool.query(`select discard_message('default', $1, 'key', null)`, [first?.id]);
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toEqual([TEMPLATE.contentSid]);
    expect(await heads(thread)).toEqual(['failed discarded', 'held window']);
  });

  it.each([
    ['whose answer was lost', () => losesAnswer(), 1],
    ['that never arrived, as far as anybody knows', () => losesRequest(), 0],
  ])('asks no second time by a template %s', async (_name, loss, arrived) => {
    const thread = await late(['first'], { windowTemplate: TEMPLATE });
    delivery.channel.sends.next(loss());
    await delivery.drain(thread.outbound);
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toHaveLength(arrived);
    expect(await heads(thread)).toEqual(['held window']);
    await customerWrites(thread);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread).at(-1)).toBe('first');
    expect(sent(thread)).toHaveLength(arrived + 1);
  });

  it.each(['after-intent', 'after-response'] as const)(
    'asks no second time when the worker dies over the template, %s',
    async (diesAt) => {
      const thread = await late(['first'], { windowTemplate: TEMPLATE });
      await expect(delivery.drain(thread.outbound, { diesAt })).rejects.toThrow();
      await delivery.drainUntil(
        thread.outbound,
        'the message is held',
        async () => (await heads(thread))[0] === 'held window',
      );
      expect(sent(thread)).toHaveLength(diesAt === 'after-intent' ? 0 : 1);
    },
  );

  it('asks again where the template certainly did not leave', async () => {
    const thread = await late(['first'], { windowTemplate: TEMPLATE });
    delivery.channel.sends.next(refuses('not-sent', { code: 'rate-limited' }));
    await delivery.drain(thread.outbound);
    await delivery.drainUntil(thread.outbound, 'the template is sent', () => sent(thread).length === 1);
    expect(sent(thread)).toEqual([TEMPLATE.contentSid]);
  });

  it('says why where the template is refused', async () => {
    const thread = await late(['first'], { windowTemplate: TEMPLATE });
    delivery.channel.sends.next(refuses('held', { hold: 'configuration', providerCode: '63040' }));
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toEqual([]);
    expect(await heads(thread)).toEqual(['held window']);
    const [note] = await told(thread);
    expect(note).toContain('could not be sent: Meaning of 63040. (Provider 63040)');
  });

  it('is nothing that a note in the lane of the customer changes', async () => {
    const thread = await late(['first']);
    await delivery.drain(thread.outbound);
    await told(thread);
    await delivery.drain(thread.outbound);
    expect(await heads(thread)).toEqual(['held window']);
  });

  it('goes out as a template that the agent sends, past nothing and nobody', async () => {
    const thread = await late(['/template hello 1=Ada 2="at nine"', 'and this'], {
      templates: { hello: TEMPLATE.contentSid },
    });
    await delivery.drain(thread.outbound);
    expect(delivery.channel.accepted.filter(({ to }) => to === thread.address)).toMatchObject([
      { content: { sid: TEMPLATE.contentSid, variables: { '1': 'Ada', '2': 'at nine' } } },
    ]);
    expect(await heads(thread)).toEqual(['submitted', 'held window']);
  });

  it('lets a template of the agent past what waits for the customer, and nothing else', async () => {
    const thread = await late(['first', '/template hello', 'second'], {
      templates: { hello: TEMPLATE.contentSid },
    });
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toEqual([TEMPLATE.contentSid]);
    expect(await heads(thread)).toEqual(['held window', 'submitted', 'held window']);
    const notesTold = await told(thread);
    expect(notesTold).toHaveLength(1);
    expect(notesTold[0]).toContain('/template <name> 1=… 2=…, with one of these names: hello.');
    await customerWrites(thread);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread)).toEqual([TEMPLATE.contentSid, 'first', 'second']);
  });

  it('finds such a template again after its call was refused for now, by the sweeper, too', async () => {
    const thread = await late(['first', '/template hello'], { templates: { hello: TEMPLATE.contentSid } });
    delivery.channel.sends.next(refuses('not-sent', { code: 'rate-limited' }));
    await delivery.drain(thread.outbound);
    expect(await heads(thread)).toEqual(['held window', 'open rate-limited']);
    expect(await delivery.store.lookAgain(thread.outbound)).toBeDefined();
    const due = async () =>
      (await delivery.upkeep.dueLanes(1_000)).some(({ laneId }) => laneId === thread.outbound);
    expect(await due()).toBe(true);
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toEqual([TEMPLATE.contentSid]);
    expect(await due()).toBe(false);
    expect(await delivery.store.lookAgain(thread.outbound)).toBeUndefined();
  });

  it('does not grow old while a template goes past it', async () => {
    const thread = await late(['first', '/template hello'], { templates: { hello: TEMPLATE.contentSid } });
    await delivery.drain(thread.outbound);
    await db.pool.query(`update lanes set still_since = still_since - interval '3 days' where id = $1`, [
      thread.outbound,
    ]);
    await db.pool.query(
      `update messages set accepted_at = accepted_at - interval '3 days' where lane_id = $1`,
      [thread.outbound],
    );
    await says(thread, ['/template hello']);
    await delivery.drain(thread.outbound);
    await customerWrites(thread);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread)).toEqual([TEMPLATE.contentSid, TEMPLATE.contentSid, 'first']);
  });

  it.each([
    ['at once', true],
    ['late', false],
  ])('fails a template that WhatsApp takes for a free text, %s, and sends it once', async (_when, atOnce) => {
    const thread = await late(['/template hello'], {
      templates: { hello: TEMPLATE.contentSid },
      windowTemplate: TEMPLATE,
    });
    if (atOnce) delivery.channel.sends.next(refuses('held', { hold: 'window', providerCode: '63016' }));
    await delivery.drain(thread.outbound);
    if (!atOnce) {
      const [accepted] = delivery.channel.accepted.filter(({ to }) => to === thread.address);
      await db.gateway.accept([
        receipt({
          status: 'undelivered',
          providerMessageId: accepted?.providerId ?? '',
          providerCode: '63016',
          late: 'held-window',
        }),
      ]);
      await delivery.drain(thread.outbound);
    }
    expect(sent(thread)).toHaveLength(atOnce ? 0 : 1);
    expect(delivery.attempted.filter((one) => one.startsWith('send'))).toHaveLength(2);
    expect(await heads(thread)).toEqual(['failed template-not-approved']);
    expect((await told(thread))[0]).toContain('The template is not approved');
  });

  it('tells the agent when the template that asks the customer did not arrive', async () => {
    const thread = await late(['first'], { windowTemplate: TEMPLATE });
    await delivery.drain(thread.outbound);
    const [asked] = delivery.channel.accepted.filter(({ to }) => to === thread.address);
    await db.gateway.accept([
      receipt({
        status: 'undelivered',
        providerMessageId: asked?.providerId ?? '',
        providerCode: '63049',
        late: 'failed',
      }),
    ]);
    expect(await heads(thread)).toEqual(['held window']);
    const notesTold = await told(thread);
    expect(notesTold.at(-1)).toContain('could not be sent: Meaning of 63049. (Provider 63049)');
    await says(thread, ['second']);
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toHaveLength(2);
  });

  it.each([
    ['/template nothing', 'unknown-template'],
    ['/template', 'unknown-template'],
    ['/template hello what?', 'template-command'],
  ])('fails for %j, and the lane goes on', async (text, reason) => {
    const thread = await late([text], { templates: { hello: TEMPLATE.contentSid } });
    await delivery.drain(thread.outbound);
    expect(await heads(thread)).toEqual([`failed ${reason}`]);
    expect(sent(thread)).toEqual([]);
  });
});

describe('a window that closed earlier than we thought', () => {
  it.each([
    ['the agent is told', {}, []],
    ['the template is sent', { windowTemplate: TEMPLATE }, [TEMPLATE.contentSid]],
  ])('found by the call: %s', async (_name, settings, asked) => {
    const thread = await late([], settings);
    await wroteAgo(thread, '1 hour');
    await says(thread, ['first', 'second']);
    delivery.channel.sends.next(refuses('held', { hold: 'window', providerCode: '63016' }));
    await delivery.drain(thread.outbound);
    expect(sent(thread)).toEqual(asked);
    expect(await heads(thread)).toEqual(['held window', 'held window']);
    expect(await told(thread)).toHaveLength(1);
    await customerWrites(thread);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread)).toEqual([...asked, 'first', 'second']);
  });

  it.each([
    ['the agent is told', {}, []],
    ['the template is sent', { windowTemplate: TEMPLATE }, [TEMPLATE.contentSid]],
  ])('reported late: %s', async (_name, settings, asked) => {
    const thread = await late([], settings);
    await wroteAgo(thread, '1 hour');
    await says(thread, ['first']);
    await delivery.drainEmpty(thread.outbound);
    const [accepted] = delivery.channel.accepted.filter(({ to }) => to === thread.address);
    db.wakeUps.length = 0;
    await db.gateway.accept([
      receipt({
        status: 'undelivered',
        providerMessageId: accepted?.providerId ?? '',
        providerCode: '63016',
        late: 'held-window',
      }),
    ]);
    if (asked.length > 0)
      expect(db.wakeUps).toContainEqual({ laneId: thread.outbound, direction: 'outbound' });
    await says(thread, ['second']);
    await delivery.drain(thread.outbound);
    expect(await heads(thread)).toEqual(['held window', 'held window']);
    expect(sent(thread)).toEqual(['first', ...asked]);
    expect(await told(thread)).toHaveLength(1);
    await customerWrites(thread);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread)).toEqual(['first', ...asked, 'first', 'second']);
  });

  it('is nothing on a channel without windows', async () => {
    const thread = await activeThread(db, delivery, ['hello']);
    await wroteAgo(thread, '25 hours');
    await says(thread, ['first']);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread)).toEqual(['first']);
  });
});
