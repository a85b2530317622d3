import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, startQueueing, type QueueingApp } from '../support/queueing.js';
import { redisMissing, startTestRedis, type TestRedis } from '../support/redis.js';

const missing = redisMissing();
if (missing) console.warn(`skipped: ${missing}`);

/** A single call must never be felt by a webhook; the machine of a test run is given some room. */
const AT_ONCE_MS = 100;

describe.skipIf(missing !== undefined)('Queueing when Redis fails', () => {
  const redises: TestRedis[] = [];
  const apps: QueueingApp[] = [];

  const redis = async (settings?: Record<string, string>): Promise<TestRedis> => {
    const started = await startTestRedis(settings);
    redises.push(started);
    return started;
  };
  const start = async (redisUrl: string, drain?: () => Promise<void>): Promise<QueueingApp> => {
    const app = await startQueueing({ redisUrl, databaseUrl: 'postgres://127.0.0.1:1/unused' }, drain);
    apps.push(app);
    return app;
  };
  /** Wakes a fresh lane until one of them is handled. */
  const wakeUntilHandled = async (gateway: QueueingApp, worker: QueueingApp): Promise<void> => {
    const before = worker.handled.length;
    await eventually('a lane is handled', async () => {
      gateway.wake(randomUUID());
      await delay(50);
      return worker.handled.length > before;
    });
  };
  /** Keeps waking for a while and returns the longest that one call took. */
  const slowestWake = async (gateway: QueueingApp, forMs: number): Promise<number> => {
    let slowest = 0;
    const until = performance.now() + forMs;
    while (performance.now() < until) {
      const startedAt = performance.now();
      gateway.wakeUps.wake(
        Array.from({ length: 50 }, () => ({ laneId: randomUUID(), direction: 'inbound' as const })),
      );
      slowest = Math.max(slowest, performance.now() - startedAt);
      await delay(10);
    }
    return slowest;
  };

  afterEach(async () => {
    for (const server of redises) server.thaw();
    await Promise.all(apps.splice(0).map((app) => app.stop()));
    await Promise.all(redises.splice(0).map((server) => server.stop()));
  });

  it('frozen: waking returns at once, is seen to fail, and works again after the thaw', async () => {
    const server = await redis();
    const worker = await start(server.url, async () => undefined);
    const gateway = await start(server.url);
    await wakeUntilHandled(gateway, worker);

    server.freeze();
    expect(await slowestWake(gateway, 3_000)).toBeLessThan(AT_ONCE_MS);
    expect(gateway.wakeUps.failing()).toBe(true);
    expect(gateway.outcomes.dropped).toBeGreaterThan(0);

    server.thaw();
    await eventually('recovered without being asked', () => !gateway.wakeUps.failing());
    await wakeUntilHandled(gateway, worker);
  });

  it('refused and empty when it comes back: the same', async () => {
    const server = await redis();
    const worker = await start(server.url, async () => undefined);
    const gateway = await start(server.url);
    await wakeUntilHandled(gateway, worker);

    await server.kill();
    expect(await slowestWake(gateway, 2_000)).toBeLessThan(AT_ONCE_MS);
    expect(gateway.wakeUps.failing()).toBe(true);

    await server.restart();
    await eventually('recovered', () => !gateway.wakeUps.failing());
    await wakeUntilHandled(gateway, worker);
  });

  it.each(['frozen', 'refused'] as const)(
    '%s from the start: starts, fails softly, works later',
    async (how) => {
      const server = await redis();
      if (how === 'frozen') server.freeze();
      else await server.kill();
      const worker = await start(server.url, async () => undefined);
      const gateway = await start(server.url);
      expect(await slowestWake(gateway, 2_500)).toBeLessThan(AT_ONCE_MS);
      expect(gateway.wakeUps.failing()).toBe(true);

      if (how === 'frozen') server.thaw();
      else await server.restart();
      await eventually('recovered', () => !gateway.wakeUps.failing());
      await wakeUntilHandled(gateway, worker);
    },
  );

  it('flushed in the middle: later wake-ups are handled', async () => {
    const server = await redis();
    const worker = await start(server.url, async () => delay(100));
    const gateway = await start(server.url);
    await wakeUntilHandled(gateway, worker);
    for (let lane = 0; lane < 50; lane += 1) gateway.wake(randomUUID());
    await delay(50);
    await server.flush();
    await wakeUntilHandled(gateway, worker);
  });

  it('redis-4: out of memory: reading works but wake-ups are still seen to fail', async () => {
    const server = await redis({ maxmemory: '1', 'maxmemory-policy': 'noeviction' });
    const gateway = await start(server.url);
    gateway.wake(randomUUID());
    await eventually('failing', () => gateway.wakeUps.failing());
    await delay(2_000);
    expect(gateway.wakeUps.failing()).toBe(true);
  });

  it.each(['frozen', 'refused', 'never there'] as const)(
    '%s: a worker stops in bounded time',
    async (how) => {
      const server = await redis();
      if (how === 'never there') await server.kill();
      const gate = Promise.withResolvers<void>();
      const worker = await start(server.url, () => gate.promise);
      if (how !== 'never there') {
        worker.wake(randomUUID());
        await eventually('a handler runs', () => worker.handled.length === 1);
        if (how === 'frozen') server.freeze();
        else await server.kill();
      }
      const startedAt = performance.now();
      const stopping = worker.processors.stop(20_000);
      await delay(300);
      gate.resolve();
      await stopping;
      await worker.wakeUps.stop();
      await worker.app.close();
      // The handler ended early, so the 20 s were for it alone and not for a Redis that is away.
      expect(performance.now() - startedAt).toBeLessThan(12_000);
    },
  );

  it.each([
    ['allkeys-lru', true],
    ['noeviction', false],
  ])('redis-5: tells at start that %s evicts jobs: %s', async (policy, expected) => {
    const server = await redis({ 'maxmemory-policy': policy });
    const gateway = await start(server.url);
    await eventually('looked', () => gateway.evictionPossible.length > 0);
    expect(gateway.evictionPossible).toEqual([expected]);
  });
});
