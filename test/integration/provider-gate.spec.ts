import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BullWakeUps } from '#queueing';
import {
  DeliveryError,
  isRefusal,
  type LaneDrain,
  type Permit,
  type ProviderCall,
  type ProviderGate,
} from '#core';
import { ProviderStates, type Pool } from '#persistence';
import { Metrics, type Logger } from '#platform';
import { WorkerGate, type GateOptions } from '../../apps/worker/src/gate/worker-gate.js';
import { Rounds } from '../../apps/worker/src/rounds.js';
import { Sweeper } from '../../apps/worker/src/sweeper.js';
import {
  agentMessage,
  eventually as eventuallyWithin,
  inboundMessage,
  makeNumber,
  newAddress,
  sleep,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import { activeThread, OpenGate, startDelivery, type Delivery } from '../support/delivering.js';
import { refuses, type Outcome } from '../support/fakes.js';

const PROBE_INTERVAL_MS = 400;
const LANES = 200;
const LANES_AT_ONCE = 16;
const OPTIONS: GateOptions = {
  failureShare: 0.5,
  minCalls: 10,
  windowMs: 10_000,
  probeIntervalMs: PROBE_INTERVAL_MS,
  credentialsProbeIntervalMs: PROBE_INTERVAL_MS,
  callTimeoutMs: 100,
  lanesAtOnce: LANES_AT_ONCE,
  concurrency: { channel: 100, desk: 100 },
  messagesPerSecond: () => 1_000,
};
const LOGGER = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;

vi.setConfig({ testTimeout: 120_000 });

let db: TestDatabase;
let delivery: Delivery;
let alarms: string[];
let running: { stop(): Promise<void> }[];

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(async () => {
  await db.pool.query('truncate lane_items, provider_states, workers');
  delivery = startDelivery(db, { readyMs: 1 });
  alarms = [];
  running = [];
});
afterEach(async () => {
  for (const one of running) await one.stop();
});

/** Hundreds of lanes take their time on a busy machine. */
function eventually<T>(what: string, check: Parameters<typeof eventuallyWithin<T>>[1]): Promise<T> {
  return eventuallyWithin(what, check, 60_000);
}

/** Gates of workers of their own over one database, each settled in. */
async function startGates(count: number, changes: Partial<GateOptions> = {}): Promise<WorkerGate[]> {
  const gates = Array.from({ length: count }, (_, n) => newGate(n, changes));
  await beatAll(gates);
  if (count > 1) await sleep(1_500);
  await beatAll(gates);
  return gates;
}

function newGate(n: number, changes: Partial<GateOptions> = {}, pool: Pool = db.pool): WorkerGate {
  const gate = new WorkerGate({
    workerId: `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`,
    states: new ProviderStates(pool),
    wakeUps: { wake: () => undefined },
    metrics: new Metrics({ processMetrics: false }),
    logger: LOGGER,
    observer: { alarm: (name) => void alarms.push(name) },
    options: { ...OPTIONS, ...changes },
  });
  running.push(gate);
  return gate;
}

async function beatAll(gates: WorkerGate[]): Promise<void> {
  for (const gate of gates) await gate.beat();
}

/** Sweeps, drains whatever is due, and says that it lives: a worker whose queue is away. */
function startWorker(gate: ProviderGate): void {
  const worker = delivery.worker({
    gate,
    random: 1,
    options: {
      leaseMs: 10_000,
      retry: { pausesMs: [50, 100, 200], retryAfterMinMs: 10, retryAfterMaxMs: 1_000 },
      credentialsWaitMs: PROBE_INTERVAL_MS,
    },
  });
  const metrics = new Metrics({ processMetrics: false });
  const sweeper = new Sweeper({
    upkeep: delivery.upkeep,
    wakeUps: { failing: () => true, wake: () => undefined } as unknown as BullWakeUps,
    drain: { drain: (laneId: string) => worker.drain(laneId) } as LaneDrain,
    metrics,
    lanesAtOnce: LANES_AT_ONCE,
  });
  const rounds = new Rounds(LOGGER, metrics, [
    { name: 'sweep', intervalMs: 50, run: () => sweeper.sweep() },
    ...(gate instanceof WorkerGate ? [{ name: 'gate', intervalMs: 200, run: () => gate.beat() }] : []),
  ]);
  rounds.start();
  running.unshift({
    stop: async () => {
      worker.stop();
      await Promise.all([rounds.stop(), sweeper.idle()]);
    },
  });
}

/** A text of each of so many new customers: one lane each, whose first call is a create. */
async function acceptTexts(count: number): Promise<void> {
  await makeNumber(db.pool);
  const texts = Array.from({ length: count }, () => inboundMessage({ from: newAddress() }));
  await db.gateway.accept(texts);
}

/** Every create is refused so; answers the calls as they come. */
function everyCreate(outcome: Outcome): { calls: number[]; atOnce: { now: number; most: number } } {
  const calls: number[] = [];
  const atOnce = { now: 0, most: 0 };
  delivery.desk.creates.always({
    ...outcome,
    meanwhile: async () => {
      calls.push(performance.now());
      atOnce.now += 1;
      atOnce.most = Math.max(atOnce.most, atOnce.now);
      await sleep(20);
      atOnce.now -= 1;
    },
  });
  return { calls, atOnce };
}

async function count(what: string, values: unknown[] = []): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>(`select count(*)::int as n from ${what}`, values);
  return rows[0]?.n ?? 0;
}

