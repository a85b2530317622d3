import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeliveryError } from '#core';
import { ChatGatewayApi, ChatGatewayClient } from '#desk-chat-gateway';
import { ProviderHttp } from '#platform';
import { type ChatGatewaySimulator, startChatGatewaySimulator } from '../../apps/sandbox/src/index.js';
import { eventually } from '../support/accepting.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';
import { startWebhookReceiver } from './webhook-receiver.js';

const context = { timeoutMs: 10_000 };
const CARD = {
  contentType: 'application/vnd.microsoft.card.adaptive',
  content: { type: 'AdaptiveCard', version: '1.6', body: [{ type: 'TextBlock', text: 'Your order' }] },
};

async function failure(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DeliveryError)) throw new Error(`No DeliveryError: ${String(error)}`);
  return `${error.kind} ${error.code} ${error.httpStatus}`;
}

describe.runIf(contractsAvailable())('the Chat Gateway client, against the published document', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  const http = new ProviderHttp();
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>;
  let simulator: ChatGatewaySimulator;
  let client: ChatGatewayClient;
  let api: ChatGatewayApi;
  let uri = '';

  const clientOf = (change: { apiKey?: string; tenantId?: string } = {}): ChatGatewayClient =>
    new ChatGatewayClient(http, {
      baseUrl: simulator.url,
      apiKey: 'the-key',
      tenantId: 'tenant01',
      ...change,
    });

  beforeAll(async () => {
    receiver = await startWebhookReceiver(() => ({ status: 204 }));
    uri = `${receiver.url}/webhooks/chat-gateway`;
    simulator = await startChatGatewaySimulator({
      apiKey: 'the-key',
      tenantId: 'tenant01',
      customerId: 'customer01',
      settings: { stepMs: 5 },
      onExchange: audit?.record,
    });
    client = clientOf();
    api = new ChatGatewayApi(client);
  });

  afterAll(async () => {
    http.destroy();
    await simulator.close();
    await receiver.close();
    expect(audit?.violations()).toEqual([]);
    expect(audit?.unusedOperations('chat-gateway')).toEqual([]);
  });

  /** An open conversation with its channel, on an account that has all it needs. */
  async function opened(): Promise<{ id: string; webhookId: string; channelId: string }> {
    const webhook = await api.webhooks.create({ name: 'Causeway', uri }, context);
    const channel = await api.channels.create(
      { name: 'Texts', webHookId: webhook.id, queueId: '100' },
      context,
    );
    const id = await api.conversations.create(
      {
        channelId: channel.id,
        user: { name: 'James Jones', additionalProperties: [{ key: 'Intent', value: 'balance' }] },
        history: { messages: [{ authorType: 'bot', text: 'Hello', cards: [CARD] }] },
      },
      context,
    );
    expect(await simulator.activity.settle(5000)).toBe(true);
    return { id, webhookId: webhook.id, channelId: channel.id };
  }

  it('webhooks: made, found over pages, changed, called, deleted', async () => {
    await api.webhooks.verify(uri, context);
    expect(receiver.received.map(({ body }) => body).join()).toContain('WEB_HOOK_VERIFY');
    const made = await api.webhooks.create({ name: 'One', uri }, context);
    expect(made).toEqual({ id: made.id, name: 'One', uri, version: 'Chat Gateway v1.0' });
    const second = await api.webhooks.create({ name: 'Two', uri }, context);
    const { items, totalPages } = await api.webhooks.page({ size: 1, page: 0, sort: 'id:asc' }, context);
    expect([items.length, totalPages > 1]).toEqual([1, true]);
    expect(await api.webhooks.all(context, 'name==Two')).toEqual([second]);
    expect(await api.webhooks.replace(made.id, { name: 'Other', uri }, context)).toMatchObject({
      name: 'Other',
    });
    expect(await api.webhooks.get(made.id, context)).toMatchObject({ name: 'Other' });
    await api.webhooks.delete(made.id, context);
    expect(await failure(api.webhooks.get(made.id, context))).toBe('gone conversation-gone 404');
    expect(await failure(api.webhooks.delete(made.id, context))).toBe('failed not-found 404');
  });

  it('channels: made on a webhook with a queue, moved, deleted', async () => {
    const { id: webHookId } = await api.webhooks.create({ name: 'For channels', uri }, context);
    const made = await api.channels.create({ name: 'Texts', webHookId, queueId: '100' }, context);
    expect(made).toEqual({ id: made.id, name: 'Texts', type: 'ChatAPI', webHookId, queueId: '100' });
    expect(await api.channels.all(context)).toContainEqual(made);
    const moved = await api.channels.replace(made.id, { name: 'Texts', webHookId, queueId: '200' }, context);
    expect(moved.queueId).toBe('200');
    expect(await api.channels.get(made.id, context)).toEqual(moved);
    const wrong = { name: 'Texts', webHookId, queueId: '999' };
    expect(await failure(api.channels.create(wrong, context))).toBe('failed invalid-queue 400');
    await api.channels.delete(made.id, context);
  });

  it('conversations: opened, read, changed, shown who types, ended', async () => {
    const { id, webhookId, channelId } = await opened();
    expect(await api.conversations.get(id, context)).toMatchObject({ id, state: 'active', channelId });
    const page = await api.conversations.page({ filter: `channelId==${channelId}` }, context);
    expect(page.items.map((one) => one.id)).toEqual([id]);
    const assignment = { type: 'queue', id: '200' } as const;
    const user = { company: 'ACME' };
    const asked = await api.conversations.update(id, { assignment, user }, context);
    expect(asked.user).toMatchObject({ name: 'James Jones', company: 'ACME' });
    // Another assignment shows later.
    await eventually('it is in the other queue', async () =>
      isDeepStrictEqual((await api.conversations.get(id, context)).assignment, assignment),
    );
    const replaced = await api.conversations.replace(id, { channelId, user: { name: 'Jim' } }, context);
    expect(replaced.user).toEqual({ name: 'Jim' });
    await api.conversations.typing(id, 'user', context);
    await api.conversations.thinking(id, context, 30);
    await api.conversations.readReceipt(id, 'user', 1_770_200_431_963, context);
    await api.conversations.assignPostAgent(
      id,
      { webhookId, notifyChannelWebhook: false, maxTotalMinutes: 20, userTimeoutMinutes: 10 },
      context,
    );
    expect(simulator.conversation(id).postAgent).toEqual({
      webhookId,
      configuration: {
        notifyChannelWebhookIfExists: 'false',
        maxTotalMinutes: 20,
        userTimeoutInMinutes: 10,
      },
    });
    expect(await api.conversations.participants(id, context)).toEqual([
      { id: 'user', type: 'user', present: true },
    ]);
    await api.conversations.leave(id, context);
    const [interaction] = await api.conversations.interactions(id, context);
    expect(interaction).toMatchObject({ id: expect.any(String), endTime: expect.any(String) });
    const change = { assignment: { type: 'queue', id: '100' } } as const;
    expect(await failure(api.conversations.update(id, change, context))).toBe('failed invalid-parameter 400');
  });

  it('messages: sent, listed, read, their cards acted on', async () => {
    const { id } = await opened();
    expect(await api.messages.send(id, { authorType: 'bot', text: 'Choose', cards: [CARD] }, context)).toBe(
      202,
    );
    const { items } = await api.messages.page(id, { sort: 'createdAt:desc', size: 10 }, context);
    const [message] = items;
    expect(message).toMatchObject({ text: 'Choose', authorType: 'bot' });
    expect(await api.messages.get(id, message?.id ?? '', context)).toEqual(message);
    const [card] = await api.messages.cards(id, message?.id ?? '', context);
    expect(card).toMatchObject({ ...CARD, actionSubmitted: false, actionExecuted: false });
    await api.messages.act(id, card?.id ?? '', 'action-submit', { name: 'Causeway' }, context);
    await api.messages.act(id, card?.id ?? '', 'action-execute', { name: 'Causeway' }, context);
    expect(await api.messages.cards(id, message?.id ?? '', context)).toEqual([
      { ...card, actionSubmitted: true, actionExecuted: true },
    ]);
    expect(await failure(api.messages.act(id, 'none', 'action-submit', { name: 'Causeway' }, context))).toBe(
      'gone conversation-gone 404',
    );
  });

  it('attachments: uploaded, listed, read, downloaded', async () => {
    const { id } = await opened();
    const bytes = Buffer.from('a picture');
    const file = {
      filename: 'a.png',
      contentType: 'image/png',
      bytes: bytes.length,
      open: () => Readable.from([bytes]),
    };
    const attachment = await api.attachments.upload(id, 'user', file, context);
    expect(attachment).toMatchObject({ filename: 'a.png', sizeInBytes: bytes.length });
    expect(await api.attachments.all(id, context)).toEqual([attachment]);
    expect(await api.attachments.get(id, attachment.id, context)).toEqual(attachment);
    const media = await api.attachments.download(id, attachment.id, 1000, context);
    expect(await text(media.body)).toBe('a picture');
  });

  it('signing keys', async () => {
    const kid = await simulator.rotateKey();
    expect(await client.fetchKey(kid)).toMatchObject({ found: true, jwk: { kid, kty: 'RSA' } });
    expect(await client.fetchKey('none')).toEqual({ found: false });
  });

  it.each([
    { what: 'a key that is refused', change: { apiKey: 'another' }, says: 'credentials unauthorized 401' },
    { what: "somebody else's tenant", change: { tenantId: 'other' }, says: 'credentials wrong-tenant 403' },
  ])('says $what, whatever is asked', async ({ change, says }) => {
    const refused = new ChatGatewayApi(clientOf(change));
    expect(await failure(refused.webhooks.all(context))).toBe(says);
    expect(await failure(refused.channels.all(context))).toBe(says);
    expect(await failure(refused.conversations.get('c', context))).toBe(says);
    expect(await failure(refused.messages.send('c', { authorType: 'user', text: 'x' }, context))).toBe(says);
  });

  it('reads an error that is plain text by its status', async () => {
    simulator.setFault({
      operation: 'webhooks.create',
      when: 'before',
      effect: 'answer',
      status: 500,
      body: 'Internal server error.',
    });
    const call = api.webhooks.create({ name: 'W', uri }, context);
    expect(await failure(call)).toBe('uncertain server-error 500');
  });

  it('keeps one deadline over the pages of a list', async () => {
    for (let n = 0; n < 3; n += 1) await api.webhooks.create({ name: `W${n}`, uri }, context);
    simulator.setFault({
      operation: 'webhooks.list',
      when: 'before',
      effect: 'slow',
      delayMs: 300,
      times: 9,
    });
    expect(await failure(api.webhooks.all({ timeoutMs: 100 }))).toMatch(/^not-sent /);
    simulator.faults.disarmAll();
  });
});
