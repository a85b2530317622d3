import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TwilioProvisioning } from '#channel-twilio';
import { ProviderHttp } from '#platform';
import { sandboxOptions } from '../../apps/sandbox/src/options.js';
import { startTwilioSimulator, type TwilioSimulator } from '../../apps/sandbox/src/index.js';
import { startWebhookReceiver } from '../contracts/webhook-receiver.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const BELOW = 'AC000000000000000000000000000000be';
const TOKEN = 'the-auth-token';
const [ALONE, FIRST, SECOND, THEIRS] = ['+15550100', '+15550101', '+15550102', '+15550103'] as const;
const WHATSAPP = `whatsapp:${ALONE}`;
const CUSTOMER = '+15550123';
const SERVICE = 'MG0123456789abcdef0123456789abcdef';

describe('what the Twilio simulator lets be configured', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>;
  let simulator: TwilioSimulator;
  let client: ReturnType<typeof twilio>;

  beforeEach(async () => {
    receiver = await startWebhookReceiver((request) =>
      request.url.includes('broken')
        ? { status: 503 }
        : request.url.includes('status')
          ? { status: 204 }
          : { status: 200, contentType: 'text/xml', body: '<Response/>' },
    );
    simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: [TOKEN],
      numbers: [ALONE, FIRST, SECOND, WHATSAPP],
      subAccounts: [{ accountSid: BELOW, authTokens: ['token-below'], numbers: [THEIRS] }],
      messagingServices: { [SERVICE]: [FIRST, SECOND, WHATSAPP] },
      webhookUrl: `${receiver.url}/old`,
      settings: { stepMs: 2 },
      onExchange: audit?.record,
    });
    client = clientOf(ACCOUNT, TOKEN);
  });

  afterEach(async () => {
    await simulator.close();
    await receiver.close();
    const violations = audit?.violations() ?? [];
    audit?.exchanges.splice(0);
    expect(violations).toEqual([]);
  });

  function clientOf(account: string, token: string): ReturnType<typeof twilio> {
    const made = twilio(account, token);
    for (const domain of [made.api, made.messaging]) domain.baseUrl = simulator.url;
    return made;
  }

  /** The paths that a customer's text was posted to. */
  async function posted(to: string): Promise<(string | undefined)[]> {
    receiver.received.splice(0);
    await simulator.receiveText({ from: to.replace(/\+.*/, CUSTOMER), to, body: 'Hi' });
    return receiver.received.map(({ url }) => url);
  }

  it('a number: found, read, pointed elsewhere with overrides and a fallback', async () => {
    expect(await client.incomingPhoneNumbers.list()).toHaveLength(3);
    const [number] = await client.incomingPhoneNumbers.list({ phoneNumber: ALONE });
    expect(number).toMatchObject({ phoneNumber: ALONE, smsUrl: `${receiver.url}/old`, smsFallbackUrl: '' });
    expect(await posted(ALONE)).toEqual(['/old']);

    const context = client.incomingPhoneNumbers(String(number?.sid));
    const updated = await context.update({
      smsUrl: `${receiver.url}/broken#rc=2&rp=all`,
      smsMethod: 'POST',
      smsFallbackUrl: `${receiver.url}/fallback`,
      smsFallbackMethod: 'POST',
    });
    expect(updated.smsUrl).toBe(`${receiver.url}/broken#rc=2&rp=all`);
    expect(await context.fetch()).toMatchObject({ smsUrl: updated.smsUrl, phoneNumber: ALONE });
    expect(await posted(ALONE)).toEqual(['/broken', '/broken', '/broken', '/fallback']);
    await expect(context.update({ smsUrl: 'nowhere' })).rejects.toMatchObject({ code: 21502 });
    await context.update({ smsUrl: '' });
    expect(await posted(ALONE)).toEqual([]);
    await expect(client.incomingPhoneNumbers('PN0').fetch()).rejects.toMatchObject({ code: 20404 });
  });

  it('a service: its numbers and senders, its own webhook, and its status callback', async () => {
    const service = client.messaging.v1.services(SERVICE);
    expect(await client.messaging.v1.services.list()).toMatchObject([
      { sid: SERVICE, useInboundWebhookOnNumber: true, inboundRequestUrl: null },
    ]);
    const numbers = await service.phoneNumbers.list();
    expect(numbers.map(({ phoneNumber }) => phoneNumber)).toEqual([FIRST, SECOND]);
    expect(await service.channelSenders.list()).toMatchObject([{ sender: WHATSAPP }]);
    expect(await posted(FIRST)).toEqual(['/old']);
    expect(receiver.received[0]?.body).toContain(`MessagingServiceSid=${SERVICE}`);

    await service.update({
      inboundRequestUrl: `${receiver.url}/service#rc=2`,
      fallbackUrl: `${receiver.url}/fallback`,
      statusCallback: `${receiver.url}/status`,
      useInboundWebhookOnNumber: false,
      smartEncoding: true,
    });
    expect(await service.fetch()).toMatchObject({
      inboundRequestUrl: `${receiver.url}/service#rc=2`,
      smartEncoding: true,
      stickySender: true,
    });
    expect(await posted(FIRST)).toEqual(['/service']);
    expect(await posted(WHATSAPP)).toEqual(['/service']);
    expect(await posted(ALONE)).toEqual(['/old']);
    receiver.received.splice(0);
    const sent = await client.messages.create({ messagingServiceSid: SERVICE, to: CUSTOMER, body: '“x”' });
    expect(sent.body).toBe('"x"');
    await simulator.activity.settle(5000);
    expect(receiver.received.map(({ url }) => url)).toEqual(Array(4).fill('/status'));
  });

  it('a service answers from the number that the customer knows', async () => {
    const send = async (): Promise<string> => {
      const { sid } = await client.messages.create({ messagingServiceSid: SERVICE, to: CUSTOMER, body: 'x' });
      await simulator.activity.settle(5000);
      return (await client.messages(sid).fetch()).from;
    };
    expect(await send()).toBe(FIRST);
    await posted(SECOND);
    expect(await send()).toBe(SECOND);
    await client.messaging.v1.services(SERVICE).update({ stickySender: false });
    expect(await send()).toBe(FIRST);
  });

  it('a WhatsApp sender, in JSON', async () => {
    const senders = client.messaging.v2.channelsSenders;
    const [sender] = await senders.list({ channel: 'whatsapp' });
    expect(sender).toMatchObject({ senderId: WHATSAPP, webhook: { callbackUrl: `${receiver.url}/old` } });
    const webhook = {
      callback_url: `${receiver.url}/broken`,
      callback_method: 'POST',
      fallback_url: `${receiver.url}/fallback`,
      status_callback_url: `${receiver.url}/status`,
    };
    const context = senders(String(sender?.sid));
    await context.update({ webhook } as never);
    expect((await context.fetch()).webhook).toMatchObject({ callbackUrl: webhook.callback_url });
    expect(await posted(WHATSAPP)).toEqual(['/broken', '/fallback']);
    receiver.received.splice(0);
    await client.messages.create({ from: WHATSAPP, to: `whatsapp:${CUSTOMER}`, body: 'x' });
    await simulator.activity.settle(5000);
    expect(receiver.received.map(({ url }) => url)).toEqual(Array(3).fill('/status'));
    await expect(context.update({ webhook: { callback_url: 7 } } as never)).rejects.toMatchObject({
      status: 400,
    });
  });

  it('of its own account only, until the reset', async () => {
    const below = clientOf(BELOW, 'token-below');
    const [theirs] = await below.incomingPhoneNumbers.list();
    expect(theirs).toMatchObject({ phoneNumber: THEIRS, accountSid: BELOW });
    await expect(client.incomingPhoneNumbers(String(theirs?.sid)).fetch()).rejects.toMatchObject({
      code: 20404,
    });
    expect(await below.messaging.v1.services.list()).toEqual([]);
    expect(await below.messaging.v2.channelsSenders.list({ channel: 'whatsapp' })).toEqual([]);
    await below.incomingPhoneNumbers(String(theirs?.sid)).update({ smsUrl: `${receiver.url}/new` });
    expect(await posted(THEIRS)).toEqual(['/new']);
    simulator.reset();
    expect(await posted(THEIRS)).toEqual(['/old']);
    expect((await below.incomingPhoneNumbers(String(theirs?.sid)).fetch()).smsUrl).toBe(
      `${receiver.url}/old`,
    );
  });

  it('leads to Causeway from the start in the sandbox, number by number', async () => {
    const publicBaseUrl = 'http://localhost:3000';
    const { twilio } = sandboxOptions({ PUBLIC_BASE_URL: publicBaseUrl });
    const { accountSid, authTokens, numbers = [] } = twilio;
    const fresh = await startTwilioSimulator({ ...twilio, port: 0 });
    const http = new ProviderHttp();
    const provisioning = new TwilioProvisioning(http, {
      accountSid,
      username: accountSid,
      password: authTokens[0] ?? '',
      publicBaseUrl,
      apiBaseUrl: fresh.url,
    });
    try {
      for (const address of numbers) {
        const { differences } = await provisioning.plan(
          { address, account: accountSid },
          { timeoutMs: 5000 },
        );
        expect(differences, address).toEqual([]);
      }
    } finally {
      await http.close();
      await fresh.close();
    }
  });

  it.each([
    { operation: 'numbers.list', call: async () => client.incomingPhoneNumbers.list() },
    { operation: 'services.fetch', call: async () => client.messaging.v1.services(SERVICE).fetch() },
    {
      operation: 'senders.list',
      call: async () => client.messaging.v2.channelsSenders.list({ channel: 'whatsapp' }),
    },
  ])('fails by name: $operation', async ({ operation, call }) => {
    simulator.setFault({ operation, effect: 'answer', status: 503 });
    await expect(call()).rejects.toMatchObject({ status: 503 });
    await call();
  });
});
