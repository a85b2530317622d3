import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError, ProviderGate, type Interactive, type MessageContent, type PartContent } from '#core';
import { agentMessage, inboundMessage, startTestDatabase, type TestDatabase } from '../support/accepting.js';
import { activeThread, startDelivery, type Delivery } from '../support/delivering.js';
import { losesRequest, refuses } from '../support/fakes.js';

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(async () => {
  delivery = startDelivery(db);
  await db.pool.query('delete from content_templates');
});

type Thread = Awaited<ReturnType<typeof activeThread>>;

const BUTTONS: Interactive = {
  kind: 'quick-reply',
  language: 'en',
  body: 'Which?',
  choices: [
    { id: 'c1', title: 'Red' },
    { id: 'c2', title: 'Blue' },
  ],
};
const OFFER: PartContent = {
  text: '1. Red\n2. Blue',
  interactive: BUTTONS,
  choices: [{ title: 'Red', payload: 'r' }, { title: 'Blue' }],
};
/** An agent's message whose text is `offer` offers these choices. */
const renders =
  (offer: PartContent = OFFER) =>
  (content: MessageContent): PartContent[] => {
    const text = 'text' in content ? (content.text ?? '') : '';
    return [text.startsWith('offer') ? offer : { text }];
  };

async function answer(thread: Thread, text: string): Promise<void> {
  await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
  await delivery.drainEmpty(thread.outbound);
}

async function says(thread: Thread, content: MessageContent | string): Promise<void> {
  const message = typeof content === 'string' ? { type: 'text' as const, text: content } : content;
  await db.gateway.accept([inboundMessage({ from: thread.address, content: message })]);
  await delivery.drainEmpty(thread.inbound);
}

const atDesk = (thread: Thread) =>
  delivery.desk
    .conversation(thread.deskId)
    ?.messages.map(({ text }) => text)
    .slice(1);
const sent = (thread: Thread) =>
  delivery.channel.accepted
    .filter(({ to }) => to === thread.address)
    .map(({ content, text }) => content?.sid ?? text);
const templates = async () =>
  (await db.pool.query<{ content_sid: string }>('select content_sid from content_templates')).rows.map(
    ({ content_sid: sid }) => sid,
  );

describe('choices that have to be made beforehand', () => {
  it('are made once for all who are shown the same', async () => {
    delivery.channel.renders = renders();
    const [one, other] = [await activeThread(db, delivery), await activeThread(db, delivery)];
    await answer(one, 'offer');
    await answer(other, 'offer again');
    await answer(one, 'offer once more');
    expect(delivery.channel.contents).toEqual([BUTTONS]);
    expect([sent(one), sent(other)]).toEqual([['content-1', 'content-1'], ['content-1']]);
    expect(await templates()).toEqual(['content-1']);
  });

  it('are made again where nobody knows whether they were', async () => {
    delivery.channel.renders = renders();
    delivery.channel.creates.next({ throws: new DeliveryError('not-sent', { code: 'deadline' }) });
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    expect(delivery.channel.contents).toHaveLength(2);
    expect(sent(thread)).toEqual(['content-2']);
  });

  it.each([
    ['at once where the provider will not have them', 'failed', 1],
    ['after a few tries where it cannot', 'not-sent', 4],
  ] as const)('go out as text %s', async (_name, kind, tries) => {
    delivery.channel.renders = renders();
    delivery.channel.creates.always(refuses(kind));
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    expect(sent(thread)).toEqual([OFFER.text]);
    expect(delivery.attempted.filter((one) => one === 'send submitted')).toHaveLength(2);
    expect(await templates()).toEqual([]);
    let calls = 0;
    delivery.channel.creates.always({ ...refuses(kind), meanwhile: () => void (calls += 1) });
    await answer(thread, 'offer');
    expect(calls).toBe(tries);
  });

  it('are made anew where the provider has forgotten them', async () => {
    delivery.channel.renders = renders();
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    delivery.channel.sends.next(refuses('not-sent', { code: 'content-unknown' }));
    await answer(thread, 'offer');
    expect(sent(thread)).toEqual(['content-1', 'content-2']);
    expect(await templates()).toEqual(['content-2']);
  });

  it('go out as text where the provider keeps forgetting them', async () => {
    delivery.channel.renders = renders();
    const unknown = refuses('not-sent', { code: 'content-unknown' });
    delivery.channel.sends.next(unknown, unknown);
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    expect(sent(thread)).toEqual([OFFER.text]);
    expect(delivery.channel.contents).toHaveLength(2);
  });

  it('wait where the gate lets no call through', async () => {
    delivery.channel.renders = renders();
    const thread = await activeThread(db, delivery);
    await db.gateway.accept([agentMessage('offer', { deskConversationId: thread.deskId })]);
    const kinds: string[] = [];
    class ClosedGate extends ProviderGate {
      override enter({ provider, kind }: Parameters<ProviderGate['enter']>[0]) {
        kinds.push(`${provider} ${kind}`);
        return Promise.resolve({ why: 'breaker' as const, waitMs: 10 });
      }
    }
    await delivery.drain(thread.outbound, { gate: new ClosedGate() });
    expect(kinds).toEqual(['channel create']);
    expect(sent(thread)).toEqual([]);
    await delivery.drainEmpty(thread.outbound);
    expect(sent(thread)).toEqual(['content-1']);
  });

  it('are told from no other message: a blind attempt beside theirs makes looking impossible', async () => {
    delivery.channel.renders = renders();
    const thread = await activeThread(db, delivery);
    delivery.channel.sends.next(losesRequest());
    delivery.channel.lists = false;
    await answer(thread, 'a text that is lost and sent again blind');
    delivery.channel.lists = true;
    delivery.channel.sends.next(losesRequest());
    await answer(thread, 'offer');
    const { rows } = await db.pool.query<{ doubtful: boolean }>(
      'select possible_duplicate as doubtful from messages where thread_id = $1 and direction = $2 order by seq',
      [thread.threadId, 'outbound'],
    );
    expect(rows).toEqual([{ doubtful: true }, { doubtful: true }]);
  });
});

