import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWorld, type World } from '../support/invariants.js';
import { redisMissing } from '../support/redis.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Traffic } from '../support/traffic.js';
import { FAULTS, title } from './catalogue.js';
import { expectSound, seeded } from './world.js';

const WORKER = ['process-3', 'process-4', 'process-5', 'process-6', 'process-7', 'process-8'] as const;
const GATEWAY = ['process-1', 'process-2'] as const;
const noRedis = redisMissing();
if (noRedis) console.warn(`On the queues of Postgres instead: ${noRedis}.`);

describe('kill -9 while 500 deliveries run', { timeout: 180_000 }, () => {
  const random = seeded();
  let system: System;
  let before: World | undefined;
  beforeAll(async () => {
    system = await startSystem({
      queues: noRedis ? 'postgres' : 'redis',
      gateways: 2,
      workers: 2,
      env: IMPATIENT,
    });
  });
  afterAll(async () => system?.stop());

  it.each(WORKER.map((id) => [title(id), FAULTS[id].point] as const))('%s', async (_title, point) => {
    const [victim] = system.workers;
    if (!victim) throw new Error('no worker');
    await victim.kill();
    await system.startAgain(victim, { CAUSEWAY_CRASH_POINT: `${point}:${random.between(5, 60)}` });
    const traffic = new Traffic(system, { customers: 25, textsEach: 10, answersEach: 10 });
    const writing = traffic.write();
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await system.startAgain(victim);
    await writing;
    before = await expectSound(system, traffic, { ...(before && { before }) });
  });

  it.each(GATEWAY.map((id) => [title(id), FAULTS[id].point] as const))('%s', async (_title, point) => {
    const [victim] = system.gateways;
    if (!victim) throw new Error('no gateway');
    before = await readWorld(system, []);
    await victim.kill();
    await system.startAgain(victim, { CAUSEWAY_CRASH_POINT: `${point}:${random.between(5, 60)}` });
    // Twilio repeats a webhook that got no answer where it is told to; the keys make one message of it.
    const traffic = new Traffic(system, { customers: 25, textsEach: 10, answersEach: 10, repeats: 5 });
    const writing = traffic.write();
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await system.startAgain(victim);
    await writing;
    for (const customer of traffic.customers) expect(customer.unanswered).toEqual([]);
    await expectSound(system, traffic, { lateEvents: true, before });
  });
});
