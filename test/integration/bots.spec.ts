import { hash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError, isRefusal, type MessageContent, type NumberSettings, type WakeUp } from '#core';
import { DueHandBacks, MediaDeletions, ProviderStates } from '#persistence';
import { Metrics, type Logger } from '#platform';
import { WorkerGate } from '../../apps/worker/src/gate/worker-gate.js';
import { HandBacks } from '../../apps/worker/src/hand-backs.js';
import { MediaDeleting } from '../../apps/worker/src/media-deleting.js';
import {
  deskEvent,
  inboundMessage,
  newAddress,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import { newThread, OpenGate, startDelivery, type Delivery, type TestThread } from '../support/delivering.js';
import { FAKE_MEDIA_URL, losesAnswer, refuses } from '../support/fakes.js';

const URL = 'https://bot.example/causeway';
const BOT: NumberSettings = { mode: 'bot', bot: { url: URL } };

let db: TestDatabase;
let delivery: Delivery;
let numbers = 0;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db, { closeGraceMs: 100, readyMs: 1 });
});

async function settings(thread: Pick<TestThread, 'numberId'>, value: NumberSettings): Promise<void> {
  await db.pool.query('update business_numbers set settings = $2 where id = $1', [
    thread.numberId,
    JSON.stringify(value),
  ]);
}

/** A customer of a number of its own with these settings, who has written. */
async function threadOf(value: NumberSettings, texts: string[] = ['hello']): Promise<TestThread> {
  numbers += 1;
  const thread = await newThread(db, texts, { address: `+1555${String(numbers).padStart(7, '0')}` });
  await settings(thread, value);
  return thread;
}

async function handOff(
  thread: Pick<TestThread, 'threadId'>,
  content: Omit<MessageContent & { type: 'handoff' }, 'type'> = { details: {} },
  key: string = randomUUID(),
) {
  const { rows } = await db.pool.query<{ outcome: string; message_id: string; conversation_id: string }>(
    `select * from post_handoff('default', $1, sha256(convert_to($2, 'UTF8')), sha256(convert_to($3, 'UTF8')), $4, $3::json,
       'test', null)`,
    [thread.threadId, key, JSON.stringify({ type: 'handoff', ...content }), randomUUID()],
  );
  return rows[0];
}

async function says(thread: TestThread, changes: Parameters<typeof inboundMessage>[0]): Promise<void> {
  const { rows } = await db.pool.query<{ address: string }>(
    'select address from business_numbers where id = $1',
    [thread.numberId],
  );
  await db.gateway.accept([
    inboundMessage({ from: thread.address, ...(rows[0] && { to: rows[0].address }), ...changes }),
  ]);
}

const deliveries = async (thread: TestThread) =>
  (await thread.messages('inbound')).map(({ text, delivery: state }) => `${text} ${state}`);