const itemsLeft = () => count('lane_items');

/** Calls of ten seconds, from when every breaker was open. */
async function outage(gates: ProviderGate[]): Promise<{ perSecond: number; before: number; atOnce: number }> {
  await acceptTexts(LANES);
  const { calls, atOnce } = everyCreate(refuses('not-sent'));
  for (const gate of gates) startWorker(gate);
  await eventually(
    'many calls have failed',
    () => calls.length >= 2 * (OPTIONS.minCalls + LANES_AT_ONCE) || calls.length >= 20,
  );
  // Whatever was under way as the breakers opened has ended.
  await sleep(PROBE_INTERVAL_MS);
  const before = calls.length;
  const beganMs = performance.now();
  atOnce.most = atOnce.now;
  await eventually('it was probed for a while', () => calls.length - before >= 5);
  await sleep(PROBE_INTERVAL_MS);
  const perSecond = (calls.length - before) / ((performance.now() - beganMs) / 1_000);
  return { perSecond, before, atOnce: atOnce.most };
}

describe('while a provider is down, with hundreds of lanes and two workers', () => {
  const MOST_PER_SECOND = (1_000 / PROBE_INTERVAL_MS) * 1.2;

  it('calls are few and one at a time, and all lanes go on when it works again', async () => {
    const { perSecond, before, atOnce } = await outage(await startGates(2));
    expect(before).toBeLessThanOrEqual(2 * (OPTIONS.minCalls + LANES_AT_ONCE) + 2);
    expect(perSecond).toBeLessThanOrEqual(MOST_PER_SECOND);
    expect(atOnce).toBe(1);

    const { calls } = everyCreate({});
    await eventually('a probe got through', () => count('provider_states where recovered_at is not null'));
    await eventually(
      'no lane waits longer than the spread',
      async () => (await count(`lanes where not_before > clock_timestamp() + interval '5.1 s'`)) === 0,
    );
    await eventually('all is delivered', async () => (await itemsLeft()) === 0);
    const times = calls.map((ms) => ms - (calls[0] ?? 0));
    // Not all at once: the provider has just come back.
    expect(times.filter((ms) => ms < 1_000).length).toBeLessThan(LANES / 2);
    expect(delivery.desk.texts().flat()).toHaveLength(LANES);
  });

  it('without a gate this test sees more of both', async () => {
    const { perSecond, atOnce } = await outage([new OpenGate(), new OpenGate()]);
    expect(perSecond).toBeGreaterThan(MOST_PER_SECOND);
    expect(atOnce).toBeGreaterThan(1);
  });
});

it('lanes that wait out a long back-off go on soon after the first success', async () => {
  const [gate] = await startGates(1);
  await acceptTexts(50);
  await db.pool.query(
    `update lanes set not_before = now() + interval '2 minutes', waiting_for = 'back-off', failures = 8
     where id in (select lane_id from lane_items)`,
  );
  await acceptTexts(1);
  for (const error of [refuses('not-sent').throws, undefined]) {
    const permit = await gate?.enter({ provider: 'desk', tenantId: 'default', kind: 'look-up' });
    if (!permit || isRefusal(permit)) throw new Error('It was refused.');
    permit.end(error);
    // A success is news after two seconds; a timer may be a little early.
    await sleep(error ? 2_200 : 0);
  }
  await eventually(
    'they are pulled forward',
    async () =>
      (await count(`lanes where waiting_for = 'back-off'
    and not_before > clock_timestamp() + interval '5 s' and id in (select lane_id from lane_items)`)) === 0,
  );
  expect(
    await count(`lanes where waiting_for = 'back-off' and not_before > clock_timestamp() + interval '1 s'
    and id in (select lane_id from lane_items)`),
  ).toBeGreaterThan(10);
});

