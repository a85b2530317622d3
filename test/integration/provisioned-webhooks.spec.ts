import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TwilioMessageDoor, TwilioProvisioning } from '#channel-twilio';
import type { InboundMessageReceived } from '#core';
import { ProviderHttp } from '#platform';
import { startTwilioSimulator, type TwilioSimulator } from '../../apps/sandbox/src/index.js';
import { startWebhookReceiver, type Received } from '../contracts/webhook-receiver.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const SUB = 'AC000000000000000000000000000000be';
const SERVICE = 'MG0123456789abcdef0123456789abcdef';
const [ALONE, SERVED, THEIRS] = ['+15550100', '+15550101', '+15550103'];
const WHATSAPP = `whatsapp:${ALONE}`;
const CONTEXT = { timeoutMs: 5_000 };

/** From a plan over Twilio's simulator to a webhook that the door takes: on what it was pointed at, and by the fallback. */
describe('a provisioned number', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>;
  let simulator: TwilioSimulator;
  let http: ProviderHttp;
  let provisioning: TwilioProvisioning;
  let mainIsDown = false;

  const bases = () => ({ publicBaseUrl: `${receiver.url}/main`, fallbackBaseUrl: `${receiver.url}/other` });

  beforeEach(async () => {
    mainIsDown = false;
    receiver = await startWebhookReceiver(({ url }) =>
      mainIsDown && url.startsWith('/main')
        ? { status: 503 }
        : { status: 200, contentType: 'text/xml', body: '<Response/>' },
    );
    simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: ['main-token'],
      numbers: [ALONE, SERVED, WHATSAPP],
      subAccounts: [{ accountSid: SUB, authTokens: ['sub-token'], numbers: [THEIRS] }],
      messagingServices: { [SERVICE]: [SERVED] },
      webhookUrl: `${receiver.url}/old`,
      onExchange: audit?.record,
    });
    http = new ProviderHttp();
    provisioning = new TwilioProvisioning(http, {
      accountSid: ACCOUNT,
      username: ACCOUNT,
      password: 'main-token',
      subAccounts: { [SUB]: ['sub-token'] },
      apiBaseUrl: simulator.url,
      ...bases(),
    });
  });
  afterEach(async () => {
    await simulator.close();
    await receiver.close();
    http.destroy();
    const violations = audit?.violations() ?? [];
    audit?.exchanges.splice(0);
    expect(violations).toEqual([]);
  });

  /** Each request as the gateway's controller hands it on, whichever way it came. */
  function take({ url, headers, body }: Received): Promise<InboundMessageReceived[]> {
    const door = new TwilioMessageDoor({
      tenantOf: () => 'default',
      accountSid: ACCOUNT,
      authTokens: ['main-token'],
      subAccounts: { [SUB]: ['sub-token'] },
      fallback: bases(),
    });
    const path = url.replace(/^\/(?:main|other)/, '');
    return door.receive({
      method: 'POST',
      url: bases().publicBaseUrl + path,
      headers,
      body: Buffer.from(body),
    });
  }

  async function text(to: string): Promise<Received[]> {
    receiver.received.splice(0);
    const from = to.replace(/\+.*/, '+15550123');
    await simulator.receiveText({ from, to, body: 'Hi' });
    return receiver.received.splice(0);
  }

  it.each([
    ['alone', ALONE, ACCOUNT, 'number'],
    ['on WhatsApp', WHATSAPP, ACCOUNT, 'sender'],
    ['of a sub-account', THEIRS, SUB, 'number'],
    ['in a service that leaves it to the number', SERVED, ACCOUNT, 'number'],
  ])('%s leads to us, by the fallback too', async (_name, address, account, kind) => {
    const of = { address, account };
    const plan = await provisioning.plan(of, CONTEXT);
    expect(plan.target.kind).toBe(kind);
    expect(plan.differences).not.toEqual([]);
    expect((await text(address)).map(({ url }) => url)).toEqual(['/old']);

    await provisioning.apply(plan, CONTEXT);
    expect((await provisioning.plan(of, CONTEXT)).differences).toEqual([]);
    const [webhook, ...more] = await text(address);
    expect(more).toEqual([]);
    expect(webhook?.url).toBe('/main/webhooks/twilio/messages');
    expect(webhook && (await take(webhook))).toMatchObject([{ account, to: address }]);

    mainIsDown = true;
    const requests = await text(address);
    // The first try, its two retries, and then the other way.
    expect(requests.map(({ url }) => url.split('/')[1])).toEqual(['main', 'main', 'main', 'other']);
    const last = requests.at(-1);
    expect(last && (await take(last))).toMatchObject([{ account, to: address }]);
  });

  it('in a service that decides leads to us by the service', async () => {
    const sid = SERVICE;
    const service = { address: SERVICE, account: ACCOUNT };
    await provisioning.apply(await provisioning.plan(service, CONTEXT), CONTEXT);
    const plan = await provisioning.plan({ address: SERVED, account: ACCOUNT }, CONTEXT);
    expect(plan).toMatchObject({ target: { kind: 'service', sid }, differences: [] });
    const [webhook] = await text(SERVED);
    expect(webhook && (await take(webhook))).toMatchObject([{ to: SERVED, serviceId: SERVICE }]);
  });
});
