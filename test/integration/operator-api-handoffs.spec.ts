import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WebFiles } from '#core';
import { newThread, startDelivery, type Delivery, type TestThread } from '../support/delivering.js';
import { startOperatorApi, type OperatorApi } from './operator-api-app.js';

let api: OperatorApi;
let delivery: Delivery;
let count = 0;

const NOBODY = '018f0000-0000-7000-8000-000000000000';
const CARD = {
  contentType: 'application/8x8.quick.replies',
  content: { options: [{ title: 'Yes', data: { postback: 'yes' } }] },
};

beforeAll(async () => {
  api = await startOperatorApi();
});
afterAll(() => api.stop());
beforeEach(() => {
  delivery = startDelivery(api.db, { readyMs: 1 });
  api.woken.length = 0;
});

async function botThread(): Promise<TestThread> {
  count += 1;
  const thread = await newThread(api.db, ['hello'], { address: `+1554${String(count).padStart(7, '0')}` });
  const settings = { mode: 'bot', bot: { url: 'https://bot.example/causeway' } };
  expect((await api.call('patch', `numbers/${thread.numberId}`).send({ settings })).status).toBe(200);
  return thread;
}

const body = ({ threadId }: { threadId: string }, changes: object = {}) => ({
  threadId,
  idempotencyKey: `key-${(count += 1)}`,
  ...changes,
});
const post = (wanted: object) => api.call('post', 'handoffs').send(wanted);

