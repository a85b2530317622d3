import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NumberSettings } from '#core';
import { DueTexts } from '#persistence';
import {
  agentMessage,
  deskEvent,
  inboundMessage,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import { startDelivery, type Delivery } from '../support/delivering.js';
import { refuses } from '../support/fakes.js';
import { Talk } from '../support/talks.js';

const WELCOME: NumberSettings = { texts: { welcome: { en: 'Welcome to {{number}}.' } } };
const JOINED: NumberSettings = { texts: { agentJoined: { en: 'Here is {{name|one of us}}.' } } };
const LEFT: NumberSettings = { texts: { agentLeft: { en: '{{name|We}} left.' } } };

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
});

const talk = (settings: NumberSettings, changes?: Parameters<typeof Talk.start>[3]) =>
  Talk.start(db, delivery, settings, changes);

describe(DueTexts.name, () => {
  it('tells a customer once, in their language or that of the number, and nothing where there is no text', async () => {
    const customer = await talk({ texts: { closed: { en: 'Closed', de: 'Zu', fr: 'Fermé' } } });
    const { threadId } = customer.thread;
    const due = new DueTexts(db.pool);
    const about = { tenantId: 'default', threadId };
    await db.pool.query(`update business_numbers set language = 'de' where address = $1`, [customer.number]);
    await due.tell({ ...about, kind: 'closed', key: 'A' });
    await due.tell({ ...about, kind: 'closed', key: 'A' });
    await due.tell({ ...about, kind: 'welcome', key: 'A' });
    expect(await customer.told()).toEqual(['Zu']);
    await db.pool.query(
      `update customers c set language = 'fr' from threads t where t.id = $1 and c.id = t.customer_id`,
      [threadId],
    );
    await due.tell({ ...about, kind: 'closed', key: 'A' });
    await due.tell({ ...about, kind: 'closed', key: 'B' });
    expect(await customer.told()).toEqual(['Zu', 'Fermé']);
    expect(delivery.wakeUps).toContainEqual({ laneId: customer.thread.outbound, direction: 'outbound' });
  });

  it('tells everybody, whatever is kept of one of them', async () => {
    const texts: NumberSettings = { texts: { welcome: { en: 'Welcome', fr: 'Bienvenue' } } };
    const [poisoned, other] = [await talk(texts), await talk(texts)];
    for (const [customer, value] of [
      [poisoned, 'a\0b'],
      [other, 'c'],
    ] as const) {
      await db.pool.query('update conversations set details = $2 where thread_id = $1', [
        customer.thread.threadId,
        JSON.stringify({ user: { language: 'fr', properties: [{ key: 'Referral', value }] } }),
      ]);
    }
    expect(await other.told()).toEqual(['Bienvenue']);
    expect(await poisoned.told()).toEqual(['Bienvenue']);
  });

  it('says each once, by however many workers', async () => {
    const customer = await talk({ texts: { waiting: { en: '{{position}}' } } });
    const due = new DueTexts(db.pool);
    for (const position of ['3', '2', '1']) {
      await due.tell({
        tenantId: 'default',
        threadId: customer.thread.threadId,
        kind: 'waiting',
        key: position,
        variables: { position },
      });
    }
    const [told] = await Promise.all([customer.told(), customer.told(), customer.told()]);
    expect(await customer.told()).toEqual(['3', '2', '1']);
    expect(told.length).toBeLessThanOrEqual(3);
  });

  it('puts it behind what waits for the customer', async () => {
    const customer = await talk(JOINED);
    const { deskId } = await customer.conversation();
    await db.gateway.accept([agentMessage('first', { deskConversationId: deskId })]);
    await customer.joins('a1', 'Ann');
    expect(await customer.told()).toEqual(['first', 'Here is Ann.']);
  });

  it('says nothing to who wants no messages, and leaves no failure behind', async () => {
    const customer = await talk(JOINED);
    await db.gateway.accept([
      inboundMessage({
        from: customer.thread.address,
        to: customer.number,
        content: { type: 'text', text: 'STOP', context: { keyword: 'stop' } },
      }),
    ]);
    await customer.joins('a1', 'Ann');
    expect(await customer.told()).toEqual([]);
    expect(await customer.thread.messages('outbound')).toEqual([]);
  });

  it('says nothing with a hole in it', async () => {
    const customer = await talk({ texts: { agentJoined: { en: 'Here is {{name}}.' } } });
    await customer.joins('a1');
    expect(await customer.toldLater()).toEqual([]);
  });

  it('is forgotten once it may be told again', async () => {
    const customer = await talk(WELCOME);
    const due = new DueTexts(db.pool);
    const left = async () =>
      (await db.pool.query('select 1 from texts_due where thread_id = $1', [customer.thread.threadId]))
        .rowCount;
    await due.forget(0);
    expect(await left()).toBe(1);
    await customer.told();
    await due.forget(60_000);
    expect(await left()).toBe(1);
    await due.forget(0);
    expect(await left()).toBe(0);
  });
});

