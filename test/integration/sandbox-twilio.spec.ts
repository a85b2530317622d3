import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTwilioSimulator, type TwilioSimulator } from '../../apps/sandbox/src/index.js';
import { startWebhookReceiver } from '../contracts/webhook-receiver.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const TOKEN = 'the-auth-token';
const OURS = '+15550100';
const CUSTOMER = '+15550123';

type Receiver = Awaited<ReturnType<typeof startWebhookReceiver>>;

describe('the Twilio simulator, driven by the twilio package', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  let receiver: Receiver;
  let simulator: TwilioSimulator;
  let client: ReturnType<typeof clientOf>;

  beforeEach(async () => {
    receiver = await startWebhookReceiver();
    simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: [TOKEN, 'next-token'],
      apiKeySid: 'SK0123456789abcdef0123456789abcdef',
      apiKeySecret: 'key-secret',
      numbers: [OURS, `whatsapp:${OURS}`],
      webhookUrl: `${receiver.url}/webhooks/twilio/messages?source=a%20b#rc=2&rp=all`,
      settings: { stepMs: 5 },
      onExchange: audit?.record,
    });
    client = clientOf(simulator.url, TOKEN);
  });

  afterEach(async () => {
    await simulator.close();
    await receiver.close();
    const violations = audit?.violations() ?? [];
    audit?.exchanges.splice(0);
    expect(violations).toEqual([]);
  });

  it('creates a message, logs it, walks it to delivered and signs every status callback', async () => {
    const statusCallback = `${receiver.url}/webhooks/twilio/status?attempt=7`;
    const created = await client.messages.create({
      from: OURS,
      to: CUSTOMER,
      body: 'Grüße 👋',
      statusCallback,
    });
    expect(created).toMatchObject({
      status: 'queued',
      body: 'Grüße 👋',
      numSegments: '1',
      direction: 'outbound-api',
    });
    expect(created.dateSent).toBeNull();
    expect(await simulator.activity.settle(5000)).toBe(true);

    expect(receiver.received.map(({ body }) => new URLSearchParams(body).get('MessageStatus'))).toEqual([
      'sending',
      'sent',
      'delivered',
    ]);
    for (const { body, headers } of receiver.received) {
      const params = Object.fromEntries(new URLSearchParams(body));
      const signature = String(headers['x-twilio-signature']);
      expect(twilio.validateRequest(TOKEN, signature, statusCallback, params)).toBe(true);
      expect(twilio.validateRequest(TOKEN, signature, statusCallback, { ...params, To: '+1' })).toBe(false);
    }
    expect(simulator.log).toMatchObject([
      {
        index: 1,
        kind: 'message',
        sid: created.sid,
        to: CUSTOMER,
        from: OURS,
        body: 'Grüße 👋',
        statusCallback,
      },
    ]);
    const fetched = await client.messages(created.sid).fetch();
    expect(fetched.status).toBe('delivered');
    expect(fetched.dateSent).toBeInstanceOf(Date);
  });

  it('lists newest first, page by page, and leaves queued messages out of date filters', async () => {
    simulator.settings.autoProgress = false;
    for (let n = 0; n < 7; n++) await client.messages.create({ from: OURS, to: CUSTOMER, body: `text ${n}` });
    await client.messages.create({ from: OURS, to: '+15550199', body: 'for another' });

    const listed = await client.messages.list({ to: CUSTOMER, pageSize: 3 });
    expect(listed.map(({ body }) => body)).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `text ${n}`));
    const yesterday = new Date(Date.now() - 86_400_000);
    expect(await client.messages.list({ to: CUSTOMER, dateSentAfter: yesterday })).toEqual([]);

    await simulator.setStatus(listed[0]?.sid ?? '', 'sent');
    const sent = await client.messages.list({ to: CUSTOMER, dateSentAfter: yesterday });
    expect(sent.map(({ body }) => body)).toEqual(['text 6']);
    expect(await client.messages.list({ to: CUSTOMER, dateSentBefore: yesterday })).toEqual([]);
    expect(await client.messages.list({ from: '+15550999' })).toEqual([]);
  });

  it('a page token shifts nothing when new messages come', async () => {
    simulator.settings.autoProgress = false;
    for (let n = 0; n < 4; n++) await client.messages.create({ from: OURS, to: CUSTOMER, body: `text ${n}` });
    const first = await client.messages.page({ pageSize: 2 });
    await client.messages.create({ from: OURS, to: CUSTOMER, body: 'in between' });
    const second = await first.nextPage();
    expect([...first.instances, ...(second?.instances ?? [])].map(({ body }) => body)).toEqual([
      'text 3',
      'text 2',
      'text 1',
      'text 0',
    ]);
    expect(await second?.nextPage()).toBeUndefined();
  });

  it.each([
    { what: 'no body', create: { to: CUSTOMER, from: OURS }, status: 400, code: 21619 },
    {
      what: 'a body too long',
      create: { to: CUSTOMER, from: OURS, body: 'x'.repeat(1601) },
      status: 400,
      code: 21617,
    },
    { what: 'a bad To', create: { to: '12', from: OURS, body: 'x' }, status: 400, code: 21211 },
    {
      what: 'a From that is not ours',
      create: { to: CUSTOMER, from: '+15550777', body: 'x' },
      status: 400,
      code: 21606,
    },
    {
      what: 'a WhatsApp From that is not ours',
      create: { to: 'whatsapp:+15550123', from: 'whatsapp:+15550777', body: 'x' },
      status: 400,
      code: 63007,
    },
    {
      what: 'two channels',
      create: { to: 'whatsapp:+15550123', from: OURS, body: 'x' },
      status: 400,
      code: 21910,
    },
    {
      what: 'magic: landline',
      create: { to: '+15005550009', from: OURS, body: 'x' },
      status: 400,
      code: 21614,
    },
    {
      what: 'magic: stopped',
      create: { to: '+15005550004', from: OURS, body: 'x' },
      status: 400,
      code: 21610,
    },
    {
      what: 'magic: queue full',
      create: { to: CUSTOMER, from: '+15005550008', body: 'x' },
      status: 429,
      code: 21611,
    },
    {
      what: 'a bad callback',
      create: { to: CUSTOMER, from: OURS, body: 'x', statusCallback: 'http://under_score.example/' },
      status: 400,
      code: 21609,
    },
  ])('refuses $what with $code', async ({ create, status, code }) => {
    const moreInfo = `https://www.twilio.com/docs/errors/${code}`;
    await expect(client.messages.create(create)).rejects.toMatchObject({ status, code, moreInfo });
    expect(simulator.log).toEqual([]);
  });

  it('knows its credentials: token, second token, API key, and nothing else', async () => {
    const message = { from: OURS, to: CUSTOMER, body: 'x' };
    await clientOf(simulator.url, 'next-token').messages.create(message);
    const byKey = twilio('SK0123456789abcdef0123456789abcdef', 'key-secret', { accountSid: ACCOUNT });
    byKey.api.baseUrl = simulator.url;
    await byKey.messages.create(message);
    const wrong = clientOf(simulator.url, 'wrong');
    await expect(wrong.messages.create(message)).rejects.toMatchObject({ status: 401, code: 20003 });
    await expect(client.messages('SM00000000000000000000000000000000').fetch()).rejects.toMatchObject({
      status: 404,
      code: 20404,
    });
    expect(simulator.log).toHaveLength(2);
  });

  it('posts an inbound text as Twilio does, signed without the overrides, and lists it', async () => {
    const { sid, webhook } = await simulator.receiveText({
      from: CUSTOMER,
      to: OURS,
      body: 'Hello & goodbye',
    });
    expect(webhook).toMatchObject({ status: 200, attempts: 1, contentType: 'text/xml', body: '<Response/>' });
    expect(webhook?.alert).toBeUndefined();
    const [call] = receiver.received;
    const params = Object.fromEntries(new URLSearchParams(call?.body));
    expect(params).toMatchObject({
      MessageSid: sid,
      From: CUSTOMER,
      To: OURS,
      SmsStatus: 'received',
      ToCity: '',
    });
    expect(call?.url).toBe('/webhooks/twilio/messages?source=a%20b');
    const url = `${receiver.url}${call?.url}`;
    expect(twilio.validateRequest(TOKEN, String(call?.headers['x-twilio-signature']), url, params)).toBe(
      true,
    );
    expect((await client.messages.list({ to: OURS }))[0]).toMatchObject({
      sid,
      direction: 'inbound',
      status: 'received',
    });
    expect(simulator.log).toEqual([]);
  });

  it('carries WhatsApp identity', async () => {
    await simulator.receiveText({
      from: 'whatsapp:+15550123',
      to: `whatsapp:${OURS}`,
      body: 'Hi',
      profileName: 'Ann',
    });
    const params = Object.fromEntries(new URLSearchParams(receiver.received[0]?.body));
    expect(params).toMatchObject({
      ProfileName: 'Ann',
      WaId: '15550123',
      ExternalUserId: 'whatsapp:US.15550123',
    });
    expect(params).not.toHaveProperty('FromCity');
  });

  it('sends every webhook twice when told', async () => {
    simulator.settings.webhookCopies = 2;
    await simulator.receiveText({ from: CUSTOMER, to: OURS, body: 'twice' });
    expect(receiver.received).toHaveLength(2);
    expect(receiver.received[0]?.body).toBe(receiver.received[1]?.body);
  });

  it('repeats a webhook call at any later time', async () => {
    await simulator.receiveText({ from: CUSTOMER, to: OURS, body: 'again' });
    simulator.repeatWebhook(1);
    await simulator.activity.settle(5000);
    expect(receiver.received).toHaveLength(2);
    expect(receiver.received[0]).toMatchObject({
      body: receiver.received[1]?.body,
      url: receiver.received[1]?.url,
    });
  });

  it('a customer who texts STOP is not sent to until START', async () => {
    await simulator.receiveText({ from: CUSTOMER, to: OURS, body: ' stop ' });
    const message = { from: OURS, to: CUSTOMER, body: 'x' };
    await expect(client.messages.create(message)).rejects.toMatchObject({ code: 21610 });
    await simulator.receiveText({ from: CUSTOMER, to: OURS, body: 'START' });
    await client.messages.create(message);
  });

  it('ends a message as ordered, with its error code', async () => {
    simulator.setOutcome({ to: CUSTOMER, finalStatus: 'undelivered', errorCode: 30003 });
    const statusCallback = `${receiver.url}/webhooks/twilio/status`;
    const { sid } = await client.messages.create({ from: OURS, to: CUSTOMER, body: 'x', statusCallback });
    await simulator.activity.settle(5000);
    expect(await client.messages(sid).fetch()).toMatchObject({ status: 'undelivered', errorCode: 30003 });
    expect(new URLSearchParams(receiver.received.at(-1)?.body).get('ErrorCode')).toBe('30003');
  });

  it('can alter a body, while the log keeps what was posted', async () => {
    simulator.settings.bodyAlteration = 'smart-encoded';
    const { body } = await client.messages.create({ from: OURS, to: CUSTOMER, body: '“it’s”…' });
    expect(body).toBe('"it\'s"...');
    expect(simulator.log[0]).toMatchObject({ body: '“it’s”…' });
  });
});

