import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NumberSettings } from '#core';
import { eventually, messagesOf } from '../support/accepting.js';
import { CANARIES } from '../support/canaries.js';
import { startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';

type DeskConversation = System['desk']['desk']['conversations'][number];

let system: System;
let template: string;

beforeAll(async () => {
  system = await startSystem({ queues: 'postgres', gateways: 1 });
  template = await approvedTemplate();
});
afterAll(() => system.stop());

/** A template as an operator makes it at Twilio, and Meta approves it. */
async function approvedTemplate(): Promise<string> {
  const { sid } = await ask(`/v1/Content`, {
    friendly_name: 'answer',
    language: 'en',
    variables: { '1': 'Acme' },
    types: { 'twilio/text': { body: '{{1}} has an answer for you. May we send it?' } },
  });
  await ask(`/__sandbox/contents/${sid}/approval`, { status: 'approved' });
  return sid;
}

async function ask(path: string, body: object): Promise<{ sid: string }> {
  const answer = await fetch(system.twilio.url + path, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${CANARIES.accountSid}:${CANARIES.authToken}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  return answer.status === 204 ? { sid: '' } : ((await answer.json()) as { sid: string });
}

/** A customer and an agent who have talked. */
async function talked(): Promise<{ customer: Customer; conversation: DeskConversation }> {
  const customer = new Customer(system, 'whatsapp');
  await customer.write(customer.text('hello'));
  const conversation = await customer.accept();
  await customer.atDesk(customer.text('hello'));
  return { customer, conversation };
}

/** A day passes: for us, for Twilio, or for both. */
async function dayPasses(customer: Customer, whose: 'both' | 'twilio'): Promise<void> {
  system.twilio.setWindow(customer.ours, customer.address, false);
  if (whose === 'twilio') return;
  await system.pool.query(
    `update messages m set accepted_at = m.accepted_at - interval '25 hours'
     from threads t where t.id = m.thread_id and t.customer_address = $1 and m.direction = 'inbound'`,
    [customer.address],
  );
}

async function setting(settings: NumberSettings): Promise<void> {
  const { body } = await system.api('GET', '/numbers');
  for (const { id } of (body as { items: { id: string }[] }).items) {
    expect((await system.api('PATCH', `/numbers/${id}`, { settings })).status).toBe(200);
  }
}

/** What the phone shows: texts, and what templates say. */
function phone(customer: Customer): string[] {
  return system.twilio.messages
    .filter(({ to, direction, status }) => {
      const arrives = status !== 'failed' && status !== 'undelivered';
      return to === customer.address && direction !== 'inbound' && arrives;
    })
    .map(({ body }) => body);
}

/** How often Twilio was asked to send something to this customer. */
function calls(customer: Customer): number {
  return system.twilio.log.filter((entry) => entry.kind === 'message' && entry.to === customer.address)
    .length;
}

const held = (customer: Customer) =>
  eventually('a message that waits for the customer', async () =>
    (await messagesOf(system.pool, customer.number)).some(
      ({ delivery, reason }) => delivery === 'held' && reason === 'window',
    ),
  );

const told = (conversation: DeskConversation, words: string) =>
  eventually(`a note: ${words}`, () =>
    conversation.messages.some(({ authorType, text }) => authorType === 'bot' && text.includes(words)),
  );

const atPhone = (customer: Customer, ...shown: string[]) =>
  eventually('what the phone shows', () => JSON.stringify(phone(customer)) === JSON.stringify(shown));

describe("WhatsApp's window", { timeout: 120_000 }, () => {
  it.each(['both', 'twilio'] as const)(
    'closed (known to %s): the agent is told, and the answers arrive, in order, once the customer writes',
    async (whose) => {
      const { customer, conversation } = await talked();
      await dayPasses(customer, whose);
      const answers = ['first', 'second', 'third'].map((label) => customer.text(label));
      customer.answer(conversation, answers[0] ?? '');
      await held(customer);
      for (const answer of answers.slice(1)) customer.answer(conversation, answer);
      await told(conversation, 'It goes out when they write.');
      expect(calls(customer)).toBe(whose === 'both' ? 0 : 1);
      expect(phone(customer)).toEqual([]);
      await customer.write(customer.text('I am back'));
      await atPhone(customer, ...answers);
    },
  );

  it.each(['both', 'twilio'] as const)(
    "closed (known to %s): the number's template asks the customer, once, and what they say opens it",
    async (whose) => {
      await setting({ windowTemplate: { contentSid: template, variables: { '1': 'Causeway' } } });
      const { customer, conversation } = await talked();
      await dayPasses(customer, whose);
      const question = 'Causeway has an answer for you. May we send it?';
      const answers = ['first', 'second'].map((label) => customer.text(label));
      customer.answer(conversation, answers[0] ?? '');
      await atPhone(customer, question);
      customer.answer(conversation, answers[1] ?? '');
      await held(customer);
      await told(conversation, 'They have been sent the template');
      await customer.write('Yes please');
      await atPhone(customer, question, ...answers);
    },
  );

  it('does not hold a template: an agent sends it by its name, a bot by the API', async () => {
    await setting({ templates: { answer: template } });
    const { customer, conversation } = await talked();
    await dayPasses(customer, 'both');
    customer.answer(conversation, '/template answer 1="The shop"');
    await atPhone(customer, 'The shop has an answer for you. May we send it?');
    const { rows } = await system.pool.query<{ id: string }>(
      'select id from threads where customer_address = $1',
      [customer.address],
    );
    const posted = await system.api('POST', '/messages', {
      threadId: rows[0]?.id,
      template: { contentSid: template, variables: { '1': 'The bot' } },
      idempotencyKey: 'windows-1',
    });
    expect(posted.status).toBe(202);
    await atPhone(
      customer,
      'The shop has an answer for you. May we send it?',
      'The bot has an answer for you. May we send it?',
    );
    customer.answer(conversation, '/template nothing');
    await told(conversation, 'There is no template of this name.');
  });

  it('says what it found on the wire, and where', async () => {
    expect(await system.violations()).toEqual([]);
  });
});
