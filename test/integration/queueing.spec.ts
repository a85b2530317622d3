import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresConnection } from 'bullmq';
import { SteadyClient } from '#platform';
import { migrateQueues, type QueueingSettings } from '#queueing';
import { producerPostgres } from '../../libs/queueing/src/connections.js';
import { LaneQueue } from '../../libs/queueing/src/lane-queue.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { eventually, startQueueing, type QueueingApp } from '../support/queueing.js';
import { redisMissing, startTestRedis, type TestRedis } from '../support/redis.js';

interface Backend {
  name: string;
  missing: string | undefined;
  start(): Promise<QueueingSettings>;
  stop(): Promise<void>;
}

/** One suite over every backend: what holds on Redis holds on Postgres. */
describe.each<Backend>([postgresBackend(), redisBackend()])('Queueing on $name', (backend) => {
  let settings: QueueingSettings;
  const apps: QueueingApp[] = [];

  const start = async (...args: DropFirst<Parameters<typeof startQueueing>>): Promise<QueueingApp> => {
    const app = await startQueueing(settings, ...args);
    apps.push(app);
    return app;
  };
  const test = it.skipIf(backend.missing !== undefined);

  beforeAll(async () => {
    if (backend.missing) console.warn(`skipped: ${backend.missing}`);
    else settings = await backend.start();
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.stop()));
  });
  afterAll(async () => backend.stop());

  test('hands a woken lane to the handler of its direction', async () => {
    const worker = await start(async () => undefined);
    const gateway = await start();
    const [first, second] = [randomUUID(), randomUUID()];
    gateway.wake(first, { direction: 'inbound' });
    gateway.wake(second, { direction: 'outbound' });
    await eventually('both lanes handled', () => worker.handled.length >= 2);
    expect(new Set(worker.handled.map(({ laneId, direction }) => `${direction} ${laneId}`))).toEqual(
      new Set([`inbound ${first}`, `outbound ${second}`]),
    );
  });

  // The last of five comes after the throttle's 200 ms, the last of four within them.
  test.each([5, 4])(
    'loses nothing when %i triggers come 60 ms apart on a drain of 150 ms',
    async (triggers) => {
      const laneId = randomUUID();
      let written = 0;
      let seen = 0;
      const worker = await start(async () => {
        // What a drain sees is what was there when it began.
        const atStart = written;
        await delay(150);
        seen = Math.max(seen, atStart);
      });
      const gateway = await start();
      for (let trigger = 0; trigger < triggers; trigger += 1) {
        written += 1;
        gateway.wake(laneId);
        await delay(60);
      }
      await eventually('a drain that began after the last trigger', () => seen === triggers);
      expect(worker.handled.length).toBeLessThanOrEqual(triggers);
    },
  );

  test('makes at most one job per lane and 200 ms of a hundred triggers', async () => {
    const laneId = randomUUID();
    const worker = await start(async () => undefined);
    const gateway = await start();
    const startedAt = performance.now();
    for (let trigger = 0; trigger < 100; trigger += 1) {
      gateway.wake(laneId);
      if (trigger % 10 === 0) await delay(10);
    }
    const lastTriggerAt = performance.now();
    await eventually('the trailing one', () =>
      worker.handled.some(({ startedAt: at }) => at > lastTriggerAt),
    );
    await delay(300);
    const intervals = Math.ceil((performance.now() - startedAt) / 200);
    expect(gateway.outcomes.added).toBeLessThanOrEqual(intervals + 1);
    expect((gateway.outcomes.added ?? 0) + (gateway.outcomes.coalesced ?? 0)).toBeGreaterThanOrEqual(100);
  });

  test('hands over a delayed wake-up not before its time, also while the worker already waits', async () => {
    const worker = await start(async () => undefined);
    const gateway = await start();
    await delay(1_500);
    const [late, now] = [randomUUID(), randomUUID()];
    const wokenAt = performance.now();
    gateway.wake(late, { delayMs: 1_000 });
    gateway.wake(late, { delayMs: 1_000 });
    gateway.wake(now);
    await eventually('the one for now', () => worker.handled.some(({ laneId }) => laneId === now));
    await eventually('the delayed one', () => worker.handled.some(({ laneId }) => laneId === late));
    const handled = worker.handled.filter(({ laneId }) => laneId === late);
    // The servers keep time in whole milliseconds of another clock.
    expect((handled[0]?.startedAt ?? 0) - wokenAt).toBeGreaterThanOrEqual(990);
    await delay(400);
    expect(worker.handled.filter(({ laneId }) => laneId === late)).toHaveLength(1);
  });

  test('an early wake-up does not swallow a late one of the same lane', async () => {
    const laneId = randomUUID();
    const worker = await start(async () => undefined);
    const gateway = await start();
    const wokenAt = performance.now();
    gateway.wake(laneId);
    gateway.wake(laneId, { delayMs: 1_200 });
    gateway.wake(laneId, { delayMs: 600 });
    await eventually('the last one', () =>
      worker.handled.some(({ startedAt }) => startedAt - wokenAt >= 1_190),
    );
    expect(worker.handled).toHaveLength(3);
  });

  test('shares the work of two consumers', async () => {
    const gate = Promise.withResolvers<void>();
    const workers = [await start(() => gate.promise, 3), await start(() => gate.promise, 3)];
    const gateway = await start();
    const lanes = Array.from({ length: 40 }, () => randomUUID());
    gateway.wakeUps.wake(lanes.map((laneId) => ({ laneId, direction: 'inbound' })));
    // With every slot of both held, each has its share.
    await eventually('all slots taken', () => workers.every(({ handled }) => handled.length === 3));
    gate.resolve();
    const all = (): string[] => workers.flatMap(({ handled }) => handled.map(({ laneId }) => laneId));
    await eventually('all lanes handled', () => all().length >= 40);
    expect(all().sort()).toEqual([...lanes].sort());
  });

  test('a handler that throws is not called again and harms nobody', async () => {
    const bad = randomUUID();
    const worker = await start(async (laneId) => {
      if (laneId === bad) throw new Error('planted');
    });
    const good = randomUUID();
    worker.wake(bad);
    await eventually('the bad lane', () => worker.handled.length === 1);
    worker.wake(good);
    await eventually('the good lane', () => worker.handled.length === 2);
    await delay(500);
    expect(worker.handled.map(({ laneId }) => laneId)).toEqual([bad, good]);
  });

  test('stop() waits for a running handler and takes nothing more', async () => {
    const events: string[] = [];
    const worker = await start(async () => {
      await delay(600);
      events.push('handler ended');
    }, 1);
    const [first, second] = [randomUUID(), randomUUID()];
    worker.wake(first);
    worker.wake(second);
    await eventually('a handler runs', () => worker.handled.length === 1);
    await worker.processors.stop(10_000);
    events.push('stopped');
    expect(events).toEqual(['handler ended', 'stopped']);
    // The second lane is still there for another worker.
    const other = await start(async () => undefined);
    await eventually('the second lane', () => other.handled.length >= 1);
    expect(other.handled.map(({ laneId }) => laneId)).toEqual([second]);
    await worker.app.close();
    expect(worker.handled.map(({ laneId }) => laneId)).toEqual([first]);
  });

  test('stop() returns by force when a handler does not end, and closing again is harmless', async () => {
    const gate = Promise.withResolvers<void>();
    const worker = await start(() => gate.promise);
    worker.wake(randomUUID());
    await eventually('a handler runs', () => worker.handled.length === 1);
    const startedAt = performance.now();
    await Promise.all([worker.processors.stop(500), worker.processors.stop(500)]);
    await worker.wakeUps.stop();
    await worker.app.close();
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    gate.resolve();
  });

  test('a job of a worker that vanished is taken up by another one', async () => {
    const gate = Promise.withResolvers<void>();
    const dead = await start(() => gate.promise);
    const laneId = randomUUID();
    dead.wake(laneId);
    await eventually('a handler runs', () => dead.handled.length === 1);
    await dead.processors.stop(0);
    const other = await start(async () => undefined);
    await eventually(
      'the lane moves again',
      () => other.handled.some((one) => one.laneId === laneId),
      25_000,
    );
    gate.resolve();
  });

  test('a thousand lanes at once pass in batches', async () => {
    const worker = await start(async () => undefined, 50);
    const gateway = await start();
    const laneIds = Array.from({ length: 1_000 }, () => randomUUID());
    gateway.wakeUps.wake(laneIds.map((laneId) => ({ laneId, direction: 'outbound' })));
    // The queue outlives the tests: a lane that one of them abandoned may be handled here, too.
    const allHandled = (): boolean => {
      const handled = new Set(worker.handled.map(({ laneId }) => laneId));
      return laneIds.every((laneId) => handled.has(laneId));
    };
    await eventually('all handled', allHandled);
    expect(gateway.outcomes).toEqual({ added: 1_000 });
  });
});