describe('a signal', () => {
  const signal: ProviderCall = { provider: 'channel', tenantId: 'default', kind: 'signal', account: 'AC1' };
  const look: ProviderCall = { ...signal, kind: 'look-up' };
  const enter = async (gate: ProviderGate, call: ProviderCall): Promise<Permit> => {
    const answer = await gate.enter(call);
    if (isRefusal(answer)) throw new Error(`It was refused: ${answer.why}.`);
    return answer;
  };
  const broken = () => new DeliveryError('not-sent', { code: 'connect-refused' });

  it('that fails says nothing of the provider, however often', async () => {
    const [gate] = await startGates(1);
    if (!gate) return expect.unreachable();
    for (let n = 0; n < 3 * OPTIONS.minCalls; n += 1) (await enter(gate, signal)).end(broken());
    (await enter(gate, look)).end();
  });

  it('is refused by a breaker that is open, and is never the probe', async () => {
    const [gate] = await startGates(1);
    if (!gate) return expect.unreachable();
    for (let n = 0; n < OPTIONS.minCalls; n += 1) (await enter(gate, look)).end(broken());
    await sleep(2 * PROBE_INTERVAL_MS);
    expect(await gate.enter(signal)).toMatchObject({ why: 'breaker' });
    // The probe is still there for a call that somebody waits for.
    (await enter(gate, look)).unused();
  });

  it('leaves half of the slots to messages, and takes no place in their line', async () => {
    const [gate] = await startGates(1, { concurrency: { channel: 8, desk: 8 } });
    if (!gate) return expect.unreachable();
    const signals: Permit[] = [];
    let last = await gate.enter(signal);
    for (; !isRefusal(last) && signals.length < 8; last = await gate.enter(signal)) signals.push(last);
    expect(last).toMatchObject({ why: 'concurrency' });
    expect(signals.length).toBeGreaterThan(0);
    expect(signals.length).toBeLessThanOrEqual(4);
    const number = { id: 'n1', address: '+15550100', account: 'AC1' };
    const send: ProviderCall = { provider: 'channel', tenantId: 'default', kind: 'send', number };
    const sends: Permit[] = [];
    for (let n = 0; n < 4; n += 1) sends.push(await enter(gate, send));
    for (const permit of [...signals, ...sends]) permit.end();
    (await enter(gate, signal)).unused();
  });
});

describe('pulling forward', () => {
  async function waiting(head: { state: string; reason?: string }, waitingFor = 'back-off'): Promise<string> {
    await acceptTexts(1);
    const { rows } = await db.pool.query<{ lane_id: string }>(
      `update lane_items set state = $1, reason = $2 where lane_id not in (select id from lanes where not_before is not null)
       returning lane_id`,
      [head.state, head.reason ?? null],
    );
    const laneId = rows[0]?.lane_id ?? '';
    await db.pool.query(
      `update lanes set not_before = now() + interval '2 minutes', waiting_for = $2 where id = $1`,
      [laneId, waitingFor],
    );
    return laneId;
  }

  it('leaves alone what waits for something else, other tenants, and what is being worked on', async () => {
    const states = new ProviderStates(db.pool);
    const pulled = [
      await waiting({ state: 'open' }),
      await waiting({ state: 'uncertain' }),
      await waiting({ state: 'open' }, 'opening'),
      await waiting({ state: 'held', reason: 'credentials' }),
    ];
    await waiting({ state: 'held', reason: 'configuration' });
    await waiting({ state: 'open' }, 'closing');
    const foreign = await waiting({ state: 'open' });
    await db.pool.query(`update lanes set tenant_id = 'other' where id = $1`, [foreign]);
    const locked = await waiting({ state: 'open' });
    const client = await db.session().connect();
    await client.query('begin');
    await client.query('select from lanes where id = $1 for update', [locked]);
    expect(await states.pullForward('default', 'twilio', 1_000)).toEqual([]);
    const wakeUps = await states.pullForward('default', 'chat-gateway', 1_000);
    await client.query('rollback');
    client.release();
    expect(wakeUps.map(({ laneId }) => laneId).toSorted()).toEqual(pulled.toSorted());
    for (const { delayMs = 0 } of wakeUps) expect(delayMs).toBeLessThanOrEqual(1_000);
  });

  it("brings an answer that waits for its author's name when the desk is back, and any other with the channel", async () => {
    const lanes: Record<string, string> = {};
    for (const authorType of ['unknown', 'agent'] as const) {
      const { deskId, outbound } = await activeThread(db, delivery);
      const message = { authorType, content: { type: 'text', text: 'hello' } } as const;
      await db.gateway.accept([agentMessage('hello', { deskConversationId: deskId, message })]);
      lanes[authorType] = outbound;
    }
    await db.pool.query(
      `update lanes set not_before = now() + interval '2 minutes', waiting_for = 'back-off' where id = any ($1)`,
      [Object.values(lanes)],
    );
    const states = new ProviderStates(db.pool);
    for (const [provider, laneId] of [
      ['chat-gateway', lanes['unknown']],
      ['twilio', lanes['agent']],
    ] as const) {
      const wakeUps = await states.pullForward('default', provider, 1_000);
      expect(wakeUps).toMatchObject([{ laneId, direction: 'outbound' }]);
    }
  });

  it('takes a long row of lanes piece by piece', async () => {
    await acceptTexts(1_100);
    await db.pool.query(
      `update lanes set not_before = now() + interval '2 minutes', waiting_for = 'back-off'
       where id in (select lane_id from lane_items)`,
    );
    const wakeUps = await new ProviderStates(db.pool).pullForward('default', 'chat-gateway', 5_000);
    expect(new Set(wakeUps.map(({ laneId }) => laneId)).size).toBe(1_100);
  });
});

