import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Machine } from '../../apps/sandbox/src/page/machine.js';
import { Sandbox } from '../../apps/sandbox/src/page/sandbox.js';
import { startPage, type Page } from '../../apps/sandbox/src/page/server.js';
import type {
  BridgeMessage,
  DeskConversation,
  Phone,
  SandboxState,
  StormState,
} from '../../apps/sandbox/src/page/state.js';
import { eventually } from '../support/accepting.js';
import { CANARIES } from '../support/canaries.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';

/** The sandbox's own HTTP API over a whole service: what the page does, without the page. */
describe("the sandbox's API", { timeout: 120_000 }, () => {
  let system: System;
  let sandbox: Sandbox;
  let page: Page;

  beforeAll(async () => {
    system = await startSystem({ queues: 'postgres', env: IMPATIENT });
    const settings = { gatewayUrl: system.url, adminApiKey: CANARIES.adminApiKey };
    sandbox = new Sandbox(settings, system.twilio, system.desk, new Machine({ on: () => undefined }));
    page = await startPage(sandbox, { host: '127.0.0.1', port: 0, files: '/nowhere' });
  });

  afterAll(async () => {
    await page?.close();
    await system?.stop();
  });

  const call = async (method: 'post' | 'put' | 'delete', path: string, body?: object) =>
    request(page.url)[method](`/api${path}`).send(body);
  const state = async (): Promise<SandboxState> =>
    (await request(page.url).get('/api/state').expect(200)).body as SandboxState;
  const phone = async (address: string): Promise<Phone> => {
    const found = (await state()).phones.find((one) => one.address === address);
    if (!found) throw new Error(`no phone ${address}`);
    return found;
  };
  const text = async (address: string, body: string) =>
    call('post', `/phones/${encodeURIComponent(address)}/texts`, { body });
  const message = async (body: string): Promise<BridgeMessage | undefined> =>
    (await state()).bridge.messages.find((one) => one.text === body);
  const submitted = async (body: string): Promise<BridgeMessage> =>
    eventually(`"${body}" is submitted`, async () => {
      const found = await message(body);
      return found?.delivery === 'submitted' ? found : undefined;
    });
  const conversationWith = async (number: string): Promise<DeskConversation> =>
    eventually(`a conversation with ${number}`, async () =>
      (await state()).desk.conversations.find(
        ({ customer, state: now }) => customer.phone === number && now !== 'idle',
      ),
    );

  it('has a phone per channel from the start, and as many more as wanted', async () => {
    expect((await state()).phones.map(({ channel }) => channel)).toEqual(['sms', 'whatsapp']);
    const added = await call('post', '/phones', { channel: 'whatsapp', name: 'Lee' });
    expect(added.status).toBe(201);
    expect(added.body).toMatchObject({ channel: 'whatsapp', name: 'Lee', messages: [] });
    const { address } = added.body as Phone;
    expect(await call('post', '/phones', { address })).toMatchObject({ status: 409 });
    expect((await call('delete', `/phones/${encodeURIComponent(address)}`)).status).toBe(204);
    expect((await state()).phones.map((one) => one.address)).not.toContain(address);
  });

  it('carries a text to the desk and an answer back, and says what the bridge did with both', async () => {
    const { body: added } = await call('post', '/phones', { address: '+15550177', name: 'Robin' });
    expect(added).toMatchObject({ channel: 'sms' });
    expect((await text('+15550177', 'Is it open? 🕘')).body).toMatchObject({ accepted: true });
    const inbound = await submitted('Is it open? 🕘');
    expect(inbound).toMatchObject({ direction: 'inbound', address: '+15550177', seq: 1, parts: 1 });
    expect(inbound.attempts).toMatchObject([{ outcome: 'submitted', httpStatus: 202 }]);

    const waiting = await conversationWith('+15550177');
    expect(waiting).toMatchObject({
      waiting: true,
      messages: [{ author: 'customer', text: 'Is it open? 🕘' }],
    });
    expect(inbound.conversation).toMatchObject({ chatGatewayId: waiting.id });
    await eventually('the number', async () => (await conversationWith('+15550177')).number === '+15550100');
    const at = `/conversations/${waiting.id}`;
    expect((await call('post', `${at}/messages`, { agentId: 'agent-1', text: 'too early' })).status).toBe(
      409,
    );
    const accepted = await call('post', `${at}/accept`, { agentId: 'agent-1' });
    expect(accepted.body).toMatchObject({ waiting: false, agentIds: ['agent-1'] });
    const typing = await call('post', `${at}/typing`, { agentId: 'agent-1', typing: true });
    expect(typing.body).toMatchObject({ typingAgentIds: ['agent-1'] });
    const long = `Yes. ${'We are open, and we look forward to seeing you. '.repeat(40)}`.trim();
    expect((await call('post', `${at}/messages`, { agentId: 'agent-1', text: long })).status).toBe(201);

    const outbound = await submitted(long);
    expect(outbound.parts).toBe(2);
    await eventually('two ticks on the phone and on the desk', async () => {
      const { messages } = await phone('+15550177');
      const received = messages.filter(({ author }) => author === 'business');
      const reply = (await conversationWith('+15550177')).messages.at(-1);
      return (
        received.length === 2 &&
        received.every(({ status, bridge }) => status === 'delivered' && bridge?.id === outbound.id) &&
        reply?.bridge?.receipt === 'delivered'
      );
    });
    expect((await phone('+15550177')).messages[0]).toMatchObject({
      author: 'customer',
      status: 'accepted',
      bridge: { id: inbound.id, delivery: 'submitted' },
    });
  });

  it('transfers to another agent, who answers and ends; the next text opens a new conversation', async () => {
    const { id } = await conversationWith('+15550177');
    const { body: agent } = await call('post', '/agents', { name: 'Linus' });
    const agentId = (agent as { id: string }).id;
    const moved = await call('post', `/conversations/${id}/transfer`, {
      agentId: 'agent-1',
      queueId: '200',
      toAgentId: agentId,
    });
    expect(moved.body).toMatchObject({ queueId: '200', agentIds: [agentId], waiting: false });
    await call('post', `/conversations/${id}/messages`, { agentId, text: 'This is Linus.' });
    await submitted('This is Linus.');
    expect((await call('post', `/conversations/${id}/end`, { agentId })).body).toMatchObject({
      state: 'idle',
    });
    await eventually('the bridge has closed it', async () => {
      const found = await message('This is Linus.');
      return found?.conversation?.state === 'closed';
    });
    await text('+15550177', 'One more thing');
    await submitted('One more thing');
    expect((await conversationWith('+15550177')).id).not.toBe(id);
  });

  it('says why a message waits while the provider is gone, and loses nothing when it returns', async () => {
    expect((await call('put', '/providers/chat-gateway', { mode: 'gone' })).body).toMatchObject({
      mode: 'gone',
    });
    for (const n of [1, 2, 3])
      expect((await text('+15550177', `gone ${n}`)).body).toMatchObject({ accepted: true });
    await eventually('it says why', async () =>
      /could not be opened/.test((await message('gone 1'))?.waits?.why ?? ''),
    );
    expect((await message('gone 2'))?.waits?.why).toMatch(/Waits for message \d+ of its lane/);
    expect((await state()).bridge.waiting).toBe(3);
    expect((await call('put', '/providers/chat-gateway', { mode: 'normal' })).status).toBe(200);
    for (const n of [1, 2, 3]) await submitted(`gone ${n}`);
    const { messages } = await conversationWith('+15550177');
    expect(messages.map((one) => one.text).filter((one) => one.startsWith('gone'))).toEqual([
      'gone 1',
      'gone 2',
      'gone 3',
    ]);
  });

  it.each(['slow', '429', '500-before', '500-after', 'hang', 'reset', 'gone'] as const)(
    'Twilio %s: the answer arrives, and back to normal is normal',
    async (mode) => {
      const { id } = await conversationWith('+15550177');
      await call('post', `/conversations/${id}/accept`, { agentId: 'agent-2' });
      await call('put', '/providers/twilio', { mode });
      await call('post', `/conversations/${id}/messages`, { agentId: 'agent-2', text: `despite ${mode}` });
      await eventually(`${mode} is felt`, async () => {
        const found = await message(`despite ${mode}`);
        const hit = (await state()).providers.twilio.faultsHit > 0;
        return hit || (mode === 'gone' && found?.attempts[0]?.outcome === 'not-sent');
      });
      await call('put', '/providers/twilio', { mode: 'normal' });
      await submitted(`despite ${mode}`);
      expect(await state()).toMatchObject({ providers: { twilio: { mode: 'normal' } } });
      const received = (await phone('+15550177')).messages.filter((one) => one.text === `despite ${mode}`);
      const { possibleDuplicate } = (await message(`despite ${mode}`)) as BridgeMessage;
      expect(received.length).toBeGreaterThan(0);
      if (received.length > 1) expect(possibleDuplicate).toBe(true);
    },
  );

  it('doubles and shuffles webhooks while that is wanted', async () => {
    const all = { doubled: true, shuffled: true };
    expect((await call('put', '/providers/twilio', all)).body).toMatchObject(all);
    expect((await call('put', '/providers/chat-gateway', all)).body).toMatchObject(all);
    await text('+15550177', 'twice told');
    await submitted('twice told');
    const { messages } = await conversationWith('+15550177');
    expect(messages.filter((one) => one.text === 'twice told')).toHaveLength(1);
    await eventually('two copies of each webhook have been answered', () => {
      const texts = system.twilio.webhooks.filter(({ params }) => params['Body'] === 'twice told');
      const events = system.desk.webhooks.filter(({ event }) => JSON.stringify(event).includes('twice told'));
      const ids = new Set(events.map(({ eventId }) => eventId));
      return texts.length === 2 && events.length === 2 && ids.size === 1;
    });
    const none = { doubled: false, shuffled: false };
    for (const one of ['twilio', 'chat-gateway']) {
      expect((await call('put', `/providers/${one}`, none)).body).toMatchObject(none);
    }
  });

  it('runs a storm that loses nothing, and counts it', async () => {
    const started = await call('post', '/storm', { customers: 4, texts: 5, faults: true });
    expect(started).toMatchObject({ status: 202, body: { phase: 'running' } });
    expect((await call('post', '/storm', {})).status).toBe(409);
    const storm = await eventually(
      'the storm is over',
      async () => {
        const { storm: now } = await state();
        return now?.phase === 'done' ? now : undefined;
      },
      100_000,
    );
    expectNothingLost(storm, 20);
    expect(storm.events.length).toBeGreaterThan(3);
    const { phones, desk, providers } = await state();
    expect(phones.some(({ address }) => address.startsWith('+155577'))).toBe(false);
    expect(desk.conversations.some(({ customer }) => customer.phone?.startsWith('+155577'))).toBe(false);
    expect(providers).toMatchObject({ twilio: { doubled: false }, 'chat-gateway': { shuffled: false } });
  });

  it('stops a storm: nobody writes any more, and what was accepted still arrives', async () => {
    await call('post', '/storm', { customers: 3, texts: 100, faults: false });
    await eventually('some texts', async () => ((await state()).storm?.inbound.written ?? 0) > 4);
    expect((await call('delete', '/storm')).status).toBe(200);
    const storm = await eventually('it has stopped', async () => {
      const { storm: now } = await state();
      return now?.phase === 'stopped' ? now : undefined;
    });
    expect(storm.inbound.written).toBeLessThan(100);
    expectNothingLost(storm, storm.inbound.written);
    expect(storm.inbound.doubled + storm.outbound.doubled).toBe(0);
  });

  it.each([
    ['post', '/phones', { address: '12' }, 400, /address must be like/],
    ['post', '/phones', { channel: 'fax' }, 400, /channel must be one of/],
    ['post', '/phones', { address: '+15550100' }, 409, /belongs to somebody else/],
    ['post', '/phones/%2B19999999/texts', { body: 'x' }, 404, /no phone/],
    ['post', '/phones/%2B15550177/texts', {}, 400, /must not be empty/],
    ['post', '/phones/%2B15550177/texts', { body: ' ' }, 400, /must not be empty/],
    ['post', '/phones/%2B15550177/texts', { body: 'x'.repeat(1601) }, 400, /at most 1600/],
    ['post', '/phones/%2B15550177/texts', { body: 'x', to: '+1' }, 400, /to must be one of/],
    ['post', '/phones/%2B15550177/texts', { body: 'x', to: 'whatsapp:+15550100' }, 400, /different channels/],
    ['post', '/agents', { name: ' ' }, 400, /must not be empty/],
    ['post', '/conversations/none/accept', { agentId: 'agent-1' }, 404, /no conversation/],
    ['post', '/conversations/none/accept', { agentId: 'agent-99' }, 400, /no agent/],
    ['put', '/providers/vonage', { mode: 'slow' }, 404, /twilio and chat-gateway/],
    ['put', '/providers/twilio', { mode: 'broken' }, 400, /mode must be one of/],
    ['post', '/storm', { customers: 0 }, 400, /customers must be a whole number/],
    ['post', '/worker/kill', undefined, 409, /only npm start owns/],
    ['post', '/queue/freeze', { seconds: 1000 }, 400, /from 1 to 120/],
    ['post', '/postgres/restart', undefined, 409, /only npm start owns/],
    ['post', '/nothing', {}, 404, /nothing at/],
  ] as const)('%s %s %j: %i', async (method, path, body, status, words) => {
    const answer = await call(method, path, body);
    expect(answer.status).toBe(status);
    expect((answer.body as { error: string }).error).toMatch(words);
  });

  it('answers to its own address only, and refuses what is no JSON', async () => {
    await request(page.url).get('/api/state').set('host', 'evil.example').expect(403);
    await request(page.url)
      .post('/api/agents')
      .set('origin', 'https://evil.example')
      .send({ name: 'E' })
      .expect(403);
    const words = await request(page.url)
      .post('/api/agents')
      .type('text/plain')
      .send('{ "name":')
      .expect(400);
    expect(words.body).toEqual({ error: 'the body is not JSON' });
    const { headers } = await request(page.url).get('/api/state').set('origin', page.url).expect(200);
    expect(headers['content-security-policy']).toContain("default-src 'self'");
  });

  it('tells each watcher what they do not know, whenever they came', async () => {
    const first = await watch();
    await call('put', '/providers/twilio', { mode: 'slow' });
    const second = await watch();
    await eventually('both see it', () =>
      [first, second].every(({ told }) => told().includes('"mode":"slow"')),
    );
    await call('put', '/providers/twilio', { mode: 'normal' });
    await eventually('both see it end', () =>
      [first, second].every(({ told }) => {
        const last = told().lastIndexOf('"twilio":{"mode":');
        return told().slice(last).startsWith('"twilio":{"mode":"normal"');
      }),
    );
    await Promise.all([first.stop(), second.stop()]);
  });

  it('tells every section at once, then what has changed', async () => {
    const watcher = await watch();
    const sections = ['setup', 'phones', 'desk', 'bridge', 'providers', 'machine', 'storm'];
    await eventually('all sections', () =>
      sections.every((name) => watcher.told().includes(`event: ${name}\n`)),
    );
    await text('+15550177', 'seen live');
    await eventually('it is seen on all three sides', () =>
      ['phones', 'bridge', 'desk'].every((name) =>
        watcher
          .told()
          .split('\n\n')
          .some((one) => one.startsWith(`event: ${name}\n`) && one.includes('seen live')),
      ),
    );
    await watcher.stop();
  });

  /** Somebody who watches, and all that they were told so far. */
  async function watch(): Promise<{ told: () => string; stop: () => Promise<void> }> {
    const controller = new AbortController();
    const response = await fetch(`${page.url}/api/events`, { signal: controller.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let told = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? []) told += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    return {
      told: () => told,
      stop: async () => {
        controller.abort();
        await reading;
      },
    };
  }
});

function expectNothingLost(storm: StormState, planned: number): void {
  for (const counts of [storm.inbound, storm.outbound]) {
    expect(counts).toMatchObject({ lost: 0, outOfOrder: 0, underWay: 0 });
    expect(counts.accepted + counts.refused).toBe(counts.written);
    expect(counts.delivered).toBe(counts.accepted);
    // Every double was announced as a possible one.
    expect(counts.doubledMarked).toBe(counts.doubled);
  }
  expect(storm.inbound.written).toBe(planned);
  // An agent answers each text that came.
  expect(storm.outbound.written).toBe(storm.inbound.delivered);
  expect(storm.inbound.accepted).toBeGreaterThan(planned / 2);
}
