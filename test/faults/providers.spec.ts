import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultSpec } from '../../apps/sandbox/src/index.js';
import { eventually } from '../support/accepting.js';
import { readWorld, type World } from '../support/invariants.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Customer, Traffic } from '../support/traffic.js';
import { title, type FaultId } from './catalogue.js';
import { expectSound } from './world.js';

/** What one call meets, at either provider. */
interface OneCall {
  id: FaultId;
  fault: Omit<FaultSpec, 'operation'>;
}

/** What waits for a provider to come back waits a second here. */
const ENVIRONMENT = {
  ...IMPATIENT,
  RETRY_AFTER_MAX_MS: '2000',
  PROBE_INTERVAL_MS: '1000',
  CREDENTIALS_PROBE_INTERVAL_MS: '1000',
};
/** Calls of a worker to one provider before its breaker is open: those that it needs to know, and those under way. */
const CALLS_UNTIL_OPEN = 20 + 32;

const busy = (retryAfter?: string): OneCall['fault'] => ({
  effect: 'answer',
  status: 429,
  ...(retryAfter !== undefined && { retryAfter }),
});
const ONE_CALL: OneCall[] = [
  { id: 'provider-1', fault: { effect: 'answer', status: 500, times: 2 } },
  { id: 'provider-1', fault: { effect: 'answer', status: 503 } },
  { id: 'provider-2', fault: { effect: 'answer', status: 502, when: 'after' } },
  { id: 'provider-3', fault: busy('1') },
  { id: 'provider-4', fault: busy('99999999') },
  { id: 'provider-5', fault: busy('-5') },
  { id: 'provider-6', fault: busy() },
  { id: 'provider-7', fault: { effect: 'hang', when: 'after' } },
  { id: 'provider-8', fault: { effect: 'drip', delayMs: 1_000 } },
  { id: 'provider-9', fault: { effect: 'huge-body' } },
  { id: 'provider-10', fault: { effect: 'half-body' } },
  { id: 'provider-11', fault: { effect: 'garbage' } },
  { id: 'provider-12', fault: { effect: 'wrong-type' } },
  { id: 'provider-12', fault: { effect: 'wrong-type', when: 'after' } },
  { id: 'provider-13', fault: { effect: 'reset' } },
  { id: 'provider-13', fault: { effect: 'reset', when: 'after' } },
  { id: 'provider-14', fault: { effect: 'headers-only' } },
];

