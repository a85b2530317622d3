import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TwilioMessageDoor, TwilioStatusDoor, type TwilioDoorOptions } from './door.js';

const MAIN = 'ACmain';
const SUB = 'ACsub';
const PUBLIC = 'https://text.example/base';
const PATH = '/webhooks/twilio/messages';
const options: TwilioDoorOptions = {
  tenantOf: (account) => (account === SUB ? 'acme' : 'default'),
  accountSid: MAIN,
  authTokens: ['main-token'],
  subAccounts: { [SUB]: ['sub-token', 'sub-old-token'] },
};

interface Webhook {
  account?: string;
  token: string;
  /** What Twilio called; what it reaches us under is always below the public base. */
  signedUrl?: string;
  status?: boolean;
}

function webhook({ account, token, signedUrl = PUBLIC + PATH, status = false }: Webhook) {
  const form: Record<string, string> = {
    ...(account !== undefined && { AccountSid: account }),
    MessageSid: `SM${'0'.repeat(32)}`,
    From: '+15550123',
    To: '+15550100',
    ...(status ? { MessageStatus: 'delivered' } : { Body: 'Hello' }),
  };
  const data = Object.keys(form)
    .sort()
    .reduce((text, name) => text + name + form[name], signedUrl);
  const signature = createHmac('sha1', token).update(data).digest('base64');
  return {
    method: 'POST',
    url: PUBLIC + PATH,
    headers: { 'x-twilio-signature': signature },
    body: Buffer.from(new URLSearchParams(form).toString()),
  };
}

async function reasonOf(events: Promise<unknown>): Promise<unknown> {
  return events.then(
    () => 'taken',
    (error: { reason?: string }) => error.reason,
  );
}

describe(TwilioMessageDoor.name, () => {
  const door = new TwilioMessageDoor(options);

  it.each([
    ['the main account', { account: MAIN, token: 'main-token' }, 'default'],
    ['a sub-account', { account: SUB, token: 'sub-token' }, 'acme'],
    ['a sub-account whose token is being rotated', { account: SUB, token: 'sub-old-token' }, 'acme'],
  ])('takes what %s signed, as its own', async (_name, signed, tenantId) => {
    expect(await door.receive(webhook(signed))).toMatchObject([
      {
        tenantId,
        account: signed.account,
        dedupeKey: `twilio:message:${signed.account}:SM${'0'.repeat(32)}`,
      },
    ]);
  });

  it('refuses an account of ours that is no tenant of ours', async () => {
    const orphaned = new TwilioMessageDoor({ ...options, tenantOf: () => undefined });
    expect(await reasonOf(orphaned.receive(webhook({ account: MAIN, token: 'main-token' })))).toBe(
      'other-account',
    );
  });

  it.each([
    ["a sub-account's webhook with the main token", { account: SUB, token: 'main-token' }, 'bad-signature'],
    ["the main account's with a sub-account's token", { account: MAIN, token: 'sub-token' }, 'bad-signature'],
    ['an unknown account', { account: 'ACother', token: 'its-own' }, 'bad-signature'],
    [
      'an unknown account, signed by a sub-account',
      { account: 'ACother', token: 'sub-token' },
      'bad-signature',
    ],
    [
      'an unknown account, signed with our token',
      { account: 'ACother', token: 'main-token' },
      'other-account',
    ],
    ['a name that every object has', { account: 'constructor', token: 'main-token' }, 'other-account'],
    ['no account', { token: 'main-token' }, 'other-account'],
  ])('refuses %s', async (_name, signed, reason) => {
    expect(await reasonOf(door.receive(webhook(signed)))).toBe(reason);
  });

  describe('with a fallback URL', () => {
    const fallback = { publicBaseUrl: PUBLIC, fallbackBaseUrl: 'https://other.example' };
    const both = new TwilioMessageDoor({ ...options, fallback });
    const signedFor = (base: string, token = 'main-token') =>
      webhook({ account: MAIN, token, signedUrl: base + PATH });

    it.each([PUBLIC, 'https://other.example'])('takes what was signed for %s', async (base) => {
      expect(await both.receive(signedFor(base))).toHaveLength(1);
    });

    it('takes it from no other place, and not without being told of the fallback', async () => {
      expect(await reasonOf(both.receive(signedFor('https://elsewhere.example')))).toBe('bad-signature');
      expect(await reasonOf(both.receive(signedFor('https://other.example', 'wrong')))).toBe('bad-signature');
      expect(await reasonOf(door.receive(signedFor('https://other.example')))).toBe('bad-signature');
    });
  });

  it('refuses nothing during the rotation of a token', async () => {
    const old = webhook({ account: MAIN, token: 'old' });
    const fresh = webhook({ account: MAIN, token: 'new' });
    const configured = (...authTokens: string[]) => new TwilioMessageDoor({ ...options, authTokens });
    // What Twilio signs with while each list of tokens is configured: it changes over while both are.
    const rotation = [
      [configured('old'), [old]],
      [configured('old', 'new'), [old, fresh]],
      [configured('new'), [fresh]],
    ] as const;
    for (const [door, signed] of rotation) {
      for (const request of signed) expect(await reasonOf(door.receive(request))).toBe('taken');
    }
    expect(await reasonOf(configured('new').receive(old))).toBe('bad-signature');
  });
});

describe(TwilioStatusDoor.name, () => {
  it("takes a sub-account's callbacks", async () => {
    const door = new TwilioStatusDoor(options);
    expect(await door.receive(webhook({ account: SUB, token: 'sub-token', status: true }))).toMatchObject([
      { kind: 'receipt', status: 'delivered' },
    ]);
  });
});
