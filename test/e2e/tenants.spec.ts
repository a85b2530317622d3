import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  eventHeaders,
  newSigningKey,
  signEvent,
  startChatGatewaySimulator,
  type ChatGatewaySimulator,
  type SigningKey,
} from '../../apps/sandbox/src/index.js';
import { eventually, messagesOf } from '../support/accepting.js';
import { CANARIES } from '../support/canaries.js';
import { startDeskRouter, type DeskRouter } from '../support/desk-router.js';
import { redisMissing } from '../support/redis.js';
import { IMPATIENT, NUMBERS, startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';

interface Side {
  /** The number that its customers write to. */
  number: string;
  tenantId: string;
  customerId: string;
  /** A key that is published for this tenant alone. */
  key: SigningKey;
}

const ACME = {
  account: 'ACacbe0000000000000000000000000000',
  token: 'canary-acme-auth-token',
  apiKey: 'canary-acme-api-key',
  number: '+15550300',
  channelId: '31',
};
const TENANTS = [
  {
    id: 'acme',
    chatGateway: { apiKey: ACME.apiKey, tenantId: 'acme01', customerId: 'acme-customer' },
    twilioAccounts: [ACME.account],
  },
];

const noRedis = redisMissing();

describe('two tenants side by side', { timeout: 120_000 }, () => {
  let router: DeskRouter;
  let system: System;
  let acmeDesk: ChatGatewaySimulator;
  let ours: Side;
  let acmes: Side;

  beforeAll(async () => {
    router = await startDeskRouter();
    system = await startSystem({
      queues: noRedis === undefined ? 'redis' : 'postgres',
      gateways: 2,
      subAccounts: [{ accountSid: ACME.account, authTokens: [ACME.token], numbers: [ACME.number] }],
      env: {
        ...IMPATIENT,
        TENANTS: JSON.stringify(TENANTS),
        TWILIO_SUBACCOUNTS: `${ACME.account}:${ACME.token}`,
        CHAT_GATEWAY_BASE_URL: router.url,
      },
    });
    acmeDesk = await startChatGatewaySimulator({
      apiKey: ACME.apiKey,
      tenantId: 'acme01',
      customerId: 'acme-customer',
      webhookUrl: `${system.url}/webhooks/chat-gateway`,
      channelId: ACME.channelId,
    });
    router.targets = { 'tenant-1': system.desk.url, acme01: acmeDesk.url };
    const configured = await system.api('POST', '/numbers', {
      address: ACME.number,
      accountSid: ACME.account,
      chatGatewayChannelId: ACME.channelId,
    });
    expect(configured).toMatchObject({ status: 201, body: { tenantId: 'acme' } });
    const side = async (of: Omit<Side, 'key'>, desk: ChatGatewaySimulator): Promise<Side> => {
      const key = await newSigningKey();
      desk.publishKey(key);
      return { ...of, key };
    };
    ours = await side({ number: NUMBERS[0], tenantId: 'tenant-1', customerId: 'customer-1' }, system.desk);
    acmes = await side({ number: ACME.number, tenantId: 'acme01', customerId: 'acme-customer' }, acmeDesk);
  });
  afterAll(async () => {
    try {
      await system.stop();
    } finally {
      await acmeDesk.close();
      await router.close();
    }
  });

  const atOurs = () => new Customer(system);
  const atAcme = () => new Customer({ twilio: system.twilio, desk: acmeDesk });
  /** Numbers that a customer had answers from. */
  const answeredFrom = ({ address }: Customer) =>
    new Set(
      system.twilio.log.flatMap((entry) =>
        entry.kind === 'message' && entry.to === address ? [entry.from] : [],
      ),
    );

  /**
   * An event as the far side would send it, with the ids and the key of whoever is said. A gateway asks for an unknown key
   * once a second, and until then for the event to come again.
   */
  async function post(event: object, by: Pick<Side, 'tenantId' | 'customerId' | 'key'>): Promise<number> {
    return eventually('an answer to an event', async () => {
      const status = await postOnce(event, by);
      return status === 503 ? undefined : status;
    });
  }

  async function postOnce(event: object, by: Pick<Side, 'tenantId' | 'customerId' | 'key'>): Promise<number> {
    const body = JSON.stringify(event);
    const { tenantId, customerId, key } = by;
    const facts = {
      tenantId,
      customerId,
      eventId: randomUUID(),
      retry: 0,
      transmissionTimeMs: Date.now(),
      body,
    };
    const response = await fetch(`${system.url}/webhooks/chat-gateway`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        connection: 'close',
        ...eventHeaders(facts),
        'x-8x8-signature': signEvent(key, facts),
      },
      body,
    });
    return response.status;
  }

  async function refused(reason: string): Promise<number> {
    const figures = await Promise.all(
      system.gateways.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
    );
    const line = new RegExp(
      `^causeway_webhooks_refused_total\\{door="chat-gateway",reason="${reason}"\\} (\\d+)$`,
      'm',
    );
    return figures.reduce((sum, text) => sum + Number(line.exec(text)?.[1] ?? 0), 0);
  }

  it('brings each text to the desk of its tenant, and each answer back from the number it was written to', async () => {
    const pairs = Array.from({ length: 4 }, () => [atOurs(), atAcme()] as const);
    await Promise.all(
      pairs.map(async ([one, other]) => {
        for (const n of [1, 2, 3]) {
          await one.write(one.text(`text ${n}`));
          await other.write(other.text(`text ${n}`), 0, ACME.number);
        }
      }),
    );
    for (const customer of pairs.flat()) {
      const conversation = await customer.accept();
      await customer.atDesk(...customer.written);
      customer.answer(conversation, customer.text('answer'));
      await customer.atPhone(...customer.answers);
      expect(customer.textsAtDesk()).toEqual(customer.written);
      expect(customer.textsAtPhone()).toEqual(customer.answers);
    }
    const texts = ({ log }: ChatGatewaySimulator) =>
      log.flatMap((entry) => (entry.kind === 'message' && entry.authorType === 'user' ? [entry.text] : []));
    for (const [one, other] of pairs) {
      expect(texts(acmeDesk)).not.toContain(one.written[0]);
      expect(texts(system.desk)).not.toContain(other.written[0]);
      // A number sends for its own account alone.
      expect(answeredFrom(one)).toEqual(new Set([NUMBERS[0]]));
      expect(answeredFrom(other)).toEqual(new Set([ACME.number]));
    }
    expect(router.credentials).toEqual(new Set([`tenant-1 ${CANARIES.apiKey}`, `acme01 ${ACME.apiKey}`]));
  });

  it('knows a customer who writes to both as one of each', async () => {
    const one = atOurs();
    await one.write(one.text('for us'));
    await one.write(one.text('for acme'), 0, ACME.number);
    await one.atDesk(one.text('for us'));
    await eventually('a text at the other desk', () =>
      acmeDesk.log.some((entry) => entry.kind === 'message' && entry.text === one.text('for acme')),
    );
    expect(one.textsAtDesk()).toEqual([one.text('for us')]);
    const { body } = await system.api('GET', `/messages?address=${encodeURIComponent(one.number)}`);
    const { items } = body as { items: { tenantId: string; content: { text: string } }[] };
    expect(items.map(({ tenantId, content }) => `${tenantId}: ${content.text}`).sort()).toEqual([
      `acme: ${one.text('for acme')}`,
      `default: ${one.text('for us')}`,
    ]);
  });

  it('refuses events for whom they are not, and counts why', async () => {
    const stranger = await newSigningKey();
    const event = { eventType: 'QUEUED', conversationId: 'c', timestamp: 1, data: {} };
    const before = { sender: await refused('sender'), mixed: await refused('mixed-sender') };
    expect(await post(event, acmes)).toBe(204);
    expect(await post(event, ours)).toBe(204);
    // Signed right, for another tenant or by another one's key.
    expect(await post(event, { ...ours, tenantId: 'foreign', customerId: 'foreign' })).toBe(401);
    expect(await post(event, { ...acmes, tenantId: ours.tenantId })).toBe(401);
    expect(await post(event, { ...ours, customerId: acmes.customerId })).toBe(401);
    expect([await refused('sender'), await refused('mixed-sender')]).toEqual([
      before.sender + 1,
      before.mixed + 2,
    ]);
    for (const by of [
      { ...ours, key: acmes.key },
      { ...acmes, key: ours.key },
      { ...ours, key: stranger },
    ]) {
      expect(await post(event, by)).toBe(401);
    }
    expect(await refused('key')).toBeGreaterThanOrEqual(3);
  });

  it("leaves one tenant's conversation alone when the other's desk names it", async () => {
    const one = atOurs();
    await one.write(one.text('text'));
    const conversation = await one.accept();
    await one.atDesk(one.text('text'));
    const stored = () =>
      system.pool.query(
        `select c.id, c.tenant_id, c.desk_conversation_id, c.state, c.agent_id, c.queue_id, c.close_due_at
         from conversations c where c.desk_conversation_id = $1`,
        [conversation.id],
      );
    await eventually('an agent in the conversation', async () =>
      (await stored()).rows.some(({ agent_id }: { agent_id: string | null }) => agent_id !== null),
    );
    await system.desk.activity.settle(20_000);
    const before = (await stored()).rows;
    const base = { conversationId: conversation.id, timestamp: Date.now() };
    const sender = { id: 'agent-9', type: 'agent' };
    const foreign = { ...base, conversationId: `${conversation.id}-of-acme` };
    const { user } = conversation;
    const events = [
      { ...base, eventType: 'CONVERSATION_UPDATE', data: { state: 'idle' } },
      { ...base, eventType: 'MEMBERS_CHANGED', data: { memberType: 'agent', change: 'left', id: 'agent-1' } },
      { ...base, eventType: 'MESSAGE', data: { sender, text: 'not for you' } },
      // It repeats the value by which a create is found.
      { ...foreign, eventType: 'CONVERSATION_UPDATE', data: { state: 'active', user } },
      { ...foreign, eventType: 'MESSAGE', data: { sender, text: 'not for you either' } },
    ];
    expect(JSON.stringify(user)).toContain('causeway');
    for (const event of events) expect(await post(event, acmes)).toBe(204);
    one.answer(conversation, one.text('answer'));
    await one.atPhone(one.text('answer'));
    expect((await stored()).rows).toEqual(before);
    expect(one.textsAtPhone()).toEqual([one.text('answer')]);
    const { rows } = await system.pool.query(
      `select tenant_id, conversation_id, end_wanted_at from desk_conversations where id = any ($1) and tenant_id = 'acme'`,
      [[conversation.id, foreign.conversationId]],
    );
    expect(rows).toEqual(
      Array.from({ length: 2 }, () => ({ tenant_id: 'acme', conversation_id: null, end_wanted_at: null })),
    );
  });

  it('stops only the lanes of the tenant whose key is refused, and goes on when it is good again', async () => {
    router.refused.add('acme01');
    const other = atAcme();
    await other.write(other.text('held'), 0, ACME.number);
    await eventually('a text that is held', async () =>
      (await messagesOf(system.pool, other.number)).some(
        ({ delivery, reason }) => delivery === 'held' && reason === 'credentials',
      ),
    );
    const one = atOurs();
    await one.write(one.text('text'));
    const conversation = await one.accept();
    await one.atDesk(one.text('text'));
    one.answer(conversation, one.text('answer'));
    await one.atPhone(one.text('answer'));
    const { rows } = await system.pool.query(
      'select tenant_id, provider from provider_states where paused_at is not null order by 1',
    );
    expect(rows).toEqual([{ tenant_id: 'acme', provider: 'chat-gateway' }]);
    expect(other.textsAtDesk()).toEqual([]);
    router.refused.clear();
    await other.atDesk(other.text('held'));
  });

  it('shows operators the numbers of both', async () => {
    const numbers = async (query = '') => {
      const { body } = await system.api('GET', `/numbers${query}`);
      const { items } = body as { items: { tenantId: string; address: string; accountSid: string }[] };
      return items.map(({ tenantId, address, accountSid }) => `${tenantId} ${address} ${accountSid}`).sort();
    };
    const acme = `acme ${ACME.number} ${ACME.account}`;
    expect(await numbers()).toEqual([
      acme,
      ...NUMBERS.map((address) => `default ${address} ${CANARIES.accountSid}`),
    ]);
    expect(await numbers('?tenantId=acme')).toEqual([acme]);
  });

  it('logs no key of theirs', () => {
    const lines = [...system.gateways, ...system.workers].flatMap((service) => service.lines).join('\n');
    expect(lines).not.toContain(ACME.apiKey);
    expect(lines).not.toContain(ACME.token);
  });
});
