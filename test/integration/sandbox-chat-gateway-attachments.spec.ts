import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChatGatewaySimulator, startChatGatewaySimulator } from '../../apps/sandbox/src/index.js';
import { startWebhookReceiver } from '../contracts/webhook-receiver.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';

const BASE = '/chat-gateway/v1/conversations';
const HEADERS = { 'x-api-key': 'the-key' };
/** No text in any encoding. */
const PICTURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff, 0xfe]);
const CARD = {
  contentType: 'application/8x8.quick.replies',
  content: { options: [{ title: 'Yes', data: { postback: 'yes' } }] },
};

/** Whatever an answer may have, as far as it is looked at. */
interface Body {
  id: string;
  conversationId: string;
  messages: { attachments: { id: string }[] }[];
  _embedded: { messages: { id: string }[] };
}

interface Announced {
  attachments: { id: string; preSignedUrl: string }[];
  cards: unknown[];
}

describe('attachments and cards of the Chat Gateway simulator', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>;
  let simulator: ChatGatewaySimulator;
  let conversation: string;

  beforeEach(async () => {
    receiver = await startWebhookReceiver(() => ({ status: 204 }));
    simulator = await startChatGatewaySimulator({
      apiKey: 'the-key',
      tenantId: 'tenant01',
      customerId: 'customer01',
      webhookUrl: `${receiver.url}/webhooks/chat-gateway`,
      channelId: '25',
      settings: { stepMs: 5 },
      onExchange: audit?.record,
    });
    conversation = await openConversation();
  });

  afterEach(async () => {
    await simulator.close();
    await receiver.close();
    const violations = audit?.violations() ?? [];
    audit?.exchanges.splice(0);
    expect(violations).toEqual([]);
  });

  async function openConversation(): Promise<string> {
    const created = await post(BASE, { channelId: '25', user: { name: 'Ann' } });
    expect(await simulator.activity.settle(5000)).toBe(true);
    return (await json(created)).conversationId;
  }

  async function json(response: Response): Promise<Body> {
    return JSON.parse(await response.text());
  }

  async function post(path: string, body: unknown): Promise<Response> {
    return fetch(`${simulator.url}${path}`, {
      method: 'POST',
      headers: { ...HEADERS, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async function get(path: string): Promise<Response> {
    return fetch(`${simulator.url}${path}`, { headers: HEADERS });
  }

  async function upload(bytes: Buffer, name = 'a picture.png', to = conversation): Promise<Response> {
    const form = new FormData();
    form.set('attachment', new File([new Uint8Array(bytes)], name, { type: 'image/png' }));
    form.set('authorType', 'user');
    return fetch(`${simulator.url}${BASE}/${to}/attachments`, {
      method: 'POST',
      headers: HEADERS,
      body: form,
    });
  }

  function lastMessage(): Announced {
    const events = receiver.received.map(({ body }) => JSON.parse(body));
    return events.findLast(({ eventType }) => eventType === 'MESSAGE').data;
  }

  it('takes a file, lists it, reads it and gives its bytes back', async () => {
    const taken = await upload(PICTURE);
    const attachment = await json(taken);
    expect(taken.status).toBe(200);
    expect(attachment).toMatchObject({ filename: 'a picture.png', sizeInBytes: PICTURE.length });
    const path = `${BASE}/${conversation}/attachments`;
    expect(await json(await get(path))).toMatchObject({ _embedded: { attachments: [attachment] } });
    expect(await json(await get(`${path}/${attachment.id}`))).toEqual(attachment);
    const content = await get(`${path}/${attachment.id}/content`);
    expect(Buffer.from(await content.arrayBuffer())).toEqual(PICTURE);
    expect(content.headers.get('content-type')).toBe('application/octet-stream');
    expect(content.headers.get('content-disposition')).toContain('filename="a picture.png"');
    expect(simulator.log.at(-1)).toMatchObject({
      kind: 'attachment',
      attachmentId: attachment.id,
      contentType: 'image/png',
      sha256: createHash('sha256').update(PICTURE).digest('hex'),
    });
    expect((await get(`${path}/unknown/content`)).status).toBe(404);
    const other = await openConversation();
    expect((await get(`${BASE}/${other}/attachments/${attachment.id}`)).status).toBe(404);
  });

  it('refuses what is no file, too large, or not to be stored, and keeps nothing of it', async () => {
    simulator.settings.attachmentMaxBytes = 100;
    expect((await upload(Buffer.alloc(100))).status).toBe(200);
    expect((await upload(Buffer.alloc(101))).status).toBe(413);
    expect((await upload(Buffer.alloc(1024 * 1024))).status).toBe(413);
    simulator.settings.attachmentFailures = 1;
    expect((await upload(PICTURE)).status).toBe(500);
    expect((await upload(PICTURE)).status).toBe(200);
    const form = new FormData();
    form.set('attachment', 'no file');
    const path = `${simulator.url}${BASE}/${conversation}/attachments`;
    const refused = await fetch(path, { method: 'POST', headers: HEADERS, body: form });
    expect(refused.status).toBe(400);
    expect(simulator.attachments.of(conversation)).toHaveLength(2);
  });

  it('takes messages that name files of their conversation, and announces and lists them with links', async () => {
    const { id } = await json(await upload(PICTURE));
    const message = { authorType: 'user', text: 'See', attachments: [{ id }], cards: [CARD] };
    expect((await post(`${BASE}/${conversation}/messages`, message)).status).toBe(202);
    const other = await openConversation();
    expect((await post(`${BASE}/${other}/messages`, message)).status).toBe(400);
    await simulator.activity.settle(5000);

    const [attachment] = lastMessage().attachments;
    expect(attachment).toMatchObject({ id, type: 'image', fileName: 'a picture.png' });
    expect(lastMessage().cards).toEqual([CARD]);
    const fetched = await fetch(String(attachment?.preSignedUrl));
    expect(fetched.headers.get('content-type')).toBe('image/png');
    expect(Buffer.from(await fetched.arrayBuffer())).toEqual(PICTURE);
    expect((await fetch(`${attachment?.preSignedUrl}x`)).status).toBe(403);

    const listed = await json(await get(`${BASE}/${conversation}/messages`));
    const [first] = listed._embedded.messages;
    expect(first).toMatchObject({ text: 'See', attachments: [{ id, type: 'image' }], cards: [CARD] });
    const cards = await json(await get(`${BASE}/${conversation}/messages/${first?.id}/cards`));
    expect(cards).toMatchObject({ _embedded: { cards: [CARD] } });
    expect(simulator.log.at(-2)).toMatchObject({ kind: 'message', attachments: [{ id }], cards: [CARD] });
  });

  it('lets a link die', async () => {
    simulator.settings.preSignedUrlLifeMs = 1;
    const { id } = await json(await upload(PICTURE));
    await post(`${BASE}/${conversation}/messages`, { authorType: 'user', attachments: [{ id }] });
    await simulator.activity.settle(5000);
    await delay(5);
    expect((await fetch(String(lastMessage().attachments[0]?.preSignedUrl))).status).toBe(403);
  });

  it('lets an agent send files and cards, and shows everything to tests', async () => {
    const file = { contentType: 'application/pdf', fileName: 'é.pdf', base64: PICTURE.toString('base64') };
    const control = '/__sandbox/conversations';
    await post(`${control}/${conversation}/accept`, {});
    const sent = await post(`${control}/${conversation}/messages`, { attachments: [file], cards: [CARD] });
    expect(sent.status).toBe(201);
    expect((await post(`${control}/${conversation}/messages`, {})).status).toBe(400);
    expect((await post('/__sandbox/answer', { text: 'and', attachments: [file] })).status).toBe(404);
    await post(`${BASE}/${conversation}/messages`, { authorType: 'user', text: 'Well?' });
    expect((await post('/__sandbox/answer', { text: 'and', attachments: [file] })).status).toBe(201);
    await simulator.activity.settle(5000);
    expect(lastMessage()).toMatchObject({
      text: 'and',
      sender: { type: 'agent' },
      attachments: [{ type: 'file', fileName: 'é.pdf' }],
    });

    const shown = await json(await get(`${control}/${conversation}`));
    const attachment = shown.messages[0]?.attachments[0];
    expect(shown.messages[0]).toMatchObject({ text: '', cards: [CARD] });
    expect(attachment).toMatchObject({ fileName: 'é.pdf', sizeInBytes: PICTURE.length });
    const bytes = await get(`/__sandbox/attachments/${attachment?.id}`);
    expect(Buffer.from(await bytes.arrayBuffer())).toEqual(PICTURE);
    const content = await get(`${BASE}/${conversation}/attachments/${attachment?.id}/content`);
    expect(content.headers.get('content-disposition')).toContain("filename*=UTF-8''%C3%A9.pdf");
  });

  it('fails an upload, a read and a download by name', async () => {
    const { id } = await json(await upload(PICTURE));
    const path = `${BASE}/${conversation}/attachments`;
    for (const operation of ['create', 'list', 'get', 'content']) {
      simulator.setFault({ operation: `attachments.${operation}`, effect: 'answer', status: 503 });
    }
    expect((await upload(PICTURE)).status).toBe(503);
    for (const under of ['', `/${id}`, `/${id}/content`]) expect((await get(path + under)).status).toBe(503);
    simulator.setFault({ operation: 'attachments.content', effect: 'half-body' });
    const broken = await get(`${path}/${id}/content`);
    await expect(broken.arrayBuffer()).rejects.toThrow();
    expect(simulator.attachments.of(conversation)).toHaveLength(1);
  });

  it('logs whose receipt and typing it was', async () => {
    await post(`${BASE}/${conversation}/read-receipt`, { authorType: 'user', readAt: 1_770_200_431_963 });
    await post(`${BASE}/${conversation}/typing`, { authorType: 'user' });
    expect(simulator.log.slice(-2)).toMatchObject([
      { kind: 'read-receipt', body: { authorType: 'user', readAt: 1_770_200_431_963 } },
      { kind: 'typing', body: { authorType: 'user' } },
    ]);
  });
});