describe('a hand-off', () => {
  it('gives the agents what the bot knows, once', async () => {
    const thread = await botThread();
    const history = [
      { authorType: 'user', text: 'hello' },
      {
        authorType: 'bot',
        text: 'Is this the bill?',
        cards: [CARD],
        attachments: [{ url: 'https://bot.example/bill.pdf', filename: 'bill.pdf' }],
      },
    ];
    const wanted = body(thread, {
      queueId: '200',
      user: { name: 'James Jones', caseId: '7', language: 'de', properties: { Intent: 'balance' } },
      history,
      survey: { maxTotalMinutes: 30 },
    });
    const made = await post(wanted);
    expect(made.status).toBe(202);
    expect(made.body).toEqual({
      id: expect.any(String) as string,
      threadId: thread.threadId,
      delivery: 'open',
    });
    expect(api.woken).toEqual([{ laneId: thread.inbound, direction: 'inbound' }]);
    const again = await post(wanted);
    expect([again.status, again.body]).toEqual([202, made.body]);
    expect((await post({ ...wanted, queueId: '300' })).status).toBe(409);

    await delivery.drainEmpty(thread.inbound);
    const [conversation] = await thread.conversations();
    const { id } = made.body as { id: string };
    expect((await api.call('get', `handoffs/${id}`)).body).toEqual({
      id,
      threadId: thread.threadId,
      conversationId: conversation?.id,
      delivery: 'submitted',
    });
    expect(delivery.desk.conversations.map(({ request }) => request)).toMatchObject([
      {
        user: {
          name: 'James Jones',
          caseId: '7',
          language: 'de',
          properties: [{ key: 'Intent', value: 'balance' }],
        },
        assignment: { type: 'queue', id: '200' },
        history: [
          history[0],
          { authorType: 'bot', text: 'Is this the bill?\n[attachment: bill.pdf]', cards: [CARD] },
        ],
      },
    ]);
    const { body: log } = (await api.call('get', `audit?target=${id}`)) as { body: { items: object[] } };
    expect(log.items).toMatchObject([{ action: 'handoff.post', details: { threadId: thread.threadId } }]);
    const { rows } = await api.db.pool.query('select survey from conversations where id = $1', [
      conversation?.id,
    ]);
    expect(rows).toEqual([{ survey: { maxTotalMinutes: 30 } }]);
  });

  it('names its customer by number and address, too, and shows where their messages went', async () => {
    const thread = await botThread();
    await delivery.drainEmpty(thread.inbound);
    const { threadId: _, ...rest } = body(thread);
    const named = { ...rest, numberId: thread.numberId, address: thread.address };
    expect((await post(named)).body).toMatchObject({ threadId: thread.threadId });
    expect((await post({ ...named, idempotencyKey: 'other', address: '+15559999999' })).status).toBe(404);
    await delivery.drainEmpty(thread.inbound);
    const { body: list } = (await api.call('get', `messages?address=${thread.address}`)) as {
      body: { items: { content: { type: string } }[] };
    };
    expect(list.items.find(({ content }) => content.type === 'text')).toMatchObject({
      delivery: 'submitted',
      parts: [{ n: 1, attempts: [{ destination: 'bot', outcome: 'submitted', httpStatus: 200 }] }],
    });
    expect(list.items.find(({ content }) => content.type === 'text')).not.toHaveProperty('conversationId');
  });

  it('is refused while agents have the customer', async () => {
    const thread = await botThread();
    await post(body(thread));
    expect((await post(body(thread))).body).toMatchObject({
      detail: 'Another hand-off of this customer waits.',
    });
    await delivery.drainEmpty(thread.inbound);
    const answer = await post(body(thread));
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ detail: 'The agents have this customer already.' });
    expect((await post(body({ threadId: NOBODY }))).status).toBe(404);
    expect((await api.call('get', `handoffs/${NOBODY}`)).status).toBe(404);
    const [text] = await thread.messages('inbound');
    expect((await api.call('get', `handoffs/${text?.id}`)).status).toBe(404);
  });

  const properties = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`key ${n}`, 'value']));
  const entry = { authorType: 'user', text: 'x' };
  it.each([
    ['nobody', { threadId: undefined }, 'threadId'],
    ['two ways to say whom', { numberId: NOBODY, address: '+15550123' }, 'threadId'],
    ['no key', { idempotencyKey: undefined }, 'idempotencyKey'],
    ['an empty queue', { queueId: '' }, 'queueId'],
    ['an unknown field', { queue: '1' }, 'queue'],
    ['an unknown field of the user', { user: { age: '7' } }, 'user.age'],
    ['a language that no agent speaks', { user: { language: 'tlh' } }, 'user.language'],
    ['30 properties', { user: { properties } }, 'user.properties'],
    ['a property without a value', { user: { properties: { Intent: '' } } }, 'user.properties'],
    ['a property without a key', { user: { properties: { '': 'x' } } }, 'user.properties'],
    ['a property with half a key', { user: { properties: { 'a\0': 'x' } } }, 'user.properties'],
    ['201 messages', { history: Array.from({ length: 201 }, () => entry) }, 'history'],
    ['an agent as author', { history: [{ ...entry, authorType: 'agent' }] }, 'history.0.authorType'],
    ['a NUL', { history: [entry, { ...entry, text: 'a\0' }] }, 'history.1.text'],
    ['an entry that says nothing', { history: [{ authorType: 'bot' }] }, 'history.0'],
    [
      'a file of this machine',
      { history: [{ ...entry, attachments: [{ url: 'file:///etc/passwd' }] }] },
      'history.0.attachments.0.url',
    ],
    [
      'a card with a NUL',
      { history: [{ ...entry, cards: [{ content: { a: ['\0'] } }] }] },
      'history.0.cards.0.content',
    ],
    ['a survey too short', { survey: { maxTotalMinutes: 19 } }, 'survey.maxTotalMinutes'],
  ])('is refused with %s', async (_name, changes, field) => {
    const answer = await post(body({ threadId: NOBODY }, changes));
    expect(answer.status).toBe(400);
    expect((answer.body as { errors: { field: string }[] }).errors.map((error) => error.field)).toContain(
      field,
    );
  });
});

