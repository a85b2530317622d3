import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  DeliveryError,
  inHistory,
  MediaRefusedError,
  ProviderGate,
  type FileStore,
  type MessageContent,
  type Permit,
  type ProviderCall,
  type Refusal,
} from '#core';
import { MediaDeletions } from '#persistence';
import { TemporaryFiles } from '#platform';
import { MediaDeleting } from '../../apps/worker/src/media-deleting.js';
import { renderForAgent } from '../../libs/desk-chat-gateway/src/render.js';
import {
  deskEvent,
  eventually,
  inboundMessage,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import {
  activeThread,
  itemsOf,
  newThread,
  OpenGate,
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
  // What is not there is gone, however young its message.
  delivery.channel.mediaLateMs = 0;
});

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const CARD = Buffer.from('BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada Lovelace\r\nTEL:+15550123\r\nEND:VCARD\r\n');
let urls = 0;

function medium(bytes: Buffer, contentType: string): { url: string; contentType: string } {
  const url = `https://api.twilio.example/${(urls += 1)}`;
  delivery.channel.media.set(url, { bytes, contentType });
  return { url, contentType };
}

async function says(thread: TestThread, content: MessageContent, providerMessageId?: string): Promise<void> {
  const named = providerMessageId === undefined ? {} : { providerMessageId, dedupeKey: providerMessageId };
  await db.gateway.accept([inboundMessage({ from: thread.address, content, ...named })]);
}

const pictures = (...attachments: { url: string; contentType: string }[]): MessageContent => ({
  type: 'attachments',
  text: 'look',
  attachments,
});
const shown = (deskId: string) =>
  delivery.desk
    .conversation(deskId)
    ?.messages.map(({ text, attachmentIds = [] }) => [
      text,
      ...attachmentIds.map((id) => delivery.desk.files.find((file) => file.id === id)?.filename),
    ]);
const messageAged = (thread: TestThread, seconds: number) =>
  db.pool.query(
    `update messages set accepted_at = accepted_at - make_interval(secs => $2)
     where thread_id = $1 and delivery not in ('submitted')`,
    [thread.threadId, seconds],
  );
const dueNow = (laneId: string) =>
  db.pool.query('update lanes set not_before = null where id = $1', [laneId]);

