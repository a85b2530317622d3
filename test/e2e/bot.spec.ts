import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, messagesOf } from '../support/accepting.js';
import { NUMBERS, startSystem, type System } from '../support/system.js';
import { TestBot } from '../support/test-bot.js';
import { Customer } from '../support/traffic.js';

describe('a bot before and after the agents', { timeout: 120_000 }, () => {
  const bot = new TestBot();
  let system: System;
  let botUrl: string;
  let keys = 0;

  beforeAll(async () => {
    botUrl = await bot.start();
    system = await startSystem({
      queues: 'postgres',
      gateways: 2,
      workers: 2,
      env: {
        SWEEP_INTERVAL_MS: '300',
        PROBE_INTERVAL_MS: '300',
        RETRY_SCHEDULE_MS: '100',
        RETRY_AFTER_MIN_MS: '0',
        HOOK_SIGNING_SECRET: TestBot.secret,
      },
    });
  });
  afterAll(async () => {
    await system?.stop();
    await bot.stop();
  });
  beforeEach(async () => {
    await configure({ mode: 'bot', bot: { url: botUrl, survey: { maxTotalMinutes: 20 } } });
  });

  async function configure(settings: object): Promise<void> {
    const { body } = await system.api('GET', '/numbers');
    const numbers = (body as { items: { id: string; address: string }[] }).items;
    for (const { id, address } of numbers) {
      if (!NUMBERS.some((one) => one === address)) continue;
      const changes = { settings, chatGatewayWebhookId: '1' };
      expect((await system.api('PATCH', `/numbers/${id}`, changes)).status).toBe(200);
    }
  }

  const heard = (customer: Customer, ...texts: string[]) =>
    eventually(`${texts.length} texts at the bot`, () => {
      const own = bot.texts(customer.address);
      return texts.every((text) => own.includes(text));
    });

  const threadOf = (customer: Customer): string =>
    bot.events.find((event) => event.customer.address === customer.address)?.thread.id ?? '';

  async function says(customer: Customer, text: string): Promise<void> {
    const { status } = await system.api('POST', '/messages', {
      threadId: threadOf(customer),
      content: { type: 'text', text },
      idempotencyKey: `bot-${(keys += 1)}`,
    });
    expect(status).toBe(202);
  }

  async function handsOver(customer: Customer, details: object = {}): Promise<void> {
    const { status } = await system.api('POST', '/handoffs', {
      threadId: threadOf(customer),
      idempotencyKey: `handoff-${(keys += 1)}`,
      ...details,
    });
    expect(status).toBe(202);
  }

  async function state(customer: Customer): Promise<string | undefined> {
    const { body } = await system.api(
      'GET',
      `/conversations?address=${encodeURIComponent(customer.address)}`,
    );
    return (body as { items: { state: string }[] }).items[0]?.state;
  }

  it('bot, hand-off, agent, survey, and the bot again', async () => {
    const customer = new Customer(system);
    const before = [1, 2, 3].map((n) => customer.text(`before ${n}`));
    for (const text of before) await customer.write(text);
    await heard(customer, ...before);
    expect(bot.texts(customer.address)).toEqual(before);
    expect(customer.conversationIds).toEqual([]);
    await says(customer, customer.text('an answer of the bot'));
    await customer.atPhone(customer.text('an answer of the bot'));

    await handsOver(customer, {
      user: { name: 'James Jones', properties: { Intent: 'balance' } },
      history: [
        { authorType: 'user', text: customer.text('before 1') },
        { authorType: 'bot', text: customer.text('an answer of the bot') },
      ],
    });
    const after = [1, 2, 3].map((n) => customer.text(`after ${n}`));
    for (const text of after) await customer.write(text);
    const conversation = await customer.accept();
    await customer.atDesk(...after);
    expect(customer.textsAtDesk()).toEqual(after);
    expect(bot.texts(customer.address)).toEqual(before);
    expect(conversation.user).toMatchObject({ name: 'James Jones', phone: customer.number });
    expect(conversation.user['additionalProperties']).toContainEqual({ key: 'Intent', value: 'balance' });
    expect(conversation.messages.filter(({ history }) => history).map(({ text }) => text)).toEqual([
      customer.text('before 1'),
      customer.text('an answer of the bot'),
    ]);
    customer.answer(conversation, customer.text('an answer of the agent'));
    await customer.atPhone(customer.text('an answer of the agent'));

    const assignment = await eventually('a post-agent assignment', () =>
      system.desk.log.find(
        (entry) => entry.kind === 'post-agent-assignment' && entry.conversationId === conversation.id,
      ),
    );
    expect(assignment).toMatchObject({
      body: {
        type: 'webhook',
        id: '1',
        configuration: { notifyChannelWebhookIfExists: 'false', maxTotalMinutes: 20 },
      },
    });
    system.desk.desk.leave(conversation, 'agent-1');
    await eventually('the survey', async () => (await state(customer)) === 'post-agent');
    await customer.write(customer.text('five stars'));
    await heard(customer, customer.text('five stars'));
    expect(bot.events.at(-1)?.conversation).toMatchObject({ state: 'post-agent' });
    await customer.atDesk(customer.text('five stars'));
    await says(customer, customer.text('thank you'));
    await customer.atPhone(customer.text('thank you'));
    await eventually("the bot's word at the desk", () =>
      conversation.messages.some(
        ({ text, authorType }) => text === customer.text('thank you') && authorType === 'bot',
      ),
    );

    system.desk.desk.end(conversation);
    await eventually('the end', async () => (await state(customer)) === 'closed');
    await customer.write(customer.text('and now'));
    await heard(customer, customer.text('and now'));
    expect(bot.events.at(-1)).not.toHaveProperty('conversation');
    expect(customer.conversationIds).toEqual([conversation.id]);
    expect(bot.forged).toBe(0);
  });

  it('loses and doubles nothing through a bot that is away and a worker that dies', async () => {
    const customers = Array.from({ length: 6 }, () => new Customer(system));
    const texts = (customer: Customer) => Array.from({ length: 8 }, (_, n) => customer.text(`text ${n}`));
    bot.refuses = 503;
    const writing = Promise.all(
      customers.map(async (customer) => {
        for (const text of texts(customer)) await customer.write(text);
      }),
    );
    await system.workers[0]?.kill();
    await writing;
    bot.refuses = undefined;
    await Promise.all(customers.map((customer) => heard(customer, ...texts(customer))));
    for (const customer of customers) {
      expect(bot.texts(customer.address)).toEqual(texts(customer));
      await eventually('messages that are submitted', async () =>
        (await messagesOf(system.pool, customer.number)).every(({ delivery }) => delivery === 'submitted'),
      );
      expect(customer.conversationIds).toEqual([]);
    }
  });
});
