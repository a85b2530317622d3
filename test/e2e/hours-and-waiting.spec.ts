import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NumberSettings, TextTemplates } from '#core';
import { eventually, messagesOf } from '../support/accepting.js';
import { NUMBERS, startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';

let system: System;

beforeAll(async () => {
  system = await startSystem({ queues: 'postgres', gateways: 1, configured: [NUMBERS[0]] });
});
afterAll(() => system.stop());
afterEach(() => setting({}));

/** What operators set, and what customers are told. */
async function setting(settings: NumberSettings, texts: TextTemplates = {}): Promise<void> {
  const { body } = await system.api('GET', '/numbers');
  const [number] = (body as { items: { id: string }[] }).items;
  expect((await system.api('PATCH', `/numbers/${number?.id}`, { settings })).status).toBe(200);
  await system.pool.query('update business_numbers set settings = settings || $2 where id = $1', [
    number?.id,
    JSON.stringify({ texts }),
  ]);
}

/** A call of the simulated contact centre's controls. */
async function centre(path: string, body: object): Promise<void> {
  const answer = await fetch(`${system.desk.url}/__sandbox/${path}`, {
    method: 'PUT',
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
}

const shown = (customer: Customer, ...texts: string[]) =>
  eventually(
    `at the phone: ${texts.join(' | ')}`,
    () => JSON.stringify(customer.textsAtPhone()) === JSON.stringify(texts),
    30_000,
  );

describe('opening hours', { timeout: 120_000 }, () => {
  it('closed: the phone is told once for two texts, the operator why they wait; at opening both reach the desk in order', async () => {
    await setting({ openingHours: { schedule: 'Main' } }, { closed: { en: 'Closed. We open at nine.' } });
    await centre('schedules/Main', { status: -1 });
    const customer = new Customer(system);
    const texts = ['first', 'second'].map((label) => customer.text(label));
    await customer.write(texts[0] ?? '');
    await shown(customer, 'Closed. We open at nine.');
    await customer.write(texts[1] ?? '');
    const [first] = await messagesOf(system.pool, customer.number);
    const message = await eventually('the first text waits', async () => {
      const { body } = await system.api('GET', `/messages/${first?.id}`);
      const found = body as { delivery: string; reason?: string; explanation?: string };
      return found.delivery === 'held' ? found : undefined;
    });
    expect(message).toMatchObject({ reason: 'closed-hours' });
    expect(message.explanation).toContain('opening hours');
    expect(customer.conversations).toEqual([]);

    await centre('schedules/Main', { status: 0 });
    await customer.atDesk(...texts);
    expect(customer.textsAtDesk()).toEqual(texts);
    expect(customer.textsAtPhone()).toEqual(['Closed. We open at nine.']);
  });
});

describe('waiting', { timeout: 120_000 }, () => {
  it('the phone shows the place in the queue, and a wait that is too long leads to the other queue', async () => {
    await setting(
      { waiting: { maxWaitMinutes: 10, thenQueueId: '200' } },
      { waiting: { en: 'Place {{position}} in {{queue}}, about {{minutes}} minutes.' } },
    );
    await centre('queues/100/statistics', { waiting: 4, averageWaitSeconds: 200, eligibleAgents: 1 });
    await centre('queues/200/statistics', { waiting: 1, averageWaitSeconds: 30, eligibleAgents: 1 });
    const customer = new Customer(system);
    await customer.write(customer.text('hello'));
    await shown(customer, 'Place 4 in Support, about 4 minutes.');
    const conversation = await customer.conversation();
    expect(conversation.queueId).toBe('100');

    await system.pool.query(`update waits set since = since - interval '10 minutes'`);
    await eventually('the other queue', () => conversation.queueId === '200', 30_000);
    await shown(customer, 'Place 4 in Support, about 4 minutes.', 'Place 1 in Sales, about 1 minutes.');
    const { body } = await system.api('GET', `/conversations?address=${encodeURIComponent(customer.number)}`);
    expect((body as { items: object[] }).items).toMatchObject([{ state: 'queued', queueId: '200' }]);
    const updates = system.desk.log.filter(
      (entry) => entry.kind === 'update' && entry.conversationId === conversation.id,
    );
    expect(updates).toHaveLength(1);
  });
});
