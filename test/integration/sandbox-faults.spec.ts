import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ChatGatewaySimulator,
  type FaultSpec,
  startChatGatewaySimulator,
  startTwilioSimulator,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';

const CREATE = '/chat-gateway/v1/conversations';

type Outcome = { status: number; body: string; retryAfter: string | null } | { failed: true };

describe('faults', () => {
  let simulator: ChatGatewaySimulator;

  beforeEach(async () => {
    simulator = await startChatGatewaySimulator({
      apiKey: 'k',
      tenantId: 't',
      customerId: 'c',
      channelId: '25',
    });
  });

  afterEach(async () => {
    await simulator.close();
  });

  /** Creates a conversation as a caller with a deadline would. */
  async function create(name = 'Ann', timeoutMs = 2000): Promise<Outcome> {
    try {
      const response = await fetch(`${simulator.url}${CREATE}`, {
        method: 'POST',
        headers: { 'x-api-key': 'k', 'content-type': 'application/json' },
        body: JSON.stringify({ channelId: '25', user: { name } }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const body = await response.text();
      return { status: response.status, body, retryAfter: response.headers.get('retry-after') };
    } catch {
      return { failed: true };
    }
  }

  const fault = (spec: Omit<FaultSpec, 'operation'>): void => {
    simulator.setFault({ operation: 'conversations.create', ...spec });
  };
  const accepted = (): number => simulator.log.length;

  it('is gone: nothing listens, until it comes back on the same port with what it knew', async () => {
    expect(await create()).toMatchObject({ status: 202 });
    const before = simulator.url;
    const hanging = (async () => {
      fault({ effect: 'hang' });
      return create('hangs');
    })();
    await expect.poll(() => simulator.faults.hits).toBe(1);
    simulator.vanish();
    expect(await hanging).toEqual({ failed: true });
    expect(simulator.gone).toBe(true);
    const refused = await fetch(`${before}/__sandbox/health`).catch((error: Error) => error.cause);
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
    await simulator.comeBack();
    await simulator.comeBack();
    expect(simulator.url).toBe(before);
    expect(await create()).toMatchObject({ status: 202 });
    expect(accepted()).toBe(2);
  });

  it('closes while it is gone', async () => {
    simulator.vanish();
    await simulator.close();
    expect(simulator.gone).toBe(true);
  });

  it.each([
    { effect: 'answer', when: 'before', taken: 0, status: 500 },
    { effect: 'answer', when: 'after', taken: 1, status: 500 },
    { effect: 'reset', when: 'before', taken: 0, status: undefined },
    { effect: 'reset', when: 'after', taken: 1, status: undefined },
    { effect: 'hang', when: 'before', taken: 0, status: undefined },
    { effect: 'hang', when: 'after', taken: 1, status: undefined },
    { effect: 'headers-only', when: 'after', taken: 1, status: undefined },
    { effect: 'half-body', when: 'after', taken: 1, status: undefined },
    { effect: 'drip', when: 'after', taken: 1, status: undefined },
    { effect: 'garbage', when: 'after', taken: 1, status: 202 },
    { effect: 'huge-body', when: 'after', taken: 1, status: 202 },
    { effect: 'wrong-type', when: 'before', taken: 0, status: 200 },
    { effect: 'wrong-type', when: 'after', taken: 1, status: 202 },
  ] as const)('$effect $when: $taken accepted', async ({ effect, when, taken, status }) => {
    fault({ effect, when });
    const outcome = await create('Ann', effect === 'hang' || effect === 'drip' ? 200 : 2000);
    expect('status' in outcome ? outcome.status : undefined).toBe(status);
    await expect.poll(accepted, { timeout: 5000 }).toBe(taken);
    if ((effect === 'garbage' || effect === 'wrong-type') && 'body' in outcome)
      expect(() => JSON.parse(outcome.body)).toThrow();
    if (effect === 'huge-body' && 'body' in outcome)
      expect(outcome.body.length).toBeGreaterThan(4 * 1024 * 1024);
    // Used up: the next call is served.
    expect(await create()).toMatchObject({ status: 202 });
    expect(accepted()).toBe(taken + 1);
  });

  it('answers with the status, header and body that are wanted, as often as wanted', async () => {
    fault({ effect: 'answer', status: 429, retryAfter: '-7', times: 2 });
    expect(await create()).toMatchObject({ status: 429, retryAfter: '-7' });
    expect(await create()).toMatchObject({ status: 429 });
    expect(await create()).toMatchObject({ status: 202, retryAfter: null });
    simulator.setFault({ operation: '*', effect: 'answer', status: 401, times: null });
    for (let n = 0; n < 3; n++) expect(await create()).toMatchObject({ status: 401 });
    simulator.faults.disarmAll();
    expect(await create()).toMatchObject({ status: 202 });
  });

  it('lets calls pass before it hits, and hits only what it is meant for', async () => {
    fault({ effect: 'answer', status: 503, skip: 1, contains: 'Bob' });
    expect(await create('Bob')).toMatchObject({ status: 202 });
    expect(await create('Ann')).toMatchObject({ status: 202 });
    expect(await create('Bob')).toMatchObject({ status: 503 });
  });

  it('slow before: accepted late, although the caller has gone', async () => {
    fault({ effect: 'slow', when: 'before', delayMs: 1500 });
    expect(await create('Ann', 100)).toEqual({ failed: true });
    expect(accepted()).toBe(0);
    await expect.poll(accepted, { timeout: 10_000 }).toBe(1);
  });

  it('slow after: accepted at once, answered late', async () => {
    fault({ effect: 'slow', when: 'after', delayMs: 200 });
    const outcome = create();
    await expect.poll(accepted, { timeout: 5000 }).toBe(1);
    expect(await outcome).toMatchObject({ status: 202 });
  });

  it('a reset after acceptance leaves a conversation that opens', async () => {
    fault({ effect: 'reset', when: 'after' });
    await create();
    await simulator.activity.settle(5000);
    expect(simulator.desk.conversations).toMatchObject([{ state: 'active' }]);
  });
});

describe('the control API', () => {
  let desk: ChatGatewaySimulator;
  let twilio: TwilioSimulator;

  beforeEach(async () => {
    desk = await startChatGatewaySimulator({ apiKey: 'k', tenantId: 't', customerId: 'c', channelId: '25' });
    const accountSid = `AC${'0'.repeat(32)}`;
    twilio = await startTwilioSimulator({
      accountSid,
      authTokens: ['t'],
      numbers: ['+15550100', 'whatsapp:+15550100'],
    });
  });

  afterEach(async () => {
    await Promise.all([desk.close(), twilio.close()]);
  });

  async function control(
    base: string,
    method: string,
    path: string,
    body?: object | string,
  ): Promise<unknown> {
    const response = await fetch(`${base}/__sandbox${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, body: parsed };
  }

  it('drives a desk: accept, answer, transfer, leave, end, forget', async () => {
    await fetch(`${desk.url}${CREATE}`, {
      method: 'POST',
      headers: { 'x-api-key': 'k' },
      body: JSON.stringify({ channelId: '25', user: {} }),
    });
    await desk.activity.settle(5000);
    const listed = await control(desk.url, 'GET', '/conversations?state=active');
    expect(listed).toMatchObject({ status: 200, body: { items: [{ waiting: true, queueId: '100' }] } });
    const at = `/conversations/${desk.desk.conversations[0]?.id}`;

    expect(await control(desk.url, 'POST', `${at}/messages`, { text: 'too early' })).toMatchObject({
      status: 409,
    });
    expect(await control(desk.url, 'POST', '/answer', { text: 'Hi' })).toMatchObject({ status: 201 });
    expect(await control(desk.url, 'POST', '/answer', { text: 'Hi' })).toMatchObject({ status: 404 });
    expect(await control(desk.url, 'POST', `${at}/messages`, 'text=form+too')).toMatchObject({ status: 201 });
    expect(await control(desk.url, 'POST', `${at}/typing`)).toMatchObject({ status: 204 });
    const moved = await control(desk.url, 'POST', `${at}/transfer`, { queueId: '200', toAgentId: 'agent-2' });
    expect(moved).toMatchObject({ body: { agents: ['agent-2'], queueId: '200', waiting: false } });
    expect(await control(desk.url, 'POST', `${at}/leave`)).toMatchObject({
      body: { agents: [], state: 'active' },
    });
    expect(
      await control(desk.url, 'POST', `${at}/events`, { eventType: 'NEW_KIND', data: {} }),
    ).toMatchObject({
      status: 202,
    });
    expect(await control(desk.url, 'POST', `${at}/end`)).toMatchObject({ body: { state: 'idle' } });
    expect(await control(desk.url, 'POST', `${at}/forget`)).toMatchObject({ status: 204 });
    expect(await control(desk.url, 'GET', at)).toMatchObject({ status: 404 });
    expect(await control(desk.url, 'GET', '/log')).toMatchObject({
      body: { items: [{ kind: 'conversation' }] },
    });
  });

  it('sends a text to our number of the same channel, changes settings, arms faults, resets', async () => {
    const whatsapp = { from: 'whatsapp:+15550123', body: 'Hi' };
    expect(await control(twilio.url, 'POST', '/texts', whatsapp)).toMatchObject({
      status: 200,
      body: { webhook: null },
    });
    expect(twilio.messages[0]?.to).toBe('whatsapp:+15550100');
    expect(await control(twilio.url, 'GET', '/messages?direction=inbound')).toMatchObject({
      body: { items: [{ body: 'Hi', status: 'received', status_callback: null }] },
    });
    expect(await control(twilio.url, 'POST', '/texts', { body: 'no from' })).toMatchObject({ status: 400 });
    expect(await control(twilio.url, 'PATCH', '/settings', { stepMs: 1 })).toMatchObject({
      body: { stepMs: 1 },
    });
    expect(await control(twilio.url, 'PATCH', '/settings', { steps: 1 })).toMatchObject({ status: 400 });
    const armed = { operation: '*', effect: 'hang', times: null };
    expect(await control(twilio.url, 'POST', '/faults', armed)).toMatchObject({
      status: 201,
      body: { times: null },
    });
    expect(await control(twilio.url, 'POST', '/faults', { ...armed, effect: 'x' })).toMatchObject({
      status: 400,
    });
    const chance = { share: 1, seed: 3 };
    expect(await control(twilio.url, 'PUT', '/faults/chance', chance)).toMatchObject({ body: chance });
    expect(twilio.faults.take('messages.list', '')).toBeDefined();
    expect(await control(twilio.url, 'POST', '/settle')).toMatchObject({ body: { settled: true } });
    expect(await control(twilio.url, 'POST', '/reset')).toMatchObject({ status: 204 });
    expect(await control(twilio.url, 'GET', '/faults')).toMatchObject({ body: { items: [] } });
    expect(twilio.messages).toEqual([]);
    expect(await control(twilio.url, 'GET', '/health')).toMatchObject({ body: { ok: true, name: 'twilio' } });
  });
});
