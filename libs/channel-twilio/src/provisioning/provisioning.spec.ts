import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProviderHttp } from '#platform';
import { TwilioResources } from '../../../../test/support/twilio-resources.js';
import { TwilioProvisioning, type ProvisionedAddress } from './provisioning.js';
import { ProvisioningError } from './provisioning-error.js';

const ACCOUNT = 'ACmain';
const SUB = 'ACsub';
const SECRET = 'canary-secret-5d1f';
const ADDRESS = '+15550100';
const SERVICE = `MG${'0'.repeat(32)}`;
const PUBLIC = 'https://text.example.com';
const OVERRIDES = '#rc=2&rt=4000&tt=15000&rp=all';
const INBOUND = `${PUBLIC}/webhooks/twilio/messages${OVERRIDES}`;
const STATUS = `${PUBLIC}/webhooks/twilio/status${OVERRIDES}`;
const FALLBACK = `https://other.example.com/webhooks/twilio/messages${OVERRIDES}`;
const CONTEXT = { timeoutMs: 5_000 };

const http = new ProviderHttp();
const twilio = new TwilioResources();

beforeAll(() => twilio.start());
afterAll(async () => {
  http.destroy();
  await twilio.stop();
});

beforeEach(() => {
  Object.assign(twilio, {
    numbers: [
      { sid: 'PN1', phone_number: ADDRESS, sms_url: 'https://demo.twilio.com/reply', sms_method: 'GET' },
      { sid: 'PN2', phone_number: '+155501001', sms_url: 'https://not-this-one' },
    ],
    shortCodes: [],
    services: [],
    senders: [],
    members: {},
    writes: [],
    requests: [],
    refusal: undefined,
  });
});

const provisioning = (options: { fallbackBaseUrl?: string } = {}) =>
  new TwilioProvisioning(http, {
    accountSid: ACCOUNT,
    username: 'SK1',
    password: SECRET,
    subAccounts: { [SUB]: ['sub-token', 'sub-old-token'] },
    apiBaseUrl: twilio.url,
    publicBaseUrl: PUBLIC,
    ...options,
  });

const number = (more: Partial<ProvisionedAddress> = {}): ProvisionedAddress => ({
  address: ADDRESS,
  account: ACCOUNT,
  ...more,
});

/** Points it at us, and shows that nothing is left to do. */
async function applied(sut: TwilioProvisioning, of: ProvisionedAddress): Promise<void> {
  await sut.apply(await sut.plan(of, CONTEXT), CONTEXT);
  expect((await sut.plan(of, CONTEXT)).differences).toEqual([]);
}

async function failure(result: Promise<unknown>): Promise<ProvisioningError> {
  const error = await result.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProvisioningError);
  const everything = inspect(error, { depth: 12, showHidden: true });
  for (const canary of [SECRET, Buffer.from(`SK1:${SECRET}`).toString('base64'), '5550100']) {
    expect(everything).not.toContain(canary);
  }
  return error as ProvisioningError;
}

