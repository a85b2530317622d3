import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWorld } from '../support/invariants.js';
import { eventually, sleep } from '../support/accepting.js';
import { heldLanes, leftBehindBy, takeovers } from '../support/recovery.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Traffic } from '../support/traffic.js';
import { title } from './catalogue.js';
import { expectSound } from './world.js';

/** On the queues of Postgres: the scenarios of Redis are in redis.spec.ts. */
describe('processes that come and go', { timeout: 180_000 }, () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ queues: 'postgres', gateways: 2, workers: 2, env: IMPATIENT });
  });
  afterAll(async () => system?.stop());

  it(title('process-9'), async () => {
    const [worker] = system.workers;
    if (!worker) throw new Error('no worker');
    const before = await readWorld(system, []);
    // Slower than anyone would like, faster than the deadline of a send.
    system.twilio.setFault({ operation: 'messages.create', effect: 'slow', delayMs: 600, times: null });
    system.desk.setFault({ operation: 'messages.create', effect: 'slow', delayMs: 600, times: null });
    const traffic = new Traffic(system, { customers: 30, textsEach: 3, answersEach: 3 });
    await traffic.write();
    // Exit code 1 would say that it took longer than it may.
    expect(await worker.stop(30_000)).toEqual({ code: 0, signal: null });
    system.twilio.faults.disarmAll();
    system.desk.faults.disarmAll();
    await system.startAgain(worker);
    await expectSound(system, traffic, { before });
  });

  it(title('process-10'), async () => {
    const [worker] = system.workers;
    if (!worker) throw new Error('no worker');
    const before = await readWorld(system, []);
    system.desk.setFault({ operation: 'messages.create', effect: 'slow', delayMs: 800, times: null });
    const traffic = new Traffic(system, { customers: 30, textsEach: 3, answersEach: 0 });
    await traffic.write();
    worker.signal('SIGTERM');
    worker.signal('SIGTERM');
    // Which of both is seen first is the kernel's: two at once may arrive as one.
    const { code, signal } = await worker.exited;
    expect({ signal, code: code === 0 || code === 1 }).toEqual({ signal: null, code: true });
    system.desk.faults.disarmAll();
    await system.startAgain(worker);
    await expectSound(system, traffic, { before });
  });

  it(title('process-11'), async () => {
    const [worker] = system.workers;
    if (!worker) throw new Error('no worker');
    const before = await readWorld(system, []);
    const traffic = new Traffic(system, { customers: 25, textsEach: 5, answersEach: 5 });
    const writing = traffic.write();
    await traffic.customers[0]?.conversation();
    worker.signal('SIGSTOP');
    // The others take over what it holds: everything arrives while it is away.
    await writing;
    await traffic.arrived();
    await sleep(Number(IMPATIENT.LANE_LEASE_MS));
    worker.signal('SIGCONT');
    await expectSound(system, traffic, { before });
  });

  it('killed: what it held moves again within lease, sweep and two seconds (I8)', async () => {
    const [victim, other] = system.workers;
    if (!victim || !other) throw new Error('no workers');
    const before = await readWorld(system, []);
    const customers = { customers: 10, textsEach: 1, answersEach: 0 };
    const traffic = new Traffic(system, customers);
    await traffic.write();
    await expectSound(system, traffic, { before });
    // Alone, and in the middle of a call for each lane.
    other.signal('SIGSTOP');
    system.desk.setFault({ operation: 'messages.create', effect: 'slow', delayMs: 1_000, times: null });
    for (const customer of traffic.customers) await customer.write(customer.text('text 2'));
    await eventually(
      'lanes at work',
      async () => (await heldLanes(system.pool)).size === customers.customers,
    );
    await victim.kill();
    const held = await heldLanes(system.pool);
    other.signal('SIGCONT');
    const times = { leaseMs: Number(IMPATIENT.LANE_LEASE_MS), sweepMs: Number(IMPATIENT.SWEEP_INTERVAL_MS) };
    expect(held.size).toBeGreaterThan(0);
    expect(leftBehindBy(await takeovers(system.pool, held, 20_000), times)).toEqual([]);
    system.desk.faults.disarmAll();
    await system.startAgain(victim);
    await expectSound(system, traffic, { before });
  });

  it(title('process-13'), async () => {
    const before = await readWorld(system, []);
    const traffic = new Traffic(system, { customers: 15, textsEach: 10, answersEach: 10, repeats: 5 });
    const writing = traffic.write();
    for (const service of [...system.workers, ...system.gateways]) {
      expect(await service.stop(30_000)).toEqual({ code: 0, signal: null });
      await system.startAgain(service);
    }
    await writing;
    for (const customer of traffic.customers) expect(customer.unanswered).toEqual([]);
    await expectSound(system, traffic, { lateEvents: true, before });
  });
});