describe('media of a customer', () => {
  it('reach the agent with the text, byte by byte and in order', async () => {
    const thread = await activeThread(db, delivery);
    const contact = medium(CARD, 'text/x-vcard');
    await says(thread, pictures(medium(PNG, 'image/png'), contact, medium(PNG, 'video/mp4')));
    await delivery.drainEmpty(thread.inbound);
    expect(shown(thread.deskId)?.at(-1)).toEqual([
      'look\n[contact: Ada Lovelace, +15550123]',
      'photo-1.png',
      'Ada Lovelace.vcf',
      'photo-3.png',
    ]);
    expect(delivery.desk.files.map(({ bytes }) => bytes)).toEqual([PNG, CARD, PNG]);
  });

  it('go without a text where there is none', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, {
      type: 'attachments',
      attachments: [{ ...medium(PNG, 'image/webp'), kind: 'sticker' }],
    });
    await delivery.drainEmpty(thread.inbound);
    expect(shown(thread.deskId)?.at(-1)).toEqual(['', 'sticker.png']);
    const { rows } = await db.pool.query(
      `select p.content from parts p join messages m on m.id = p.message_id where m.thread_id = $1 order by m.seq desc limit 1`,
      [thread.threadId],
    );
    expect(rows).toEqual([
      {
        content: {
          attachmentIds: [expect.any(String)],
          attachmentNames: ['sticker.png'],
          attachmentIndexes: [0],
          uploadedTo: thread.deskId,
        },
      },
    ]);
  });

  it('that cannot be carried are named with the reason, and the rest arrives', async () => {
    const thread = await activeThread(db, delivery);
    delivery.desk.uploads.next({}, { throws: new MediaRefusedError({ refused: 'not-taken' }) });
    await says(
      thread,
      pictures(
        medium(PNG, 'image/png'),
        medium(Buffer.from('MZ'.padEnd(200, '\0')), 'image/png'),
        { url: 'https://api.twilio.example/gone', contentType: 'audio/ogg' },
        medium(Buffer.alloc(26_000_000, 1), 'video/mp4'),
        medium(PNG, 'image/png'),
      ),
    );
    await delivery.drainEmpty(thread.inbound);
    expect(shown(thread.deskId)?.at(-1)).toEqual([
      [
        'look',
        '[picture not shown here: files of this type are not passed on]',
        '[recording not shown here: it is not there any more]',
        '[video not shown here: it is too large, 26 MB of at most 25 MB]',
        '[picture not shown here: the contact centre does not take it]',
      ].join('\n'),
      'photo-1.png',
    ]);
  });

  it('are bounded over a whole message', async () => {
    const thread = await activeThread(db, delivery);
    const large = Buffer.concat([PNG, Buffer.alloc(20_000_000)]);
    await says(thread, pictures(...[1, 2, 3].map(() => medium(large, 'image/png'))));
    await delivery.drainEmpty(thread.inbound);
    expect(shown(thread.deskId)?.at(-1)).toEqual([
      expect.stringMatching(/^look\n\[picture not shown here: it is too large, 20.1 MB of at most 10 MB\]$/),
      'photo-1.png',
      'photo-2.png',
    ]);
  });

  it('are tried again while they cannot be had, and the lane waits in order', async () => {
    const thread = await activeThread(db, delivery);
    delivery.channel.fetches.next(
      refuses('not-sent', { code: 'media-not-ready' }),
      refuses('credentials', { code: 'credentials-refused' }),
    );
    await says(thread, pictures(medium(PNG, 'image/png')));
    await thread.says('and another thing');
    for (let n = 0; n < 2; n += 1) {
      await dueNow(thread.inbound);
      await delivery.drain(thread.inbound, { random: 1 });
      const [, head] = await thread.messages('inbound');
      expect(head).toMatchObject({ delivery: 'open', reason: 'media-not-fetched' });
    }
    await dueNow(thread.inbound);
    await delivery.drainEmpty(thread.inbound);
    expect(shown(thread.deskId)).toEqual([['hello'], ['look', 'photo-1.png'], ['and another thing']]);
  });

  it('are uploaded once all are there, and none lies here any longer than its try', async () => {
    const thread = await activeThread(db, delivery);
    const failure = refuses('not-sent', { code: 'media-not-ready' });
    delivery.channel.fetches.next({}, failure, {}, failure);
    await says(thread, pictures(medium(PNG, 'image/png'), medium(PNG, 'image/png')));
    let lying = 0;
    const temporary = new TemporaryFiles();
    const files: FileStore = {
      take: async (body, limits) => {
        const file = await temporary.take(body, limits);
        if ('refused' in file) return file;
        lying += 1;
        const remove = async () => {
          lying -= 1;
          await file.remove();
        };
        return { ...file, remove };
      },
    };
    for (let n = 0; n < 2; n += 1) {
      await dueNow(thread.inbound);
      await delivery.drain(thread.inbound, { files, random: 1 });
      expect([delivery.desk.uploads.played, lying]).toEqual([0, 0]);
    }
    await dueNow(thread.inbound);
    await delivery.drainEmpty(thread.inbound, { files });
    expect(shown(thread.deskId)?.at(-1)).toEqual(['look', 'photo-1.png', 'photo-2.png']);
    expect([delivery.desk.uploads.played, lying]).toEqual([2, 0]);
  });

  it('are given up after ten minutes and several tries, and the text goes', async () => {
    const thread = await activeThread(db, delivery);
    delivery.channel.fetches.always(refuses('not-sent', { code: 'media-unavailable' }));
    await says(thread, pictures(medium(PNG, 'image/png')));
    await messageAged(thread, 601);
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.channel.fetches.played).toBe(6);
    expect(shown(thread.deskId)?.at(-1)).toEqual([
      'look\n[picture not shown here: it could not be fetched in time]',
    ]);
  });

  it('outlast an outage of more than ten minutes: a refusal of our own gate, and a single failure after it', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    await messageAged(thread, 3_600);
    class Closed extends ProviderGate {
      override enter({ provider }: ProviderCall): Promise<Permit | Refusal> {
        return provider === 'channel'
          ? Promise.resolve({ why: 'breaker', waitMs: 60_000 })
          : new OpenGate().enter();
      }
    }
    for (let n = 0; n < 6; n += 1) {
      await dueNow(thread.inbound);
      await delivery.drain(thread.inbound, { gate: new Closed() });
    }
    delivery.channel.fetches.next(refuses('not-sent', { code: 'media-unavailable', httpStatus: 503 }));
    delivery.desk.uploads.next(refuses('not-sent', { httpStatus: 503 }));
    await dueNow(thread.inbound);
    await delivery.drainEmpty(thread.inbound);
    expect(shown(thread.deskId)?.at(-1)).toEqual(['look', 'photo-1.png']);

    // Before the text is too old itself, it goes without.
    await says(thread, pictures(medium(PNG, 'image/png')));
    await messageAged(thread, 43_201);
    await delivery.drainEmpty(thread.inbound, { gate: new Closed() });
    expect(shown(thread.deskId)?.at(-1)).toEqual([
      'look\n[picture not shown here: it could not be fetched in time]',
    ]);
  });

  it('are not charged with what failed before there was a conversation', async () => {
    const thread = await activeThread(db, delivery);
    await delivery.store.conversationGone(thread.conversationId);
    await says(thread, pictures(medium(PNG, 'image/png')));
    await messageAged(thread, 3_600);
    delivery.desk.creates.next(...Array.from({ length: 6 }, () => refuses('not-sent')));
    delivery.channel.fetches.next(refuses('not-sent', { code: 'media-unavailable' }));
    await delivery.drainEmpty(thread.inbound);
    expect(shown(delivery.desk.conversations.at(-1)?.id ?? '')?.at(-1)).toEqual(['look', 'photo-1.png']);
  });

  it('keep waiting for a desk that is away, and go without only where it takes the rest', async () => {
    const thread = await activeThread(db, delivery);
    delivery.desk.uploads.always(refuses('not-sent'));
    await says(thread, pictures(medium(PNG, 'image/png')));
    await messageAged(thread, 601);
    const worker = delivery.worker({ random: 1 });
    for (let n = 0; n < 6; n += 1) {
      await dueNow(thread.inbound);
      await worker.drain(thread.inbound);
    }
    expect(await thread.messages('inbound')).toMatchObject([
      {},
      { delivery: 'open', reason: 'test-not-sent' },
    ]);
    const other = await newThread(db, ['hello']);
    await eventually('another text', async () => {
      await worker.drain(other.inbound);
      return (await itemsOf(db, other.inbound)) === 0;
    });
    await dueNow(thread.inbound);
    await worker.drain(thread.inbound);
    expect(shown(thread.deskId)?.at(-1)).toEqual([
      'look\n[picture not shown here: the contact centre does not take it]',
    ]);
  });

  it('say nothing of the provider where only a file breaks off', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    const ends: unknown[] = [];
    class Listening extends ProviderGate {
      override enter({ provider }: ProviderCall): Promise<Permit> {
        const heard = (what: unknown) => void (provider === 'channel' && ends.push(what));
        return Promise.resolve({ end: (error) => heard(error), unused: () => heard('unused') });
      }
    }
    delivery.channel.fetches.next(
      refuses('not-sent', { code: 'connection-lost' }),
      refuses('not-sent', { code: 'media-unavailable', httpStatus: 503 }),
    );
    for (let n = 0; n < 3; n += 1) {
      await dueNow(thread.inbound);
      await delivery.drain(thread.inbound, { gate: new Listening(), random: 1 });
    }
    expect(ends).toEqual(['unused', expect.objectContaining({ httpStatus: 503 }), undefined]);
  });

  it('hold the call to their provider no longer than until their bytes begin', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    let underWay = 0;
    class Counting extends ProviderGate {
      override enter({ provider }: ProviderCall): Promise<Permit> {
        const one = provider === 'channel' ? 1 : 0;
        underWay += one;
        let isOver = false;
        const over = () => {
          if (!isOver) underWay -= one;
          isOver = true;
        };
        return Promise.resolve({ end: over, unused: over });
      }
    }
    const seen: number[] = [];
    delivery.channel.bodies = function* (bytes) {
      seen.push(underWay);
      yield bytes;
    };
    await delivery.drainEmpty(thread.inbound, { gate: new Counting() });
    expect(seen).toEqual([0]);
    expect(shown(thread.deskId)?.at(-1)).toEqual(['look', 'photo-1.png']);
  });

  it('wait without a slot while many are under way, and hold no plain text up', async () => {
    const worker = delivery.worker();
    const threads = await Promise.all(Array.from({ length: 10 }, () => activeThread(db, delivery)));
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    delivery.desk.uploads.always({ meanwhile: () => held });
    for (const thread of threads) await says(thread, pictures(medium(PNG, 'image/png')));
    const drains = threads.map(({ inbound }) => worker.drain(inbound));
    let ended = 0;
    for (const drain of drains) void drain.then(() => (ended += 1));
    await eventually('two have given their slots back', () => ended === 2);
    const plain = await newThread(db, ['plain']);
    await eventually('the text', async () => {
      await worker.drain(plain.inbound);
      return (await itemsOf(db, plain.inbound)) === 0;
    });
    release();
    await Promise.all(drains);
    for (const { inbound } of threads) await delivery.drainEmpty(inbound);
    expect(delivery.desk.files).toHaveLength(10);
  });

  it('are uploaded again to the conversation in which they are sent at last', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    delivery.desk.sends.next(refuses('gone'));
    delivery.desk.conversation(thread.deskId)!.state = 'gone';
    await delivery.drainEmpty(thread.inbound);
    const second = delivery.desk.conversations.at(-1)?.id ?? '';
    expect(second).not.toBe(thread.deskId);
    expect(shown(second)).toEqual([['look', 'photo-1.png']]);
    expect(delivery.desk.files.map(({ deskConversationId }) => deskConversationId)).toEqual([
      thread.deskId,
      second,
    ]);
  });

  it('open a new conversation where the upload finds the old one gone', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    delivery.desk.uploads.next(refuses('gone'));
    delivery.desk.conversation(thread.deskId)!.state = 'gone';
    await delivery.drainEmpty(thread.inbound);
    expect(delivery.desk.conversations).toHaveLength(2);
    expect(shown(delivery.desk.conversations.at(-1)?.id ?? '')).toEqual([['look', 'photo-1.png']]);
  });

  it.each([
    ['arrived', losesAnswer()],
    ['was lost', losesRequest()],
  ])(
    'are sent once when nobody knows whether the message %s, beside the same text without',
    async (_name, outcome) => {
      const thread = await activeThread(db, delivery);
      await thread.says('look');
      await delivery.drainEmpty(thread.inbound);
      await says(thread, pictures(medium(PNG, 'image/png')));
      delivery.desk.sends.next(outcome);
      await delivery.drainEmpty(thread.inbound);
      expect(shown(thread.deskId)).toEqual([['hello'], ['look'], ['look', 'photo-1.png']]);
    },
  );

  it('are known for ours when the desk announces them without an author', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    await delivery.drainEmpty(thread.inbound);
    const attachments = [{ id: delivery.desk.files[0]?.id ?? '' }];
    const announce = (content: MessageContent, occurredAt: number) =>
      db.gateway.accept([
        deskEvent({
          deskConversationId: thread.deskId,
          occurredAt,
          message: { authorType: 'unknown', content },
        }),
      ]);
    await announce({ type: 'attachments', text: 'look', attachments }, 20_000);
    await delivery.drainEmpty(thread.outbound);
    expect(await thread.messages('outbound')).toEqual([]);
    // The same words without the picture are not ours.
    await announce({ type: 'text', text: 'look' }, 20_001);
    await delivery.drainEmpty(thread.outbound);
    expect(await thread.messages('outbound')).toMatchObject([{ author_type: 'agent', text: 'look' }]);
  });

  it('are named in the history of the conversation after', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    await delivery.drainEmpty(thread.inbound);
    const { rows } = await db.pool.query<{ id: string }>(
      'select id from messages where thread_id = $1 order by seq',
      [thread.threadId],
    );
    const handedOver = await delivery.store.handedOver(rows.map(({ id }) => id));
    expect(handedOver.map(inHistory)).toEqual([
      { authorType: 'user', text: 'hello' },
      { authorType: 'user', text: 'look\n[attachment: photo-1.png]' },
    ]);
  });

  it('are fetched and uploaded by calls that the gate knows of', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    const calls: string[] = [];
    class Listening extends ProviderGate {
      override enter({ provider, kind }: ProviderCall): Promise<Permit> {
        calls.push(`${provider} ${kind}`);
        return new OpenGate().enter();
      }
    }
    const gate = new Listening();
    await delivery.drainEmpty(thread.inbound, { gate });
    expect(calls).toEqual(['desk look-up', 'channel look-up', 'desk look-up', 'desk send']);
    calls.length = 0;
    await thread.says('plain');
    await delivery.drainEmpty(thread.inbound, { gate });
    expect(calls).toEqual(['desk send']);
  });
});

