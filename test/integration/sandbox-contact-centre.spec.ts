import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChatGatewaySimulator, startChatGatewaySimulator } from '../../apps/sandbox/src/index.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';
import { startWebhookReceiver } from '../contracts/webhook-receiver.js';

const CONVERSATIONS = '/chat-gateway/v1/conversations';

/** What stands around the conversations: queues, agents, hours, figures; and how conversations move between them. */
describe('the contact centre of the Chat Gateway simulator', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>;
  let simulator: ChatGatewaySimulator;

  beforeEach(async () => {
    receiver = await startWebhookReceiver(() => ({ status: 204 }));
    simulator = await startChatGatewaySimulator({
      apiKey: 'k',
      tenantId: 't',
      customerId: 'c',
      webhookUrl: `${receiver.url}/webhooks/chat-gateway`,
      channelId: '25',
      settings: { stepMs: 5 },
      onExchange: audit?.record,
    });
  });

  afterEach(async () => {
    await simulator.close();
    await receiver.close();
    const violations = audit?.violations() ?? [];
    audit?.exchanges.splice(0);
    expect(violations).toEqual([]);
  });

  async function call(method: string, path: string, body?: object) {
    const headers = { 'x-api-key': 'k', 'content-type': 'application/json' };
    const response = await fetch(`${simulator.url}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }
  const control = async (method: string, path: string, body?: object) =>
    call(method, `/__sandbox${path}`, body);
  const settle = async (): Promise<void> => expect(await simulator.activity.settle(5000)).toBe(true);

  async function open(rest: object = {}): Promise<string> {
    const created = await call('POST', CONVERSATIONS, { channelId: '25', user: { name: 'Ann' }, ...rest });
    expect(created.status).toBe(202);
    await settle();
    return created.body.conversationId;
  }

  let seen = 0;
  beforeEach(() => (seen = 0));

  /** The events since the last time. */
  function news(): Record<string, unknown>[] {
    const events = receiver.received.slice(seen).map(({ body }) => JSON.parse(body));
    seen = receiver.received.length;
    return events;
  }

  it('routes to any queue that there is, also to one that was added', async () => {
    const assignment = { type: 'queue', id: ' 123' };
    const early = await call('POST', CONVERSATIONS, { channelId: '25', user: {}, assignment });
    expect(early).toMatchObject({ status: 400, body: { errors: [{ code: 'invalid_queue' }] } });
    expect(await control('POST', '/queues', { id: ' 123', name: 'Balance' })).toEqual({
      status: 201,
      body: { id: ' 123', name: 'Balance' },
    });
    await open({ assignment });
    expect(news().at(-1)).toMatchObject({
      eventType: 'QUEUED',
      data: { queueId: ' 123', queueName: 'Balance' },
    });
    expect((await control('POST', '/queues', { id: ' 123', name: 'Again' })).status).toBe(409);
    expect((await control('DELETE', `/queues/${encodeURIComponent(' 123')}`)).status).toBe(204);
    expect((await call('POST', CONVERSATIONS, { channelId: '25', user: {}, assignment })).status).toBe(400);
  });

  it('has agents who speak, serve and are there, or not', async () => {
    const added = await control('POST', '/agents', {
      name: 'Linus',
      languages: ['de'],
      queueIds: ['200'],
      available: false,
    });
    expect(added).toEqual({
      status: 201,
      body: { id: 'agent-3', name: 'Linus', languages: ['de'], queueIds: ['200'], available: false },
    });
    const changed = await control('PATCH', '/agents/agent-3', { available: true });
    expect(changed.body).toMatchObject({ name: 'Linus', queueIds: ['200'], available: true });
    const { body } = await control('GET', '/queues');
    expect(body.items).toMatchObject([
      { id: '100', statistics: { eligibleAgents: 2 } },
      { id: '200', statistics: { eligibleAgents: 3 } },
    ]);
    for (const wrong of [{ languages: ['xx'] }, { queueIds: ['999'] }, { name: '' }]) {
      expect((await control('PATCH', '/agents/agent-3', wrong)).status, JSON.stringify(wrong)).toBe(400);
    }
    expect((await control('PATCH', '/agents/nobody', { available: true })).status).toBe(404);
  });

  it('moves a conversation that waits a moment after the update was accepted', async () => {
    const id = await open();
    news();
    const user = { caseId: '7' };
    const patched = await call('PATCH', `${CONVERSATIONS}/${id}`, {
      assignment: { type: 'queue', id: '200' },
      user,
    });
    // Accepted: the customer is changed, the assignment is on its way.
    expect(patched).toMatchObject({
      status: 202,
      body: { assignment: { id: '100' }, user: { name: 'Ann', caseId: '7' } },
    });
    await settle();
    expect(news()).toMatchObject([
      { eventType: 'CONVERSATION_UPDATE', data: { assignment: { id: '200' }, user } },
      { eventType: 'QUEUED', data: { queueId: '200', queueName: 'Sales' } },
    ]);
    await call('PUT', `${CONVERSATIONS}/${id}`, { user });
    await settle();
    expect(news()).toMatchObject([{ eventType: 'CONVERSATION_UPDATE', data: { user } }]);
    expect((await call('GET', `${CONVERSATIONS}/${id}`)).body.user).toEqual(user);
  });

  it('refuses an update to an unknown queue, or accepts it without any effect', async () => {
    const id = await open();
    news();
    const update = { assignment: { type: 'queue', id: '999' } };
    expect(await call('PATCH', `${CONVERSATIONS}/${id}`, update)).toMatchObject({
      status: 400,
      body: { errors: [{ code: 'invalid_queue' }] },
    });
    simulator.settings.unknownQueueUpdate = 'ignore';
    expect((await call('PATCH', `${CONVERSATIONS}/${id}`, update)).status).toBe(202);
    await settle();
    expect(news()).toMatchObject([{ data: { assignment: { id: '100' } } }]);
  });

  it('leaves a conversation with the agent who came before the update took effect', async () => {
    const id = await open();
    simulator.settings.stepMs = 200;
    const update = { assignment: { type: 'queue', id: '200' } };
    expect((await call('PATCH', `${CONVERSATIONS}/${id}`, update)).status).toBe(202);
    await control('POST', `/conversations/${id}/accept`, { agentId: 'agent-1' });
    await settle();
    expect((await call('GET', `${CONVERSATIONS}/${id}`)).body.assignment).toEqual({
      type: 'agent',
      id: 'agent-1',
    });
    expect((await call('PATCH', `${CONVERSATIONS}/${id}`, update)).status).toBe(400);
  });

  it('lets a second agent join, and one leave without the other', async () => {
    const id = await open();
    await control('POST', `/conversations/${id}/accept`, { agentId: 'agent-1' });
    await control('POST', `/conversations/${id}/accept`, { agentId: 'agent-2' });
    await settle();
    news();
    const left = await control('POST', `/conversations/${id}/leave`, { agentId: 'agent-1' });
    expect(left.body).toMatchObject({ state: 'active', agents: ['agent-2'], waiting: false });
    await settle();
    expect(news()).toMatchObject([{ eventType: 'MEMBERS_CHANGED', data: { change: 'left', id: 'agent-1' } }]);
  });

  it('computes the figures of a queue, unless they are set', async () => {
    const figures = async () => (await control('GET', '/queues')).body.items[0].statistics;
    expect(await figures()).toEqual({
      waiting: 0,
      longestWaitSeconds: 0,
      averageWaitSeconds: 0,
      eligibleAgents: 2,
    });
    const [first] = [await open(), await open()];
    const since = simulator.conversation(first);
    expect(since.queuedAtMs).not.toBeNull();
    since.queuedAtMs = Date.now() - 90_000;
    expect(await figures()).toMatchObject({ waiting: 2, longestWaitSeconds: 90 });
    await control('POST', `/conversations/${first}/accept`);
    expect(await figures()).toMatchObject({ waiting: 1, longestWaitSeconds: 0, averageWaitSeconds: 90 });

    const set = { waiting: 12, longestWaitSeconds: 600 };
    expect((await control('PUT', '/queues/100/statistics', set)).body).toMatchObject({
      ...set,
      eligibleAgents: 2,
    });
    expect((await control('PUT', '/queues/100/statistics', {})).body).toMatchObject({ waiting: 1 });
    expect((await control('PUT', '/queues/100/statistics', { waiting: -1 })).status).toBe(400);
    expect((await control('PUT', '/queues/999/statistics', {})).status).toBe(404);
  });

  it('opens, closes and sets schedules, and is as before after a reset', async () => {
    expect((await control('GET', '/schedules')).body).toEqual({ items: [{ id: 'Main', status: 0 }] });
    await control('PUT', '/schedules/Main', { status: -1 });
    await control('PUT', '/schedules/Holidays', { status: 6 });
    expect(simulator.deskSettings.schedules).toEqual(
      new Map([
        ['Main', { status: -1 }],
        ['Holidays', { status: 6 }],
      ]),
    );
    for (const status of [7, -2, 1.5]) {
      expect((await control('PUT', '/schedules/Main', { status })).status, String(status)).toBe(400);
    }
    expect((await control('DELETE', '/schedules/Holidays')).status).toBe(204);
    expect((await control('DELETE', '/schedules/Holidays')).status).toBe(404);
    await control('POST', '/queues', { name: 'Third' });
    await control('POST', '/reset');
    expect((await control('GET', '/schedules')).body).toEqual({ items: [{ id: 'Main', status: 0 }] });
    expect(simulator.staff.queues.map(({ id }) => id)).toEqual(['100', '200']);
  });
});