describe('providers that fail', { timeout: 120_000 }, () => {
  let system: System;
  /** Customers who are talking to an agent. */
  let few: readonly Customer[];
  beforeAll(async () => {
    system = await startSystem({ queues: 'postgres', env: ENVIRONMENT });
    const traffic = new Traffic(system, { customers: 4, textsEach: 1, answersEach: 1 });
    await traffic.write();
    await expectSound(system, traffic);
    few = traffic.customers;
  });
  afterAll(async () => system?.stop());

  describe('at one call', () => {
    const customers: Customer[] = [];

    it.concurrent.each(ONE_CALL.map((one) => [title(one.id), one.fault.when ?? '', one] as const))(
      '%s %s',
      async (_title, _when, { fault }) => {
        const customer = new Customer(system);
        customers.push(customer);
        await customer.write(customer.text('text'));
        const conversation = await customer.accept();
        const [text, answer] = [customer.text('doubted text'), customer.text('doubted answer')];
        const armed = [
          system.desk.faults.arm({ ...fault, operation: 'messages.create', contains: text }),
          // Nothing else goes to this phone yet.
          system.twilio.faults.arm({
            ...fault,
            operation: 'messages.create',
            contains: customer.number.slice(1),
          }),
        ];
        await customer.write(text);
        await customer.write(customer.text('last text'));
        customer.answer(conversation, answer);
        customer.answer(conversation, customer.text('last answer'));
        await customer.atDesk(...customer.written);
        await customer.atPhone(...customer.answers);
        expect(armed.filter(({ times }) => times !== 0)).toEqual([]);
      },
    );

    it('breaks no invariant', () => expectSound(system, { customers }));
  });

  it(`${title('provider-15')}; ${title('provider-16')}: nothing is doubted, all arrives once it is repaired`, async () => {
    const before = await readWorld(system, []);
    const nowhere = 'https://nobody.invalid';
    const noTls = ({ url }: { url: string }) => url.replace('http:', 'https:');
    await restartWorker({ TWILIO_API_BASE_URL: nowhere, CHAT_GATEWAY_BASE_URL: noTls(system.desk) });
    await writeBothWays(few, 2, 'unreachable');
    await eventually('every lane failing', async () => (await lanes('failures > 0')) === 2 * few.length);
    const attemptsBefore = await attempts();
    await restartWorker({ TWILIO_API_BASE_URL: noTls(system.twilio), CHAT_GATEWAY_BASE_URL: nowhere });
    await eventually(
      'every lane failing otherwise',
      async () => (await attempts()) >= attemptsBefore + 2 * few.length,
    );
    await restartWorker({});
    await expectSound(system, { customers: few }, { before });
    expect(await errorCodes(before)).toEqual(['dns', 'tls']);
  });

  it(title('provider-17'), async () => {
    const before = await readWorld(system, []);
    const SHAPE = { customers: 20, textsEach: 1, answersEach: 1 };
    const traffic = new Traffic(system, SHAPE);
    await traffic.write();
    await expectSound(system, traffic, { before });
    system.twilio.vanish();
    system.desk.vanish();
    const [attemptsBefore, startedAt] = [await attempts(), performance.now()];
    await writeBothWays(traffic.customers, 15, 'while it is down');
    await eventually(
      'every lane waiting',
      async () => (await lanes(`waiting_for = 'back-off'`)) === 2 * SHAPE.customers,
    );
    const probes = (performance.now() - startedAt) / Number(ENVIRONMENT.PROBE_INTERVAL_MS);
    expect((await attempts()) - attemptsBefore).toBeLessThan(2 * (CALLS_UNTIL_OPEN + probes));
    await Promise.all([system.twilio.comeBack(), system.desk.comeBack()]);
    await expectSound(system, traffic, { before });
  });

  it(`${title('provider-18')}: not one message is burned`, async () => {
    const before = await readWorld(system, []);
    for (const { faults } of [system.twilio, system.desk]) {
      faults.arm({ operation: '*', effect: 'answer', status: 401, times: null });
    }
    await writeBothWays(few, 3, 'refused');
    await eventually('every lane held', async () => {
      const { rows } = await system.pool.query<{ n: number }>(
        `select count(distinct lane_id)::int as n from lane_items where state = 'held' and reason = 'credentials'`,
      );
      return rows[0]?.n === 2 * few.length;
    });
    system.twilio.faults.disarmAll();
    system.desk.faults.disarmAll();
    const after = await expectSound(system, { customers: few }, { before });
    expect(after.messages.filter(({ delivery }) => delivery !== 'submitted')).toEqual([]);
  });

  async function writeBothWays(to: readonly Customer[], each: number, label: string): Promise<void> {
    await Promise.all(
      to.map(async (customer) => {
        const [conversation] = customer.conversations;
        if (!conversation) throw new Error('no conversation');
        for (let n = 1; n <= each; n += 1) {
          await customer.write(customer.text(`text ${n} ${label}`));
          customer.answer(conversation, customer.text(`answer ${n} ${label}`));
        }
      }),
    );
  }

  async function restartWorker(env: Record<string, string>): Promise<void> {
    const [worker] = system.workers;
    if (!worker) throw new Error('no worker');
    await worker.stop();
    await system.startAgain(worker, env);
  }

  /** Of attempts since then, each once. */
  async function errorCodes({ messages }: World): Promise<string[]> {
    const known = messages.flatMap((message) => message.attempts.map(({ id }) => id));
    const { rows } = await system.pool.query<{ code: string }>(
      `select distinct error_code as code from attempts where id <> all ($1) and error_code is not null order by 1`,
      [known],
    );
    return rows.map(({ code }) => code);
  }

  async function lanes(condition: string): Promise<number> {
    const { rows } = await system.pool.query<{ n: number }>(
      `select count(*)::int as n from lanes where ${condition}`,
    );
    return rows[0]?.n ?? 0;
  }

  async function attempts(): Promise<number> {
    const { rows } = await system.pool.query<{ n: number }>('select count(*)::int as n from attempts');
    return rows[0]?.n ?? 0;
  }
});