describe('an answer', () => {
  it('shows what it answers: of the customer, of the agent, and nothing of anybody else', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, { type: 'text', text: 'first' }, `SM${'1'.repeat(32)}`);
    await db.gateway.accept([
      deskEvent({
        deskConversationId: thread.deskId,
        occurredAt: 20_000,
        message: { authorType: 'agent', content: { type: 'text', text: 'We open at nine.' } },
      }),
    ]);
    await delivery.drainEmpty(thread.inbound);
    await delivery.drainEmpty(thread.outbound);
    const sent = delivery.channel.accepted.at(-1)?.providerId ?? '';
    const other = await activeThread(db, delivery);
    await says(other, { type: 'text', text: 'secret' }, `SM${'2'.repeat(32)}`);
    await delivery.drainEmpty(other.inbound);
    for (const providerMessageId of [`SM${'1'.repeat(32)}`, sent, `SM${'2'.repeat(32)}`, 'SM-unheard-of']) {
      await says(thread, { type: 'text', text: 'ok', context: { repliedTo: { providerMessageId } } });
    }
    await delivery.drainEmpty(thread.inbound);
    expect(shown(thread.deskId)?.slice(-4)).toEqual([
      ['> first\nok'],
      ['> We open at nine.\nok'],
      ['> [an earlier message]\nok'],
      ['> [an earlier message]\nok'],
    ]);
  });
});

