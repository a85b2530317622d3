import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InboundText } from '../../apps/sandbox/src/index.js';
import { eventually } from '../support/accepting.js';
import { CANARIES } from '../support/canaries.js';
import { startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';

const MEGABYTE = 1_000_000;
/** How much a worker may grow over files of which each is far larger than that. */
const MAX_GROWTH = 200 * MEGABYTE;

let system: System;

beforeAll(async () => {
  system = await startSystem({
    queues: 'postgres',
    env: { RETRY_SCHEDULE_MS: '200', SWEEP_INTERVAL_MS: '300' },
  });
}, 120_000);
afterAll(() => system.stop());

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** Up to where the image's own bytes begin. */
const PNG_HEAD = Buffer.from(
  '89504e470d0a1a0a0000000d49484452000000100000001008060000001ff3ff610000400049444154',
  'hex',
);
const picture = (size = 20_000) => Buffer.concat([PNG_HEAD, randomBytes(size)]);
const png = (bytes = picture()) => ({ contentType: 'image/png', bytes });
const ogg = () => ({
  contentType: 'audio/ogg',
  bytes: Buffer.concat([Buffer.from(`OggS${'\0'.repeat(24)}OpusHead${'\0'.repeat(40)}`), randomBytes(5_000)]),
});

type Sent = Omit<InboundText, 'from' | 'to' | 'body'> & { body?: string };

/** Sends it from the phone, and answers what the webhook got. */
async function sends(customer: Customer, text: Sent): Promise<string> {
  const { webhook, sid } = await system.twilio.receiveText({
    from: customer.address,
    to: customer.ours,
    body: '',
    ...text,
  });
  expect(webhook?.status).toBe(200);
  return sid;
}

interface Shown {
  text: string;
  files: { name: string; contentType: string; sha256: string }[];
}

/** What the agent has of this customer, in order: texts, and files by their bytes. */
function shown(customer: Pick<Customer, 'conversationIds'>): Shown[] {
  const ids = new Set(customer.conversationIds);
  return system.desk.log.flatMap((entry) => {
    if (entry.kind !== 'message' || entry.authorType !== 'user' || !ids.has(entry.conversationId)) return [];
    const files = entry.attachments.map(({ id }) => {
      const file = system.desk.attachments.get(id);
      if (!file) throw new Error('A message names a file that the desk does not have.');
      expect(file.conversationId).toBe(entry.conversationId);
      return { name: file.fileName, contentType: file.contentType, sha256: sha256(file.bytes) };
    });
    return [{ text: entry.text, files }];
  });
}

const arrives = (customer: Pick<Customer, 'conversationIds'>, n = 1) =>
  eventually(`message ${n} of a customer at the desk`, () => shown(customer)[n - 1], 60_000);

describe('what phones send', () => {
  it('brings all pictures of an MMS to the agent, byte by byte and in order', async () => {
    const customer = new Customer(system);
    const files = [picture(), picture(3 * MEGABYTE), picture(1)];
    await sends(customer, { body: 'look', media: files.map((bytes) => png(bytes)) });
    await sends(customer, { body: 'and this' });
    await arrives(customer, 2);
    expect(shown(customer)).toEqual([
      {
        text: 'look',
        files: files.map((bytes, n) => ({
          name: `photo-${n + 1}.png`,
          contentType: 'image/png',
          sha256: sha256(bytes),
        })),
      },
      { text: 'and this', files: [] },
    ]);
  });

  it('waits for a medium that is not there yet, and keeps the order', async () => {
    system.twilio.settings.mediaNotFoundTimes = 2;
    const customer = new Customer(system);
    await sends(customer, { body: 'first', media: [png()] });
    await sends(customer, { body: 'second' });
    await arrives(customer, 2);
    system.twilio.settings.mediaNotFoundTimes = 0;
    expect(shown(customer).map(({ text, files }) => [text, files.length])).toEqual([
      ['first', 1],
      ['second', 0],
    ]);
  });

  it('deletes a medium at Twilio once the agent has it, where the number wants that', async () => {
    const { body } = await system.api('GET', '/numbers');
    const { items } = body as { items: { id: string; address: string; channel: string }[] };
    const id = items.find(({ channel }) => channel === 'whatsapp')?.id ?? '';
    const settings = { deleteMedia: true };
    expect(await system.api('PATCH', `/numbers/${id}`, { settings })).toMatchObject({ status: 200 });
    const customer = new Customer(system, 'whatsapp');
    const sid = await sends(customer, { media: [png()] });
    expect((await arrives(customer)).files).toHaveLength(1);
    const path = `/2010-04-01/Accounts/${CANARIES.accountSid}/Messages/${sid}/Media.json`;
    const authorization = `Basic ${Buffer.from(`${CANARIES.accountSid}:${CANARIES.authToken}`).toString('base64')}`;
    await eventually('nothing is left at Twilio', async () => {
      const list = await fetch(system.twilio.url + path, { headers: { authorization } });
      return ((await list.json()) as { media_list: unknown[] }).media_list.length === 0;
    });
    await eventually('nothing is left to delete', async () => {
      const { rows } = await system.pool.query('select 1 from media_deletions');
      return rows.length === 0;
    });
    expect(await system.api('PATCH', `/numbers/${id}`, { settings: {} })).toMatchObject({ status: 200 });
  });

  it('brings a medium whose worker died over it', async () => {
    const customer = new Customer(system);
    system.twilio.setFault({ operation: 'media.cdn', effect: 'hang', times: 1 });
    const bytes = picture();
    const sid = await sends(customer, { body: 'look', media: [png(bytes)] });
    await eventually('the fetch', () => system.twilio.media.of(sid).some(({ fetches }) => fetches > 0));
    await system.workers[0]?.kill();
    await system.addWorker();
    expect(await arrives(customer)).toMatchObject({ text: 'look', files: [{ sha256: sha256(bytes) }] });
    expect(shown(customer)).toHaveLength(1);
  });

  it('keeps no worker from ending in time', async () => {
    const customer = new Customer(system);
    system.twilio.setFault({ operation: 'media.cdn', effect: 'hang', times: 1 });
    const sid = await sends(customer, { media: [png()] });
    await eventually('the fetch', () => system.twilio.media.of(sid).some(({ fetches }) => fetches > 0));
    expect(await system.workers.at(-1)?.stop()).toMatchObject({ code: 0 });
    await system.addWorker();
    expect((await arrives(customer)).files).toHaveLength(1);
  });

  const voice = ogg();
  const sticker = Buffer.concat([Buffer.from('RIFF\x10\x00\x00\x00WEBPVP8 ', 'latin1'), randomBytes(500)]);
  const kinds: [string, Sent, string, string?][] = [
    ['a voice message', { media: [voice] }, '', 'voice-message.ogg'],
    ['a sticker', { media: [{ contentType: 'image/webp', bytes: sticker }] }, '', 'sticker.webp'],
    [
      'a contact',
      { contact: { name: 'Ada Lovelace', phone: '+15550199' } },
      '[contact: Ada Lovelace, +15550199]',
      'Ada Lovelace.vcf',
    ],
    [
      'a place',
      { location: { latitude: 52.52, longitude: 13.4, label: 'Dock', address: 'Quay 1' } },
      '[location: Dock, Quay 1 (52.52, 13.4)]\nhttps://maps.google.com/?q=52.52,13.4',
    ],
    ['a button', { button: { text: 'Yes', payload: 'y' } }, 'Yes'],
    ['a list reply', { listReply: { id: 'l', title: 'Large' } }, 'Large'],
    ['a forwarded text', { body: 'hi', forwarded: true }, '[forwarded]\nhi'],
    ['one forwarded often', { body: 'hi', forwarded: 'frequently' }, '[forwarded many times]\nhi'],
    ['an empty message', {}, '[empty message]'],
    ['a kind to come', { messageType: 'hologram' }, '[hologram that cannot be shown here]'],
    [
      'an answer to nothing that we know',
      { body: 'ok', repliedTo: `SM${'f'.repeat(32)}` },
      '> [an earlier message]\nok',
    ],
    [
      'a visitor from an advertisement',
      {
        body: 'hi',
        params: {
          ReferralHeadline: 'Sale',
          ReferralSourceUrl: 'https://ads.example/1',
          ReferralSourceType: 'ad',
        },
      },
      '[came from an ad: Sale (https://ads.example/1)]\nhi',
    ],
  ];
  it.each(kinds)('shows %s', async (_name, text, words, file) => {
    const customer = new Customer(system, 'whatsapp');
    await sends(customer, text);
    const message = await arrives(customer);
    expect(message.text).toBe(words);
    expect(message.files.map(({ name }) => name)).toEqual(file === undefined ? [] : [file]);
    const [medium] = text.media ?? [];
    if (medium) expect(message.files[0]?.sha256).toBe(sha256(medium.bytes));
  });

  it('shows what is answered, of both sides', async () => {
    const customer = new Customer(system, 'whatsapp');
    const own = await sends(customer, { body: 'When do you open?' });
    const conversation = await customer.accept();
    customer.answer(conversation, customer.text('We open at nine.'));
    await customer.atPhone(...customer.answers);
    const answer = system.twilio.log.find(
      (entry) => entry.kind === 'message' && entry.to === customer.address,
    );
    await sends(customer, { body: 'and this?', repliedTo: own });
    await sends(customer, { body: 'great', repliedTo: answer?.kind === 'message' ? answer.sid : '' });
    await arrives(customer, 3);
    expect(shown(customer).map(({ text }) => text)).toEqual([
      'When do you open?',
      '> When do you open?\nand this?',
      `> ${customer.answers[0]}\ngreat`,
    ]);
  });

  it('says that a customer has opted out', async () => {
    const customer = new Customer(system);
    await sends(customer, { body: 'Stop ' });
    expect((await arrives(customer)).text).toBe(
      'Stop \n[the customer has opted out: nothing reaches them any more until they text START]',
    );
  });
});

describe('a customer who shows no number', () => {
  it('is answered under the business-scoped id, and stays the same when the number shows up', async () => {
    const customer = new Customer(system, 'whatsapp');
    const externalUserId = `whatsapp:CC.${customer.number.slice(1)}x`;
    const who = { externalUserId, profileName: 'Ada' };
    await sends(customer, { body: 'hidden', hiddenNumber: true, ...who });
    const created = await eventually('the conversation', () =>
      system.desk.log.find((entry) => entry.kind === 'conversation' && entry.user['name'] === 'Ada'),
    );
    if (created?.kind !== 'conversation') throw new Error('There is no conversation.');
    expect(created.user).not.toHaveProperty('phone');
    const found = { conversationIds: [created.conversationId] };
    await arrives(found);
    const conversation = await eventually('it is active', () =>
      system.desk.desk.conversations.find(
        ({ id, state }) => id === created.conversationId && state === 'active',
      ),
    );
    system.desk.desk.accept(conversation, 'agent-1');
    system.desk.desk.sendAsAgent(conversation, 'agent-1', customer.text('hello'));
    await eventually('the answer', () =>
      system.twilio.log.some((entry) => entry.kind === 'message' && entry.to === externalUserId),
    );
    await sends(customer, { body: 'with number', ...who });
    await arrives(found, 2);
    expect(shown(found).map(({ text }) => text)).toEqual(['hidden', 'with number']);
    expect(customer.conversationIds).toEqual([]);
  });
});

describe('hostile media', () => {
  const unsafe = '[picture not shown here: its address is not one of the provider]';
  const tooLarge =
    /^\[picture not shown here: it is too large, (more than 25 MB|1000000 MB of at most 25 MB)\]$/;

  async function peakMemory(): Promise<number> {
    const status = await readFile(`/proc/${system.workers.at(-1)?.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;
  }

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[2002:a9fe:a9fe::]/',
    'http://10.0.0.1/',
    'http://172.31.255.255/',
    'http://192.168.0.1/',
    'http://100.127.0.1/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://224.0.0.1/',
    'https://8.8.8.8:22/',
    'file:///etc/passwd',
    'gopher://8.8.8.8/',
  ])('is not followed to %s', async (redirectTo) => {
    const customer = new Customer(system);
    await sends(customer, { media: [{ ...png(), redirectTo }] });
    expect(await arrives(customer)).toEqual({ text: unsafe, files: [] });
  });

  it('never sees our credentials where a forged address leads', async () => {
    const seen: string[] = [];
    const thief = createServer((request, response) => {
      seen.push(request.headers.authorization ?? '');
      response.end();
    });
    thief.listen(0, '127.0.0.1');
    await once(thief, 'listening');
    const port = (thief.address() as AddressInfo).port;
    const path = `/2010-04-01/Accounts/${CANARIES.accountSid}/Messages/MM1/Media/ME${'0'.repeat(32)}`;
    const { host } = new URL(system.twilio.url);
    const forged = [
      `http://127.0.0.1:${port}${path}`,
      `http://${host}@127.0.0.1:${port}${path}`,
      `http://localhost:${port}${path}`,
      `${system.twilio.url}/2010-04-01/Accounts/${CANARIES.accountSid}/Messages.json`,
    ];
    for (const url of forged) {
      const customer = new Customer(system);
      await sends(customer, { params: { NumMedia: '1', MediaUrl0: url, MediaContentType0: 'image/png' } });
      expect((await arrives(customer)).text).toBe(unsafe);
    }
    expect(seen).toEqual([]);
    thief.close();
  });

  const refused: [string, Sent['media'], string | RegExp][] = [
    ['an endless one', [{ ...png(), endless: true, noLength: true }], tooLarge],
    ['an endless one that says nothing of it', [{ ...png(), endless: true, declaredLength: 1e12 }], tooLarge],
    [
      'a bomb',
      [{ ...png(), gzipBomb: true, declaredLength: 1000 }],
      '[picture not shown here: it could not be read]',
    ],
    [
      'a program that is called a picture',
      [
        {
          contentType: 'image/png',
          bytes: Buffer.concat([Buffer.from('MZ'), Buffer.alloc(500), randomBytes(9_000)]),
        },
      ],
      '[picture not shown here: files of this type are not passed on]',
    ],
    [
      'a page that is called a picture',
      [{ contentType: 'image/png', bytes: Buffer.from('<html><script>alert(1)</script></html>') }],
      '[picture not shown here: files of this type are not passed on]',
    ],
    [
      'a vector picture',
      [{ contentType: 'image/svg+xml', bytes: Buffer.from('<svg onload="alert(1)"/>') }],
      '[picture not shown here: files of this type are not passed on]',
    ],
    [
      'an empty one',
      [{ contentType: 'image/png', bytes: Buffer.alloc(0) }],
      '[picture not shown here: it is empty]',
    ],
  ];
  it.each(refused)('is refused: %s', async (_name, media, words) => {
    const customer = new Customer(system);
    await sends(customer, { media: media ?? [] });
    const message = await arrives(customer);
    if (typeof words === 'string') expect(message.text).toBe(words);
    else expect(message.text).toMatch(words);
    expect(message.files).toEqual([]);
  });

  it('is given up when it breaks off again and again, and the text goes', async () => {
    const customer = new Customer(system);
    await sends(customer, { body: 'look', media: [{ ...png(), declaredLength: 1_000_000 }] });
    await eventually('a failed fetch', async () => {
      const { rows } = await system.pool.query(
        `select 1 from messages where direction = 'inbound' and delivery = 'open' and reason = 'media-not-fetched'`,
      );
      return rows.length > 0;
    });
    expect(shown(customer)).toEqual([]);
    await system.pool.query(
      `update messages set accepted_at = accepted_at - interval '11 minutes' where delivery <> 'submitted'`,
    );
    expect((await arrives(customer)).text).toBe(
      'look\n[picture not shown here: it could not be fetched in time]',
    );
  });

  it.runIf(process.platform === 'linux')('costs little memory, however many come at once', async () => {
    const before = await peakMemory();
    const customers = Array.from({ length: 12 }, () => new Customer(system));
    await Promise.all(
      customers.map((customer, n) =>
        sends(customer, {
          media: [
            n % 3 === 0
              ? png(picture(20 * MEGABYTE))
              : n % 3 === 1
                ? { ...png(), endless: true, noLength: true }
                : { ...png(), gzipBomb: true },
          ],
        }),
      ),
    );
    for (const customer of customers) await arrives(customer);
    expect(shown(customers[0]!)[0]?.files).toHaveLength(1);
    expect((await peakMemory()) - before).toBeLessThan(MAX_GROWTH);
  });
});
