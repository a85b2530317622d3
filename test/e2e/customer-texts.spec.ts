import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NumberSettings } from '#core';
import { eventually } from '../support/accepting.js';
import { startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';

const SETTINGS: NumberSettings = {
  customerSilentMinutes: 30,
  closing: { warnMinutes: 5, words: ['Tschüss'], goOnMinutes: 10 },
  texts: {
    welcome: { en: 'Welcome to {{number}}.', de: 'Willkommen bei {{number}}.' },
    agentJoined: { en: '{{name|One of us}} is here.', de: '{{name|Jemand}} ist jetzt da.' },
    agentLeft: { en: '{{name|We}} left.', de: '{{name|Wir}} ist gegangen.' },
    silent: { en: 'We close in {{minutes}} minutes.' },
  },
};

let system: System;

beforeAll(async () => {
  // The form of the desk's events that has agents' names.
  system = await startSystem({ queues: 'postgres', gateways: 1, desk: { memberForm: 'older' } });
  const { body } = await system.api('GET', '/numbers');
  for (const { id } of (body as { items: { id: string }[] }).items) {
    const answer = await system.api('PATCH', `/numbers/${id}`, { language: 'de', settings: SETTINGS });
    expect(answer).toMatchObject({ status: 200, body: { settings: SETTINGS } });
  }
});
afterAll(() => system.stop());

const atPhone = (customer: Customer, ...shown: string[]) =>
  eventually(
    `what the phone shows: ${shown.at(-1)}`,
    () => customer.textsAtPhone().length >= shown.length,
    60_000,
  ).then(() => expect(customer.textsAtPhone()).toEqual(shown));

/** The customer's conversations, the newest first. */
async function conversations(customer: Customer): Promise<{ state: string; closeReason?: string }[]> {
  const { body } = await system.api('GET', `/conversations?address=${encodeURIComponent(customer.number)}`);
  return (body as { items: { state: string; closeReason?: string }[] }).items;
}

const reasons = async (customer: Customer) =>
  (await conversations(customer)).map(({ closeReason }) => closeReason);

const closedFor = (customer: Customer, reason: string) =>
  eventually(`closed: ${reason}`, async () => (await reasons(customer))[0] === reason, 60_000);

describe('what a number tells its customers', { timeout: 120_000 }, () => {
  it('comes to the phone in order, in their language, from the first text to the last agent', async () => {
    const customer = new Customer(system);
    const welcome = 'Willkommen bei +15550100.';
    await customer.write(customer.text('hello'));
    const conversation = await customer.conversation();
    await atPhone(customer, welcome);
    await customer.accept();
    const first = `Ada ist jetzt da.`;
    await atPhone(customer, welcome, first);
    customer.answer(conversation, customer.text('answer'));
    await customer.atPhone(customer.text('answer'));
    // What they are told from now on is in a language of their own.
    await system.pool.query(
      `update customers c set language = 'en' from threads t where t.customer_address = $1 and c.id = t.customer_id`,
      [customer.address],
    );
    system.desk.desk.transfer(conversation, { fromAgentId: 'agent-1' });
    await eventually(
      'a conversation in a queue',
      async () => (await conversations(customer))[0]?.state === 'queued',
    );
    await customer.accept('agent-2');
    const second = `Grace is here.`;
    await atPhone(customer, welcome, first, customer.text('answer'), second);
    system.desk.desk.leave(conversation, 'agent-2');
    const left = `Grace left.`;
    await atPhone(customer, welcome, first, customer.text('answer'), second, left);
    expect(await reasons(customer)).toEqual(['agent-left']);
    // Soon after the end they go on: that is no new conversation to them.
    await customer.write(customer.text('one more thing'));
    await customer.atDesk(customer.text('one more thing'));
    await customer.accept('agent-1');
    const again = `Ada is here.`;
    await atPhone(customer, welcome, first, customer.text('answer'), second, left, again);
  });

  it('is followed by the end, when they have been silent for long', async () => {
    const customer = new Customer(system);
    await customer.write(customer.text('hello'));
    const conversation = await customer.accept();
    await eventually('that the agent is told of', () => customer.textsAtPhone().length === 2, 30_000);
    const minutesPass = async (minutes: number) => {
      await system.pool.query(
        `with own as (select c.id, t.id as thread_id from threads t join conversations c on c.thread_id = t.id where t.customer_address = $1),
         conversation as (
           update conversations c set opened_at = opened_at - make_interval(mins => $2), active_at = active_at - make_interval(mins => $2)
           from own where c.id = own.id),
         messages as (
           update messages m set accepted_at = accepted_at - make_interval(mins => $2) from own where m.thread_id = own.thread_id)
         update texts_due d set created_at = created_at - make_interval(mins => $2),
           key = case when kind = 'silent' then split_part(key, ':', 1) || ':' || (split_part(key, ':', 2)::bigint - $2 * 60000) else key end
         from own where d.thread_id = own.thread_id`,
        [customer.address, minutes],
      );
    };
    await minutesPass(26);
    await eventually('a warning', () => customer.textsAtPhone().at(-1) === 'We close in 5 minutes.', 60_000);
    expect(conversation.userLeft).toBe(false);
    await minutesPass(6);
    await closedFor(customer, 'customer-silent');
    await eventually(
      'an end at the desk',
      () => conversation.userLeft && conversation.state === 'idle',
      30_000,
    );
    expect(customer.textsAtPhone()).toHaveLength(3);
  });
});

describe('the word of a customer', { timeout: 120_000 }, () => {
  it.each([
    ['tschüss', 'customer'],
    ['STOP', 'opt-out'],
  ])('%s is read by the agent, and ends the conversation here and there', async (word, reason) => {
    const customer = new Customer(system);
    await customer.write(customer.text('hello'));
    const conversation = await customer.accept();
    await customer.write(word);
    await customer.write(customer.text('but'));
    const next = await customer.conversation(2);
    expect(await reasons(customer)).toEqual([undefined, reason]);
    await eventually(
      'an end at the desk',
      () => conversation.userLeft && conversation.state === 'idle',
      30_000,
    );
    await customer.atDesk(customer.text('but'));
    expect(customer.textsAtDesk(conversation.id)[0]).toBe(customer.text('hello'));
    expect(customer.textsAtDesk(conversation.id)[1]).toContain(word);
    expect(customer.textsAtDesk(next.id)).toEqual([customer.text('but')]);
  });

  it('says what it found on the wire, and where', async () => {
    expect(await system.violations()).toEqual([]);
  });
});
