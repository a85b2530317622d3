import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresAcceptor } from '#persistence';
import { eventually, inboundMessage } from '../support/accepting.js';
import { CANARIES } from '../support/canaries.js';
import { Forger } from '../support/forger.js';
import { redisMissing } from '../support/redis.js';
import { NUMBERS, startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { Resources } from '../storm/resources.js';
import { title } from './catalogue.js';
import { expectSound } from './world.js';

const noRedis = redisMissing();
if (noRedis) console.warn(`On the queues of Postgres instead: ${noRedis}.`);

const HOT = 5_000;
const AT_ONCE = 250;
const QUIET = 500;
/** In which each of them writes once. */
const SPREAD_MS = 5_000;
/** Accepted while nobody delivers, half of them without Redis. */
const DEEP = 10_000;
const CONNECTIONS = 64;

describe('load', { timeout: 180_000 }, () => {
  let system: System;
  let resources: Resources;
  beforeAll(async () => {
    system = await startSystem({
      queues: noRedis ? 'postgres' : 'redis',
      workers: 2,
      twilio: { autoProgress: false },
    });
    // On a busy machine every quiet customer has a connection of their own.
    resources = new Resources(system, QUIET);
    resources.start(250);
  });
  afterAll(async () => {
    resources?.stop();
    await system?.stop();
  });

  it(`${title('load-1')}, who do not notice`, async () => {
    const quiet = Array.from({ length: QUIET }, () => new Customer(system));
    await latencies(quiet, 'first', 2 * SPREAD_MS);
    const alone = median(await latencies(quiet, 'alone'));
    const hot = new Customer(system);
    await acceptMany(hot, HOT);
    await eventually('the hot lane under way', () => hot.textsAtDesk().length > 0, 30_000);
    const beside = median(await latencies(quiet, 'beside'));
    const left = HOT - hot.textsAtDesk().length;
    console.info(`Quiet lanes take ${alone} ms alone, ${beside} ms beside a lane with ${HOT}.`);
    // It was busy all the time, or nothing would be shown.
    expect(left).toBeGreaterThan(HOT / 5);
    expect(beside).toBeLessThan(4 * alone + 400);
    await forgetRest(hot);
    await expectSound(system, { customers: [...quiet, hot] });
  });

  it('refuses nothing for depth while nobody delivers, and stays within bounds', async () => {
    const forger = await Forger.start(system);
    await Promise.all(system.workers.map((worker) => worker.stop()));
    const before = await stored();
    await system.redis?.kill();
    expect(await flood(forger, DEEP / 2)).toEqual({ 200: DEEP / 2 });
    await system.redis?.restart();
    expect(await flood(forger, DEEP / 2)).toEqual({ 200: DEEP / 2 });
    expect((await stored()) - before).toBe(DEEP);
    expect(resources.violations()).toEqual([]);
    console.info('Most of all:', resources.peak);
  });

  /** Milliseconds from a customer's text to its arrival, for one text of each, one customer after the other. */
  async function latencies(
    customers: readonly Customer[],
    label: string,
    spreadMs = SPREAD_MS,
  ): Promise<number[]> {
    const startedAt = new Map<string, number>();
    await Promise.all(
      customers.map(async (customer, n) => {
        await sleep((n * spreadMs) / customers.length);
        const text = customer.text(label);
        startedAt.set(text, Date.now());
        await customer.write(text);
      }),
    );
    // Looked at once for all: the simulators answer from this process.
    return eventually(
      `${label} texts at the desk`,
      () => {
        const taken = system.desk.log.flatMap((entry) => {
          const since = entry.kind === 'message' ? startedAt.get(entry.text) : undefined;
          return since === undefined ? [] : [Date.parse(entry.at) - since];
        });
        return taken.length >= customers.length && taken;
      },
      60_000,
    );
  }

  async function acceptMany(customer: Customer, count: number): Promise<void> {
    const { pool } = system;
    const acceptor = new PostgresAcceptor({
      pool,
      apartPool: pool,
      wakeUps: { wake: () => undefined },
      readyMs: 3_000,
      closeGraceMs: 5_000,
    });
    const texts = Array.from({ length: count }, (_, n) => customer.text(`hot ${n + 1}`));
    // A share at a time, so that each is well within its deadline.
    for (let at = 0; at < count; at += AT_ONCE) {
      const share = texts.slice(at, at + AT_ONCE);
      const results = await acceptor.accept(
        share.map((text) =>
          inboundMessage({ account: CANARIES.accountSid, to: NUMBERS[0], from: customer.address, text }),
        ),
      );
      expect(results.filter((result) => result !== 'accepted')).toEqual([]);
    }
    customer.written.push(...texts);
  }

  /** Nothing more is shown by the rest of a hot lane, and it would take its time. */
  async function forgetRest(customer: Customer): Promise<void> {
    const { rows } = await system.pool.query<{ text: string }>(
      `with rest as (
         delete from lane_items i using lanes l, threads t
         where t.customer_address = $1 and l.thread_id = t.id and i.lane_id = l.id and i.state = 'open'
           and i.seq > 100 + (select max(done.seq) from messages done where done.lane_id = l.id and done.delivery = 'submitted')
         returning i.message_id)
       delete from messages m using rest where m.id = rest.message_id returning m.content ->> 'text' as text`,
      [customer.address],
    );
    const rest = new Set(rows.map(({ text }) => text));
    customer.written.splice(0, Infinity, ...customer.written.filter((text) => !rest.has(text)));
  }

  /** Posts so many texts of as many customers; how often each status was answered. */
  async function flood(forger: Forger, count: number): Promise<Record<string, number>> {
    const port = system.gateways[0]?.port;
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS });
    const statuses: Record<string, number> = {};
    let left = count;
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        while (left > 0) {
          left -= 1;
          const From = `${CANARIES.customerPrefix}7${String(left).padStart(6, '0')}`;
          const { path, headers, body } = forger.text({ From, Body: `${CANARIES.text} ${left}` });
          const answer = await pool.request({ path, method: 'POST', headers, body });
          await answer.body.dump();
          statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1;
        }
      }),
    );
    await pool.close();
    return statuses;
  }

  async function stored(): Promise<number> {
    const { rows } = await system.pool.query<{ n: number }>('select count(*)::int as n from lane_items');
    return rows[0]?.n ?? 0;
  }
});

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
