import { randomUUID } from 'node:crypto';
import {
  ChatGatewayClient,
  ChatGatewayDesk,
  ChatGatewayDoor,
  EventSignature,
  REFERENCE_KEY,
  TenantDesk,
  SigningKeys,
} from '#desk-chat-gateway';
import type { Card, DeskUser, UserProperty, WebhookRequest } from '#core';
import { ProviderHttp } from '#platform';
import {
  ChatGatewaySimulator,
  eventHeaders,
  newSigningKey,
  signEvent,
  type DeskEvent,
  type FaultSpec,
} from '../../../apps/sandbox/src/index.js';
import { TENANT_ID } from '../common.js';
import { startWebhookReceiver, type Received } from '../webhook-receiver.js';
import { RETRY_AFTER_MS, type Call, type DeskWorld, type Mood, type ShownConversation } from './world.js';

const API_KEY = 'canary-key-5f2a';
const TENANT = 'tenant-1';
const CUSTOMER = 'customer-1';
const CHANNEL = 'channel-1';

const OPERATIONS: Readonly<Record<Call, string>> = {
  create: 'conversations.create',
  find: 'conversations.list',
  read: 'conversations.get',
  participants: 'participants.list',
  message: 'messages.create',
  messages: 'messages.list',
  end: 'participants.leave',
  upload: 'attachments.create',
  fetch: 'attachments.content',
  'read-receipt': 'read-receipt.create',
  card: 'cards.action-submit',
  'hand-back': 'post-agent-assignment.create',
  thinking: 'thinking.create',
  update: 'conversations.update',
};

const refuses = (status: number, code?: string) =>
  ({ effect: 'answer', status, ...(code !== undefined && { code }) }) as const;

const FAULTS: Readonly<Record<Exclude<Mood, 'unreachable'>, Omit<FaultSpec, 'operation'>>> = {
  hangs: { effect: 'hang' },
  'hangs-having-taken': { effect: 'hang', when: 'after' },
  'drips-having-taken': { effect: 'drip', delayMs: 100 },
  resets: { effect: 'reset' },
  'resets-having-taken': { effect: 'reset', when: 'after' },
  fails: refuses(500),
  'fails-having-taken': { ...refuses(500), when: 'after' },
  'breaks-off-having-taken': { effect: 'half-body' },
  'garbage-having-taken': { effect: 'garbage' },
  'foreign-page': { effect: 'wrong-type' },
  'empty-answer': { ...refuses(200), body: '{}' },
  'rate-limits': { ...refuses(429), retryAfter: String(RETRY_AFTER_MS / 1_000) },
  'is-unavailable': refuses(503),
  'refuses-credentials': refuses(401, 'access_denied'),
  rejects: refuses(400, 'invalid_parameter'),
  'rejects-queue': refuses(400, 'invalid_queue'),
  'is-gone': refuses(404, 'resource_not_found'),
  'has-none': refuses(501),
};

/** One for all worlds: making one takes longer than most rows. */
const KEY = newSigningKey();