describe('a number in bot mode', () => {
  it('tells the bot what customers write, in order, and opens no conversation', async () => {
    const thread = await threadOf(BOT, ['one', 'two', 'three']);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts()).toEqual(['one', 'two', 'three']);
    expect(await deliveries(thread)).toEqual(['one submitted', 'two submitted', 'three submitted']);
    expect(await thread.conversations()).toEqual([]);
    expect(delivery.desk.conversations).toEqual([]);
    const [first] = await thread.messages('inbound');
    expect(first).toMatchObject({ conversation_id: null, possible_duplicate: false });
    expect(delivery.bot.told[0]).toEqual({
      url: URL,
      event: {
        id: first?.id,
        type: 'message.received',
        createdAt: expect.stringMatching(/^20\d\d-.*Z$/) as string,
        thread: { id: thread.threadId },
        number: { id: thread.numberId, address: expect.stringMatching(/^\+1555/) as string, channel: 'sms' },
        customer: { id: expect.any(String) as string, address: thread.address },
        message: { id: first?.id, seq: 1, content: { type: 'text', text: 'one' } },
      },
    });
  });

  it('tells it again under the same id after a death between intent and outcome, without a mark', async () => {
    const thread = await threadOf(BOT, ['one', 'two']);
    await expect(delivery.drain(thread.inbound, { diesAt: 'after-response' })).rejects.toThrow();
    await delivery.drainEmpty(thread.inbound);
    const ids = delivery.bot.told.map(({ event }) => event.id);
    expect(ids).toHaveLength(3);
    expect(ids[0]).toBe(ids[1]);
    expect(delivery.bot.told[0]?.event).toEqual(delivery.bot.told[1]?.event);
    expect(delivery.bot.texts()).toEqual(['one', 'two']);
    expect((await thread.messages('inbound')).map((one) => one.possible_duplicate)).toEqual([false, false]);
    const { rows } = await db.pool.query(
      'select outcome, destination from attempts a join messages m on m.id = a.message_id where m.thread_id = $1 order by a.id',
      [thread.threadId],
    );
    expect(rows).toEqual([
      { outcome: 'abandoned', destination: 'bot' },
      { outcome: 'submitted', destination: 'bot' },
      { outcome: 'submitted', destination: 'bot' },
    ]);
  });

  it('waits for a bot that is away, holds what nobody listens to, and fails what is refused', async () => {
    const thread = await threadOf(BOT, ['refused', 'late', 'waits']);
    delivery.bot.calls.next(
      refuses('failed', { code: 'bot-rejected', httpStatus: 422 }),
      refuses('not-sent', { code: 'bot-unavailable', httpStatus: 503 }),
      {},
      refuses('held', { code: 'bot-not-found', httpStatus: 404, hold: 'configuration' }),
    );
    await delivery.drainUntil(thread.inbound, 'a held message', async () =>
      (await deliveries(thread)).includes('waits held'),
    );
    expect(await deliveries(thread)).toEqual(['refused failed', 'late submitted', 'waits held']);
    expect(await thread.conversations()).toEqual([]);
  });

  it('has the files of customers behind links of ours', async () => {
    const thread = await threadOf(BOT);
    const url = `${FAKE_MEDIA_URL}bill`;
    delivery.channel.media.set(url, {
      bytes: Buffer.from('%PDF-1.7\n%%EOF\n'),
      filename: 'bill.pdf',
    });
    const attachments = [{ url, contentType: 'application/pdf' }, { url: 'http://elsewhere.example/' }];
    await says(thread, { content: { type: 'attachments', text: 'look', attachments } });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.events[1]?.message).toMatchObject({
      content: {
        type: 'attachments',
        text: 'look',
        attachments: [{ contentType: 'application/pdf' }, {}],
      },
      files: [
        { url: 'https://media/key-bill.pdf', filename: 'bill.pdf', bytes: 15 },
        { refused: 'unsafe-address' },
      ],
    });
    expect(JSON.stringify(delivery.bot.told)).not.toContain(FAKE_MEDIA_URL);
  });

  describe('whose media are to be deleted', () => {
    async function sendsFiles(thread: TestThread) {
      delivery.channel.media.set(`${FAKE_MEDIA_URL}kept`, { bytes: Buffer.from('%PDF-1.7\n%%EOF\n') });
      const attachments = [{ url: 'http://elsewhere.example/' }, { url: `${FAKE_MEDIA_URL}kept` }];
      await says(thread, { content: { type: 'attachments', text: 'look\0', attachments } });
    }
    const deleting = () =>
      new MediaDeleting(new MediaDeletions(db.pool), delivery.channel, new OpenGate(), 100, {
        warn: () => undefined,
      } as never).run();
    const remembered = async () => (await db.pool.query('select from media_deletions')).rowCount;

    it('has them from us, and the provider keeps none of them', async () => {
      const thread = await threadOf({ ...BOT, deleteMedia: true });
      await sendsFiles(thread);
      delivery.bot.calls.next({}, refuses('not-sent'));
      await delivery.drain(thread.inbound, { random: 1 });
      await deleting();
      expect(delivery.channel.media.size).toBe(1);
      await db.pool.query('update lanes set not_before = null where id = $1', [thread.inbound]);
      await delivery.drainEmpty(thread.inbound);
      expect(delivery.bot.events.at(-1)?.message.files).toMatchObject([
        { refused: 'unsafe-address' },
        { bytes: 15 },
      ]);
      await db.pool.query('update media_deletions set not_before = now()');
      await deleting();
      expect(delivery.channel.media.size).toBe(0);
      expect(await remembered()).toBe(0);
    });

    it('may give the message to the desk, which has them then', async () => {
      const thread = await threadOf(BOT);
      await sendsFiles(thread);
      delivery.bot.calls.next({}, refuses('not-sent'));
      await delivery.drain(thread.inbound, { random: 1 });
      await settings(thread, { ...BOT, mode: 'direct', deleteMedia: true });
      await db.pool.query('update lanes set not_before = null where id = $1', [thread.inbound]);
      await delivery.drainEmpty(thread.inbound);
      expect(delivery.desk.files).toHaveLength(1);
      await deleting();
      expect(delivery.channel.media.size).toBe(0);
      expect(await remembered()).toBe(0);
    });
  });

  it('decides for each message when its turn comes', async () => {
    const thread = await threadOf(BOT, ['to the bot']);
    await delivery.drainEmpty(thread.inbound);
    delivery.bot.calls.next(refuses('not-sent'));
    await thread.says('first try at the bot');
    await delivery.drain(thread.inbound);
    await settings(thread, { ...BOT, mode: 'direct' });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts()).toEqual(['to the bot']);
    expect(delivery.desk.texts()).toEqual([['first try at the bot']]);
    const [conversation] = await thread.conversations();
    expect(conversation?.state).toBe('opening');
  });

  it('marks what the bot may have had when the agents get it in the end', async () => {
    const thread = await threadOf(BOT, ['heard by both, perhaps']);
    await expect(delivery.drain(thread.inbound, { diesAt: 'after-response' })).rejects.toThrow();
    await settings(thread, { ...BOT, mode: 'direct' });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['heard by both, perhaps']]);
    expect(await thread.messages('inbound')).toMatchObject([
      { delivery: 'submitted', possible_duplicate: true },
    ]);
  });
});