describe('answers to choices', () => {
  beforeEach(() => {
    delivery.channel.renders = renders();
  });

  it.each<[string, string | MessageContent]>([
    ['a number', '2'],
    ['a title', 'blue'],
    ['a button', { type: 'choice', title: 'Blue', payload: 'c2' }],
  ])('reach the agent as titles, made by %s', async (_name, content) => {
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    await says(thread, content);
    expect(atDesk(thread)).toEqual(['Blue']);
    const { rows } = await db.pool.query<{ content: MessageContent; part: PartContent }>(
      `select m.content, p.content as part from messages m join parts p on p.message_id = m.id
       where m.thread_id = $1 and m.direction = 'inbound' order by m.seq desc limit 1`,
      [thread.threadId],
    );
    expect(rows[0]?.content).toEqual(typeof content === 'string' ? { type: 'text', text: content } : content);
    expect(rows[0]?.part).toMatchObject({ text: 'Blue', answer: { title: 'Blue' } });
  });

  it('stay texts beside an offer that does not have them', async () => {
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    await says(thread, '7');
    await says(thread, 'Green');
    await says(thread, '1');
    expect(atDesk(thread)).toEqual(['7', 'Green', 'Red']);
  });

  it('are asked for in no thread that was offered nothing', async () => {
    const thread = await activeThread(db, delivery);
    await answer(thread, 'plain');
    const worker = delivery.worker();
    const lane = await worker.store.claim(thread.inbound, 400);
    await db.gateway.accept([inboundMessage({ from: thread.address, text: '1' })]);
    expect(lane).toBeUndefined();
    const claimed = await worker.store.claim(thread.inbound, 400);
    expect(claimed && (await worker.store.head(claimed))?.offered).toBeUndefined();
    if (claimed) await worker.store.release(claimed.lease);
    await delivery.drainEmpty(thread.inbound);
    expect(atDesk(thread)).toEqual(['1']);
  });

  it('count once by number, whatever the agent wrote meanwhile, and anew with the next offer', async () => {
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    await answer(thread, 'take your time');
    await says(thread, '1');
    await says(thread, '2');
    await says(thread, { type: 'choice', title: 'Blue', payload: 'c2' });
    await answer(thread, 'offer again');
    await says(thread, '2');
    expect(atDesk(thread)).toEqual(['Red', '2', 'Blue', 'Blue']);
  });

  it('belong to the newest offer that was made before them', async () => {
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    // Accepted, but not delivered before another offer is made.
    await db.gateway.accept([inboundMessage({ from: thread.address, text: '2' })]);
    delivery.channel.renders = renders({
      text: '1. Yes\n2. No',
      choices: [{ title: 'Yes' }, { title: 'No' }],
    });
    await answer(thread, 'offer another');
    await delivery.drainEmpty(thread.inbound);
    await says(thread, '2');
    expect(atDesk(thread)).toEqual(['Blue', 'No']);
  });

  it.each([
    ['23 hours', 'Red'],
    ['25 hours', '1'],
  ])('%s after the offer', async (age, text) => {
    const thread = await activeThread(db, delivery);
    await answer(thread, 'offer');
    await db.pool.query(
      `update attempts set started_at = started_at - $2::interval
       where message_id in (select id from messages where lane_id = $1)`,
      [thread.outbound, age],
    );
    await says(thread, '1');
    expect(atDesk(thread)).toEqual([text]);
  });

  it('leave alone what another customer was offered', async () => {
    const [one, other] = [await activeThread(db, delivery), await activeThread(db, delivery)];
    await answer(one, 'offer');
    await says(other, '1');
    expect(atDesk(other)).toEqual(['1']);
  });

  it('overtake the word that the offer arrived', async () => {
    const thread = await activeThread(db, delivery);
    delivery.channel.sends.next({
      meanwhile: () =>
        db.gateway.accept([inboundMessage({ from: thread.address, text: '1' })]).then(() => undefined),
    });
    await answer(thread, 'offer');
    await delivery.drainEmpty(thread.inbound);
    expect(atDesk(thread)).toEqual(['Red']);
  });
});
