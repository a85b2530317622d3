import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PostgresAcceptor } from '#persistence';
import { inboundMessage, makeNumber, startTestDatabase, type TestDatabase } from '../support/accepting.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(async () => {
  await db.pool.query(
    `truncate business_numbers, customers, customer_aliases, threads, lanes, lane_items, conversations,
       desk_conversations, desk_events, dedupe_keys, messages, parts, attempts`,
  );
  db.wakeUps.length = 0;
});

async function stored(): Promise<{ seq: number; text: string; lane: string }[]> {
  const { rows } = await db.pool.query<{ seq: number; content: { text: string }; lane_id: string }>(
    'select seq, content, lane_id from messages order by lane_id, seq',
  );
  return rows.map((row) => ({ seq: row.seq, text: row.content.text, lane: row.lane_id }));
}

describe('accepting messages', () => {
  it('commits the message of a customer never seen, to a number never seen', async () => {
    const results = await db.acceptor().accept([inboundMessage({ text: 'hello' })]);
    expect(results).toEqual(['accepted']);
    expect((await stored()).map(({ seq, text }) => ({ seq, text }))).toEqual([{ seq: 1, text: 'hello' }]);
    const { rows } = await db.pool.query<{ state: string }>('select state from business_numbers');
    expect(rows).toEqual([{ state: 'unconfigured' }]);
    expect(db.wakeUps).toHaveLength(1);
  });

  it('commits a batch with new threads, all of it', async () => {
    await makeNumber(db.pool);
    const acceptor = db.acceptor();
    const messages = Array.from({ length: 60 }, (_, n) =>
      inboundMessage({ from: `+1555000${1000 + (n % 20)}` }),
    );
    const results = await Promise.all(messages.map((message) => acceptor.accept([message])));
    expect(results.flat()).toEqual(messages.map(() => 'accepted'));
    const all = await stored();
    expect(all).toHaveLength(60);
    for (const items of Map.groupBy(all, ({ lane }) => lane).values()) {
      expect(items.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    }
  });
});

void PostgresAcceptor;
