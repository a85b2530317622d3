import { Readable } from 'node:stream';
import { v7 as uuid } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CustomerDirectory,
  LanguageDetector,
  MediaRefusedError,
  WebFiles,
  type DeskUser,
  type DirectoryRequest,
  type MediaStream,
  type MessageContent,
  type NumberSettings,
  type OpeningDetails,
} from '#core';
import { renderForAgent } from '../../libs/desk-chat-gateway/src/render.js';
import {
  agentMessage,
  deskEvent,
  eventually,
  inboundMessage,
  makeNumber,
  newAddress,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import {
  activeThread,
  newThread,
  startDelivery,
  type Delivery,
  type TestThread,
} from '../support/delivering.js';
import { losesAnswer, losesRequest, refuses } from '../support/fakes.js';

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
  delivery.desk.renders = renderForAgent;
});

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

class KnownCustomers extends CustomerDirectory {
  readonly asked: DirectoryRequest[] = [];
  constructor(private readonly user: DeskUser | undefined) {
    super();
  }
  lookUp(request: DirectoryRequest): Promise<DeskUser | undefined> {
    this.asked.push(request);
    return Promise.resolve(this.user);
  }
}

class Says extends LanguageDetector {
  readonly heard: string[] = [];
  constructor(private readonly language: 'fr' | undefined) {
    super();
  }
  detect(text: string) {
    this.heard.push(text);
    return Promise.resolve(this.language);
  }
}

class Web extends WebFiles {
  constructor(private readonly files: Record<string, Buffer>) {
    super();
  }
  open({ url }: { url: string }): Promise<MediaStream> {
    const bytes = this.files[url];
    if (!bytes) return Promise.reject(new MediaRefusedError({ refused: 'unsafe-address' }));
    return Promise.resolve({ body: Readable.from([bytes]), contentType: 'image/png' });
  }
}

/** A thread on a number of its own. */
async function threadOn(
  settings: NumberSettings,
  content: MessageContent = { type: 'text', text: 'hello' },
  { profileName = 'Ann', language = null as string | null } = {},
): Promise<TestThread> {
  const address = newAddress();
  const numberId = await makeNumber(db.pool, { address });
  await db.pool.query('update business_numbers set settings = $2, language = $3 where id = $1', [
    numberId,
    JSON.stringify(settings),
    language,
  ]);
  return newThread(db, [], { address }, { content, profileName });
}

/** Puts an item of a bot into an inbound lane. */
async function handsOver(thread: TestThread, details: OpeningDetails): Promise<void> {
  await db.pool.query(
    `with lane as (update lanes set next_seq = next_seq + 1 where id = $1 returning *),
     message as (
       insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery)
       select $2, tenant_id, thread_id, id, 'inbound', 'bot', next_seq, $3, 'open' from lane returning id, lane_id, seq)
     insert into lane_items (lane_id, seq, message_id, state) select lane_id, seq, id, 'open' from message`,
    [thread.inbound, uuid(), JSON.stringify({ type: 'handoff', details })],
  );
}

const created = (n = 0) => delivery.desk.conversations[n]?.request;
/** What stands in a conversation: who wrote it, its text, the names of its files. */
const posted = (n = 0) => {
  const { desk } = delivery;
  return desk.conversations[n]?.messages.map(({ authorType, text, attachmentIds = [] }) => [
    authorType,
    text,
    ...attachmentIds.map((id) => desk.files.find((file) => file.id === id)?.filename),
  ]);
};

const leftAt = 20_000;
const announced = (deskConversationId: string, content: MessageContent, n: number) =>
  deskEvent({ deskConversationId, occurredAt: leftAt + n, message: { authorType: 'user', content } });

/** The last agent has left, and the conversation is closed. */
async function closed(thread: TestThread & { deskId: string }): Promise<void> {
  const left = deskEvent({
    deskConversationId: thread.deskId,
    type: 'MEMBERS_CHANGED',
    facts: { agents: { a1: { leftAt } } },
  });
  await db.acceptor({ closeGraceMs: 0 }).accept([left]);
  await eventually('closed', async () => {
    await delivery.upkeep.closeDue();
    return (await thread.conversations()).every(({ state }) => state === 'closed');
  });
}

