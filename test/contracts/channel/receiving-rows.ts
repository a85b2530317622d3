import { expect } from 'vitest';
import {
  isFailure,
  WebhookRefusedError,
  type MessageContent,
  type ReceiptStatus,
  type WebhookDoor,
  type WebhookRequest,
} from '#core';
import {
  eventOf,
  received,
  sendPart,
  sentId,
  PATIENT,
  type ChannelWorld,
  type CustomerMessage,
  type Row,
} from './world.js';

const PNG = Buffer.from('\x89PNG picture');

/** What a customer sends, and the neutral content it has to become. `media` stands for addresses that only the provider knows. */
const KINDS: readonly [name: string, sent: CustomerMessage, content: MessageContent][] = [
  ['a text', { text: ' Hello\r\n\u{1f600} & <b> ' }, { type: 'text', text: ' Hello\r\n\u{1f600} & <b> ' }],
  ['nothing', {}, { type: 'text', text: '' }],
  [
    'a picture',
    { media: [{ contentType: 'image/png', bytes: PNG }] },
    { type: 'attachments', attachments: [{ url: 'media', contentType: 'image/png' }] },
  ],
  [
    'a picture with a text',
    { text: 'Look', media: [{ contentType: 'image/png', bytes: PNG }] },
    { type: 'attachments', text: 'Look', attachments: [{ url: 'media', contentType: 'image/png' }] },
  ],
  [
    'a sticker',
    { media: [{ contentType: 'image/webp', bytes: PNG }] },
    { type: 'attachments', attachments: [{ url: 'media', contentType: 'image/webp', kind: 'sticker' }] },
  ],
  [
    'a voice message',
    { media: [{ contentType: 'audio/ogg', bytes: PNG }] },
    { type: 'attachments', attachments: [{ url: 'media', contentType: 'audio/ogg', kind: 'voice' }] },
  ],
  [
    'a contact',
    { contact: { name: 'Ada Lovelace', phone: '+15550123' } },
    { type: 'contact', attachments: [{ url: 'media', contentType: 'text/vcard' }] },
  ],
  [
    'a place',
    { location: { latitude: 52.5, longitude: 13.4, label: 'Dock' } },
    { type: 'location', latitude: '52.5', longitude: '13.4', label: 'Dock' },
  ],
  [
    'a choice',
    { choice: { title: 'Yes', payload: 'yes-1' } },
    { type: 'choice', title: 'Yes', payload: 'yes-1' },
  ],
  ['something that nobody knows yet', { strange: 'poll' }, { type: 'unknown', kind: 'poll' }],
  [
    'something passed on',
    { text: 'See', forwarded: true },
    { type: 'text', text: 'See', context: { forwarded: 'once' } },
  ],
];

const KEYWORDS = [
  ['STOP', 'stop'],
  ['start', 'start'],
  ['Help', 'help'],
] as const;
const STATUSES: readonly ReceiptStatus[] = [
  'queued',
  'sending',
  'sent',
  'delivered',
  'read',
  'undelivered',
  'failed',
];

