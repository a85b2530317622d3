import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CannotStoreError } from '#core';
import {
  eventually,
  inboundMessage,
  makeNumber,
  messagesOf,
  newAddress,
  sleep,
  startTestDatabase,
  textsOf,
  type TestDatabase,
} from '../support/accepting.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await startTestDatabase();
  await makeNumber(db.pool);
});
afterAll(() => db.stop());

/** Another session that holds the lane of a customer until it is told to let go. */
async function lockLane(address: string): Promise<() => Promise<void>> {
  const client = await db.session().connect();
  await client.query('set idle_in_transaction_session_timeout = 0');
  await client.query('begin');
  await client.query(
    `select l.id from lanes l join threads t on t.id = l.thread_id where t.customer_address = $1 for update of l`,
    [address],
  );
  let held = true;
  return async () => {
    if (!held) return;
    held = false;
    await client.query('commit');
    client.release();
  };
}

async function timed<T>(work: Promise<T>): Promise<{ result: T | Error; ms: number }> {
  const startedAt = performance.now();
  const result = await work.catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
  return { result, ms: performance.now() - startedAt };
}

async function known(): Promise<string> {
  const address = newAddress();
  await db.gateway.accept([inboundMessage({ from: address, text: 'first' })]);
  return address;
}

describe('a locked lane beside strangers', () => {
  it('naive: without a limit on waiting the strangers wait as long as the lock is held', async () => {
    const [locked, stranger] = [await known(), await known()];
    const release = await lockLane(locked);
    const naive = await db.session().connect();
    await naive.query('set lock_timeout = 0');
    let done = false;
    const batch = naive
      .query(
        `update lanes set next_seq = next_seq where thread_id in (select id from threads where customer_address = any ($1))`,
        [[locked, stranger]],
      )
      .then(() => (done = true));
    await sleep(1_500);
    expect(done).toBe(false);
    await release();
    await batch;
    naive.release();
  });

  it('lets the strangers through, takes the locked one when the lock ends, and loses or doubles nothing', async () => {
    const gateway = db.acceptor();
    const locked = await known();
    const strangers = await Promise.all(Array.from({ length: 10 }, known));
    const release = await lockLane(locked);
    const blocked = timed(gateway.accept([inboundMessage({ from: locked, text: 'second' })]));
    const through = await Promise.all(
      strangers.map((from) => timed(gateway.accept([inboundMessage({ from, text: 'second' })]))),
    );
    // The lock is still held: whoever waited for it would have been told that it cannot be stored.
    expect(through.map(({ result }) => result)).toEqual(strangers.map(() => ['accepted']));
    // The lane stands apart now: who comes next does not meet it at all.
    const next = await Promise.all(
      strangers.map((from) => timed(gateway.accept([inboundMessage({ from, text: 'third' })]))),
    );
    const alsoBlocked = timed(gateway.accept([inboundMessage({ from: locked, text: 'third' })]));
    expect(next.map(({ result }) => result)).toEqual(strangers.map(() => ['accepted']));
    await release();
    expect((await blocked).result).toEqual(['accepted']);
    expect((await alsoBlocked).result).toEqual(['accepted']);
    for (const address of [locked, ...strangers]) {
      expect(await textsOf(db.pool, address)).toEqual(['first', 'second', 'third']);
    }
  });

  it('answers that it cannot store after three seconds, and takes the repeated webhook as new or as known', async () => {
    const locked = await known();
    const release = await lockLane(locked);
    const message = inboundMessage({ from: locked, text: 'second' });
    const { result, ms } = await timed(db.acceptor().accept([message]));
    expect(result).toBeInstanceOf(CannotStoreError);
    expect(ms).toBeGreaterThan(2_900);
    await release();
    await db.gateway.accept([message]);
    expect(await db.gateway.accept([message])).toEqual(['duplicate']);
    expect(await textsOf(db.pool, locked)).toEqual(['first', 'second']);
  });

  it('keeps the order of one lane while it stands apart and after', async () => {
    const gateway = db.acceptor();
    const locked = await known();
    const release = await lockLane(locked);
    const answers: Promise<unknown>[] = [];
    for (let n = 0; n < 12; n += 1) {
      answers.push(gateway.accept([inboundMessage({ from: locked, text: String(n) })]));
      await sleep(100);
      if (n === 8) await release();
    }
    await Promise.all(answers);
    expect(await textsOf(db.pool, locked)).toEqual([
      'first',
      ...Array.from({ length: 12 }, (_, n) => String(n)),
    ]);
    expect((await messagesOf(db.pool, locked)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 13 }, (_, n) => n + 1),
    );
  });
});

describe('sessions that are ended under the gateway', () => {
  it('cost an answer, never a message, and never double one', async () => {
    const gateway = db.acceptor();
    const from = newAddress();
    const texts: string[] = [];
    let ended = 0;
    let done = false;
    const killer = (async () => {
      while (!done) {
        // Spelled so that the statement does not find itself.
        const found = await db.pool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() and query like 'select %accept!_%messages(%' escape '!'`,
        );
        ended += found.rows.length;
        await sleep(60);
      }
    })();
    while (texts.length < 40 || ended < 5) {
      const text = String(texts.length);
      texts.push(text);
      const message = inboundMessage({ from, text });
      // A provider repeats what was not answered.
      await eventually('it is taken', () => gateway.accept([message]).catch(() => undefined));
    }
    done = true;
    await killer;
    expect(await textsOf(db.pool, from)).toEqual(texts);
  });
});