describe('what a conversation is created with', () => {
  it('is what the number, the channel and the directory say, the later before the earlier', async () => {
    const directory = new KnownCustomers({
      name: 'Ann Lee',
      email: 'ann@acme.example',
      properties: [{ key: 'Tier', value: 'gold' }],
    });
    const thread = await threadOn(
      {
        user: { company: 'Acme', properties: { Brand: 'North', Tier: 'none' } },
        directory: { url: 'https://directory.example/' },
      },
      {
        type: 'text',
        text: 'hello',
        context: {
          referral: {
            headline: 'Summer sale',
            url: 'https://ads.example/1',
            sourceType: 'ad',
            sourceId: '7',
          },
        },
      },
      { language: 'de' },
    );
    await delivery.drainEmpty(thread.inbound, { directory });
    expect(created()?.user).toEqual({
      name: 'Ann Lee',
      phone: thread.address,
      company: 'Acme',
      email: 'ann@acme.example',
      language: 'de',
      properties: [
        { key: 'Tier', value: 'gold' },
        { key: 'Brand', value: 'North' },
        { key: 'Referral', value: 'Summer sale' },
        { key: 'Referral URL', value: 'https://ads.example/1' },
        { key: 'Referral source', value: 'ad 7' },
      ],
    });
    expect(created()?.assignment).toEqual({ type: 'queue', id: '100' });
    expect(directory.asked).toMatchObject([{ channel: 'sms', address: thread.address }]);
    const { rows } = await db.pool.query('select details from conversations where thread_id = $1', [
      thread.threadId,
    ]);
    expect(rows).toEqual([{ details: { user: created()?.user, assignment: { type: 'queue', id: '100' } } }]);
  });

  it('is kept so that it can be looked into, whatever the channel or the directory says', async () => {
    const directory = new KnownCustomers({
      email: 'a\0@acme.example',
      properties: [{ key: 'T\0', value: '\ud800' }],
    });
    const thread = await threadOn(
      { directory: { url: 'https://directory.example/' } },
      {
        type: 'text',
        text: 'hello',
        context: { referral: { headline: 'Sum\0mer', url: 'https://ads\udc00' } },
      },
      { profileName: 'A\0nn' },
    );
    await handsOver(thread, { user: { properties: [{ key: 'Intent', value: '\\u0000\u0001' }] } });
    await delivery.drainEmpty(thread.inbound, { directory });
    const { rows } = await db.pool.query(
      `select details::jsonb -> 'user' as "user" from conversations where thread_id = $1`,
      [thread.threadId],
    );
    expect(rows).toEqual([
      {
        user: {
          name: 'Ann',
          phone: thread.address,
          email: 'a\ufffd@acme.example',
          properties: [
            { key: 'Referral', value: 'Sum\ufffdmer' },
            { key: 'Referral URL', value: 'https://ads\ufffd' },
            { key: 'T\ufffd', value: '\ufffd' },
            { key: 'Intent', value: '\\u0000\u0001' },
          ],
        },
      },
    ]);
  });

  it('does without a directory that knows nothing, or that the number has not', async () => {
    const unknowing = new KnownCustomers(undefined);
    const thread = await threadOn({ directory: { url: 'https://directory.example/' } });
    await delivery.drainEmpty(thread.inbound, { directory: unknowing });
    expect(created()?.user).toMatchObject({ name: 'Ann' });
    const plain = await threadOn({});
    const directory = new KnownCustomers({ name: 'nobody' });
    await delivery.drainEmpty(plain.inbound, { directory });
    expect(directory.asked).toEqual([]);
  });

  it.each<[string, NumberSettings, string | null, string | null, string | undefined, string[]]>([
    ['the number has one', {}, 'de', null, 'de', []],
    ['the customer writes another', { detectLanguage: true }, 'de', null, 'fr', ['bonjour']],
    ['the customer has chosen one', { detectLanguage: true }, 'de', 'ja', 'ja', ['bonjour']],
    ['the desk does not know it', {}, 'xx', 'yy', undefined, []],
  ])('has a language where %s', async (_, settings, ofNumber, ofCustomer, expected, heard) => {
    const thread = await threadOn(settings, { type: 'text', text: 'bonjour' }, { language: ofNumber });
    await db.pool.query(
      'update customers set language = $2 where id = (select customer_id from threads where id = $1)',
      [thread.threadId, ofCustomer],
    );
    const languages = new Says('fr');
    await delivery.drainEmpty(thread.inbound, { languages });
    expect(created()?.user.language).toBe(expected);
    expect(languages.heard).toEqual(heard);
  });
});

