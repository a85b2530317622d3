import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NumberSettings, OptOutKeyword } from '#core';
import { agentMessage, inboundMessage, startTestDatabase, type TestDatabase } from '../support/accepting.js';
import { startDelivery, type Delivery } from '../support/delivering.js';
import { losesAnswer, refuses } from '../support/fakes.js';
import { Talk } from '../support/talks.js';

const WORDS: NumberSettings = { closing: { words: ['bye'] } };

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
});

/** A customer with whom an agent talks. */
async function talk(settings: NumberSettings): Promise<Talk> {
  const customer = await Talk.start(db, delivery, settings);
  await customer.joins('a1', 'Ann');
  return customer;
}

async function keyword(customer: Talk, word: OptOutKeyword): Promise<void> {
  await db.gateway.accept([
    inboundMessage({
      from: customer.thread.address,
      to: customer.number,
      content: { type: 'text', text: word.toUpperCase(), context: { keyword: word } },
    }),
  ]);
}

/** How the customer's conversations have ended, and whether the customer left them at the desk. */
async function endings(customer: Talk): Promise<string[]> {
  const conversations = await customer.thread.conversations();
  const { rows } = await db.pool.query<{ id: string }>(
    'select id from desk_conversations where end_wanted_at is not null',
  );
  const ending = new Set(rows.map(({ id }) => id));
  return conversations.map(({ state, close_reason: reason, desk_conversation_id: id }) =>
    [reason ?? state, ending.has(id ?? '') && 'left'].filter(Boolean).join(' '),
  );
}

describe('an opt-out', () => {
  it('ends the conversation once the agent has read it', async () => {
    const customer = await talk({});
    await keyword(customer, 'stop');
    expect(await delivery.upkeep.closeEnded()).toEqual([]);
    expect(await endings(customer)).toEqual(['active']);
    await customer.delivered();
    expect(delivery.desk.texts()).toEqual([['hello', 'STOP']]);
    expect(await delivery.upkeep.closeEnded()).toEqual([
      { laneId: customer.thread.inbound, direction: 'inbound' },
    ]);
    expect(await endings(customer)).toEqual(['opt-out left']);
    expect(await delivery.upkeep.closeEnded()).toEqual([]);
  });

  it('that is taken back before the agent reads it ends nothing', async () => {
    const customer = await talk({});
    await keyword(customer, 'stop');
    await keyword(customer, 'start');
    await customer.delivered();
    expect(await delivery.upkeep.closeEnded()).toEqual([]);
    expect(delivery.desk.texts()).toEqual([['hello', 'STOP', 'START']]);
    expect(await endings(customer)).toEqual(['active']);
  });

  it.each(['help', 'start'] as const)('is none by %s', async (word) => {
    const customer = await talk({});
    await keyword(customer, word);
    await customer.delivered();
    await delivery.upkeep.closeEnded();
    expect(await endings(customer)).toEqual(['active']);
  });

  it('lets what comes after it open a conversation of its own', async () => {
    const customer = await talk({});
    await keyword(customer, 'stop');
    await customer.says('no, wait');
    await customer.delivered();
    expect(delivery.desk.texts()).toEqual([['hello', 'STOP'], ['no, wait']]);
    expect(await endings(customer)).toEqual(['opt-out left', 'opening']);
  });
});