describe('webhook repeats of the Twilio simulator', () => {
  const cases = [
    { overrides: '', answer: 500, attempts: 1 },
    { overrides: '#rc=2&rp=5xx', answer: 500, attempts: 3 },
    { overrides: '#rc=5&rp=4xx', answer: 500, attempts: 1 },
    { overrides: '#rc=1&rp=all', answer: 404, attempts: 2 },
  ];
  it.each(cases)('$overrides with $answer: $attempts attempts', async ({ overrides, answer, attempts }) => {
    const receiver = await startWebhookReceiver(() => ({ status: answer }));
    const simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: [TOKEN],
      webhookUrl: `${receiver.url}/in${overrides}`,
    });
    const { webhook } = await simulator.receiveText({ from: CUSTOMER, to: OURS, body: 'x' });
    await simulator.close();
    await receiver.close();
    expect(webhook).toMatchObject({ attempts, status: answer, alert: 11200 });
    const tokens = receiver.received.map(({ headers }) => headers['i-twilio-idempotency-token']);
    expect(receiver.received).toHaveLength(attempts);
    expect(new Set(tokens).size).toBe(1);
  });

  it('repeats a refused connection once by default, then calls the fallback URL', async () => {
    const gone = await startWebhookReceiver();
    await gone.close();
    const fallback = await startWebhookReceiver();
    const simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: [TOKEN],
      webhookUrl: `${gone.url}/webhooks/twilio/messages`,
      fallbackUrl: `${fallback.url}/webhooks/twilio/messages`,
    });
    await simulator.receiveText({ from: CUSTOMER, to: OURS, body: 'x' });
    expect(simulator.webhooks).toMatchObject([
      { attempts: 2, error: 'connect', alert: 11200 },
      { status: 200 },
    ]);
    expect(new URLSearchParams(fallback.received[0]?.body).get('ErrorCode')).toBe('11200');
    await simulator.close();
    await fallback.close();
  });

  it('gives up a silent receiver after rt', async () => {
    const receiver = await startWebhookReceiver(() => 'hang');
    const simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: [TOKEN],
      webhookUrl: `${receiver.url}/in#rt=100`,
    });
    const { webhook } = await simulator.receiveText({ from: CUSTOMER, to: OURS, body: 'x' });
    expect(webhook).toMatchObject({ attempts: 1, error: 'read-timeout' });
    await simulator.close();
    await receiver.close();
  });

  it.each([
    { answer: { status: 200, contentType: 'application/json', body: '{}' }, alert: 12300, replies: [] },
    { answer: { status: 200, contentType: 'text/xml', body: '<Oops' }, alert: 12100, replies: [] },
    { answer: { status: 204 }, alert: 11770, replies: [] },
    { answer: { status: 200, contentType: 'text/plain', body: 'OK' }, alert: undefined, replies: ['OK'] },
    {
      answer: { status: 200, contentType: 'text/xml', body: '<Response><Message>Hi</Message></Response>' },
      alert: undefined,
      replies: ['Hi'],
    },
  ])('notices what an answer does: $answer', async ({ answer, alert, replies }) => {
    const receiver = await startWebhookReceiver(() => answer);
    const simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: [TOKEN],
      webhookUrl: receiver.url,
    });
    const { webhook } = await simulator.receiveText({ from: CUSTOMER, to: OURS, body: 'x' });
    await simulator.close();
    await receiver.close();
    expect(webhook?.alert).toBe(alert);
    expect(simulator.log).toMatchObject(
      replies.map((body) => ({ kind: 'reply', body, to: CUSTOMER, from: OURS })),
    );
  });
});

function clientOf(baseUrl: string, token: string): ReturnType<typeof twilio> {
  const client = twilio(ACCOUNT, token);
  client.api.baseUrl = baseUrl;
  return client;
}
