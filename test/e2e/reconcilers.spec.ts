import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, messagesOf } from '../support/accepting.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';

/** What is older than two seconds and was not told is asked for. */
const SOON = {
  ...IMPATIENT,
  RECONCILE_INTERVAL_MS: '500',
  RECONCILE_INBOUND_AFTER_MS: '2000',
  RECONCILE_AGENT_MESSAGES_AFTER_MS: '2000',
  RECONCILE_SILENT_AFTER_MS: '2000',
  RECONCILE_RECEIPTS_AFTER_MS: '2000',
};

describe('while every gateway is away', { timeout: 120_000 }, () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({
      queues: 'postgres',
      gateways: 1,
      workers: 2,
      env: SOON,
      desk: { eventRetryMs: [] },
    });
  });
  afterAll(async () => system?.stop());

  it('texts, answers, receipts and ends get lost, and are found once, in order', async () => {
    const customer = new Customer(system);
    const texts = ['text 1', 'text 2', 'text 3'].map((label) => customer.text(label));
    const answers = ['answer 1', 'answer 2'].map((label) => customer.text(label));
    await customer.write(customer.text('first'));
    const conversation = await customer.accept();
    await eventually('the agent is known', async () => {
      const { rows } = await system.pool.query<{ agent_id: string | null }>(
        'select agent_id from conversations',
      );
      return rows[0]?.agent_id === 'agent-1';
    });

    await system.gateways[0]?.stop();
    system.proxy.targets = [];
    for (const text of texts) await customer.write(text);
    for (const answer of answers) customer.answer(conversation, answer);
    await customer.atDesk(...texts);
    await customer.atPhone(...answers);
    expect(customer.unanswered).toEqual(texts);
    expect(customer.textsAtDesk()).toEqual([customer.text('first'), ...texts]);
    expect(customer.textsAtPhone()).toEqual(answers);
    await eventually(
      'the receipts',
      async () => {
        const stored = await messagesOf(system.pool, customer.number);
        const outbound = stored.filter(({ direction }) => direction === 'outbound');
        return outbound.length === 2 && outbound.every(({ receipt }) => receipt === 'delivered');
      },
      30_000,
    );

    system.desk.desk.end(conversation);
    await eventually(
      'the end',
      async () =>
        (await system.pool.query(`select 1 from conversations where state = 'closed'`)).rowCount === 1,
      30_000,
    );
    const metrics = await Promise.all(
      system.workers.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
    );
    const found = (kind: string) =>
      metrics
        .map((text) =>
          Number(new RegExp(`causeway_reconciled_total\\{kind="${kind}"\\} (\\d+)`).exec(text)?.[1] ?? 0),
        )
        .reduce((sum, n) => sum + n, 0);
    expect([found('inbound-message'), found('agent-message'), found('receipt')]).toEqual([3, 2, 2]);
    expect(found('conversation')).toBeGreaterThanOrEqual(1);
  });
});
