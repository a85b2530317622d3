import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, sleep } from '../support/accepting.js';
import { altered, alteredBuild, type Alteration, type AlteredBuild } from '../support/altered-build.js';
import { broken, readWorld, type World } from '../support/invariants.js';
import { overdue } from '../support/overdue.js';
import type { Service } from '../support/service.js';
import { startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { quiet } from './world.js';

const LEASE_MS = 2_000;
const SWEEP_MS = 200;
/** I8: within lease, sweep interval and this. */
const GRACE_MS = 2_000;

/** A drain goes on for as long as a test has it stopped, in sound builds as in broken ones. */
const PATIENT: Alteration = {
  file: 'apps/worker/src/worker.module.js',
  text: 'const MAX_DRAIN_MS = 5_000;',
  by: 'const MAX_DRAIN_MS = 600_000;',
};

const NO_FENCE_CHECK: Alteration = {
  file: 'libs/persistence/src/delivery/statements.js',
  text: 'where id = $1 and fence = $2 and lease_until is not null returning id',
  by: 'where id = $1 and $2::bigint is not null returning id',
};

const NO_SWEEPER: Alteration = {
  file: 'apps/worker/src/sweeper.js',
  text: 'const due = await upkeep.dueLanes(MAX_LANES);',
  by: 'const due = (await upkeep.dueLanes(MAX_LANES)).slice(0, 0);',
};

const BLIND_RETRY: Alteration = {
  file: 'libs/core/src/transport.js',
  text: "phase === 'before-write' ? 'not-sent' : 'uncertain'",
  by: "'not-sent'",
};

const BUILDS = [
  { build: 'sound', found: false },
  { build: 'broken', found: true },
] as const;

/** The tests of the tests: each invariant's checker stays silent about the build as it is, and speaks of one without the guard. */
describe('a checker', { timeout: 120_000 }, () => {
  let system: System;
  const builds: AlteredBuild[] = [];

  beforeAll(async () => {
    system = await startSystem({
      queues: 'postgres',
      gateways: 2,
      workers: 0,
      env: {
        LANE_LEASE_MS: String(LEASE_MS),
        SEND_TIMEOUT_MS: '950',
        SWEEP_INTERVAL_MS: String(SWEEP_MS),
        UNCERTAIN_SETTLE_MS: '200',
      },
      // A receipt would tell what became of an attempt.
      twilio: { autoProgress: false },
    });
    await system.pool.query(HOLD_UP);
  });
  afterEach(async () => {
    system?.twilio.faults.disarmAll();
    system?.desk.faults.disarmAll();
    for (const worker of system?.workers.splice(0) ?? []) {
      worker.signal('SIGCONT');
      await worker.kill();
    }
  });
  afterAll(async () => {
    await system?.stop();
    for (const build of builds) build.remove();
  });

  async function startWorkers(count: number, ...alterations: Alteration[]): Promise<Service[]> {
    const build = alterations.length > 0 ? alteredBuild(alterations) : undefined;
    if (build) builds.push(build);
    return Promise.all(Array.from({ length: count }, () => system.addWorker({}, build?.program('worker'))));
  }

  /** A customer whose first text is at the desk, where an agent has taken the conversation. */
  async function customerAtDesk(): Promise<{ customer: Customer; conversation: Conversation }> {
    const customer = new Customer(system);
    const hello = customer.text('hello');
    await customer.write(hello);
    const conversation = await customer.accept();
    await customer.atDesk(hello);
    return { customer, conversation };
  }

  /** The checkers say this of the customer's messages, or nothing at all. */
  async function expectSaid(customer: Customer, what: RegExp | false): Promise<void> {
    const { messages, taken, written } = await readWorld(system, [customer]);
    const own = ({ text }: { text: string }) => text.startsWith(customer.text(''));
    const world: World = { messages: messages.filter(own), taken: taken.filter(own), written };
    if (what) expect(broken(world)).toContainEqual(expect.stringMatching(what));
    else expect(broken(world)).toEqual([]);
  }

  it.each(BUILDS)('of fences (I5) is right about a $build build', async ({ found }) => {
    const workers = await startWorkers(2, PATIENT, ...(found ? [NO_FENCE_CHECK] : []));
    const [first, second] = workers as [Service, Service];
    const { customer, conversation } = await customerAtDesk();
    for (const worker of workers) worker.signal('SIGSTOP');
    const [one, two] = [customer.text('answer 1'), customer.text('answer 2')];
    for (const text of [one, two]) customer.answer(conversation, text);
    await stored(customer, one, two);

    // The first worker sends answer 1, and is stopped while it writes down that it was taken.
    await holdUp('UPDATE', one);
    first.signal('SIGCONT');
    await somebodyHeldUp();
    first.signal('SIGSTOP');
    await letGo();
    // Its lease runs out, and the second worker tries answer 2, which Twilio does not want yet.
    system.twilio.setFault({
      operation: 'messages.create',
      effect: 'answer',
      status: 429,
      contains: 'answer+2',
    });
    second.signal('SIGCONT');
    await eventually('a refused attempt of the second worker', async () => {
      const { rows } = await system.pool.query(
        `select from attempts a join messages m on m.id = a.message_id
         where m.content ->> 'text' = $1 and a.outcome = 'not-sent' and a.ended_at is not null`,
        [two],
      );
      return rows.length > 0;
    });
    // The first one wakes up and goes on to answer 2, with a fence that is no longer its lane's.
    first.signal('SIGCONT');
    await customer.atPhone(one, two);
    await quiet(system);
    await expectSaid(customer, found && /^I5/);
  });

  it.each(BUILDS)('of recovery (I4, I8) is right about a $build build', async ({ found }) => {
    const customer = new Customer(system);
    const text = customer.text('forgotten');
    // The text is stored, and its wake-up is lost.
    await customer.write(text);
    await eventually('a wake-up', async () => {
      const { rowCount } = await system.pool.query('delete from bullmq.job');
      return (rowCount ?? 0) > 0;
    });
    // One that trails behind is lost, too.
    await sleep(500);
    await system.pool.query('delete from bullmq.job');
    await startWorkers(1, ...(found ? [NO_SWEEPER] : []));
    if (found) await sleep(SWEEP_MS + GRACE_MS);
    else await customer.atDesk(text);
    const late = await overdue(system.pool, SWEEP_MS + GRACE_MS);
    expect(late).toEqual(found ? [expect.stringMatching(/^I8/)] : []);
    await expectSaid(customer, found && /^I4.*left open/);
    // A sound worker mends it: nothing of this is left to the next test.
    if (found) await startWorkers(1);
    await customer.atDesk(text);
    await quiet(system);
  });

  it.each(BUILDS)('of order (I3) is right about a $build build', async ({ found }) => {
    await startWorkers(1);
    const { customer } = await customerAtDesk();
    const sound = found ? await takeSeqFromSequence() : undefined;
    const ports = system.gateways.map(({ port }) => port);
    try {
      // Two gateways store two texts, and the commit of the first takes longer.
      const [one, two] = [customer.text('text 1'), customer.text('text 2')];
      await holdUp('INSERT', one);
      system.proxy.targets = ports.slice(0, 1);
      const writing = [write(customer, one)];
      await somebodyHeldUp();
      system.proxy.targets = ports.slice(1);
      writing.push(write(customer, two));
      await eventually('the second text delivered, or waiting for the first', async () => {
        const { rows } = await system.pool.query(`${SESSIONS} and wait_event_type = 'Lock'`);
        return rows.length > 0 || customer.textsAtDesk().includes(two);
      });
      await letGo();
      await Promise.all(writing);
      await customer.atDesk(one, two);
      await quiet(system);
      await expectSaid(customer, found && /^I3.*arrived after/);
    } finally {
      system.proxy.targets = ports;
      if (sound !== undefined) await system.pool.query(sound);
    }
  });

  it.each(BUILDS)('of doubles (I2) is right about a $build build', async ({ found }) => {
    await startWorkers(1, ...(found ? [BLIND_RETRY] : []));
    const { customer, conversation } = await customerAtDesk();
    system.twilio.setFault({ operation: 'messages.create', effect: 'reset', when: 'after' });
    const text = customer.text('answer');
    customer.answer(conversation, text);
    await customer.atPhone(text);
    await quiet(system);
    await expectSaid(customer, found && /^I2.*unmarked/);
  });

  type Conversation = Awaited<ReturnType<Customer['accept']>>;

  async function write(customer: Customer, body: string): Promise<void> {
    const { webhook } = await system.twilio.receiveText({ from: customer.address, to: customer.ours, body });
    expect(webhook?.status).toBe(200);
  }

  async function stored(customer: Customer, ...texts: string[]): Promise<void> {
    await eventually('stored answers', async () => {
      const { rows } = await system.pool.query(`select from messages where content ->> 'text' = any ($1)`, [
        texts,
      ]);
      return rows.length === texts.length;
    });
  }

  /** Whoever stores this text, or writes down that it was submitted, is held up within its transaction until {@link letGo}. */
  async function holdUp(op: 'INSERT' | 'UPDATE', text: string): Promise<void> {
    await system.pool.query('insert into held_up (op, text) values ($1, $2)', [op, text]);
  }

  async function letGo(): Promise<void> {
    await system.pool.query('delete from held_up');
  }

  async function somebodyHeldUp(): Promise<void> {
    await eventually('somebody who is held up', async () => {
      const { rows } = await system.pool.query(`${SESSIONS} and wait_event = 'PgSleep'`);
      return rows.length > 0;
    });
  }

  /** Answers the statement that mends it. */
  async function takeSeqFromSequence(): Promise<string> {
    const { rows } = await system.pool.query<{ sql: string }>(
      `select pg_get_functiondef('append_message'::regproc) as sql`,
    );
    const sound = rows[0]?.sql ?? '';
    await system.pool.query('create sequence seq_of_broken_build start 1000');
    await system.pool.query(
      altered(
        sound,
        `update lanes l set next_seq = l.next_seq + 1 where l.thread_id = p_thread_id and l.direction = 'inbound'
  returning l.id, l.next_seq, case when l.lease_until is null then l.fence end as fence into lane;`,
        `select l.id, nextval('seq_of_broken_build') as next_seq, l.fence from lanes l
  where l.thread_id = p_thread_id and l.direction = 'inbound' into lane;`,
      ),
    );
    return sound;
  }
});

const SESSIONS = 'select from pg_stat_activity where datname = current_database()';

/** Statements that are held up where {@link holdUp} says so; not by a lock, which would run into a limit of its own. */
const HOLD_UP = /* sql */ `
create table held_up (op text, text text);
create function hold_up() returns trigger language plpgsql as $$
begin
  while (tg_op = 'INSERT' or new.delivery = 'submitted')
    and exists (select from held_up h where h.op = tg_op and h.text = new.content ->> 'text')
  loop
    perform pg_sleep(0.02);
  end loop;
  return new;
end $$;
create trigger hold_up before insert or update on messages for each row execute function hold_up();
`;