/** The Chat Gateway's adapter before the sandbox's Chat Gateway, over HTTP. */
export async function startChatGatewayWorld(): Promise<DeskWorld> {
  const receiver = await startWebhookReceiver();
  const calls = new Map<string, number>();
  const key = await KEY;
  const simulator = await new ChatGatewaySimulator(
    {
      apiKey: API_KEY,
      tenantId: TENANT,
      customerId: CUSTOMER,
      webhookUrl: `${receiver.url}/webhooks/chat-gateway`,
      channelId: CHANNEL,
      settings: { stepMs: 0 },
      onExchange: ({ operation, direction }) => {
        if (direction === 'to-provider') calls.set(operation, (calls.get(operation) ?? 0) + 1);
      },
    },
    key,
  ).listen();
  const http = new ProviderHttp();
  const client = new ChatGatewayClient(http, { baseUrl: simulator.url, apiKey: API_KEY, tenantId: TENANT });
  const signature = new EventSignature([
    {
      tenantId: TENANT_ID,
      chatGateway: { tenantId: TENANT, customerId: CUSTOMER },
      keys: new SigningKeys((kid) => client.fetchKey(kid)),
    },
  ]);
  const signed = (event: object, eventId: string = randomUUID()): WebhookRequest => {
    const body = JSON.stringify(event);
    const facts = {
      customerId: CUSTOMER,
      tenantId: TENANT,
      eventId,
      retry: 0,
      transmissionTimeMs: Date.now(),
      body,
    };
    const headers = { ...eventHeaders(facts), 'x-8x8-signature': signEvent(key, facts) };
    return { method: 'POST', url: `${receiver.url}/webhooks/chat-gateway`, headers, body: Buffer.from(body) };
  };
  let read = 0;
  const posted = async (): Promise<WebhookRequest[]> => {
    await simulator.activity.settle(10_000);
    const requests = receiver.received.slice(read).map((one) => asRequest(receiver.url, one));
    read = receiver.received.length;
    return requests;
  };
  const act = async (action: () => unknown): Promise<WebhookRequest[]> => {
    await posted();
    action();
    return posted();
  };
  const { desk } = simulator;
  return {
    desk: new TenantDesk(new Map([[TENANT_ID, new ChatGatewayDesk(client)]])),
    tenantId: TENANT_ID,
    door: new ChatGatewayDoor(signature),
    signatureHeader: 'x-8x8-signature',
    secrets: [API_KEY],
    channelId: CHANNEL,
    webhookId: '1',
    queues: ['100', '200'],
    next: (call, mood) => {
      if (mood === 'unreachable') simulator.vanish();
      else simulator.setFault({ operation: OPERATIONS[call], ...FAULTS[mood] });
    },
    calls: (call) => calls.get(OPERATIONS[call]) ?? 0,
    conversations: () => desk.conversations.map((one) => shownBy(simulator, one.id)),
    // The interaction is made by itself: what is posted about that is what has not been read yet.
    opens: () => posted(),
    joins: (id, agent) => act(() => desk.accept(simulator.conversation(id), agent)),
    leaves: (id, agent) => act(() => desk.leave(simulator.conversation(id), agent)),
    transfers: (id, fromAgentId, queueId) =>
      act(() => desk.transfer(simulator.conversation(id), { fromAgentId, queueId })),
    writes: (id, agent, { text = '', file, card }) =>
      act(() => {
        const attachments =
          file === undefined
            ? []
            : [
                simulator.attachments.add(id, {
                  fileName: file.filename,
                  contentType: file.contentType,
                  bytes: file.bytes,
                }),
              ];
        const cards = card === undefined ? [] : [{ contentType: ADAPTIVE, content: card }];
        desk.sendAsAgent(simulator.conversation(id), agent, text, false, { attachments, cards });
      }),
    types: (id, agent, typing) => act(() => desk.typeAsAgent(simulator.conversation(id), agent, typing)),
    ends: (id) => act(() => desk.end(simulator.conversation(id))),
    posted,
    strange: async (id) => {
      const event: DeskEvent = {
        eventType: 'HOLOGRAM',
        timestamp: Date.now(),
        data: { depth: 3, state: 'active', queueId: '9' },
      };
      const [request] = await act(() => simulator.sendEvent(simulator.conversation(id), event));
      if (!request) throw new Error('The desk posted nothing.');
      return request;
    },
    unusable: () => [signed([]), signed({ conversationId: 'x'.repeat(1_000), eventType: 'QUEUED' })],
    repeats: (request) =>
      signed(JSON.parse(request.body.toString()) as object, String(request.headers['x-8x8-event-id'])),
    forgets: (id) => desk.forget(id),
    close: async () => {
      http.destroy();
      await Promise.all([simulator.close(), receiver.close()]);
    },
  };
}

const ADAPTIVE = 'application/vnd.microsoft.card.adaptive';

function asRequest(baseUrl: string, { url, headers, body }: Received): WebhookRequest {
  return { method: 'POST', url: baseUrl + url, headers, body: Buffer.from(body) };
}

/** As it was given through the port: what the adapter adds is its own. */
function userOf({ additionalProperties, ...user }: Record<string, unknown>): DeskUser {
  const properties = (additionalProperties as UserProperty[]).filter(({ key }) => key !== REFERENCE_KEY);
  return { ...user, ...(properties.length > 0 && { properties }) };
}

function shownBy(simulator: ChatGatewaySimulator, id: string): ShownConversation {
  const { channelId, user, queueId, messages, state, postAgent } = simulator.conversation(id);
  const read = simulator.log.findLast(
    (entry) => entry.kind === 'read-receipt' && entry.conversationId === id,
  );
  const { readAt } = (read && 'body' in read ? read.body : {}) as { readAt?: number };
  return {
    id,
    channelId,
    user: userOf(user),
    queueId,
    history: messages.flatMap(({ history, authorType, text, cards }) =>
      history && authorType !== 'agent'
        ? [{ authorType, text, ...(cards.length > 0 && { cards: cards as Card[] }) }]
        : [],
    ),
    messages: messages
      .filter(({ history }) => !history)
      .map(({ authorType, text, attachments }) => ({
        authorType,
        text,
        files: attachments.map(({ fileName, bytes }) => ({ filename: fileName, bytes })),
      })),
    over: state === 'idle',
    ...(readAt !== undefined && { readAt }),
    ...(postAgent && { handsBackTo: postAgent.webhookId }),
    thinking: simulator.log.flatMap((entry) =>
      entry.kind === 'thinking' && entry.conversationId === id
        ? [(entry.body as { maxThinkingTimeSeconds: number }).maxThinkingTimeSeconds]
        : [],
    ),
  };
}