describe(TwilioProvisioning.name, () => {
  it('says what differs at a number, and changes nothing by that', async () => {
    expect(await provisioning().plan(number(), CONTEXT)).toEqual({
      account: ACCOUNT,
      target: { kind: 'number', sid: 'PN1' },
      notes: [],
      differences: [
        { field: 'sms_url', is: 'https://demo.twilio.com/reply', shouldBe: INBOUND },
        { field: 'sms_method', is: 'GET', shouldBe: 'POST' },
      ],
    });
    expect(twilio.writes).toEqual([]);
  });

  it('writes what differs and nothing else, once', async () => {
    const sut = provisioning();
    Object.assign(twilio.numbers[0] ?? {}, { sms_method: 'POST', voice_url: 'https://voice' });
    await applied(sut, number());
    await sut.apply(await sut.plan(number(), CONTEXT), CONTEXT);
    expect(twilio.writes).toMatchObject([
      {
        path: `/2010-04-01/Accounts/${ACCOUNT}/IncomingPhoneNumbers/PN1.json`,
        changes: { sms_url: INBOUND },
      },
    ]);
    expect(twilio.numbers).toMatchObject([
      { voice_url: 'https://voice' },
      { sms_url: 'https://not-this-one' },
    ]);
  });

  it('takes away an application, whose URLs would go before the number', async () => {
    Object.assign(twilio.numbers[0] ?? {}, { sms_application_sid: 'AP1' });
    const sut = provisioning();
    expect((await sut.plan(number(), CONTEXT)).differences).toContainEqual({
      field: 'sms_application_sid',
      is: 'AP1',
      shouldBe: null,
    });
    await applied(sut, number());
    expect(twilio.numbers[0]).toMatchObject({ sms_application_sid: null });
  });

  it('leaves a fallback alone where none is configured, and sets ours where one is', async () => {
    Object.assign(twilio.numbers[0] ?? {}, { sms_fallback_url: 'https://somebody' });
    await applied(provisioning(), number());
    expect(twilio.numbers[0]).toMatchObject({ sms_fallback_url: 'https://somebody' });
    await applied(provisioning({ fallbackBaseUrl: 'https://other.example.com' }), number());
    expect(twilio.numbers[0]).toMatchObject({ sms_fallback_url: FALLBACK, sms_fallback_method: 'POST' });
  });

  it('shows no password of whoever answered before', async () => {
    Object.assign(twilio.numbers[0] ?? {}, { sms_url: 'https://user:canary@old.example/sms?a=b@c' });
    const { differences } = await provisioning().plan(number(), CONTEXT);
    expect(differences[0]?.is).toBe('https://…@old.example/sms?a=b@c');
  });

  describe('of a number in a Messaging Service', () => {
    beforeEach(() => {
      twilio.services = [
        { sid: 'MGother', use_inbound_webhook_on_number: false },
        {
          sid: SERVICE,
          use_inbound_webhook_on_number: false,
          inbound_request_url: null,
          sticky_sender: true,
        },
      ];
      twilio.members = { [SERVICE]: ['PN1'] };
    });

    it.each([undefined, SERVICE])('plans the service, which decides (configured: %s)', async (configured) => {
      const sut = provisioning();
      const of = number({ messagingServiceSid: configured ?? null });
      expect(await sut.plan(of, CONTEXT)).toEqual({
        account: ACCOUNT,
        target: { kind: 'service', sid: SERVICE },
        notes: [
          `It is in the Messaging Service ${SERVICE}, which decides where messages go: the number's own URLs are not used.`,
        ],
        differences: [
          { field: 'inbound_request_url', is: null, shouldBe: INBOUND },
          { field: 'inbound_method', is: null, shouldBe: 'POST' },
          { field: 'status_callback', is: null, shouldBe: STATUS },
        ],
      });
      await applied(sut, of);
      expect(twilio.writes.map(({ path }) => path)).toEqual([`/v1/Services/${SERVICE}`]);
      expect(twilio.services[1]).toMatchObject({ inbound_request_url: INBOUND, sticky_sender: true });
    });

    it('plans the number where the service leaves it to it', async () => {
      Object.assign(twilio.services[1] ?? {}, { use_inbound_webhook_on_number: true });
      const plan = await provisioning().plan(number(), CONTEXT);
      expect(plan.target).toEqual({ kind: 'number', sid: 'PN1' });
      expect(plan.notes).toEqual([
        `It is in the Messaging Service ${SERVICE}, which leaves it to the number where messages go.`,
      ]);
    });

    it.each([
      ['MGother', 'It is not in the Messaging Service that is configured for it.'],
      ['MGgone', 'The Messaging Service that is configured for it does not exist.'],
    ])('says where the configured service %s is not its own', async (messagingServiceSid, word) => {
      const plan = await provisioning().plan(number({ messagingServiceSid }), CONTEXT);
      expect(plan.notes[0]).toBe(word);
      expect(plan.target).toEqual({ kind: 'service', sid: SERVICE });
    });

    it('plans a service that is itself the address, with its decision', async () => {
      Object.assign(twilio.services[1] ?? {}, { use_inbound_webhook_on_number: true });
      const sut = provisioning({ fallbackBaseUrl: 'https://other.example.com' });
      await applied(sut, number({ address: SERVICE }));
      expect(twilio.services[1]).toMatchObject({
        inbound_request_url: INBOUND,
        fallback_url: FALLBACK,
        use_inbound_webhook_on_number: false,
      });
    });
  });

  it('writes the whole webhook of a WhatsApp sender, with what it does not change', async () => {
    twilio.senders = [
      { sid: 'XE2', sender_id: 'whatsapp:+15550109' },
      {
        sid: 'XE1',
        sender_id: `whatsapp:${ADDRESS}`,
        profile: { name: 'Shop' },
        webhook: { callback_url: 'https://old', callback_method: 'POST', fallback_url: 'https://somebody' },
      },
    ];
    const sut = provisioning();
    const of = number({ address: `whatsapp:${ADDRESS}` });
    expect((await sut.plan(of, CONTEXT)).differences.map(({ field }) => field)).toEqual([
      'callback_url',
      'status_callback_url',
      'status_callback_method',
    ]);
    await applied(sut, of);
    expect(twilio.writes).toMatchObject([
      {
        path: '/v2/Channels/Senders/XE1',
        changes: {
          webhook: {
            callback_url: INBOUND,
            callback_method: 'POST',
            fallback_url: 'https://somebody',
            status_callback_url: STATUS,
            status_callback_method: 'POST',
          },
        },
      },
    ]);
    expect(twilio.writes[0]?.changes).not.toHaveProperty('profile');
  });

  it('points a short code at us', async () => {
    twilio.shortCodes = [{ sid: 'SC1', short_code: '67890', sms_url: null }];
    await applied(provisioning(), number({ address: '67890' }));
    expect(twilio.shortCodes[0]).toMatchObject({ sms_url: INBOUND, sms_method: 'POST' });
  });

  it("uses a sub-account's own credentials and path", async () => {
    await applied(provisioning(), number({ account: SUB }));
    expect(twilio.writes).toMatchObject([
      {
        path: `/2010-04-01/Accounts/${SUB}/IncomingPhoneNumbers/PN1.json`,
        authorization: `Basic ${Buffer.from(`${SUB}:sub-token`).toString('base64')}`,
      },
    ]);
  });

  describe('refuses with a sentence', () => {
    it.each([
      ['+15550999', 'Twilio has no such number in this account.'],
      ['12345', 'Twilio has no such short code in this account.'],
      ['whatsapp:+15550100', 'Twilio has no such WhatsApp sender in this account.'],
      ['MGgone', 'Twilio does not have this any more, or not in this account (20404).'],
    ])('an unknown %s', async (address, message) => {
      expect(await failure(provisioning().plan(number({ address }), CONTEXT))).toMatchObject({
        code: 'unknown-address',
        message,
      });
    });

    it('an account that is not ours, without asking', async () => {
      expect(await failure(provisioning().plan(number({ account: 'ACother' }), CONTEXT))).toMatchObject({
        code: 'other-account',
      });
      expect(twilio.requests).toEqual([]);
    });

    it.each([
      [401, 20003, 'bad-credentials'],
      [403, 20003, 'no-permission'],
      [400, 21402, 'refused'],
      [429, 20429, 'not-available'],
      [503, undefined, 'not-available'],
      [302, undefined, 'refused'],
    ])('HTTP %i (%s): %s', async (status, code, name) => {
      twilio.refusal = { status, ...(code !== undefined && { code }) };
      const error = await failure(provisioning().plan(number(), CONTEXT));
      expect(error).toMatchObject({ code: name, httpStatus: status });
      expect(error.message).toMatch(/^[A-Z].*\.$|: .+\.$/);
    });

    it('a Twilio that cannot be reached', async () => {
      const sut = new TwilioProvisioning(http, {
        accountSid: ACCOUNT,
        username: 'SK1',
        password: SECRET,
        apiBaseUrl: 'http://127.0.0.1:1',
        publicBaseUrl: PUBLIC,
      });
      expect(await failure(sut.plan(number(), CONTEXT))).toMatchObject({ code: 'not-available' });
    });

    it('our own address, where Twilio could not reach it', async () => {
      const sut = new TwilioProvisioning(http, {
        accountSid: ACCOUNT,
        username: 'SK1',
        password: SECRET,
        apiBaseUrl: 'https://api.twilio.com',
        publicBaseUrl: 'http://localhost:3000',
      });
      expect(await failure(sut.plan(number(), CONTEXT))).toMatchObject({ code: 'unsuitable-url' });
    });
  });
});