describe('a bot that hands over', () => {
  const details: OpeningDetails = {
    user: { caseId: 'C-1', properties: [{ key: 'Intent', value: 'balance' }] },
    assignment: { type: 'script', id: '9' },
    history: [
      { authorType: 'user', text: 'my card' },
      { authorType: 'bot', text: 'which one?', cards: [{ content: { type: 'AdaptiveCard' } }] },
      { authorType: 'user', attachments: [{ url: 'https://files.example/card.png', filename: 'card.png' }] },
    ],
  };
  const web = new Web({ 'https://files.example/card.png': PNG });

  it('gives the user, where it waits and what was said; its files follow as a bot before the next text', async () => {
    const thread = await threadOn({});
    await handsOver(thread, details);
    await delivery.drainEmpty(thread.inbound, { web });
    expect(created()).toMatchObject({
      user: { name: 'Ann', caseId: 'C-1', properties: [{ key: 'Intent', value: 'balance' }] },
      assignment: { type: 'script', id: '9' },
      history: [
        { authorType: 'user', text: 'my card' },
        { authorType: 'bot', text: 'which one?', cards: [{ content: { type: 'AdaptiveCard' } }] },
        { authorType: 'user', text: '[attachment: card.png]' },
      ],
    });
    expect(posted()).toEqual([
      ['bot', '', 'card.png'],
      ['user', 'hello'],
    ]);
    expect(delivery.desk.files.map(({ bytes }) => bytes)).toEqual([PNG]);
  });

  it('is told in words of files that nobody may fetch', async () => {
    const thread = await threadOn({});
    await handsOver(thread, details);
    await delivery.drainEmpty(thread.inbound, { web: new Web({}) });
    expect(posted()?.[0]).toEqual(['bot', '[file not shown here: its address is not one of the provider]']);
  });

  it('sends its files once, whatever answer is lost', async () => {
    const thread = await threadOn({});
    await handsOver(thread, details);
    delivery.desk.sends.next(losesAnswer());
    await delivery.drainEmpty(thread.inbound, { web });
    expect(posted()).toEqual([
      ['bot', '', 'card.png'],
      ['user', 'hello'],
    ]);
    expect(delivery.lookedUp).toContain('send found');
  });

  it.each(['after-intent', 'after-response'] as const)(
    'sends its files once, when the worker dies %s',
    async (diesAt) => {
      const thread = await threadOn({});
      await handsOver(thread, details);
      // The create, too, has an intent and a response.
      await delivery.drainUntil(thread.inbound, 'it is bound', async () =>
        (await thread.conversations()).some((one) => one.desk_conversation_id !== null),
      );
      const dying = delivery.worker({ web, diesAt });
      await eventually('it has died', async () => {
        await dying.drain(thread.inbound).catch(() => undefined);
        return dying.isDead();
      });
      await delivery.drainEmpty(thread.inbound, { web });
      expect(posted()).toEqual([
        ['bot', '', 'card.png'],
        ['user', 'hello'],
      ]);
    },
  );

  it('names files by the ids that the desk knows, and in words where it will not have them', async () => {
    const known: OpeningDetails = {
      history: [{ authorType: 'bot', text: 'see', attachments: [{ id: 'a-1' }] }],
    };
    const thread = await threadOn({});
    await handsOver(thread, known);
    await delivery.drainEmpty(thread.inbound, { web });
    expect(created()?.history).toEqual([{ authorType: 'bot', text: 'see', attachments: [{ id: 'a-1' }] }]);

    const refusing = await threadOn({});
    await handsOver(refusing, known);
    delivery.desk.creates.next(refuses('held', { code: 'rejected', httpStatus: 400, hold: 'configuration' }));
    await delivery.drainEmpty(refusing.inbound, { web });
    expect(created(1)?.history).toEqual([{ authorType: 'bot', text: 'see\n[attachment]' }]);
  });
});

