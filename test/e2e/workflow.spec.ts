import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../apps/cli/src/run.js';
import { WORKFLOW } from '../fixtures/chat-gateway/workflow.js';
import { eventually } from '../support/accepting.js';
import { CANARIES } from '../support/canaries.js';
import { NUMBERS, type System } from '../support/system.js';
import { TestBot } from '../support/test-bot.js';
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
  {
    emptyDesk: { queues: [ELSEWHERE, QUEUE] },
    configured: [],
    env: { HOOK_SIGNING_SECRET: TestBot.secret },
  },
  (system) => {
    const bot = new TestBot();
    let botUrl = '';
    let threadId = '';
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

    /** The command line, as an operator uses it. */
    async function causeway(line: string[]) {
      const printed = { out: '', error: '' };
      const code = await run(line, {
        out: (text) => void (printed.out += `${text}\n`),
        error: (text) => void (printed.error += `${text}\n`),
        environment: { CAUSEWAY_URL: system().url, ADMIN_API_KEY: CANARIES.adminApiKey },
        root: '.',
        colours: false,
      });
      return { code, ...printed };
    }

    beforeAll(async () => {
      botUrl = await bot.start();
    });
    afterAll(() => bot.stop());

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

    const saidBy = (author: 'user' | 'bot') =>
      WORKFLOW.create.history.messages.flatMap(({ authorType, text }) =>
        authorType === author ? [text] : [],
      );

    const shown = async () => {
      const { body } = await system().api(
        'GET',
        `/conversations?address=${encodeURIComponent(customer.address)}`,
      );
      return (body as { items: { id: string; state: string; queueId?: string; closeReason?: string }[] })
        .items[0];
    };

    it('begins with a queue, and neither a webhook nor a channel', async () => {
      for (const list of ['/webhooks', '/channels']) {
        expect(await call('GET', list)).toMatchObject({ status: 200, body: { page: { totalElements: 0 } } });
      }
    });

    it('creates the webhook and the channel, and the number that uses them', async () => {
      const provision = ['provision', 'chat-gateway', '--number', OURS, '--queue', QUEUE.id, '--apply'];
      expect(await causeway(provision)).toMatchObject({ code: 0, error: '' });
      expect(system().desk.webhooks).toMatchObject([{ eventType: 'WEB_HOOK_VERIFY', status: 204 }]);
      const webhooks = await call('GET', '/webhooks');
      const uri = `${system().url}/webhooks/chat-gateway`;
      expect(webhooks.body._embedded.webhooks).toMatchObject([{ uri, version: VERSION }]);
      const channels = await call('GET', '/channels');
      const [webhook] = webhooks.body._embedded.webhooks;
      expect(channels.body._embedded.channels).toMatchObject([
        { type: 'ChatAPI', webHookId: webhook.id, routingOptions: { type: 'queue', id: ' 123' } },
      ]);
      expect((await causeway(provision)).out).toContain('as it should be');
    });

    it('lets the bot talk to the customer first, in the guide’s words', async () => {
      const { body } = await system().api('GET', '/numbers');
      const { items } = body as { items: { id: string; address: string }[] };
      const number = items.find(({ address }) => address === OURS);
      const settings = { mode: 'bot', bot: { url: botUrl } };
      expect((await system().api('PATCH', `/numbers/${number?.id}`, { settings })).status).toBe(200);
      customer = new Customer(system(), 'whatsapp');
      for (const [n, { authorType, text }] of WORKFLOW.create.history.messages.entries()) {
        if (authorType === 'user') {
          await customer.write(text);
          await eventually('the bot hears it', () => bot.texts(customer.address).includes(text));
          continue;
        }
        threadId = bot.events.at(-1)?.thread.id ?? '';
        const content = { type: 'text', text };
        const said = { threadId, content, idempotencyKey: `the bot's ${n}` };
        expect((await system().api('POST', '/messages', said)).status).toBe(202);
        await customer.atPhone(text);
      }
      expect(customer.conversationIds).toEqual([]);
      expect(bot.forged).toBe(0);
    });

    it('creates the conversation to the letter, and says QUEUED', async () => {
      const { user, assignment, history } = WORKFLOW.create;
      for (const { phone } of [user, WORKFLOW.user.user]) customer.phones.add(phone);
      const { additionalProperties, ...fields } = user;
      const properties = Object.fromEntries(additionalProperties.map(({ key, value }) => [key, value]));
      const handoff = await system().api('POST', '/handoffs', {
        threadId,
        queueId: assignment.id,
        user: { ...fields, properties },
        history: history.messages,
        idempotencyKey: 'the hand-off',
      });
      expect(handoff.status).toBe(202);
      conversation = await customer.conversation();
      const created = system().desk.log.find(({ kind }) => kind === 'conversation');
      expect(created).toMatchObject({ user: fields, assignment, history: history.messages });
      expect(conversation.user['additionalProperties']).toEqual([
        ...additionalProperties,
        { key: 'causeway-ref', value: expect.any(String) },
      ]);
      const queued = { queueId: QUEUE.id, queueName: QUEUE.name };
      expect(await taken('QUEUED')).toEqual({ ...here(WORKFLOW.queued), data: queued });
      await eventually('it is queued for operators', async () => (await shown())?.state === 'queued');
    });

    it('takes other user data and goes to another queue while it waits', async () => {
      const { user } = WORKFLOW.user;
      const change = { queueId: ELSEWHERE.id, user: { ...user, properties: { Authenticated: 'no' } } };
      const { id } = (await shown()) ?? {};
      expect((await system().api('PATCH', `/conversations/${id}`, change)).status).toBe(202);
      await eventually('it is in the other queue', async () => (await shown())?.queueId === ELSEWHERE.id);
      await taken('QUEUED', { data: JSON.stringify(ELSEWHERE.id) });
      expect(conversation.user).toMatchObject(user);
      const changed = WORKFLOW.create.user.additionalProperties.map(({ key, value }) => ({
        key,
        value: key === 'Authenticated' ? 'no' : value,
      }));
      expect(conversation.user['additionalProperties']).toEqual(expect.arrayContaining(changed));
      expect(conversation.user['additionalProperties']).toHaveLength(changed.length + 1);
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
      expect(customer.textsAtDesk()).toEqual([WORKFLOW.answer.text]);
      expect(bot.texts(customer.address)).toEqual(saidBy('user'));
      expect(customer.textsAtPhone()).toEqual([...saidBy('bot'), ...customer.answers]);
    });
  },
);