describe("a text outside the customer's reply window", () => {
  const DAY_MS = 24 * 3_600_000;
  const settings = { ...JOINED, windowTemplate: { contentSid: `HX${'1'.repeat(32)}` } };

  it('is not sent later, and asks nobody to write', async () => {
    delivery.channel.capabilities.replyWindowMs.whatsapp = DAY_MS;
    const customer = await talk(settings, { channel: 'whatsapp' });
    await db.pool.query(
      `update messages set accepted_at = now() - interval '25 hours' where thread_id = $1`,
      [customer.thread.threadId],
    );
    await customer.joins('a1', 'Ann');
    expect(await customer.told()).toEqual([]);
    expect(await customer.thread.messages('outbound')).toMatchObject([
      { delivery: 'failed', reason: 'window-closed' },
    ]);
    await customer.says('again');
    expect(await customer.told()).toEqual([]);
  });

  it('is not sent later where the provider says so', async () => {
    delivery.channel.capabilities.replyWindowMs.whatsapp = DAY_MS;
    const customer = await talk(settings, { channel: 'whatsapp' });
    await customer.joins('a1', 'Ann');
    delivery.channel.sends.next(refuses('held', { hold: 'window', providerCode: '63016' }));
    expect(await customer.told()).toEqual([]);
    expect(await customer.thread.messages('outbound')).toMatchObject([
      { delivery: 'failed', reason: 'window-closed' },
    ]);
  });
});

describe('a welcome', () => {
  it('comes once in each conversation that the customer opens', async () => {
    const customer = await talk(WELCOME);
    const welcome = `Welcome to ${customer.number}.`;
    await customer.says('and another thing');
    await customer.delivered();
    expect(await customer.told()).toEqual([welcome]);
    await customer.joins('a1');
    await customer.idles();
    await customer.says('next week');
    await customer.delivered();
    expect(await customer.told()).toEqual([welcome, welcome]);
  });

  it('does not come where the customer goes on soon after the end', async () => {
    const customer = await talk({ ...WELCOME, closing: { goOnMinutes: 10 } });
    expect(await customer.told()).toHaveLength(1);
    const closedAgo = (minutes: number) =>
      db.pool.query(
        `update conversations set closed_at = clock_timestamp() - make_interval(mins => $2) where thread_id = $1`,
        [customer.thread.threadId, minutes],
      );
    await customer.idles();
    await closedAgo(9);
    await customer.says('I forgot');
    await customer.delivered();
    expect(await customer.told()).toHaveLength(1);
    await customer.idles();
    await closedAgo(11);
    await customer.says('hello again');
    await customer.delivered();
    expect(await customer.told()).toHaveLength(2);
  });

  it('does not come where the conversation was gone, and the text opens another', async () => {
    const customer = await talk(WELCOME);
    await customer.says('anybody?');
    await db.pool.query(
      `select close_conversation(id, 'gone', false, false) from conversations where thread_id = $1`,
      [customer.thread.threadId],
    );
    await customer.delivered();
    expect(await customer.thread.conversations()).toHaveLength(2);
    expect(await customer.told()).toHaveLength(1);
  });

  it('does not come where the text takes along what nobody had read before', async () => {
    const customer = await talk(WELCOME);
    await customer.joins('a1', 'Ann');
    await customer.says('are you there?');
    await customer.delivered();
    const { deskId } = await customer.conversation();
    await customer.leaves('a1');
    await customer.graceEnds();
    await customer.says('hello??');
    await db.gateway.accept([
      deskEvent({
        deskConversationId: deskId,
        occurredAt: customer.at + 1,
        message: { authorType: 'user', content: { type: 'text', text: 'are you there?' } },
      }),
    ]);
    await customer.delivered();
    expect(delivery.desk.conversations[1]?.request.history).toHaveLength(1);
    expect(await customer.told()).toHaveLength(1);
  });

  it('does not come twice when the event that binds comes before the answer, and again', async () => {
    delivery.desk.creates.next({
      meanwhile: async () => {
        const made = delivery.desk.conversations.at(-1);
        const event = deskEvent({
          deskConversationId: made?.id ?? '',
          ...(made && { create: made.request.reference }),
          facts: { state: { value: 'created', at: 1 } },
        });
        await db.gateway.accept([event]);
        await db.gateway.accept([event]);
      },
    });
    expect(await (await talk(WELCOME)).told()).toHaveLength(1);
  });
});