describe('a closing word', () => {
  it('ends the conversation once the agent has read it, whatever its case', async () => {
    const customer = await talk(WORDS);
    await customer.says(' BYE\n');
    await customer.delivered();
    expect(delivery.desk.texts()).toEqual([['hello', ' BYE\n']]);
    await delivery.upkeep.closeEnded();
    expect(await endings(customer)).toEqual(['customer left']);
  });

  it('is none unless the number has it, nor where more is said', async () => {
    const without = await talk({});
    await without.says('bye');
    await without.delivered();
    const more = await talk(WORDS);
    await more.says('bye bye');
    await more.delivered();
    await delivery.upkeep.closeEnded();
    expect([await endings(without), await endings(more)]).toEqual([['active'], ['active']]);
  });

  it('ends it before the texts that come right behind, which open the next', async () => {
    const customer = await talk(WORDS);
    for (const text of ['bye', 'one more thing', 'and another']) await customer.says(text);
    await customer.delivered();
    expect(delivery.desk.texts()).toEqual([
      ['hello', 'bye'],
      ['one more thing', 'and another'],
    ]);
    expect(await endings(customer)).toEqual(['customer left', 'opening']);
  });

  it('ends it although its worker dies right after it was taken', async () => {
    const customer = await talk(WORDS);
    await customer.says('bye');
    await customer.says('more');
    const dying = delivery.worker({ diesAt: 'after-response' });
    await expect(dying.drain(customer.thread.inbound)).rejects.toThrow('Storage');
    expect(dying.isDead()).toBe(true);
    expect(await delivery.upkeep.closeEnded()).toEqual([]);
    await customer.delivered();
    expect(delivery.desk.texts()).toEqual([['hello', 'bye'], ['more']]);
    expect(await endings(customer)).toEqual(['customer left', 'opening']);
  });

  it('is not the end while nobody knows whether it has arrived', async () => {
    const customer = await talk(WORDS);
    await customer.says('bye');
    delivery.desk.sends.next(losesAnswer());
    await delivery.drain(customer.thread.inbound);
    await delivery.upkeep.closeEnded();
    expect(await endings(customer)).toEqual(['active']);
    await customer.delivered();
    await delivery.upkeep.closeEnded();
    expect(await endings(customer)).toEqual(['customer left']);
    expect(delivery.desk.texts()).toEqual([['hello', 'bye']]);
  });

  it('that the desk refuses is the end all the same', async () => {
    const customer = await talk(WORDS);
    await customer.says('bye');
    delivery.desk.sends.next(refuses('failed'));
    await customer.delivered();
    await delivery.upkeep.closeEnded();
    expect(await endings(customer)).toEqual(['customer left']);
  });

  it('is read by an agent in the conversation that takes the place of one that is gone', async () => {
    const customer = await talk(WORDS);
    await customer.says('bye');
    const gone = delivery.desk.conversations.at(-1);
    if (gone) gone.state = 'gone';
    await db.pool.query(
      `update conversations set create_started_at = create_started_at - interval '1 hour' where thread_id = $1`,
      [customer.thread.threadId],
    );
    delivery.desk.sends.next(refuses('gone'));
    await customer.delivered();
    await delivery.upkeep.closeEnded();
    expect(delivery.desk.texts()).toEqual([['hello'], ['bye']]);
    expect(await endings(customer)).toEqual(['gone', 'customer left']);
  });

  it('ends nothing that an agent had ended before, and an agent who answers it is heard', async () => {
    const customer = await talk({ ...WORDS, texts: { agentLeft: { en: 'Ann left.' } } });
    const { deskId } = await customer.conversation();
    await customer.says('bye');
    await customer.delivered();
    await customer.idles();
    await delivery.upkeep.closeEnded();
    expect(await endings(customer)).toEqual(['idle']);
    await db.gateway.accept([agentMessage('take care', { deskConversationId: deskId })]);
    expect(await customer.told()).toEqual(['take care', 'Ann left.']);
  });
});

