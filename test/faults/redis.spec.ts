import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, sleep } from '../support/accepting.js';
import { redisMissing, type TestRedis } from '../support/redis.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Traffic } from '../support/traffic.js';
import { title } from './catalogue.js';
import { expectSound } from './world.js';

const noRedis = redisMissing();
if (noRedis) console.warn(`Skipped: ${noRedis}.`);
/** Twilio gives a webhook up after so long. */
const TWILIO_WAITS_MS = 15_000;
const SHAPE = { customers: 25, textsEach: 5, answersEach: 5 };

describe.skipIf(noRedis !== undefined)('Redis that fails', { timeout: 180_000 }, () => {
  let system: System;
  let redis: TestRedis;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'causeway-redis-'));
    system = await startSystem({
      queues: 'redis',
      gateways: 1,
      workers: 2,
      env: IMPATIENT,
      redis: { dir: folder },
    });
    if (!system.redis) throw new Error('no Redis');
    redis = system.redis;
  });
  afterAll(async () => {
    await system?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  async function expectEveryWebhookAnswered(traffic: Traffic): Promise<void> {
    for (const customer of traffic.customers) expect(customer.unanswered).toEqual([]);
    expect(Math.max(...traffic.durationsMs)).toBeLessThan(TWILIO_WAITS_MS);
  }

  it(`${title('redis-3')}: every webhook is answered and everything delivered meanwhile`, async () => {
    const warm = new Traffic(system, { customers: 5, textsEach: 1, answersEach: 1 });
    await warm.write();
    await expectSound(system, warm);
    const frozen = new Traffic(system, SHAPE);
    redis.freeze();
    try {
      await frozen.write();
      await expectEveryWebhookAnswered(frozen);
      // Not one wake-up gets through: the sweepers do it all.
      await expectSound(system, frozen);
    } finally {
      redis.thaw();
    }
    const after = new Traffic(system, SHAPE);
    await after.write();
    await expectSound(system, after);
  });

  it(title('redis-1'), async () => {
    const traffic = new Traffic(system, SHAPE);
    // Every lane to the phones backs off, so that what comes back to it stands in Redis only.
    const busy = { effect: 'answer' as const, status: 429, retryAfter: '5', times: null };
    system.twilio.setFault({ operation: 'messages.create', ...busy });
    const writing = traffic.write();
    for (let round = 0; round < 5; round += 1) {
      await sleep(100);
      await redis.flush();
    }
    await writing;
    await eventually('every lane to a phone backing off', async () => {
      const { rows } = await system.pool.query<{ n: number }>(
        `select count(*)::int as n from lanes where direction = 'outbound' and waiting_for = 'back-off'
           and not_before > clock_timestamp() + interval '200 ms'`,
      );
      return rows[0]?.n === SHAPE.customers;
    });
    await redis.flush();
    system.twilio.faults.disarmAll();
    await expectSound(system, traffic);
  });

  it(title('redis-2'), async () => {
    const traffic = new Traffic(system, SHAPE);
    const writing = traffic.write();
    await traffic.customers[0]?.conversation();
    await redis.kill();
    await writing;
    await expectEveryWebhookAnswered(traffic);
    await expectSound(system, traffic);
    await redis.restart();
    const after = new Traffic(system, SHAPE);
    await after.write();
    await expectSound(system, after);
  });

  it(`${title('redis-6')}: what it wakes again is done, what it forgot is found`, async () => {
    const traffic = new Traffic(system, SHAPE);
    const writing = traffic.write();
    await traffic.customers[0]?.conversation();
    await redis.save();
    await writing;
    await expectSound(system, traffic);
    const after = new Traffic(system, SHAPE);
    const writingAfter = after.write();
    await after.customers[0]?.conversation();
    await redis.restart();
    await writingAfter;
    await expectEveryWebhookAnswered(after);
    await expectSound(system, after);
  });
});

describe.skipIf(noRedis !== undefined)('Redis that was never there', { timeout: 180_000 }, () => {
  it(title('redis-7'), async () => {
    // Nobody listens on the discard port of the loopback.
    const system = await startSystem({
      queues: 'postgres',
      env: { ...IMPATIENT, REDIS_URL: 'redis://127.0.0.1:9' },
    });
    try {
      const traffic = new Traffic(system, SHAPE);
      await traffic.write();
      for (const customer of traffic.customers) expect(customer.unanswered).toEqual([]);
      await expectSound(system, traffic);
    } finally {
      await system.stop();
    }
  });
});
