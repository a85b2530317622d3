import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newThread, startDelivery, type Delivery, type TestThread } from '../support/delivering.js';
import { startOperatorApi, type OperatorApi } from './operator-api-app.js';

const NOBODY = '00000000-0000-7000-8000-000000000000';
const SID = `HX${'0'.repeat(32)}`;

let api: OperatorApi;
let delivery: Delivery;
let counter = 0;

beforeAll(async () => {
  api = await startOperatorApi();
});
afterAll(() => api.stop());
beforeEach(() => {
  delivery = startDelivery(api.db);
  api.woken.length = 0;
});

function body(thread: TestThread, changes: object = {}) {
  counter += 1;
  return {
    threadId: thread.threadId,
    content: { type: 'text', text: 'Your parcel has arrived.' },
    idempotencyKey: `key-${counter}`,
    ...changes,
  };
}

const post = (wanted: object) => api.call('post', 'messages').send(wanted);

describe('a message by the API', () => {
  it('takes its place in the lane of its customer, and is sent', async () => {
    const thread = await newThread(api.db, ['hello']);
    const answer = await post(body(thread)).set('X-Causeway-Operator', 'ada');
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      threadId: thread.threadId,
      laneId: thread.outbound,
      direction: 'outbound',
      authorType: 'bot',
      content: { type: 'text', text: 'Your parcel has arrived.' },
      delivery: 'open',
    });
    expect(api.woken).toEqual([{ laneId: thread.outbound, direction: 'outbound' }]);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toEqual(['Your parcel has arrived.']);
    const { id } = answer.body as { id: string };
    const { body: log } = (await api.call('get', `audit?target=${id}`)) as { body: { items: unknown[] } };
    expect(log.items).toMatchObject([{ action: 'message.post', operator: 'ada', details: { type: 'text' } }]);
    expect(JSON.stringify(log)).not.toContain('parcel');
  });

  it('can be a template', async () => {
    const thread = await newThread(api.db, ['hello']);
    const template = { contentSid: SID, variables: { '1': 'Ada' } };
    const answer = await post(body(thread, { content: undefined, template }));
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ content: { type: 'template', ...template } });
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.accepted.filter(({ to }) => to === thread.address)).toMatchObject([
      { content: { sid: SID, variables: { '1': 'Ada' } } },
    ]);
  });

  it('is sent once per key, however often and at the same time it is asked for', async () => {
    const thread = await newThread(api.db, ['hello']);
    const wanted = body(thread);
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(wanted)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(new Set(answers.map((answer) => (answer.body as { id: string }).id)).size).toBe(1);
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toHaveLength(1);
  });

  it('shows what the provider bills it by', async () => {
    const thread = await newThread(api.db, ['hello']);
    delivery.channel.cost = () => ({ encoding: 'UCS-2', segments: 2 });
    const { body: made } = (await post(body(thread))) as { body: { id: string } };
    await delivery.drainEmpty(thread.outbound);
    expect((await api.call('get', `messages/${made.id}`)).body).toMatchObject({
      parts: [{ n: 1, attempts: [{ outcome: 'submitted', encoding: 'UCS-2', segments: 2 }] }],
    });
  });

  it('is not another one under the same key', async () => {
    const thread = await newThread(api.db, ['hello']);
    const wanted = body(thread);
    await post(wanted);
    const answer = await post({ ...wanted, content: { type: 'text', text: 'Something else.' } });
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ detail: 'Something else was sent under this idempotencyKey.' });
  });

  it.each([
    ['nothing to send', { content: undefined }, 'content'],
    ['a text and a template', { template: { contentSid: SID } }, 'content'],
    ['an empty text', { content: { type: 'text', text: '' } }, 'content.text'],
    ['another kind', { content: { type: 'card', text: 'x' } }, 'content.type'],
    ['no sid', { content: undefined, template: { contentSid: 'HX1' } }, 'template.contentSid'],
    [
      'no text as variable',
      { content: undefined, template: { contentSid: SID, variables: { 1: 2 } } },
      'template.variables',
    ],
    ['no key', { idempotencyKey: undefined }, 'idempotencyKey'],
    ['an unknown field', { to: '+15550123' }, 'to'],
  ])('is refused with %s', async (_name, changes, field) => {
    const thread = await newThread(api.db, ['hello']);
    const answer = await post(body(thread, changes));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [{ field }] });
    expect(await thread.messages('outbound')).toEqual([]);
  });

  it('is refused for a thread that is none', async () => {
    const thread = await newThread(api.db, ['hello']);
    expect((await post(body(thread, { threadId: NOBODY }))).status).toBe(404);
  });
});

describe('a customer', () => {
  async function customerOf(thread: TestThread): Promise<string> {
    const { rows } = await api.db.pool.query<{ customer_id: string }>(
      'select customer_id from threads where id = $1',
      [thread.threadId],
    );
    return rows[0]?.customer_id ?? '';
  }

  it('is shown with what they said of our messages, which an operator can change', async () => {
    const thread = await newThread(api.db, ['hello']);
    const id = await customerOf(thread);
    const read = () => api.call('get', `customers/${id}`);
    expect((await read()).body).toEqual({
      id,
      tenantId: 'default',
      addresses: [thread.address],
      optOuts: [],
    });

    const change = { numberId: thread.numberId, optedOut: true };
    const out = await api.call('post', `customers/${id}/opt-out`).send(change);
    expect(out.status).toBe(200);
    expect(out.body).toMatchObject({ optOuts: [{ accountSid: 'AC1', sender: '+15550100', optedOut: true }] });
    await post(body(thread));
    await delivery.drainEmpty(thread.outbound);
    expect(await thread.messages('outbound')).toMatchObject([{ delivery: 'failed', reason: 'opted-out' }]);

    await api.call('post', `customers/${id}/opt-out`).send({ ...change, optedOut: false });
    expect((await read()).body).toMatchObject({ optOuts: [{ optedOut: false }] });
    await post(body(thread));
    await delivery.drainEmpty(thread.outbound);
    expect(delivery.channel.texts(thread.address)).toHaveLength(1);
    const { body: log } = (await api.call('get', `audit?target=${id}`)) as { body: { items: object[] } };
    expect(log.items).toMatchObject([
      { action: 'customer.opt-out', details: { optedOut: false } },
      { action: 'customer.opt-out', details: { optedOut: true, numberId: thread.numberId } },
    ]);
  });

  it('is nobody, or never wrote to that number: 404', async () => {
    const thread = await newThread(api.db, ['hello']);
    const id = await customerOf(thread);
    expect((await api.call('get', `customers/${NOBODY}`)).status).toBe(404);
    const change = { numberId: NOBODY, optedOut: true };
    expect((await api.call('post', `customers/${id}/opt-out`).send(change)).status).toBe(404);
    expect(
      (await api.call('post', `customers/${id}/opt-out`).send({ ...change, optedOut: 'yes' })).status,
    ).toBe(400);
  });
});