describe('an agent who joins', () => {
  it('is told of once, by name, however often and late it is announced', async () => {
    const customer = await talk(JOINED);
    const joined = await customer.joins('a1', 'Ann');
    await db.gateway.accept([joined]);
    expect(await customer.told()).toEqual(['Here is Ann.']);
    // The desk's other form of it, and one that is late.
    await customer.joins('a1');
    await db.gateway.accept([{ ...joined, eventId: randomUUID(), occurredAt: 9_000 }]);
    await customer.happens(() => ({ agents: { a1: { joinedAt: 8_000, name: 'Ann' } } }));
    expect(await customer.told()).toEqual(['Here is Ann.']);
  });

  it('is waited for a moment by those who want the name', async () => {
    const customer = await talk(JOINED);
    await customer.joins('a1');
    expect(await customer.told()).toEqual([]);
    await customer.joins('a1', 'Ann');
    expect(await customer.told()).toEqual(['Here is Ann.']);
    expect(await customer.toldLater()).toEqual(['Here is Ann.']);
  });

  it('is told of without a name where that does not come', async () => {
    const customer = await talk(JOINED);
    await customer.joins('a1');
    expect(await customer.toldLater()).toEqual(['Here is one of us.']);
  });

  it('after a transfer is told of again, also where it is the same', async () => {
    const customer = await talk(JOINED);
    await customer.joins('a1', 'Ann');
    await customer.transfers('a1');
    await customer.joins('b1', 'Bob');
    expect(await customer.told()).toEqual(['Here is Ann.', 'Here is Bob.']);
    await customer.transfers('b1');
    await customer.joins('a1');
    await customer.transfers('a1');
    await customer.joins('a1');
    expect(await customer.told()).toEqual(['Here is Ann.', 'Here is Bob.', 'Here is Ann.', 'Here is Ann.']);
  });

  it('and was only gone for a moment is no news', async () => {
    const customer = await talk(JOINED);
    await customer.joins('a1', 'Ann');
    await customer.leaves('a1');
    await customer.joins('a1', 'Ann');
    expect(await customer.told()).toEqual(['Here is Ann.']);
  });

  it('and whose joining is heard of after the next one is no news either', async () => {
    const customer = await talk(JOINED);
    await customer.joins('b1', 'Bob');
    await customer.happens(() => ({ agents: { a1: { joinedAt: 9_000, leftAt: 9_500, name: 'Ann' } } }));
    expect(await customer.told()).toEqual(['Here is Bob.']);
  });

  it('is told of where the customer is found now, and there once', async () => {
    const lasting = `US.${randomUUID()}`;
    const customer = await talk(JOINED, { channel: 'whatsapp' });
    const from = customer.thread.address;
    await customer.joins('a1', 'Ann');
    expect(await customer.told()).toEqual(['Here is Ann.']);
    // The same person has written under a lasting name before, in a thread that has an open conversation, too.
    const hidden = inboundMessage({
      from: `whatsapp:${lasting}`,
      to: customer.number,
      aliases: [{ channel: 'whatsapp', value: lasting }],
    });
    await db.gateway.accept([hidden]);
    const other = await db.pool.query<{ id: string; thread_id: string }>(
      `select l.id, l.thread_id from lanes l join threads t on t.id = l.thread_id
       join customer_aliases a on a.customer_id = t.customer_id where a.value = $1 and l.direction = 'inbound'`,
      [lasting],
    );
    await delivery.drainEmpty(other.rows[0]?.id ?? '');
    await db.pool.query(`update threads set created_at = created_at - interval '1 day' where id = $1`, [
      other.rows[0]?.thread_id,
    ]);
    await db.gateway.accept([
      inboundMessage({
        from,
        to: customer.number,
        aliases: [lasting, from.replace('whatsapp:', '')].map((value) => ({ channel: 'whatsapp', value })),
      }),
    ]);
    const { rows } = await db.pool.query<{ continues_in: string | null }>(
      'select continues_in from threads where id = $1',
      [customer.thread.threadId],
    );
    expect(rows).toEqual([{ continues_in: other.rows[0]?.thread_id }]);
    const { id, deskId } = await customer.conversation();
    const told = async () =>
      (
        await db.pool.query<{ thread_id: string }>(
          `select thread_id from messages where conversation_id = $1 and direction = 'outbound' order by id`,
          [id],
        )
      ).rows.map(({ thread_id: thread }) => thread);
    // What was told before is not told again, whatever state its conversation seems to come from.
    await db.pool.query(`update conversations set state = 'queued' where id = $1`, [id]);
    await customer.happens(() => ({}), deskId);
    await customer.told();
    expect(await told()).toEqual([customer.thread.threadId]);
    await customer.transfers('a1');
    await customer.joins('b1', 'Bob');
    await customer.told();
    expect(await told()).toEqual([customer.thread.threadId, other.rows[0]?.thread_id]);
  });
});