describe('migrateQueues', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });
  afterAll(async () => postgres.stop());

  it('may run twice, and twice at once', async () => {
    const databaseUrl = await postgres.createDatabase();
    const [first, second] = await Promise.all([migrateQueues(databaseUrl), migrateQueues(databaseUrl)]);
    expect(await migrateQueues(databaseUrl)).toBe(first);
    expect(second).toBe(first);
  });

  it('a queue that started before the migration works after it', async () => {
    const databaseUrl = await postgres.createDatabase();
    const worker = await startQueueing({ databaseUrl }, async () => undefined);
    try {
      worker.wake(randomUUID());
      await eventually('failing', () => worker.wakeUps.failing());
      await migrateQueues(databaseUrl);
      await eventually('working', () => !worker.wakeUps.failing());
      const laneId = randomUUID();
      worker.wake(laneId);
      await eventually('handled', () => worker.handled.some((one) => one.laneId === laneId));
    } finally {
      await worker.stop();
    }
  });
});

describe('Queueing when Postgres fails', () => {
  it('every session ended by an administrator: waking and handling go on', async () => {
    const postgres = await startTestPostgres();
    const databaseUrl = await postgres.createDatabase();
    await migrateQueues(databaseUrl);
    const worker = await startQueueing({ databaseUrl }, async () => undefined);
    try {
      const database = new URL(databaseUrl).pathname.slice(1);
      for (let round = 0; round < 3; round += 1) {
        await terminateSessions(postgres.url, database);
        const before = worker.handled.length;
        await eventually('a lane is handled', async () => {
          worker.wake(randomUUID());
          await delay(50);
          return worker.handled.length > before;
        });
      }
    } finally {
      await worker.stop();
      await postgres.stop();
    }
  });
});