describe('a bot that fails', () => {
  const OTHER = 'https://other.example/';

  it('is a provider of its own: neither another bot nor the desk is held up', async () => {
    const gate = new WorkerGate({
      workerId: randomUUID(),
      states: new ProviderStates(db.pool),
      wakeUps: { wake: () => undefined },
      metrics: new Metrics({ processMetrics: false }),
      logger: { info: () => undefined, warn: () => undefined, error: () => undefined } as unknown as Logger,
      observer: { alarm: () => undefined },
      options: {
        failureShare: 0.5,
        minCalls: 5,
        windowMs: 10_000,
        probeIntervalMs: 60_000,
        credentialsProbeIntervalMs: 60_000,
        callTimeoutMs: 100,
        lanesAtOnce: 16,
        concurrency: { channel: 100, desk: 100, bot: 100 },
        messagesPerSecond: () => 1_000,
      },
    });
    await gate.beat();
    const call = { provider: 'bot', kind: 'send', tenantId: 'default' } as const;
    for (let n = 0; n < 10; n += 1) {
      const permit = await gate.enter({ ...call, botUrl: URL });
      if (!isRefusal(permit)) permit.end(new DeliveryError('not-sent', { code: 'bot-unavailable' }));
    }
    expect(await gate.enter({ ...call, botUrl: URL })).toMatchObject({ why: 'breaker' });
    for (const other of [
      { ...call, botUrl: OTHER },
      { ...call, provider: 'desk' as const },
    ]) {
      expect(isRefusal(await gate.enter(other))).toBe(false);
    }
    await gate.stop();
  });

  it('has its lanes go on when it works again, and no others', async () => {
    const own = await threadOf(BOT);
    const other = await threadOf({ mode: 'bot', bot: { url: OTHER } });
    for (const { inbound } of [own, other]) {
      delivery.bot.calls.next(refuses('not-sent', { code: 'bot-unavailable' }));
      await delivery.drain(inbound, {
        random: 1,
        options: { retry: { pausesMs: [60_000], retryAfterMinMs: 0, retryAfterMaxMs: 0 } },
      });
    }
    const name = `bot:${hash('sha256', URL, 'hex').slice(0, 16)}`;
    const pulled = await new ProviderStates(db.pool).pullForward('default', name, 0);
    expect(pulled.map(({ laneId }) => laneId)).toEqual([own.inbound]);
    await delivery.drainEmpty(own.inbound);
    expect(delivery.bot.texts()).toEqual(['hello']);
  });
});