it('an agent who has come and gone by the time we hear of it is no news, nor who was there before', async () => {
  const customer = await talk({});
  await customer.joins('a1', 'Ann');
  await customer.transfers('a1');
  await customer.sets(JOINED);
  await customer.happens((at) => ({ agents: { b1: { joinedAt: at, leftAt: at + 1, name: 'Bob' } } }));
  expect(await customer.toldLater()).toEqual([]);
});

describe('an agent who left', () => {
  it('is told of once the conversation has ended for it, once', async () => {
    const customer = await talk(LEFT);
    await customer.joins('a1', 'Ann');
    const left = await customer.leaves('a1');
    expect(await customer.told()).toEqual([]);
    await customer.graceEnds();
    await db.gateway.accept([left]);
    await customer.idles();
    expect(await customer.told()).toEqual(['Ann left.']);
  });

  it('is told of where the desk ends it', async () => {
    const customer = await talk(LEFT);
    await customer.joins('a1');
    await customer.idles();
    expect(await customer.told()).toEqual(['We left.']);
  });

  it('is no news where another follows', async () => {
    const customer = await talk(LEFT);
    await customer.joins('a1', 'Ann');
    await customer.leaves('a1');
    await customer.joins('b1', 'Bob');
    await customer.graceEnds();
    expect(await customer.told()).toEqual([]);
  });

  const SURVEY: NumberSettings = { ...LEFT, bot: { url: 'https://bot.example/', survey: {} } };
  const toBeHandedBack = async (customer: Talk) =>
    db.pool.query('select will_hand_back($1)', [(await customer.conversation()).id]);

  it('is no news where the bot has the customer then, nor is the end of that', async () => {
    const customer = await talk(SURVEY);
    await customer.joins('a1', 'Ann');
    await toBeHandedBack(customer);
    await customer.leaves('a1');
    expect(await customer.conversation()).toMatchObject({ state: 'post-agent' });
    expect(await customer.told()).toEqual([]);
    await customer.idles();
    expect(await customer.conversation()).toMatchObject({ state: 'closed', close_reason: 'idle' });
    expect(await customer.told()).toEqual([]);
  });

  it('is told of where the end comes with the leaving', async () => {
    const customer = await talk(SURVEY);
    await customer.joins('a1', 'Ann');
    await toBeHandedBack(customer);
    await customer.happens((at) => ({ state: { value: 'idle', at }, agents: { a1: { leftAt: at } } }));
    expect(await customer.conversation()).toMatchObject({ state: 'closed', close_reason: 'agent-left' });
    expect(await customer.told()).toEqual(['Ann left.']);
  });

  it('is none where nobody was there, or an operator ended it', async () => {
    const alone = await talk(LEFT);
    await alone.idles();
    expect(await alone.told()).toEqual([]);
    const ended = await talk(LEFT);
    await ended.joins('a1', 'Ann');
    await db.pool.query(`select close_conversation($1, 'operator', false, true)`, [
      (await ended.conversation()).id,
    ]);
    expect(await ended.told()).toEqual([]);
  });

  it('is no news to who has written meanwhile: they are heard in the next conversation, which is none either', async () => {
    const customer = await talk({ texts: { ...WELCOME.texts, ...LEFT.texts } });
    await customer.joins('a1', 'Ann');
    await customer.leaves('a1');
    await customer.says('wait!');
    await delivery.drain(customer.thread.inbound);
    await customer.graceEnds();
    await customer.delivered();
    expect(delivery.desk.texts().at(-1)).toEqual(['wait!']);
    expect(await customer.told()).toEqual([`Welcome to ${customer.number}.`]);
  });

  it('is no news where what nobody read is handed over, nor is the conversation that it goes to', async () => {
    const customer = await talk({ texts: { ...WELCOME.texts, ...LEFT.texts } });
    await customer.joins('a1', 'Ann');
    await customer.says('are you there?');
    await customer.delivered();
    const { deskId } = await customer.conversation();
    const leftAt = customer.at + 1;
    await db.gateway.accept([
      deskEvent({
        deskConversationId: deskId,
        occurredAt: leftAt + 1,
        message: { authorType: 'user', content: { type: 'text', text: 'are you there?' } },
      }),
      deskEvent({ deskConversationId: deskId, occurredAt: leftAt, facts: { agents: { a1: { leftAt } } } }),
    ]);
    await customer.graceEnds();
    await customer.delivered();
    expect(await customer.thread.conversations()).toHaveLength(2);
    expect(await customer.told()).toEqual([`Welcome to ${customer.number}.`]);
  });
});