describe('A session that is ended while somebody holds its connection', () => {
  it('ends no process, neither of those that query nor the one that listens', async () => {
    const postgres = await startTestPostgres();
    const databaseUrl = await postgres.createDatabase();
    await migrateQueues(databaseUrl);
    const queue = new LaneQueue('inbound', { connection: producerPostgres(databaseUrl) as never });
    try {
      const { connection } = queue.getBackend() as unknown as { connection: PostgresConnection };
      await connection.waitUntilReady();
      const querying = await connection.pool.connect();
      const listening = await connection.getListenClient();
      // BullMQ listens to this one, yet only a moment after it is connected.
      expect(listening).toBeInstanceOf(SteadyClient);
      const ended = new Promise((resolve) => (querying as unknown as Client).once('end', resolve));
      await terminateSessions(postgres.url, new URL(databaseUrl).pathname.slice(1));
      await ended;
      querying.release();
    } finally {
      await queue.close();
      await postgres.stop();
    }
  });
});

describe('SteadyClient', () => {
  it('hears of its end without harm after somebody took all its listeners away', async () => {
    const postgres = await startTestPostgres();
    const databaseUrl = await postgres.createDatabase();
    const client = new SteadyClient(databaseUrl);
    try {
      await client.connect();
      client.removeAllListeners();
      const ended = new Promise((resolve) => client.once('end', resolve));
      await terminateSessions(postgres.url, new URL(databaseUrl).pathname.slice(1));
      await ended;
    } finally {
      await client.end();
      await postgres.stop();
    }
  });
});

async function terminateSessions(url: string, database: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database]);
  await client.end();
}

type DropFirst<T extends unknown[]> = T extends [unknown, ...infer Rest] ? Rest : never;

function postgresBackend(): Backend {
  let postgres: TestPostgres | undefined;
  return {
    name: 'Postgres',
    missing: undefined,
    start: async () => {
      postgres = await startTestPostgres();
      const databaseUrl = await postgres.createDatabase();
      await migrateQueues(databaseUrl);
      return { databaseUrl };
    },
    stop: async () => postgres?.stop(),
  };
}

function redisBackend(): Backend {
  let redis: TestRedis | undefined;
  return {
    name: 'Redis',
    missing: redisMissing(),
    start: async () => {
      redis = await startTestRedis();
      return { redisUrl: redis.url, databaseUrl: 'postgres://127.0.0.1:1/unused' };
    },
    stop: async () => redis?.stop(),
  };
}
