import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ChatGatewaySimulator,
  startChatGatewaySimulator,
  startTwilioSimulator,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { Machine } from '../../apps/sandbox/src/page/machine.js';
import { Sandbox } from '../../apps/sandbox/src/page/sandbox.js';
import { startPage, type Page } from '../../apps/sandbox/src/page/server.js';
import type { DeskConversation, Phone, SandboxState } from '../../apps/sandbox/src/page/state.js';
import { eventually } from '../support/accepting.js';

const SAMPLES = join(import.meta.dirname, '../../apps/sandbox/web/public/samples');
const ROBIN = '+15550123';
const KIM = 'whatsapp:+15550124';
const OURS = 'whatsapp:+15550100';

/** What people do on the page beside writing, over the simulators alone: nobody carries anything between them. */
describe('media and more, by the sandbox’s API', () => {
  let server: Server;
  let twilio: TwilioSimulator;
  let desk: ChatGatewaySimulator;
  let page: Page;
  let picture: Buffer;

  beforeAll(async () => {
    picture = await readFile(join(SAMPLES, 'picture.png'));
    server = createServer((incoming, response) => {
      incoming.resume();
      // A place for what Twilio fetches, and for webhooks.
      if (incoming.url === '/picture.png')
        response.writeHead(200, { 'content-type': 'image/png' }).end(picture);
      else response.writeHead(200, { 'content-type': 'text/xml' }).end('<Response/>');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    twilio = await startTwilioSimulator({
      accountSid: 'AC0',
      authTokens: ['t'],
      numbers: ['+15550100', OURS],
      webhookUrl: `${place()}/twilio`,
      settings: { stepMs: 1 },
    });
    desk = await startChatGatewaySimulator({
      apiKey: 'k',
      tenantId: 't',
      customerId: 'c',
      channelId: '25',
      webhookUrl: `${place()}/desk`,
      settings: { stepMs: 1 },
    });
    const settings = { gatewayUrl: place(), adminApiKey: undefined };
    const sandbox = new Sandbox(settings, twilio, desk, new Machine({ on: () => undefined }));
    page = await startPage(sandbox, { host: '127.0.0.1', port: 0, files: '/nowhere' });
  });

  afterAll(async () => {
    await Promise.all([page?.close(), twilio?.close(), desk?.close()]);
    server?.close();
  });

  const place = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = async (method: 'post' | 'patch', path: string, body: object) =>
    request(page.url)[method](`/api${path}`).send(body);
  const at = (address: string): string => `/phones/${encodeURIComponent(address)}`;
  const phone = async (address: string): Promise<Phone> => {
    const state = (await request(page.url).get('/api/state').expect(200)).body as SandboxState;
    const found = state.phones.find((one) => one.address === address);
    if (!found) throw new Error(`no phone ${address}`);
    return found;
  };
  const newest = async (address: string) => (await phone(address)).messages.at(-1);
  /** A message of ours, as Causeway would send it. */
  const send = async (fields: Record<string, string>): Promise<string> => {
    const answer = await request(twilio.url)
      .post('/2010-04-01/Accounts/AC0/Messages.json')
      .auth('AC0', 't')
      .type('form')
      .send(fields)
      .expect(201);
    return (answer.body as { sid: string }).sid;
  };
  /** A conversation with an agent in it, as Causeway would open it. */
  const conversation = async (): Promise<string> => {
    const answer = await request(desk.url)
      .post('/chat-gateway/v1/conversations')
      .set('x-api-key', 'k')
      .send({ channelId: '25', user: { name: 'Kim', phone: '+15550124' } })
      .expect(202);
    const { conversationId } = answer.body as { conversationId: string };
    await call('post', `/conversations/${conversationId}/accept`, { agentId: 'agent-1' });
    return conversationId;
  };
  const file = (contentType: string, bytes: Buffer, fileName?: string) => ({
    contentType,
    base64: bytes.toString('base64'),
    fileName,
  });

  describe('a phone', () => {
    it('sends pictures by MMS, announced with their bytes', async () => {
      const second = Buffer.from('GIF89a, more or less');
      const media = [file('image/png', picture, 'parcel.png'), file('image/gif', second)];
      const sent = await call('post', `${at(ROBIN)}/texts`, { body: 'Look', media });
      expect(sent).toMatchObject({ status: 201, body: { accepted: true } });
      const webhook = twilio.webhooks.findLast(({ kind }) => kind === 'inbound');
      expect(webhook?.params).toMatchObject({ NumMedia: '2', MediaContentType0: 'image/png', Body: 'Look' });
      const shown = await newest(ROBIN);
      expect(shown).toMatchObject({
        text: 'Look',
        files: [{ kind: 'image', name: 'parcel.png', sizeInBytes: picture.length }, { kind: 'image' }],
      });
      const got = await request(page.url)
        .get(shown?.files[0]?.url ?? '')
        .buffer()
        .expect(200);
      expect(sha256(got.body as Buffer)).toBe(sha256(picture));
      expect(got.headers).toMatchObject({
        'content-type': 'image/png',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'content-disposition': expect.stringMatching(/^inline; filename="parcel.png"/) as string,
      });
    });

    it.each([
      ['image/svg+xml', '<svg onload="alert(1)"/>'],
      ['text/html', '<script>alert(1)</script>'],
      ['application/pdf', '%PDF-1.4'],
      ['Image/PNG; x=<y>', 'png'],
    ])('hands %s out as what can do no harm', async (contentType, words) => {
      await call('post', `${at(ROBIN)}/texts`, { media: [file(contentType, Buffer.from(words))] });
      const got = await request(page.url)
        .get((await newest(ROBIN))?.files[0]?.url ?? '')
        .buffer();
      expect(got.headers['content-security-policy']).toBe("default-src 'none'; sandbox");
      const isPicture = contentType.startsWith('Image');
      expect(got.headers['content-type']).toBe(isPicture ? 'image/png' : 'application/octet-stream');
      expect(got.headers['content-disposition']).toMatch(isPicture ? /^inline/ : /^attachment/);
    });

    it('sends places, contacts, pressed buttons and answers on WhatsApp', async () => {
      const asked = await send({ From: OURS, To: KIM, Body: 'Where are you?' });
      const location = { latitude: 47.3769, longitude: 8.5417, label: 'Main station' };
      await call('post', `${at(KIM)}/texts`, { location, repliedTo: asked });
      expect(await newest(KIM)).toMatchObject({ text: '', location, repliedTo: asked });
      const contact = { name: 'Zoë', phone: '+41791234567' };
      await call('post', `${at(KIM)}/texts`, { contact });
      expect(await newest(KIM)).toMatchObject({ contact, files: [] });
      await call('post', `${at(KIM)}/texts`, { button: { text: 'Yes', payload: 'yes-1' }, forwarded: true });
      expect(await newest(KIM)).toMatchObject({ text: 'Yes', forwarded: true });
      await call('post', `${at(KIM)}/texts`, { listReply: { id: '2', title: 'Soup' } });
      const params = twilio.webhooks.filter(({ kind }) => kind === 'inbound').map((one) => one.params);
      expect(params.slice(-4)).toMatchObject([
        { Latitude: '47.3769', Label: 'Main station', OriginalRepliedMessageSid: asked },
        { MediaContentType0: 'text/vcard', MessageType: 'contacts' },
        { ButtonText: 'Yes', ButtonPayload: 'yes-1', Forwarded: 'true' },
        { ButtonPayload: '2', ButtonText: 'Soup' },
      ]);
    });

    it('sends a voice note that is one', async () => {
      const media = [file('audio/ogg', await readFile(join(SAMPLES, 'voice-note.ogg')))];
      await call('post', `${at(KIM)}/texts`, { media });
      expect(await newest(KIM)).toMatchObject({ files: [{ kind: 'audio', contentType: 'audio/ogg' }] });
    });

    it('shows the pictures, and what can be pressed', async () => {
      await send({ From: OURS, To: KIM, MediaUrl: `${place()}/picture.png`, Body: 'The lamp' });
      const shown = await eventually('the picture', async () => {
        const last = await newest(KIM);
        return last?.files.length === 1 ? last : undefined;
      });
      const got = await request(page.url)
        .get(shown.files[0]?.url ?? '')
        .buffer()
        .expect(200);
      expect(sha256(got.body as Buffer)).toBe(sha256(picture));

      const actions = [
        { type: 'QUICK_REPLY', title: 'Yes', id: 'y' },
        { type: 'QUICK_REPLY', title: 'No', id: 'n' },
      ];
      const types = { 'twilio/quick-reply': { body: 'Is it this one?', actions } };
      const made = await request(twilio.url)
        .post('/v1/Content')
        .auth('AC0', 't')
        .send({ language: 'en', types })
        .expect(201);
      await send({ From: OURS, To: KIM, ContentSid: (made.body as { sid: string }).sid });
      expect(await newest(KIM)).toMatchObject({
        text: 'Is it this one?',
        choices: {
          kind: 'buttons',
          options: [
            { id: 'y', title: 'Yes' },
            { id: 'n', title: 'No' },
          ],
        },
      });
    });

    it('shows an agent typing until they have written, and its own messages as seen', async () => {
      const { body } = await call('post', `${at(KIM)}/texts`, { body: 'Hello?' });
      expect((await phone(KIM)).whatsApp).toMatchObject({ typing: false });
      await request(twilio.url)
        .post('/v2/Indicators/Typing.json')
        .auth('AC0', 't')
        .type('form')
        .send({ messageId: (body as { id: string }).id, channel: 'whatsapp' })
        .expect(200);
      expect(await phone(KIM)).toMatchObject({ whatsApp: { typing: true } });
      const own = (await phone(KIM)).messages.filter(({ author }) => author === 'customer');
      expect(own.map(({ seen }) => seen)).toEqual(own.map(() => true));
      await send({ From: OURS, To: KIM, Body: 'Hi' });
      expect(await phone(KIM)).toMatchObject({ whatsApp: { typing: false } });
    });

    it('tells what it has read, unless it is told not to', async () => {
      const sid = await send({ From: OURS, To: KIM, Body: 'Read me' });
      const status = async () => (await phone(KIM)).messages.find(({ id }) => id === sid)?.status;
      await eventually('it is delivered', async () => (await status()) === 'delivered');
      await call('patch', at(KIM), { readReceipts: false });
      expect((await call('post', `${at(KIM)}/read`, {})).body).toEqual({ read: 0 });
      expect(await status()).toBe('delivered');
      const changed = await call('patch', at(KIM), { readReceipts: true });
      expect(changed.body).toMatchObject({ whatsApp: { readReceipts: true } });
      expect((await call('post', `${at(KIM)}/read`, {})).body).not.toEqual({ read: 0 });
      expect(await status()).toBe('read');
      expect((await call('post', `${at(KIM)}/read`, {})).body).toEqual({ read: 0 });
    });

    it('has a 24-hour window that can be closed', async () => {
      expect((await phone(KIM)).whatsApp).toMatchObject({ closedWindows: [] });
      const closed = await call('patch', at(KIM), { windowOpen: false });
      expect(closed.body).toMatchObject({ whatsApp: { closedWindows: [OURS] } });
      await send({ From: OURS, To: KIM, Body: 'Too late' });
      await eventually('it fails', async () => (await newest(KIM))?.errorCode === 63016);
      await call('post', `${at(KIM)}/texts`, { body: 'I am back' });
      expect((await phone(KIM)).whatsApp).toMatchObject({ closedWindows: [] });
    });

    it('shows what Twilio answers to STOP', async () => {
      await call('post', `${at(ROBIN)}/texts`, { body: 'STOP' });
      expect(await newest(ROBIN)).toMatchObject({
        author: 'business',
        text: expect.stringMatching(/unsubscribed/) as string,
      });
    });
  });

  describe('an agent', () => {
    it('sends files and cards', async () => {
      const id = await conversation();
      const sent = await call('post', `/conversations/${id}/messages`, {
        agentId: 'agent-1',
        attachments: [
          file('image/png', picture, 'lamp.png'),
          file('application/pdf', Buffer.from('%PDF'), 'a.pdf'),
        ],
        cards: [{ contentType: 'application/8x8.quick.replies', content: { options: [{ title: 'Yes' }] } }],
      });
      expect(sent.status).toBe(201);
      const shown = (sent.body as DeskConversation).messages.at(-1);
      expect(shown).toMatchObject({
        text: '',
        files: [
          { kind: 'image', name: 'lamp.png' },
          { kind: 'file', name: 'a.pdf' },
        ],
        cards: [{ contentType: 'application/8x8.quick.replies', options: [{ title: 'Yes' }] }],
      });
      const got = await request(page.url)
        .get(shown?.files[0]?.url ?? '')
        .buffer()
        .expect(200);
      expect(sha256(got.body as Buffer)).toBe(sha256(picture));
      const event = await eventually('the event', () =>
        desk.webhooks.find((one) => one.eventType === 'MESSAGE' && one.conversationId === id),
      );
      expect(event.event).toMatchObject({
        data: { attachments: [{ type: 'image' }, { type: 'file' }], cards: [{}] },
      });
    });

    it('types, which the Chat Gateway announces', async () => {
      const id = await conversation();
      await call('post', `/conversations/${id}/typing`, { agentId: 'agent-1', typing: true });
      const event = await eventually('the event', () =>
        desk.webhooks.find((one) => one.eventType === 'ACTIVITY' && one.conversationId === id),
      );
      expect(event.event).toMatchObject({
        data: { name: 'typing', value: { users: [{ type: 'agent', id: 'agent-1' }] } },
      });
    });

    it('sees up to when the customer has read', async () => {
      const id = await conversation();
      const readAt = Date.UTC(2026, 0, 1);
      for (const [authorType, at_] of [
        ['user', readAt],
        ['user', readAt - 5000],
        ['bot', readAt + 5000],
      ] as const) {
        await request(desk.url)
          .post(`/chat-gateway/v1/conversations/${id}/read-receipt`)
          .set('x-api-key', 'k')
          .send({ authorType, readAt: at_ })
          .expect(204);
      }
      const state = (await request(page.url).get('/api/state')).body as SandboxState;
      expect(state.desk.conversations.find((one) => one.id === id)?.readUntil).toBe(
        '2026-01-01T00:00:00.000Z',
      );
    });

    it('gets files of its own conversation only', async () => {
      const [mine, other] = [await conversation(), await conversation()];
      const sent = await call('post', `/conversations/${mine}/messages`, {
        agentId: 'agent-1',
        attachments: [file('text/plain', Buffer.from('x'))],
      });
      const [shown] = (sent.body as DeskConversation).messages.at(-1)?.files ?? [];
      const wrong = await request(page.url).get(`/api/conversations/${other}/attachments/${shown?.id}`);
      expect(wrong.status).toBe(404);
    });
  });

  const PNG = { contentType: 'image/png', base64: 'AAAA' };
  it.each([
    [at(ROBIN), {}, 400, /must not be empty/],
    [at(ROBIN), { media: [{ base64: 'AAAA' }] }, 400, /media\[0\] needs a contentType/],
    [at(ROBIN), { media: [{ contentType: 'image/png', base64: '%' }] }, 400, /media\[0\] needs its bytes/],
    [at(ROBIN), { media: [{ contentType: 'image/png', base64: '' }] }, 400, /media\[0\] needs its bytes/],
    [
      at(ROBIN),
      { media: Array.from({ length: 11 }, () => PNG) },
      400,
      /at most 10 files here, this one has 11/,
    ],
    [at(KIM), { media: [PNG, PNG] }, 400, /at most one file here, this one has 2/],
    [at(ROBIN), { location: { latitude: 1, longitude: 2 } }, 400, /An SMS has no location/],
    [at(KIM), { location: { latitude: 91, longitude: 2 } }, 400, /latitude must be a number from -90 to 90/],
    [at(KIM), { contact: { name: ' ', phone: '1' } }, 400, /name must have 1 to 200/],
    [at(KIM), { body: 'x', repliedTo: 'SM0' }, 400, /must be a message of this phone/],
    [
      at(ROBIN),
      { media: [{ contentType: 'image/png', base64: 'A'.repeat(8.5 * 1024 * 1024) }] },
      413,
      /too large/,
    ],
  ])('%s refuses %#', async (path, body, status, words) => {
    const answer = await call('post', `${path}/texts`, body);
    expect(answer.status).toBe(status);
    expect((answer.body as { error: string }).error).toMatch(words);
  });

  it('takes large bodies where files are sent, and nowhere else', async () => {
    const media = [{ contentType: 'image/png', base64: 'A'.repeat(6 * 1024 * 1024) }];
    expect((await call('post', `${at(ROBIN)}/texts`, { media })).status).toBe(201);
    expect((await call('post', '/agents', { name: 'x'.repeat(300_000) })).status).toBe(413);
  });

  it('lets only WhatsApp phones read and close windows', async () => {
    expect((await call('post', `${at(ROBIN)}/read`, {})).status).toBe(400);
    expect((await call('patch', at(ROBIN), { windowOpen: false })).status).toBe(400);
    expect((await call('patch', at(KIM), { windowOpen: 'maybe' })).status).toBe(400);
    expect((await request(page.url).get(`/api${at(KIM)}/media/ME0`)).status).toBe(404);
  });

  it.each([
    [{}, 400, /must not be empty/],
    [{ attachments: Array.from({ length: 11 }, () => PNG) }, 400, /at most 10 files/],
    [{ cards: [{ content: {} }] }, 400, /needs contentType and content/],
    [{ text: 'x', agentId: 'agent-2' }, 409, /not in the conversation/],
  ])('an agent’s message is refused %#', async (body, status, words) => {
    const id = await conversation();
    const answer = await call('post', `/conversations/${id}/messages`, { agentId: 'agent-1', ...body });
    expect(answer.status).toBe(status);
    expect((answer.body as { error: string }).error).toMatch(words);
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