describe('a bot at work', () => {
  it('is passed on, a minute unless it says how long', async () => {
    const thinking = (wanted: object) => api.call('post', 'handoffs/thinking').send(wanted);
    const { threadId } = await botThread();
    expect((await thinking({ threadId })).status).toBe(204);
    expect((await thinking({ threadId, maxThinkingTimeSeconds: 5 })).status).toBe(204);
    expect(api.thought).toEqual([
      { tenantId: 'default', threadId, seconds: 60 },
      { tenantId: 'default', threadId, seconds: 5 },
    ]);
    expect((await thinking({ threadId, maxThinkingTimeSeconds: 601 })).status).toBe(400);
    expect((await thinking({ threadId: NOBODY })).status).toBe(404);
  });
});

describe("a number's bot", () => {
  it.each([
    ['no address', { mode: 'bot' }, 'settings.mode'],
    ['no URL', { mode: 'bot', bot: {} }, 'settings.bot.url'],
    ['credentials in its URL', { bot: { url: 'https://a:b@bot.example/' } }, 'settings.bot.url'],
    ['another protocol', { bot: { url: 'ftp://bot.example/' } }, 'settings.bot.url'],
    [
      'a survey too long',
      { bot: { url: 'https://bot.example/', survey: { userTimeoutMinutes: 301 } } },
      'settings.bot.survey.userTimeoutMinutes',
    ],
    ['another mode', { mode: 'robot' }, 'settings.mode'],
  ])('is refused with %s', async (_name, settings, field) => {
    const answer = await api
      .call('post', 'numbers')
      .send({ address: '+15550177', chatGatewayChannelId: 'c', settings });
    expect(answer.status).toBe(400);
    expect((answer.body as { errors: { field: string }[] }).errors.map((error) => error.field)).toContain(
      field,
    );
  });
});

describe('what a bot sends to customers', () => {
  it('may carry files, which are fetched where it says, and cards', async () => {
    const thread = await botThread();
    const message = (content: object) => api.call('post', 'messages').send({ ...body(thread), content });
    const attachments = [{ url: 'https://bot.example/bill.pdf', filename: 'bill.pdf' }];
    expect((await message({ type: 'attachments', text: 'Your bill', attachments })).status).toBe(202);
    expect((await message({ type: 'card', text: 'Is it right?', cards: [CARD] })).status).toBe(202);
    const opened: string[] = [];
    const web: WebFiles = {
      open: ({ url }) => {
        opened.push(url);
        return Promise.resolve({ body: Readable.from([Buffer.from('%PDF-1.7')]) });
      },
    };
    await delivery.drainEmpty(thread.outbound, { web });
    expect(opened).toEqual(['https://bot.example/bill.pdf']);
    expect(await thread.messages('outbound')).toMatchObject([
      {
        author_type: 'bot',
        delivery: 'submitted',
        content: { type: 'attachments', text: 'Your bill', attachments },
      },
      { author_type: 'bot', delivery: 'submitted', content: { type: 'card', cards: [CARD] } },
    ]);
    expect(delivery.channel.accepted.map(({ text, mediaUrls }) => [text, mediaUrls])).toEqual([
      ['Your bill', undefined],
      ['', ['https://media/key-bill.pdf']],
      ['Is it right?', undefined],
    ]);
  });

  it.each([
    ['cards beside a text', { type: 'text', text: 'x', cards: [CARD] }, 'content.cards'],
    ['no card', { type: 'card', text: 'x' }, 'content.cards'],
    ['no file', { type: 'attachments', text: 'x' }, 'content.attachments'],
    ['no list of files', { type: 'attachments', attachments: [] }, 'content.attachments'],
    [
      'too many files',
      {
        type: 'attachments',
        attachments: Array.from({ length: 11 }, () => ({ url: 'https://bot.example/' })),
      },
      'content.attachments',
    ],
  ])('is refused with %s', async (_name, content, field) => {
    const answer = await api.call('post', 'messages').send({ ...body({ threadId: NOBODY }), content });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [{ field }] });
  });
});