describe('a hand-off', () => {
  it('opens a conversation with what the bot knows, between the texts before and after it', async () => {
    const thread = await threadOf(BOT, ['hello', 'an agent, please']);
    await delivery.drainEmpty(thread.inbound);
    const posted = await handOff(thread, {
      details: {
        user: { name: 'James Jones', properties: [{ key: 'Intent', value: 'balance' }] },
        queueId: '200',
        history: [
          { authorType: 'user', text: 'hello' },
          { authorType: 'bot', text: 'How can I help?' },
        ],
      },
    });
    await thread.says('are you there?');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts()).toEqual(['hello', 'an agent, please']);
    expect(delivery.desk.texts()).toEqual([['are you there?']]);
    expect(delivery.desk.conversations[0]?.request).toMatchObject({
      channelId: 'channel-1',
      user: {
        name: 'James Jones',
        phone: thread.address,
        properties: [{ key: 'Intent', value: 'balance' }],
      },
      assignment: { type: 'queue', id: '200' },
      history: [
        { authorType: 'user', text: 'hello' },
        { authorType: 'bot', text: 'How can I help?' },
      ],
    });
    const [conversation] = await thread.conversations();
    const messages = await thread.messages('inbound');
    expect(messages.find(({ id }) => id === posted?.message_id)).toMatchObject({
      delivery: 'submitted',
      conversation_id: conversation?.id,
    });
    expect(messages.map(({ text }) => text)).toEqual([
      'hello',
      'an agent, please',
      '(handoff)',
      'are you there?',
    ]);
  });

  it('comes once under its key, and not while agents have the customer or another waits', async () => {
    const thread = await threadOf(BOT, ['hello']);
    await delivery.drainEmpty(thread.inbound);
    const key = randomUUID();
    expect(await handOff(thread, { details: {} }, key)).toMatchObject({ outcome: 'posted' });
    expect(await handOff(thread, { details: {} }, key)).toMatchObject({ outcome: 'repeated' });
    expect(await handOff(thread, { details: { queueId: '7' } }, key)).toMatchObject({ outcome: 'conflict' });
    expect(await handOff(thread)).toMatchObject({ outcome: 'waiting' });
    await delivery.drainEmpty(thread.inbound);
    expect(await handOff(thread, { details: {} }, key)).toMatchObject({ outcome: 'repeated' });
    const [conversation] = await thread.conversations();
    expect(await handOff(thread)).toMatchObject({ outcome: 'served', conversation_id: conversation?.id });
    expect(await handOff({ threadId: randomUUID() })).toMatchObject({ outcome: 'unknown' });
    expect(delivery.desk.conversations).toHaveLength(1);
  });

  it('takes along what came while it was on its way, and what the bot was tried with stays the bot’s', async () => {
    const thread = await threadOf(BOT, ['tried']);
    delivery.bot.calls.next(refuses('not-sent', { code: 'bot-unavailable', httpStatus: 503 }));
    await delivery.drain(thread.inbound);
    await thread.says('came meanwhile');
    await handOff(thread, {
      details: { queueId: '200', history: [{ authorType: 'user', text: 'hello' }] },
      survey: { maxTotalMinutes: 20 },
    });
    await thread.says('came after');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts(thread.address)).toEqual(['tried']);
    expect(delivery.desk.conversations.map(({ request }) => request)).toMatchObject([
      { assignment: { type: 'queue', id: '200' }, history: [{ authorType: 'user', text: 'hello' }] },
    ]);
    expect(delivery.desk.texts()).toEqual([['came meanwhile', 'came after']]);
    expect(await thread.conversations()).toMatchObject([{ survey: { maxTotalMinutes: 20 } }]);
  });

  it("goes to the number's queue where its own is none", async () => {
    const thread = await threadOf(BOT, ['hello']);
    await delivery.drainEmpty(thread.inbound);
    await handOff(thread, { details: { queueId: 'none', user: { name: 'Ann' } } });
    await thread.says('behind it');
    delivery.desk.creates.next(refuses('held', { code: 'invalid-queue', hold: 'configuration' }));
    await delivery.drainEmpty(thread.inbound);
    expect(await deliveries(thread)).toEqual([
      'hello submitted',
      '(handoff) submitted',
      'behind it submitted',
    ]);
    expect(delivery.desk.texts()).toEqual([['behind it']]);
    const [conversation] = delivery.desk.conversations;
    expect(conversation?.request.user.name).toBe('Ann');
    expect(conversation?.request.assignment).toEqual({ type: 'queue', id: '100' });
    expect(delivery.alarms).toEqual(['handoff-queue-unknown']);
  });

  it("is held while the number's queue is none, and the texts behind it with it", async () => {
    const thread = await threadOf(BOT, ['hello']);
    await delivery.drainEmpty(thread.inbound);
    await handOff(thread);
    await thread.says('behind it');
    delivery.desk.creates.next(refuses('held', { code: 'invalid-queue', hold: 'configuration' }));
    await delivery.drainUntil(thread.inbound, 'a held hand-off', async () =>
      (await deliveries(thread)).includes('(handoff) held'),
    );
    expect(await deliveries(thread)).toEqual(['hello submitted', '(handoff) held', 'behind it open']);
    expect(delivery.desk.texts()).toEqual([]);
  });

  it('is opened once where the answer to its create was lost', async () => {
    const thread = await threadOf(BOT, ['hello']);
    await delivery.drainEmpty(thread.inbound);
    await handOff(thread, { details: { history: [{ authorType: 'user', text: 'hello' }] } });
    delivery.desk.creates.next(losesAnswer());
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations).toHaveLength(1);
    expect(await thread.conversations()).toHaveLength(1);
  });

  it('does not take a text of its history for what a lost call left', async () => {
    const thread = await threadOf(BOT, ['first']);
    await delivery.drainEmpty(thread.inbound);
    await handOff(thread, { details: { history: [{ authorType: 'user', text: 'again' }] } });
    await thread.says('again');
    delivery.desk.sends.next({ ...losesAnswer(), accepts: false });
    await delivery.drainUntil(thread.inbound, 'a conversation', () => delivery.desk.conversations.length > 0);
    // This desk lists its history, too.
    delivery.desk.conversations[0]?.messages.push({ text: 'again', authorType: 'user' });
    await delivery.drainEmpty(thread.inbound);
    const { messages = [] } = delivery.desk.conversations[0] ?? {};
    expect(messages.map(({ text }) => text)).toEqual(['again', 'again']);
  });
});

