import { expect, it } from 'vitest';
import { WORKFLOW } from '../fixtures/chat-gateway/workflow.js';
import { eventually } from '../support/accepting.js';
import { CANARIES } from '../support/canaries.js';
import { NUMBERS, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { describeOn } from './each-queue.js';

type DeskConversation = System['desk']['desk']['conversations'][number];

const [, OURS] = NUMBERS;
const VERSION = 'Chat Gateway v1.0';
const QUEUE = { id: WORKFLOW.create.assignment.id, name: 'Balances' };
const ELSEWHERE = { id: '100', name: 'Support' };
/** Of the agent in the guide's samples. */
const AGENT = WORKFLOW.message.data.sender.id;

/** The guide "Workflow - Connecting 3rd party channel", step by step, with its own payloads; tests follow each other as its steps do. */
describeOn(
  'postgres',
  'the published workflow',
  { emptyDesk: { queues: [ELSEWHERE, QUEUE] }, configured: [] },
  (system) => {
    let channelId = '';
    let customer: Customer;
    let conversation: DeskConversation;

    /** A call to the Chat Gateway; it is checked against the published document at the end, like every other. */
    async function call(method: string, path: string, body?: object) {
      const response = await fetch(`${system().desk.url}/chat-gateway/v1${path}`, {
        method,
        headers: { 'x-api-key': CANARIES.apiKey, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    }

    /** The newest event of a type, in whose data this stands, once our webhook has taken it. */
    async function taken(eventType: string, { id = conversation.id, data = '' } = {}) {
      return eventually(`${eventType} is taken`, () => {
        const found = system().desk.webhooks.findLast(
          (one) =>
            one.eventType === eventType &&
            one.conversationId === id &&
            one.status === 204 &&
            JSON.stringify(one.event.data ?? null).includes(data),
        );
        return found?.event;
      });
    }

    /** The guide's payload as it looks in this conversation: only what names this run is another. */
    function here(printed: { eventType: string }, { id }: { id: string } = conversation) {
      return { ...printed, conversationId: id, timestamp: expect.any(Number) };
    }

    const shown = async () => {
      const { body } = await system().api(
        'GET',
        `/conversations?address=${encodeURIComponent(customer.address)}`,
      );
      return (body as { items: { state: string; queueId?: string; closeReason?: string }[] }).items[0];
    };

    it('begins with a queue, and neither a webhook nor a channel', async () => {
      for (const list of ['/webhooks', '/channels']) {
        expect(await call('GET', list)).toMatchObject({ status: 200, body: { page: { totalElements: 0 } } });
      }
    });

    it('creates the webhook and the channel, and the number that uses them', async () => {
      const uri = `${system().url}/webhooks/chat-gateway`;
      expect((await call('POST', '/webhooks/verify', { version: VERSION, uri })).status).toBe(204);
      expect(system().desk.webhooks).toMatchObject([{ eventType: 'WEB_HOOK_VERIFY', status: 204 }]);
      const webhook = await call('POST', '/webhooks', {
        name: 'Causeway',
        uri,
        version: VERSION,
        notificationVersion: VERSION,
      });
      expect(webhook.status).toBe(200);
      const channel = await call('POST', '/channels', {
        name: 'Causeway',
        type: 'ChatAPI',
        webHookId: webhook.body.id,
        routingOptions: { type: 'queue', id: QUEUE.id },
      });
      expect(channel).toMatchObject({ status: 200, body: { routingOptions: { id: ' 123' } } });
      channelId = channel.body.id;
      const number = await system().api('POST', '/numbers', {
        address: OURS,
        chatGatewayChannelId: channelId,
      });
      expect(number.status).toBe(201);
    });

    it('takes the create to the letter, and says QUEUED', async () => {
      const created = await call('POST', '/conversations', { ...WORKFLOW.create, channelId });
      expect(created.status).toBe(202);
      const id: string = created.body.conversationId;
      expect(system().desk.log.at(-1)).toMatchObject({
        kind: 'conversation',
        user: WORKFLOW.create.user,
        assignment: WORKFLOW.create.assignment,
        history: WORKFLOW.create.history.messages,
      });
      const queued = { queueId: QUEUE.id, queueName: QUEUE.name };
      expect(await taken('QUEUED', { id })).toEqual({ ...here(WORKFLOW.queued, { id }), data: queued });
      expect((await call('PATCH', `/conversations/${id}/participants/user`, { removed: true })).status).toBe(
        204,
      );
    });

    it('opens a conversation in the queue with what the customer says', async () => {
      customer = new Customer(system(), 'whatsapp');
      const said = WORKFLOW.create.history.messages.filter(({ authorType }) => authorType === 'user');
      for (const { text } of said) await customer.write(text);
      conversation = await customer.conversation();
      const queued = { queueId: QUEUE.id, queueName: QUEUE.name };
      expect(await taken('QUEUED')).toEqual({ ...here(WORKFLOW.queued), data: queued });
      await customer.atDesk(...said.map(({ text }) => text));
      expect(customer.textsAtDesk()).toEqual(said.map(({ text }) => text));
      await eventually('it is queued for operators', async () => (await shown())?.state === 'queued');
    });

    it('goes to another queue while it waits', async () => {
      const assignment = { type: 'queue', id: ELSEWHERE.id };
      expect((await call('PATCH', `/conversations/${conversation.id}`, { assignment })).status).toBe(202);
      await eventually('it is in the other queue', async () => (await shown())?.queueId === ELSEWHERE.id);
      await taken('QUEUED', { data: JSON.stringify(ELSEWHERE.id) });
    });

    it('is joined by an agent in the guide’s form, who types', async () => {
      const { desk } = system();
      desk.settings.memberForm = 'older';
      desk.desk.accept(conversation, AGENT);
      expect(await taken('AGENT_JOINED')).toEqual(here(WORKFLOW.agentJoined));
      await eventually('it is active for operators', async () => (await shown())?.state === 'active');
      desk.desk.typeAsAgent(conversation, AGENT, true);
      expect(await taken('ACTIVITY')).toEqual(here(WORKFLOW.typing));
      await eventually('typing at the phone', () =>
        system().twilio.log.some(({ kind }) => kind === 'typing'),
      );
    });

    it('brings the agent’s message to the phone, though it calls itself an echo of nobody', async () => {
      system().desk.settings.messageForm = 'guide';
      const text = 'Hello James, how can I help?';
      customer.answer(conversation, text, AGENT);
      const announced = here(WORKFLOW.message);
      expect(await taken('MESSAGE', { data: text })).toEqual({
        ...announced,
        data: { ...WORKFLOW.message.data, text },
      });
      await customer.atPhone(text);
    });

    it('brings the customer’s answer to the agent', async () => {
      const { text } = WORKFLOW.answer;
      await customer.write(text);
      await customer.atDesk(text);
      expect(system().desk.log.at(-1)).toMatchObject({ kind: 'message', ...WORKFLOW.answer });
    });

    it('ends when the agent leaves, with every word delivered once', async () => {
      system().desk.desk.leave(conversation, AGENT);
      await taken('AGENT_LEFT');
      const closed = await eventually('it is closed', async () => {
        const now = await shown();
        return now?.state === 'closed' ? now : undefined;
      });
      expect(closed.closeReason).toBe('agent-left');
      expect(customer.conversationIds).toEqual([conversation.id]);
      expect(customer.textsAtDesk()).toEqual(customer.written);
      expect(customer.textsAtPhone()).toEqual(customer.answers);
    });
  },
);
