import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentMessage, startTestDatabase, type TestDatabase } from '../support/accepting.js';
import { activeThread, startDelivery, type Delivery } from '../support/delivering.js';
import { refuses } from '../support/fakes.js';

const HOUR = 3_600_000;
const options = { maxAgeMs: { inbound: HOUR, outbound: HOUR } };

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
});

type Active = Awaited<ReturnType<typeof activeThread>>;

async function answered(...texts: string[]): Promise<Active> {
  const thread = await activeThread(db, delivery, ['hello'], { channel: 'whatsapp' });
  for (const text of texts)
    await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
  return thread;
}

/** Moves the past of everything in the lane further away. */
async function pass(laneId: string, ms: number): Promise<void> {
  await db.pool.query(
    `update messages set accepted_at = accepted_at - $2 * interval '1 ms' where lane_id = $1`,
    [laneId, ms],
  );
  await db.pool.query(
    `update lanes set still_since = still_since - $2 * interval '1 ms', not_before = null where id = $1`,
    [laneId, ms],
  );
}

async function outcomes(thread: Active): Promise<[string, string | null][]> {
  return (await thread.messages('outbound')).map(({ delivery: state, reason }) => [state, reason]);
}

describe('a message that has grown too old', () => {
  it('fails with that reason, without another call, and the lane goes on', async () => {
    const thread = await answered('first');
    delivery.channel.sends.next(refuses('not-sent'));
    await delivery.drain(thread.outbound, { options });
    await pass(thread.outbound, HOUR + 60_000);
    await db.gateway.accept([agentMessage('second', { deskConversationId: thread.deskId })]);
    await delivery.drainEmpty(thread.outbound, { options });
    expect(await outcomes(thread)).toEqual([
      ['failed', 'too-old'],
      ['submitted', null],
    ]);
    expect(delivery.channel.texts(thread.address)).toEqual(['second']);
  });

  it('is judged by the limit of its direction', async () => {
    const thread = await answered('first');
    await pass(thread.outbound, 2 * HOUR);
    const longer = { maxAgeMs: { inbound: HOUR, outbound: 24 * HOUR } };
    await delivery.drainEmpty(thread.outbound, { options: longer });
    expect(await outcomes(thread)).toEqual([['submitted', null]]);
  });

  it('does not grow older while its lane is held, nor do those behind it', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(refuses('held', { hold: 'window' }));
    await pass(thread.outbound, HOUR / 2);
    await delivery.drain(thread.outbound, { options });
    await pass(thread.outbound, 5 * HOUR);
    await db.gateway.accept([agentMessage('third', { deskConversationId: thread.deskId })]);
    await thread.says('here I am');
    await delivery.drainEmpty(thread.outbound, { options });
    expect((await outcomes(thread)).map(([state]) => state)).toEqual(['submitted', 'submitted', 'submitted']);
    expect(delivery.channel.texts(thread.address)).toEqual(['first', 'second', 'third']);
  });

  it('grows older before and after a hold, which are added up', async () => {
    const thread = await answered('first', 'second');
    delivery.channel.sends.next(refuses('held', { hold: 'window' }), refuses('not-sent'));
    await pass(thread.outbound, HOUR / 2);
    await delivery.drain(thread.outbound, { options });
    await pass(thread.outbound, 5 * HOUR);
    await thread.says('here I am');
    // Refused for the moment: half of its time is left.
    await delivery.drain(thread.outbound, { options });
    await pass(thread.outbound, HOUR / 4);
    await db.pool.query(`update lane_items set state = 'open' where lane_id = $1`, [thread.outbound]);
    expect((await outcomes(thread))[0]).toEqual(['open', 'test-not-sent']);
    await pass(thread.outbound, HOUR / 4 + 60_000);
    await delivery.drainEmpty(thread.outbound, { options });
    expect(await outcomes(thread)).toEqual([
      ['failed', 'too-old'],
      ['failed', 'too-old'],
    ]);
  });

  it('stands still over probes that find the same hold', async () => {
    const thread = await answered('first');
    delivery.channel.sends.always(refuses('held', { hold: 'configuration' }));
    for (let n = 0; n < 3; n += 1) {
      await delivery.drain(thread.outbound, { options });
      await pass(thread.outbound, HOUR / 2);
    }
    delivery.channel.sends.always({});
    await delivery.drainEmpty(thread.outbound, { options });
    expect(await outcomes(thread)).toEqual([['submitted', null]]);
  });
});
