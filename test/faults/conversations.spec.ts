import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, sleep } from '../support/accepting.js';
import { readWorld } from '../support/invariants.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Customer, Traffic } from '../support/traffic.js';
import { title } from './catalogue.js';
import { expectSound } from './world.js';

const SHAPE = { customers: 5, textsEach: 4, answersEach: 4 };
const TEXTS = 6;

describe('conversations in trouble', { timeout: 120_000 }, () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ queues: 'postgres', gateways: 2, workers: 2, env: IMPATIENT });
  });
  afterAll(async () => system?.stop());
  afterEach(async () => {
    await system.desk.activity.settle(10_000);
    Object.assign(system.desk.settings, {
      holdEvents: false,
      eventDelayMs: 0,
      eventOrder: 'sequential',
      webhookCopies: 1,
      webhookJitterMs: 0,
    });
    system.desk.releaseEvents('sent');
    system.desk.faults.disarmAll();
    system.twilio.faults.disarmAll();
  });

  it.each([
    [title('conversation-1'), (id: string) => system.desk.desk.end(system.desk.conversation(id))],
    [title('conversation-2'), (id: string) => system.desk.desk.forget(id)],
  ])('%s: the rest goes to another one, in order', async (_title, end) => {
    const before = await readWorld(system, []);
    const customers = Array.from({ length: 4 }, () => new Customer(system));
    await Promise.all(
      customers.map(async (customer) => {
        await customer.write(customer.text('text'));
        const { id } = await customer.accept();
        await customer.atDesk(customer.text('text'));
        slowDown(customer);
        const texts = Array.from({ length: TEXTS }, (_, n) => customer.text(`text ${n + 1}`));
        for (const text of texts) await customer.write(text);
        await customer.atDesk(texts[2] ?? '');
        end(id);
        await customer.atDesk(...texts);
        // What the first one took it kept, and it did not take all.
        expect(customer.textsAtDesk(id).length).toBeLessThan(1 + TEXTS);
      }),
    );
    await expectSound(system, { customers }, { conversations: 2, before });
  });

  it(title('conversation-5'), async () => {
    const before = await readWorld(system, []);
    system.desk.settings.eventDelayMs = 1_000;
    const traffic = new Traffic(system, SHAPE);
    await traffic.write();
    await expectSound(system, traffic, { lateEvents: true, before });
  });

  it(title('conversation-6'), async () => {
    const before = await readWorld(system, []);
    system.desk.settings.webhookCopies = 2;
    const traffic = new Traffic(system, SHAPE);
    await traffic.write();
    await expectSound(system, traffic, { before });
  });

  it(`${title('conversation-7')}: what was held comes backwards`, async () => {
    const before = await readWorld(system, []);
    const traffic = new Traffic(system, { ...SHAPE, answersEach: 0 });
    await traffic.write();
    await traffic.arrived();
    system.desk.settings.holdEvents = true;
    for (const customer of traffic.customers) {
      const conversation = await customer.accept();
      for (let n = 1; n <= 5; n += 1) {
        customer.answer(conversation, customer.text(`answer ${n}`));
        // The desk counts milliseconds: within one nobody can tell which came first.
        await sleep(3);
      }
    }
    Object.assign(system.desk.settings, {
      holdEvents: false,
      eventOrder: 'concurrent',
      webhookJitterMs: 300,
    });
    system.desk.releaseEvents('reversed');
    const world = await expectSound(system, traffic, { lateEvents: true, before });
    // Some did come after a newer one, or nothing would be shown.
    expect(world.messages.filter(({ outOfOrder }) => outOfOrder).length).toBeGreaterThan(0);
  });

  it(title('conversation-8'), async () => {
    const before = await readWorld(system, []);
    const late = { effect: 'slow', when: 'after', delayMs: 500, times: null } as const;
    for (const operation of ['conversations.create', 'messages.create']) {
      system.desk.setFault({ ...late, operation });
      system.twilio.setFault({ ...late, operation });
    }
    const traffic = new Traffic(system, SHAPE);
    await traffic.write();
    await expectSound(system, traffic, { before });
    await eventually('every receipt', async () => {
      const { rows } = await system.pool.query(
        `select 1 from messages where direction = 'outbound' and receipt is distinct from 'delivered'`,
      );
      return rows.length === 0;
    });
  });

  /** Each text takes a moment, so that there is a middle of a drain. */
  function slowDown(customer: Customer): void {
    system.desk.setFault({
      operation: 'messages.create',
      effect: 'slow',
      delayMs: 150,
      times: null,
      contains: customer.text('text'),
    });
  }
});