describe('what a conversation left unheard', () => {
  it('is handed to the next one with its files, which are posted before the texts that wait', async () => {
    const thread = await activeThread(db, delivery);
    const url = 'https://api.twilio.example/late';
    delivery.channel.media.set(url, { bytes: PNG, contentType: 'image/png' });
    const picture: MessageContent = {
      type: 'attachments',
      text: 'look',
      attachments: [{ url, contentType: 'image/png' }],
    };
    await db.gateway.accept([inboundMessage({ from: thread.address, content: picture })]);
    await delivery.drainEmpty(thread.inbound);
    // The channel's provider does not have it any more.
    delivery.channel.media.delete(url);
    const attachments = [{ id: delivery.desk.files[0]?.id ?? '' }];
    await db.gateway.accept([
      announced(thread.deskId, { type: 'attachments', text: 'look', attachments }, 1),
    ]);
    await closed(thread);
    await thread.says('still there?');
    await delivery.drainEmpty(thread.inbound);
    expect(created(1)?.history).toEqual([{ authorType: 'user', text: 'look\n[attachment: photo-1.png]' }]);
    expect(posted(1)).toEqual([
      ['bot', '', 'photo-1.png'],
      ['user', 'still there?'],
    ]);
  });
});

describe('a customer who goes on', () => {
  async function goesOn(settings: NumberSettings, again = 'one more thing') {
    const thread = await activeThread(db, delivery);
    await db.pool.query('update business_numbers set settings = $2 where id = $1', [
      thread.numberId,
      JSON.stringify(settings),
    ]);
    await db.gateway.accept([
      agentMessage('hi, Ann', { deskConversationId: thread.deskId }),
      deskEvent({
        deskConversationId: thread.deskId,
        type: 'QUEUED',
        facts: { queue: { value: '200', at: 5_000 } },
      }),
    ]);
    await delivery.drainEmpty(thread.outbound);
    await closed(thread);
    await thread.says(again);
    return thread;
  }
  const settings = { closing: { goOnMinutes: 5 } };
  const said = [
    { authorType: 'user', text: 'hello' },
    { authorType: 'bot', text: 'hi, Ann' },
  ];

  it('comes to the same queue with what was said before', async () => {
    const thread = await goesOn(settings);
    await delivery.drainEmpty(thread.inbound);
    expect(created(1)).toMatchObject({ assignment: { type: 'queue', id: '200' }, history: said });
    expect(posted(1)).toEqual([['user', 'one more thing']]);
  });

  it.each([
    ['the number does not say so', {}, 0],
    ['it is too late', settings, 6],
  ])('begins anew where %s', async (_, numberSettings, minutes) => {
    const thread = await goesOn(numberSettings);
    await db.pool.query(
      "update conversations set closed_at = closed_at - make_interval(mins => $2) where thread_id = $1 and state = 'closed'",
      [thread.threadId, minutes],
    );
    await delivery.drainEmpty(thread.inbound);
    expect(created(1)).toMatchObject({ assignment: { type: 'queue', id: '100' } });
    expect(created(1)?.history).toBeUndefined();
  });

  it('hears a text again that was said before, though the answer to it was lost', async () => {
    const thread = await goesOn(settings, 'hello');
    delivery.desk.listsHistory = true;
    delivery.desk.sends.next(losesRequest());
    await delivery.drainEmpty(thread.inbound);
    expect(posted(1)).toContainEqual(['user', 'hello']);
  });
});
