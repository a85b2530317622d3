import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DueTexts } from '#persistence';
import { Metrics } from '#platform';
import { TextWriter } from '../../apps/worker/src/text-writer.js';
import { startTestDatabase, type TestDatabase } from '../support/accepting.js';
import { activeThread, startDelivery } from '../support/delivering.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());

describe(DueTexts.name, () => {
  it('tells a customer once, in the language of the number, and nothing where there is no text', async () => {
    const delivery = startDelivery(db);
    const { threadId, outbound } = await activeThread(db, delivery, ['hello']);
    await db.pool.query(
      `update business_numbers n set language = 'de', settings = settings || $2 from threads t
       where t.id = $1 and n.id = t.number_id`,
      [threadId, JSON.stringify({ texts: { agentJoined: { en: 'Hi', de: 'Hier ist {{name}}.' } } })],
    );
    const due = new DueTexts(db.pool);
    const writer = new TextWriter({
      due,
      wakeUps: { wake: (lanes) => void delivery.wakeUps.push(...lanes) },
      metrics: new Metrics({ processMetrics: false }),
    });
    const about = { tenantId: 'default', threadId, variables: { name: 'Ann' } };
    await due.tell({ ...about, kind: 'agentJoined', key: 'A1' });
    await due.tell({ ...about, kind: 'agentJoined', key: 'A1' });
    await due.tell({ ...about, kind: 'welcome', key: 'A1' });
    await writer.run();
    await writer.run();
    await delivery.drainEmpty(outbound);
    expect(delivery.channel.accepted.map(({ text }) => text)).toEqual(['Hier ist Ann.']);
    expect(delivery.wakeUps).toContainEqual({ laneId: outbound, direction: 'outbound' });
  });
});