describe('media that are to be deleted', () => {
  const logger = { warn: () => undefined } as never;
  const deleting = () =>
    new MediaDeleting(new MediaDeletions(db.pool), delivery.channel, new OpenGate(), 100, logger);
  const remembered = async () =>
    (await db.pool.query<{ tries: number }>('select tries from media_deletions')).rows;
  const settings = (value: object) =>
    db.pool.query('update business_numbers set settings = $1', [JSON.stringify(value)]);

  it('go once the desk has the message, and not before', async () => {
    const thread = await activeThread(db, delivery);
    await settings({ deleteMedia: true });
    try {
      await says(thread, pictures(medium(PNG, 'image/png'), medium(PNG, 'image/png')));
      await thread.says('plain');
      delivery.desk.sends.next(refuses('not-sent'));
      await delivery.drain(thread.inbound, { random: 1 });
      await deleting().run();
      expect(delivery.channel.media.size).toBe(2);
      await dueNow(thread.inbound);
      await delivery.drainEmpty(thread.inbound);
      expect(await remembered()).toHaveLength(1);

      await db.pool.query('update media_deletions set not_before = now()');
      const broken = {
        deleteMedia: () => Promise.reject(new DeliveryError('not-sent', { code: 'x' })),
      } as never;
      await new MediaDeleting(new MediaDeletions(db.pool), broken, new OpenGate(), 100, logger).run();
      expect(delivery.channel.media.size).toBe(2);
      expect(await remembered()).toHaveLength(1);

      await db.pool.query('update media_deletions set not_before = now()');
      await deleting().run();
      expect(delivery.channel.media.size).toBe(0);
      expect(await remembered()).toEqual([]);
    } finally {
      await settings({});
    }
  });

  it('are only those that the desk has', async () => {
    const thread = await activeThread(db, delivery);
    await settings({ deleteMedia: true });
    try {
      const refused = medium(Buffer.from('MZ'.padEnd(200, '\0')), 'image/png');
      const notTaken = medium(PNG, 'image/png');
      const taken = medium(PNG, 'image/png');
      delivery.desk.uploads.next({ throws: new MediaRefusedError({ refused: 'not-taken' }) });
      await says(thread, pictures(refused, notTaken, taken));
      await delivery.drainEmpty(thread.inbound);
      await deleting().run();
      expect([...delivery.channel.media.keys()]).toEqual([refused.url, notTaken.url]);
      expect(await remembered()).toEqual([]);
    } finally {
      await settings({});
    }
  });

  it('stay where the number does not want that', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, pictures(medium(PNG, 'image/png')));
    await delivery.drainEmpty(thread.inbound);
    expect(await remembered()).toEqual([]);
    expect(await itemsOf(db, thread.inbound)).toBe(0);
  });
});