describe('after the agents', () => {
  /** A conversation that a hand-off has opened and that waits for an agent. */
  async function waiting(value: NumberSettings) {
    const thread = await threadOf(value, ['hello']);
    await delivery.drainEmpty(thread.inbound);
    await handOff(thread);
    await delivery.drainEmpty(thread.inbound);
    const [conversation] = await thread.conversations();
    const deskConversationId = conversation?.desk_conversation_id ?? '';
    const tell = (facts: Parameters<typeof deskEvent>[0] = {}) =>
      db.gateway.accept([deskEvent({ deskConversationId, type: 'MEMBERS_CHANGED', ...facts })]);
    await tell({ facts: { state: { value: 'active', at: 9_000 } }, occurredAt: 9_000 });
    const joins = () => tell({ facts: { agents: { a1: { joinedAt: 10_000 } } }, occurredAt: 10_000 });
    return { thread, deskConversationId, tell, joins, id: conversation?.id ?? '' };
  }

  /** The same with an agent. */
  async function served(value: NumberSettings) {
    const { joins, ...world } = await waiting(value);
    await joins();
    return world;
  }

  it('the next text is the bot’s again, and another hand-off opens another conversation', async () => {
    const { thread, tell } = await served(BOT);
    await thread.says('to the agent');
    await delivery.drainEmpty(thread.inbound);
    await tell({ facts: { state: { value: 'idle', at: 20_000 } }, occurredAt: 20_000 });
    await thread.says('to the bot');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello', 'to the bot']);
    expect(delivery.desk.texts()).toEqual([['to the agent']]);
    await handOff(thread);
    await thread.says('to the next agent');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['to the agent'], ['to the next agent']]);
  });

  it('texts that nobody has heard reopen for the agents, with those behind them', async () => {
    const { thread, deskConversationId, tell } = await served(BOT);
    await thread.says('unheard');
    await delivery.drainEmpty(thread.inbound);
    await tell({
      type: 'MESSAGE',
      occurredAt: 30_000,
      message: { authorType: 'user', content: { type: 'text', text: 'unheard' } },
    });
    await thread.says('waiting meanwhile');
    await db.gateway.accept([
      deskEvent({
        deskConversationId,
        occurredAt: 31_000,
        facts: { state: { value: 'idle', at: 31_000 }, agents: { a1: { joinedAt: 10_000, leftAt: 20_000 } } },
      }),
    ]);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello']);
    expect(delivery.desk.conversations).toHaveLength(2);
    expect(delivery.desk.conversations[1]?.request.history).toEqual([
      { authorType: 'user', text: 'unheard' },
    ]);
    expect(delivery.desk.texts()[1]).toEqual(['waiting meanwhile']);
  });

  const SURVEY: NumberSettings = {
    mode: 'bot',
    bot: { url: URL, survey: { maxTotalMinutes: 30, userTimeoutMinutes: 10 } },
  };

  let metrics: Metrics;
  beforeEach(() => {
    metrics = new Metrics({ processMetrics: false });
  });
  const handBacksBy = async (result: string) => {
    const { values } = await metrics.handBacks.get();
    return values.find(({ labels }) => labels.result === result)?.value;
  };

  /** The desk knows us as `webhook-1`, and hears of what is to be handed back. */
  async function handBack(): Promise<void> {
    await db.pool.query(`update business_numbers set chat_gateway_webhook_id = 'webhook-1'`);
    const wakeUps = { wake: (list: WakeUp[]) => void delivery.wakeUps.push(...list) };
    const { desk } = delivery;
    await new HandBacks({
      due: new DueHandBacks(db.pool),
      desk,
      gate: new OpenGate(),
      wakeUps,
      metrics,
      logger: { warn: () => undefined } as unknown as Logger,
      timeoutMs: 1_000,
    }).run();
  }

  const LEFT = { a1: { joinedAt: 10_000, leftAt: 20_000 } };

  it('the bot has the customer back, beside the desk, until that ends it', async () => {
    const { thread, deskConversationId, tell, id } = await served(SURVEY);
    await handBack();
    expect(delivery.desk.handedBack).toEqual([
      {
        deskConversationId,
        webhookId: 'webhook-1',
        limits: { maxTotalMinutes: 30, userTimeoutMinutes: 10 },
      },
    ]);
    await handBack();
    expect(delivery.desk.handedBack).toHaveLength(1);
    await tell({ facts: { agents: LEFT }, occurredAt: 20_000 });
    expect(await thread.conversations()).toMatchObject([{ state: 'post-agent', close_due_at: null }]);

    await thread.says('five stars');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['five stars']]);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello', 'five stars']);
    expect(delivery.bot.events.at(-1)?.conversation).toEqual({ id, state: 'post-agent' });

    await db.pool.query(
      `select post_message('default', $1, sha256($2), sha256($2), $3, '{"type": "text", "text": "Thank you!"}', 'test', null)`,
      [thread.threadId, Buffer.from(randomUUID()), randomUUID()],
    );
    await delivery.drainEmpty(thread.inbound);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.desk.conversations[0]?.messages).toEqual([
      { text: 'five stars', authorType: 'user' },
      { text: 'Thank you!', authorType: 'bot' },
    ]);
    expect(delivery.channel.texts(thread.address)).toEqual(['Thank you!']);

    // What the bot was told of is unheard by nobody.
    await tell({
      type: 'MESSAGE',
      occurredAt: 30_000,
      message: { authorType: 'user', content: { type: 'text', text: 'five stars' } },
    });
    await tell({ facts: { state: { value: 'idle', at: 40_000 } }, occurredAt: 40_000 });
    expect(await thread.conversations()).toMatchObject([{ state: 'closed' }]);
    await thread.says('hello again');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.events.at(-1)).toMatchObject({ message: { content: { text: 'hello again' } } });
    expect(delivery.bot.events.at(-1)).not.toHaveProperty('conversation');
    expect(delivery.desk.conversations).toHaveLength(1);
  });

  it('a message goes on where it has begun when the survey ends between the desk and the bot', async () => {
    const { thread, tell } = await served(SURVEY);
    await handBack();
    await tell({ facts: { agents: LEFT }, occurredAt: 20_000 });
    await thread.says('the last word');
    delivery.bot.calls.next({}, refuses('not-sent'));
    delivery.bot.calls.next(refuses('not-sent'));
    await delivery.drainUntil(
      thread.inbound,
      'a text at the desk',
      () => delivery.desk.texts()[0]?.length === 1,
    );
    await tell({ facts: { state: { value: 'idle', at: 40_000 } }, occurredAt: 40_000 });
    await settings(thread, { ...SURVEY, mode: 'direct' });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello', 'the last word']);
    expect(delivery.desk.texts()).toEqual([['the last word']]);
  });

  it('a message that the desk has is whole where its number loses its bot before that was told', async () => {
    const { thread, tell } = await served(SURVEY);
    await handBack();
    await tell({ facts: { agents: LEFT }, occurredAt: 20_000 });
    await thread.says('five stars');
    delivery.bot.calls.next(refuses('not-sent'));
    await delivery.drain(thread.inbound);
    expect(delivery.desk.texts()).toEqual([['five stars']]);
    await settings(thread, {});
    await delivery.drainEmpty(thread.inbound);
    expect(await deliveries(thread)).toEqual([
      'hello submitted',
      '(handoff) submitted',
      'five stars submitted',
    ]);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello']);
  });

  it('what the bot says to the customer’s other address is copied into the same conversation', async () => {
    const { thread, tell, id } = await served(SURVEY);
    await handBack();
    await tell({ facts: { agents: LEFT }, occurredAt: 20_000 });
    const { rows } = await db.pool.query<{ address: string }>(
      'select address from business_numbers where id = $1',
      [thread.numberId],
    );
    const from = newAddress();
    const message = inboundMessage({ from, ...(rows[0] && { to: rows[0].address }), text: 'it is me' });
    await db.gateway.accept([message]);
    const aliases = [thread.address, from].map((value) => ({ channel: message.channel, value }));
    await db.gateway.accept([
      { ...inboundMessage({ from, ...(rows[0] && { to: rows[0].address }) }), aliases },
    ]);
    const { rows: merged } = await db.pool.query<{ id: string }>(
      'select id from threads where continues_in = $1',
      [thread.threadId],
    );
    expect(merged).toHaveLength(1);
    const posted = randomUUID();
    await db.pool.query(
      `select post_message('default', $1, sha256($2), sha256($2), $3, '{"type": "text", "text": "Thank you!"}', 'test', null)`,
      [merged[0]?.id, Buffer.from(randomUUID()), posted],
    );
    const { rows: said } = await db.pool.query(
      `select thread_id, direction, conversation_id from messages where content ->> 'text' = 'Thank you!'
         and thread_id in ($1, $2) order by direction`,
      [thread.threadId, merged[0]?.id],
    );
    expect(said).toEqual([
      { thread_id: thread.threadId, direction: 'inbound', conversation_id: null },
      { thread_id: merged[0]?.id, direction: 'outbound', conversation_id: id },
    ]);
  });

  it('another hand-off ends the survey', async () => {
    const { thread, tell } = await served(SURVEY);
    await handBack();
    await tell({ facts: { agents: LEFT }, occurredAt: 20_000 });
    expect(await handOff(thread)).toMatchObject({ outcome: 'posted' });
    await thread.says('to the next agent');
    await delivery.drainEmpty(thread.inbound);
    expect(await thread.conversations()).toMatchObject([
      { state: 'closed', close_reason: 'handed-over' },
      { state: 'opening' },
    ]);
    expect(delivery.desk.texts()).toEqual([[], ['to the next agent']]);
    const { rows } = await db.pool.query(
      'select 1 from desk_conversations where id = $1 and end_wanted_at is not null',
      [delivery.desk.conversations[0]?.id],
    );
    expect(rows).toHaveLength(1);
  });

  it('and takes along what came while it was on its way', async () => {
    const { thread, tell } = await served(SURVEY);
    await handBack();
    await tell({ facts: { agents: LEFT }, occurredAt: 20_000 });
    await thread.says('came meanwhile');
    await handOff(thread);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello']);
    expect(delivery.desk.texts()).toEqual([[], ['came meanwhile']]);
    expect(await thread.conversations()).toMatchObject([
      { state: 'closed', close_reason: 'handed-over' },
      { state: 'opening' },
    ]);
  });

  describe('a text that only the desk got around the leaving, where the desk tells of the survey', () => {
    /** `unheard` is at the desk and after the agent, and the bot has the customer. */
    async function unheard() {
      const { thread, deskConversationId, tell } = await served(SURVEY);
      await handBack();
      await thread.says('unheard');
      await delivery.drainEmpty(thread.inbound);
      await tell({ facts: { agents: LEFT, postAgentAt: 20_001 }, occurredAt: 20_001 });
      const announced = () =>
        tell({
          type: 'MESSAGE',
          occurredAt: 30_000,
          message: { authorType: 'user', content: { type: 'text', text: 'unheard' } },
        });
      expect(await thread.conversations()).toMatchObject([{ state: 'post-agent' }]);
      return { thread, deskConversationId, tell, announced };
    }

    const endings: [string, (world: Awaited<ReturnType<typeof unheard>>) => Promise<unknown>][] = [
      ['idle', ({ tell }) => tell({ facts: { state: { value: 'idle', at: 40_000 } }, occurredAt: 40_000 })],
      ['handed-over', ({ thread }) => handOff(thread)],
      [
        'survey-over',
        async ({ thread }) => {
          await db.pool.query(
            'update conversations set post_agent_until = clock_timestamp() where thread_id = $1',
            [thread.threadId],
          );
          await delivery.upkeep.closeHandedBack();
        },
      ],
    ];

    it.each(endings)('the ending %s hands it to the agents', async (reason, end) => {
      const world = await unheard();
      await world.announced();
      await end(world);
      await delivery.drainEmpty(world.thread.inbound);
      expect((await world.thread.conversations())[0]).toMatchObject({
        state: 'closed',
        close_reason: reason,
      });
      expect(delivery.desk.conversations[1]?.request.history).toEqual([
        { authorType: 'user', text: 'unheard' },
      ]);
      expect(delivery.bot.texts(world.thread.address)).toEqual(['hello']);
    });

    it.each(endings)('the ending %s does so, too, where it is announced only later', async (_reason, end) => {
      const world = await unheard();
      await end(world);
      await delivery.drainEmpty(world.thread.inbound);
      await world.announced();
      await delivery.drainEmpty(world.thread.inbound);
      const { request, messages = [] } = delivery.desk.conversations[1] ?? {};
      expect([...(request?.history ?? []), ...messages].map(({ text }) => text)).toEqual(['unheard']);
      expect(delivery.bot.texts(world.thread.address)).toEqual(['hello']);
    });
  });

  it('an agent who joins again has the customer again, and time ends what the desk does not', async () => {
    const { thread, tell } = await served(SURVEY);
    await handBack();
    await tell({ facts: { agents: LEFT }, occurredAt: 20_000 });
    await tell({ facts: { agents: { a2: { joinedAt: 30_000 } } }, occurredAt: 30_000 });
    expect(await thread.conversations()).toMatchObject([{ state: 'active' }]);
    await thread.says('to the agent');
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello']);
    await tell({ facts: { agents: { a2: { joinedAt: 30_000, leftAt: 40_000 } } }, occurredAt: 40_000 });
    expect(await thread.conversations()).toMatchObject([{ state: 'post-agent' }]);
    await delivery.upkeep.closeHandedBack();
    expect(await thread.conversations()).toMatchObject([{ state: 'post-agent' }]);
    await db.pool.query(
      `update conversations set post_agent_until = post_agent_until - interval '35 minutes' where thread_id = $1`,
      [thread.threadId],
    );
    await delivery.upkeep.closeHandedBack();
    expect(await thread.conversations()).toMatchObject([{ state: 'closed', close_reason: 'survey-over' }]);
  });

  it('what the desk does not take yet is asked for at once when an agent joins, and then not given up', async () => {
    const { joins } = await waiting(SURVEY);
    delivery.desk.handBacks.next(refuses('not-sent', { code: 'desk-unavailable', httpStatus: 503 }));
    await handBack();
    await handBack();
    expect(delivery.desk.handedBack).toEqual([]);
    await joins();
    await handBack();
    expect(delivery.desk.handedBack).toHaveLength(1);
  });

  it('what the desk refuses for good is asked for once more with an agent there', async () => {
    const { thread, joins } = await waiting(SURVEY);
    const timePasses = () =>
      db.pool.query(
        `update conversations set post_agent_not_before = post_agent_not_before - interval '1 hour' where thread_id = $1`,
        [thread.threadId],
      );
    const tries = async () => {
      const { rows } = await db.pool.query<{ tries: number }>(
        'select post_agent_tries as tries from conversations where thread_id = $1',
        [thread.threadId],
      );
      return rows[0]?.tries;
    };
    const refusal = refuses('failed', { code: 'rejected', httpStatus: 422 });
    delivery.desk.handBacks.next(refusal, refusal);
    await handBack();
    await timePasses();
    await handBack();
    expect(await tries()).toBe(1);
    await joins();
    await handBack();
    await timePasses();
    await handBack();
    expect(await tries()).toBe(2);
    expect(await handBacksBy('rejected')).toBe(2);
    expect(delivery.desk.handedBack).toEqual([]);
  });

  it('comes in time while the grace after the last agent runs', async () => {
    delivery = startDelivery(db, { closeGraceMs: 60_000, readyMs: 1 });
    const { thread, tell } = await served(SURVEY);
    await tell({ facts: { agents: LEFT }, occurredAt: 20_000 });
    const [conversation] = await thread.conversations();
    expect(conversation?.close_due_at).not.toBeNull();
    await thread.says('waits for the closing');
    await delivery.drain(thread.inbound);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello']);
    await handBack();
    expect(delivery.wakeUps).toContainEqual({ laneId: thread.inbound, direction: 'inbound' });
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.bot.texts(thread.address)).toEqual(['hello', 'waits for the closing']);
  });
});