export const RECEIVING: readonly Row[] = [
  {
    name: 'says who wrote, to whom, and how they are known',
    check: async (world) => {
      for (const number of [world.plain, world.rich]) {
        const { event, from } = await received(world, { text: 'Hello' }, number);
        const { tenantId } = world;
        expect(event).toMatchObject({ tenantId, account: number.account, to: number.address, from });
        expect(event.providerMessageId).not.toBe('');
        expect(event.aliases.length, 'names of the customer').toBeGreaterThan(0);
        for (const { channel, value } of event.aliases) {
          expect(channel).toBe(event.channel);
          expect(value).not.toBe('');
        }
        await sentId(world, { number, to: event.from });
        expect(world.taken(event.from), 'an answer to them').toHaveLength(1);
      }
    },
  },
  {
    name: 'knows a customer again, and tells them from others',
    check: async (world) => {
      const first = await received(world, { text: 'one' });
      const second = await received(world, { text: 'two' }, world.rich, first.from);
      const other = await received(world, { text: 'one' });
      expect(second.event.aliases).toEqual(first.event.aliases);
      const values = first.event.aliases.map(({ value }) => value);
      for (const { value } of other.event.aliases) expect(values).not.toContain(value);
    },
  },
  ...KINDS.map(([name, sent, content]): Row => ({
    name: `receives ${name}`,
    check: async (world) => {
      const { event } = await received(world, sent);
      expect(withoutAddresses(event.content)).toEqual(content);
    },
  })),
  {
    name: 'receives an answer with the message that it answers',
    check: async (world) => {
      const from = world.newCustomer(world.rich);
      const repliedTo = await sentId(world, { number: world.rich, to: from });
      const { event } = await received(world, { text: 'Yes', repliedTo }, world.rich, from);
      expect(event.content.context?.repliedTo?.providerMessageId).toBe(repliedTo);
    },
  },
  ...KEYWORDS.map(([text, keyword]): Row => ({
    name: `knows the keyword ${text}, and not within a sentence`,
    check: async (world) => {
      const alone = await received(world, { text }, world.plain);
      expect(alone.event.content).toMatchObject({ type: 'text', text, context: { keyword } });
      const { event } = await received(world, { text: `${text} it please` }, world.plain);
      expect(event.content.context?.keyword).toBe(undefined);
    },
  })),
  {
    name: 'gives a repeated webhook the same key, and every message its own',
    check: async (world) => {
      const from = world.newCustomer(world.rich);
      const first = await received(world, { text: 'again' }, world.rich, from);
      const repeated = await eventOf(world.messageDoor, first.request, 'inbound-message');
      expect(repeated).toEqual(first.event);
      const second = await received(world, { text: 'again' }, world.rich, from);
      expect(second.event.dedupeKey).not.toBe(first.event.dedupeKey);
    },
  },
  {
    name: "keeps the provider's own parameters, and takes those that it does not know",
    check: async (world) => {
      const news = { NewThing: 'something new', Empty: '' };
      const { event } = await received(world, { text: 'Hello', news });
      const { event: plain } = await received(world, { text: 'Hello' });
      expect(event.content).toEqual(plain.content);
      expect(event.raw).toMatchObject(news);
      expect(Object.values(event.raw).flat(), 'the text, among the parameters').toContain('Hello');
    },
  },
  {
    name: 'refuses messages that the provider did not sign as they are',
    check: async (world) => {
      const { request } = await received(world, { text: 'Hello' });
      await refusesForgeries(world, world.messageDoor, request);
    },
  },
  {
    name: 'refuses receipts that the provider did not sign as they are',
    check: async (world) => {
      const request = await world.reports(await sentId(world), 'sent');
      await refusesForgeries(world, world.receiptDoor, request);
    },
  },
  {
    name: 'refuses what is signed and of no use, as malformed',
    check: async (world) => {
      const requests = world.unusable();
      expect(requests.length).toBeGreaterThan(0);
      for (const request of requests) {
        expect((await refusal(world.messageDoor, request)).status).toBe(400);
      }
    },
  },
  {
    name: 'tells every receipt of the attempt that it is about',
    check: async (world) => {
      for (const status of STATUSES) {
        const part = sendPart(world, { number: world.rich });
        const { providerId = '' } = await world.channel.send(part, PATIENT);
        const request = await world.reports(
          providerId,
          status,
          isFailure(status) ? 'carrier-trouble' : undefined,
        );
        const event = await eventOf(world.receiptDoor, request, 'receipt');
        expect(event).toMatchObject({
          tenantId: world.tenantId,
          providerMessageId: providerId,
          status,
          attempt: part.attempt,
        });
        expect(event.late !== undefined, 'what a failure means, and only of failures').toBe(
          isFailure(status),
        );
        expect(event.optedOut).toBe(undefined);
        expect(await eventOf(world.receiptDoor, request, 'receipt'), 'a repeated callback').toEqual(event);
      }
    },
  },
  {
    name: 'gives receipts of one message different keys, each status its own',
    check: async (world) => {
      const providerId = await sentId(world, { number: world.rich });
      const keys = new Set<string>();
      for (const status of STATUSES.slice(0, 5)) {
        const request = await world.reports(providerId, status);
        keys.add((await eventOf(world.receiptDoor, request, 'receipt')).dedupeKey);
      }
      expect(keys.size).toBe(5);
    },
  },
  {
    name: 'says of a failure that the customer wants no messages',
    check: async (world) => {
      const request = await world.reports(await sentId(world), 'undelivered', 'opted-out');
      const event = await eventOf(world.receiptDoor, request, 'receipt');
      expect(event).toMatchObject({ optedOut: true, late: 'failed' });
      expect(event.providerCode).toBeTruthy();
    },
  },
  {
    name: 'makes nothing of a status that nobody knows yet',
    check: async (world) => {
      const request = await world.reports(await sentId(world), 'pondering');
      expect(await world.receiptDoor.receive(request)).toEqual([]);
    },
  },
];

function withoutAddresses(content: MessageContent): MessageContent {
  if (!('attachments' in content) || !content.attachments) return content;
  const attachments = content.attachments.map((one) => ({ ...one, ...(one.url && { url: 'media' }) }));
  return { ...content, attachments };
}

/** The same request without a signature, with another, with another body, and for another address. */
async function refusesForgeries(
  { signatureHeader }: ChannelWorld,
  door: WebhookDoor,
  request: WebhookRequest,
): Promise<void> {
  const { [signatureHeader]: signature, ...unsigned } = request.headers;
  expect(signature, 'the header with the signature').toBeTypeOf('string');
  const signedBy = (value: string | string[]) => ({ ...unsigned, [signatureHeader]: value });
  const forged: WebhookRequest[] = [
    { ...request, headers: unsigned },
    { ...request, headers: signedBy('') },
    { ...request, headers: signedBy(`${String(signature).slice(0, -4)}AAA=`) },
    { ...request, headers: signedBy([String(signature), String(signature)]) },
    { ...request, body: Buffer.concat([request.body, Buffer.from('0')]) },
    { ...request, body: Buffer.alloc(0) },
    { ...request, url: `${request.url}${request.url.includes('?') ? '&' : '?'}x=1` },
    { ...request, url: request.url.replace('//', '//other.') },
  ];
  for (const [n, each] of forged.entries()) {
    expect([401, 403], `the status that refuses forgery ${n}`).toContain((await refusal(door, each)).status);
  }
  await door.receive(request);
}

async function refusal(door: WebhookDoor, request: WebhookRequest): Promise<WebhookRefusedError> {
  const error: unknown = await door.receive(request).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!error) expect.fail('the request was taken');
  if (!(error instanceof WebhookRefusedError)) throw error;
  expect(error.reason, 'a counter label').toMatch(/^[a-z]+(-[a-z]+)*$/);
  return error;
}