describe('while a provider refuses our credentials', () => {
  it('nothing is burned, one alarm is raised, it is probed one at a time, and everything goes on when repaired', async () => {
    await acceptTexts(LANES);
    const { calls, atOnce } = everyCreate(refuses('credentials', { httpStatus: 401 }));
    const gates = await startGates(2);
    for (const gate of gates) startWorker(gate);
    await eventually(
      'every lane is held',
      async () => (await count(`lane_items where state = 'held' and reason = 'credentials'`)) === LANES,
    );
    // What was under way as the first answer came.
    expect(calls.length).toBeLessThanOrEqual(2 * LANES_AT_ONCE * 3);
    await sleep(PROBE_INTERVAL_MS);
    const before = calls.length;
    const beganMs = performance.now();
    atOnce.most = atOnce.now;
    await eventually('it was probed', () => calls.length - before >= 5);
    expect((calls.length - before - 1) / ((performance.now() - beganMs) / 1_000)).toBeLessThanOrEqual(
      1_000 / PROBE_INTERVAL_MS,
    );
    expect(atOnce.most).toBe(1);
    expect(alarms).toEqual(['credentials-refused']);
    expect(
      await count(`messages m join lane_items i on i.message_id = m.id where m.delivery <> 'held'`),
    ).toBe(0);

    everyCreate({});
    await eventually('all is delivered', async () => (await itemsLeft()) === 0);
    expect(await count('provider_states where paused_at is not null')).toBe(0);
    expect(alarms).toHaveLength(1);
    expect(delivery.desk.texts().flat()).toHaveLength(LANES);
  });

  it.each(['channel', 'desk'] as const)(
    'another tenant is not held up, nor by another worker (%s)',
    async (provider) => {
      const gates = await startGates(2);
      const [gate, other] = gates;
      if (!gate || !other) throw new Error('There are no gates.');
      const call = (tenantId: string): ProviderCall => ({ provider, tenantId, kind: 'look-up' });
      const permit = await gate.enter(call('acme'));
      if (isRefusal(permit)) throw new Error('It was refused.');
      permit.end(new DeliveryError('credentials', { code: 'access-denied', httpStatus: 401 }));
      await eventually(
        'the pause is known',
        async () => (await count('provider_states where paused_at is not null')) === 1,
      );
      await beatAll(gates);
      for (const one of gates) {
        expect(await one.enter(call('acme'))).toMatchObject({ why: 'credentials' });
        const free = await one.enter(call('default'));
        if (isRefusal(free)) throw new Error('Another tenant was refused.');
        free.end();
      }
      expect(alarms).toEqual(['credentials-refused']);
    },
  );

  it('a worker that starts probes at once: its credentials may be the repaired ones', async () => {
    await acceptTexts(5);
    await db.pool.query(
      `insert into provider_states (tenant_id, provider, paused_at, next_probe_at)
       values ('default', 'chat-gateway', now(), now() + interval '10 minutes')`,
    );
    await db.pool.query(
      `with held as (update lane_items set state = 'held', reason = 'credentials' returning lane_id)
       update lanes set not_before = now() + interval '10 minutes', waiting_for = 'back-off'
       where id in (select lane_id from held)`,
    );
    const gate = newGate(1, { credentialsProbeIntervalMs: 600_000 });
    await gate.beat();
    startWorker(gate);
    await eventually('all is delivered', async () => (await itemsLeft()) === 0);
  });
});

