import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, sleep } from '../support/accepting.js';
import { readWorld } from '../support/invariants.js';
import { smallDiskMissing } from '../support/postgres.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Customer, Traffic } from '../support/traffic.js';
import { title } from './catalogue.js';
import { expectSound } from './world.js';

const noDisk = smallDiskMissing();
if (noDisk) console.warn(`No disk can be full: ${noDisk}.`);

const CONNECTIONS = 90;
/** What is not taken comes again: webhooks of Twilio here, events of the desk by its settings below. */
const SHAPE = { customers: 8, textsEach: 5, answersEach: 5, repeats: 200 };

/** On the queues of Postgres, so that nothing at all works without it. */
describe('Postgres that fails', { timeout: 120_000 }, () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({
      queues: 'postgres',
      gateways: 2,
      workers: 2,
      env: IMPATIENT,
      desk: { eventRetryMs: Array.from({ length: 60 }, (_, n) => Math.min(100 * (n + 1), 1_000)) },
      postgres: { maxConnections: CONNECTIONS, ...(!noDisk && { diskMiB: 96 }) },
      paths: ['postgres'],
    });
  });
  afterAll(async () => system?.stop());

  /** Runs traffic while `trouble` goes on; then all must be well, with nothing refused for good. */
  async function survive(trouble: (traffic: Traffic) => Promise<void>): Promise<void> {
    const before = await readWorld(system, []);
    const traffic = new Traffic(system, SHAPE);
    const writing = traffic.write();
    await traffic.customers[0]?.conversation();
    await trouble(traffic);
    await writing;
    for (const customer of traffic.customers) expect(customer.unanswered).toEqual([]);
    await expectSound(system, traffic, { lateEvents: true, before });
  }

  it.each([
    [title('postgres-1'), 'fast'],
    [title('postgres-2'), 'immediate'],
  ] as const)('%s', async (_title, how) => {
    await survive(async () => {
      const pid = system.postgres.pid;
      await system.postgres.restart(how);
      expect(system.postgres.pid).not.toBe(pid);
    });
  });

  it(title('postgres-3'), async () => {
    let ended = 0;
    await survive(async () => {
      for (let round = 0; round < 3; round += 1) {
        ended += await endSessions();
        await sleep(1_000);
      }
    });
    expect(ended).toBeGreaterThan(3 * 4);
  });

  it(`${title('postgres-4')}: nobody else waits for it`, async () => {
    const before = await readWorld(system, []);
    const traffic = new Traffic(system, SHAPE);
    const [locked, ...strangers] = traffic.customers;
    if (!locked) throw new Error('no customer');
    await locked.write(locked.text('first'));
    await locked.atDesk(locked.text('first'));
    const unlock = await lockLanes(locked);
    const writing = traffic.write();
    for (const stranger of strangers) {
      await stranger.atDesk(...[1, 2, 3, 4, 5].map((n) => stranger.text(`text ${n}`)));
    }
    expect(locked.textsAtDesk()).toEqual([locked.text('first')]);
    await unlock();
    await writing;
    await expectSound(system, traffic, { lateEvents: true, before });
  });

  it(title('postgres-5'), async () => {
    await survive(async () => {
      system.path('postgres').slow(50);
      await sleep(2_000);
      system.path('postgres').heal();
    });
  });

  it(`${title('postgres-6')}: webhooks are told so in time`, async () => {
    await survive(async (traffic) => {
      system.path('postgres').blackHole();
      await sleep(3_500);
      system.path('postgres').heal();
      // The deadline of an accept, and some room for a machine that is busy.
      expect(Math.max(...traffic.durationsMs)).toBeLessThan(6_000);
    });
  });

  it(title('postgres-7'), async () => {
    const refused = new Customer(system);
    const clients: Client[] = [];
    await survive(async () => {
      // While they cannot come back, all that they had are taken.
      system.path('postgres').blackHole();
      await endSessions();
      await takeConnections(clients);
      system.path('postgres').reset();
      system.path('postgres').heal();
      const startedAt = performance.now();
      await refused.write(refused.text('refused'));
      expect(performance.now() - startedAt).toBeLessThan(4_000);
      await Promise.all(clients.map((client) => client.end()));
    });
    expect(refused.unanswered).toHaveLength(1);
  });

  it.skipIf(noDisk !== undefined)(title('postgres-8'), async () => {
    const refused = new Customer(system);
    await survive(async () => {
      await fillDisk();
      await eventually('a text that cannot be stored', async () => {
        await refused.write(refused.text(`text ${refused.written.length}`, 1_500));
        return refused.unanswered.length > 0;
      });
      await system.pool.query('drop table ballast');
    });
    await refused.atDesk(...refused.written);
  });

  async function endSessions(): Promise<number> {
    const { rowCount } = await system.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'test'`,
    );
    return rowCount ?? 0;
  }

  async function lockLanes(customer: Customer): Promise<() => Promise<void>> {
    const client = new Client({ connectionString: system.databaseUrl });
    await client.connect();
    await client.query('begin');
    const { rowCount } = await client.query(
      `select l.id from lanes l join threads t on t.id = l.thread_id where t.customer_address = $1 for update of l`,
      [customer.address],
    );
    expect(rowCount).toBeGreaterThan(0);
    return () => client.end();
  }

  /** Opens connections until Postgres has none left, a while long. */
  async function takeConnections(taken: Client[]): Promise<void> {
    for (let refusals = 0; refusals < 5;) {
      const client = new Client({ connectionString: system.databaseUrl, application_name: 'test' });
      client.on('error', () => undefined);
      try {
        await client.connect();
        taken.push(client);
      } catch (error) {
        expect(error).toMatchObject({ code: '53300' });
        refusals += 1;
        await sleep(20);
      }
    }
  }

  /** Leaves not a page to grow by. */
  async function fillDisk(): Promise<void> {
    await system.pool.query('create table ballast (x text)');
    await system.pool.query('alter table ballast alter x set storage external');
    for (const size of [4_000_000, 100_000, 1_000]) {
      for (let full = false; !full;) {
        full = await system.pool.query(`insert into ballast values (repeat('x', ${size}))`).then(
          () => false,
          (error: unknown) => {
            expect(error).toMatchObject({ code: '53100' });
            return true;
          },
        );
      }
    }
  }
});