describe("a customer's silence", () => {
  const SILENCE: NumberSettings = {
    customerSilentMinutes: 30,
    closing: { warnMinutes: 5 },
    texts: { silent: { en: 'We close in {{minutes}} minutes.' } },
  };
  const WARNING = 'We close in 5 minutes.';

  /** So long passes, for everything about this customer. */
  async function pass(customer: Talk, minutes: number): Promise<void> {
    const { threadId } = customer.thread;
    const ago = (column: string) => `${column} = ${column} - make_interval(mins => $2)`;
    await db.pool.query(
      `update conversations set ${ago('opened_at')}, ${ago('active_at')} where thread_id = $1`,
      [threadId, minutes],
    );
    await db.pool.query(`update messages set ${ago('accepted_at')} where thread_id = $1`, [
      threadId,
      minutes,
    ]);
    // What is said about a silence is known by when it began.
    const silence = `split_part(key, ':', 1) || ':' || (split_part(key, ':', 2)::bigint - $2 * 60000)`;
    await db.pool.query(`update texts_due set ${ago('created_at')}, key = ${silence} where thread_id = $1`, [
      threadId,
      minutes,
    ]);
  }

  /** One round of a worker. */
  async function round(customer: Talk): Promise<{ told: string[]; endings: string[] }> {
    await delivery.upkeep.warnSilent();
    const told = await customer.told();
    await delivery.upkeep.closeSilent();
    return { told, endings: await endings(customer) };
  }

  it('is warned of once, then ends the conversation, here and at the desk', async () => {
    const customer = await talk(SILENCE);
    await pass(customer, 24);
    expect(await round(customer)).toEqual({ told: [], endings: ['active'] });
    await pass(customer, 2);
    await round(customer);
    expect(await round(customer)).toEqual({ told: [WARNING], endings: ['active'] });
    await pass(customer, 3);
    expect(await round(customer)).toEqual({ told: [WARNING], endings: ['active'] });
    await pass(customer, 3);
    expect(await round(customer)).toEqual({ told: [WARNING], endings: ['customer-silent left'] });
  });

  it('begins anew when the customer writes, and is warned of again', async () => {
    const customer = await talk(SILENCE);
    await pass(customer, 26);
    await round(customer);
    await customer.says('I am here');
    await customer.delivered();
    await pass(customer, 6);
    expect(await round(customer)).toEqual({ told: [WARNING], endings: ['active'] });
    await pass(customer, 20);
    expect(await round(customer)).toEqual({ told: [WARNING, WARNING], endings: ['active'] });
    await pass(customer, 6);
    expect((await round(customer)).endings).toEqual(['customer-silent left']);
  });

  it('is none while a text of theirs waits, or an agent has just written', async () => {
    const customer = await talk(SILENCE);
    await pass(customer, 40);
    await customer.says('waiting');
    expect(await round(customer)).toEqual({ told: [], endings: ['active'] });
    await customer.delivered();
    await pass(customer, 40);
    const { deskId } = await customer.conversation();
    await db.gateway.accept([agentMessage('so?', { deskConversationId: deskId })]);
    expect(await round(customer)).toEqual({ told: ['so?'], endings: ['active'] });
    await pass(customer, 26);
    expect((await round(customer)).told).toEqual(['so?', WARNING]);
  });

  it('is none in a queue', async () => {
    const customer = await talk(SILENCE);
    await customer.transfers('a1');
    await pass(customer, 60);
    expect(await round(customer)).toEqual({ told: [], endings: ['queued'] });
  });

  it('begins when an agent has come, however long they have waited for that', async () => {
    const customer = await Talk.start(db, delivery, SILENCE);
    await pass(customer, 60);
    await customer.joins('a1', 'Ann');
    expect(await round(customer)).toEqual({ told: [], endings: ['active'] });
    await pass(customer, 26);
    expect(await round(customer)).toEqual({ told: [WARNING], endings: ['active'] });
  });

  it('that was overlooked for long is warned of first all the same', async () => {
    const customer = await talk(SILENCE);
    await pass(customer, 300);
    expect(await round(customer)).toEqual({ told: [WARNING], endings: ['active'] });
    await pass(customer, 6);
    expect((await round(customer)).endings).toEqual(['customer-silent left']);
  });

  it.each<[string, NumberSettings]>([
    ['there is no text', { customerSilentMinutes: 30, closing: { warnMinutes: 5 } }],
    ['there is no time for it', { customerSilentMinutes: 30, texts: { silent: { en: 'Silent.' } } }],
  ])('ends the conversation without a word where %s', async (_why, settings) => {
    const customer = await talk(settings);
    await pass(customer, 29);
    expect(await round(customer)).toEqual({ told: [], endings: ['active'] });
    await pass(customer, 2);
    expect(await round(customer)).toEqual({ told: [], endings: ['customer-silent left'] });
  });

  it('is that of the thread which goes on, wherever its texts wait', async () => {
    const customer = await talk(SILENCE);
    await pass(customer, 40);
    await db.pool.query(
      `with other as (
         insert into threads (id, tenant_id, number_id, customer_id, customer_address, continues_in, merged_at)
         select new_id(), tenant_id, number_id, customer_id, customer_address, id, now() from threads where id = $1
         returning id, tenant_id
       ), lane as (
         insert into lanes (id, tenant_id, thread_id, direction, continues_in)
         select new_id(), tenant_id, id, 'inbound', $1 from other returning id
       )
       insert into lane_items (lane_id, seq, message_id, state) select id, 1, new_id(), 'open' from lane`,
      [customer.thread.threadId],
    );
    expect(await round(customer)).toEqual({ told: [], endings: ['active'] });
  });
});