const NUMBERS = { hot: '+15550101', quiet: '+15550102' };

function sending(number: keyof typeof NUMBERS, messagesPerSecond?: number): ProviderCall {
  return {
    provider: 'channel',
    tenantId: 'default',
    kind: 'send',
    number: {
      id: number,
      address: NUMBERS[number],
      account: 'AC1',
      ...(messagesPerSecond && { messagesPerSecond }),
    },
  };
}

async function permits(gate: WorkerGate, call: ProviderCall, tries: number): Promise<Permit[]> {
  const answers = await Promise.all(Array.from({ length: tries }, () => gate.enter(call)));
  return answers.filter((one): one is Permit => !isRefusal(one));
}

describe('limits over two workers', () => {
  it('a number sends no more than it may, and another is not slowed by that', async () => {
    const gates = await startGates(2);
    let hot = 0;
    let quiet = 0;
    const beganMs = performance.now();
    while (hot < 150) {
      for (const gate of gates) {
        for (const permit of await permits(gate, sending('hot', 50), 5)) {
          permit.end();
          hot += 1;
        }
      }
      if (quiet < 40) {
        const [permit] = await permits(gates[quiet % 2] as WorkerGate, sending('quiet', 1_000), 1);
        expect(permit).toBeDefined();
        permit?.end();
        quiet += 1;
      }
      if (performance.now() - beganMs > 500) await Promise.all(gates.map((gate) => gate.beat()));
      await sleep(5);
    }
    // Fifty at once, and fifty in each of the two seconds after.
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(1_950);
    expect(quiet).toBe(40);
  });

  it('an account has no more calls under way than it may, and a hot number leaves room', async () => {
    const gates = await startGates(2, { concurrency: { channel: 9, desk: 1 } });
    const hot: Permit[] = [];
    const quiet: Permit[] = [];
    for (const gate of gates) hot.push(...(await permits(gate, sending('hot'), 20)));
    for (const gate of gates) quiet.push(...(await permits(gate, sending('quiet'), 20)));
    expect([hot.length, quiet.length]).toEqual([6, 3]);
    for (const permit of hot) permit.end(new DeliveryError('failed', { code: 'test', httpStatus: 400 }));
    expect(await permits(gates[0] as WorkerGate, sending('quiet'), 20)).not.toHaveLength(0);
  });

  it('a worker that leaves hands its part to the others', async () => {
    const [one, two] = await startGates(2, { concurrency: { channel: 16, desk: 1 } });
    if (!one || !two) throw new Error('There are two.');
    const both = [...(await permits(one, sending('hot'), 20)), ...(await permits(one, sending('quiet'), 20))];
    expect(both).toHaveLength(8);
    for (const permit of both) permit.unused();
    await two.stop();
    await one.beat();
    expect(await permits(one, sending('hot'), 20)).toHaveLength(12);
  });

  it('a worker that joins takes nothing until the others have heard of it', async () => {
    const [one] = await startGates(1, { concurrency: { channel: 16, desk: 1 } });
    const two = newGate(2, { concurrency: { channel: 16, desk: 1 } });
    await two.beat();
    expect(await permits(two, sending('quiet'), 5)).toHaveLength(0);
    await one?.beat();
    await eventually('it has its part', async () => (await permits(two, sending('quiet'), 1)).length === 1);
  });
});

describe('Postgres', () => {
  let asked: number;
  let away: boolean;
  const pool = {
    query: (...query: [string]) => {
      asked += 1;
      return away ? Promise.reject(new Error('Postgres is away.')) : db.pool.query(...query);
    },
  } as unknown as Pool;

  beforeEach(() => {
    asked = 0;
    away = false;
  });

  it('is not asked while all is well', async () => {
    const gate = newGate(1, {}, pool);
    await gate.beat();
    asked = 0;
    for (let n = 0; n < 500; n += 1) {
      const [permit] = await permits(gate, sending('hot', 10_000), 1);
      permit?.end();
    }
    expect(asked).toBe(0);
  });

  it('while away keeps an open breaker open', async () => {
    const gate = newGate(1, {}, pool);
    await gate.beat();
    away = true;
    for (const permit of await permits(gate, sending('hot'), 11)) permit.end(refuses('not-sent').throws);
    await sleep(PROBE_INTERVAL_MS);
    expect(await permits(gate, sending('hot'), 3)).toEqual([]);
    away = false;
    expect(
      await eventually('it is probed', async () => (await permits(gate, sending('hot'), 3))[0]),
    ).toBeDefined();
  });
});
