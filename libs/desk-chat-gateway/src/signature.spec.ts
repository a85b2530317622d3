import { constants, createHmac, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebhookRefusedError } from '#core';
import { ProviderHttp } from '#platform';
import {
  CUSTOMER,
  KeyServer,
  makeKey,
  signedHeaders,
  TENANT,
} from '../../../test/fixtures/chat-gateway/signer.js';
import type { SignOptions } from '../../../test/fixtures/chat-gateway/signer.js';
import { ChatGatewayClient } from './client.js';
import { SigningKeys } from './keys.js';
import { EventSignature } from './signature.js';

const NOW = 1_713_100_000_000;
const body = readFileSync(new URL('../../../test/fixtures/chat-gateway/message.json', import.meta.url));
const key = makeKey('EXaiWfZe20eSjklZ70074w');
const stranger = makeKey('stranger');
const small = makeKey('small', 1024);

const server = new KeyServer();
const http = new ProviderHttp();
let baseUrl = '';

beforeAll(async () => {
  baseUrl = await server.listen();
  server.keys.set(key.kid, key.jwk).set(small.kid, small.jwk);
});

afterAll(async () => {
  http.destroy();
  await server.close();
});

/** A verifier that knows no key yet. */
function verifier(now = NOW): EventSignature {
  const client = new ChatGatewayClient(http, { baseUrl, apiKey: 'key', tenantId: TENANT });
  const keys = new SigningKeys((kid) => client.fetchKey(kid));
  return new EventSignature(
    [{ tenantId: 'default', chatGateway: { tenantId: TENANT, customerId: CUSTOMER }, keys }],
    () => now,
  );
}

const shared = () => (sharedVerifier ??= verifier());
let sharedVerifier: EventSignature | undefined;

function headers(options: Partial<SignOptions> = {}): Record<string, string> {
  return signedHeaders({ key, body, transmittedAt: NOW, ...options });
}

async function refusal(
  changed: Record<string, string | string[] | undefined>,
  bytes: Buffer = body,
  sut = shared(),
): Promise<number | undefined> {
  try {
    await sut.verify({ headers: changed, body: bytes });
    return undefined;
  } catch (error) {
    if (error instanceof WebhookRefusedError) return error.status;
    throw error;
  }
}

describe('what the far side signs', () => {
  it.each<[string, Partial<SignOptions>]>([
    ['a first transmission', {}],
    ['a retry', { retry: 3, transmittedAt: NOW + 60_000 }],
    ['an empty body', { body: Buffer.alloc(0) }],
    ['bytes that are no text', { body: Buffer.from([0, 255, 254, 10, 13]) }],
    ['a body whose CRC has its high bit set', { body: highCrcBody() }],
    [
      'protected members in another order',
      { protectedHeader: { alg: 'RS256', kid: key.kid, crit: ['b64'], b64: false } },
    ],
    ['an event id with unusual characters', { eventId: 'a/b+c=d:é'.replace('é', '~') }],
    ['the earliest time', { transmittedAt: NOW - 300_000 }],
    ['the latest time', { transmittedAt: NOW + 300_000 }],
  ])('is accepted: %s', async (_name, options) => {
    const sent = headers(options);
    const bytes = options.body === undefined ? body : Buffer.from(options.body);
    await expect(shared().verify({ headers: sent, body: bytes })).resolves.toEqual({
      tenantId: 'default',
      eventId: options.eventId ?? 'ev-1',
      transmittedAt: options.transmittedAt ?? NOW,
      retry: options.retry ?? 0,
    });
  });

  it('is told from what anybody changed, at any byte of any header', async () => {
    const good = headers({ retry: 12 });
    expect(await refusal(good)).toBeUndefined();
    for (const [name, value] of Object.entries(good)) {
      for (let i = 0; i < value.length; i += 1) {
        for (const char of other(value[i] ?? '')) {
          const changed = { ...good, [name]: value.slice(0, i) + char + value.slice(i + 1) };
          expect([name, i, char, await refusal(changed)]).toEqual([
            name,
            i,
            char,
            expect.toSatisfy(isRefused),
          ]);
        }
      }
    }
  });

  it('is told from what anybody added, took away or doubled', async () => {
    const good = headers();
    for (const [name, value] of Object.entries(good)) {
      for (const changed of [
        undefined,
        '',
        value + '0',
        '0' + value,
        value.slice(1),
        value.slice(0, -1),
        [value, value],
      ]) {
        expect([name, changed, await refusal({ ...good, [name]: changed })]).toEqual([name, changed, 401]);
      }
    }
  });

  it('is told from a changed body', async () => {
    const good = headers();
    for (let i = 0; i < body.length; i += 1) {
      const changed = Buffer.from(body);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(await refusal(good, changed)).toBe(401);
    }
    expect(await refusal(good, Buffer.concat([body, Buffer.from(' ')]))).toBe(401);
  });

  it('is told from another sender and another time, properly signed', async () => {
    expect(await refusal(headers({ tenantId: 'other' }))).toBe(401);
    expect(await refusal(headers({ customerId: 'other' }))).toBe(401);
    expect(await refusal(headers({ transmittedAt: NOW - 300_001 }))).toBe(401);
    expect(await refusal(headers({ transmittedAt: NOW + 300_001 }))).toBe(401);
  });

  it('is told from numbers spelled otherwise', async () => {
    const good = headers({ retry: 1 });
    for (const retry of ['01', '+1', '1.0', '1e0', '0x1', '-1', ' 1', '1 ', '9'.repeat(16)]) {
      expect([retry, await refusal({ ...good, 'x-8x8-retry': retry })]).toEqual([retry, 401]);
    }
    expect(await refusal({ ...good, 'x-8x8-transmission-time': `0${NOW}` })).toBe(401);
  });
});

describe('keys and algorithms', () => {
  const b64 = { b64: false, crit: ['b64'] };
  it.each<[string, Partial<SignOptions>]>([
    [
      'no algorithm',
      { protectedHeader: { ...b64, kid: key.kid, alg: 'none' }, signWith: () => Buffer.alloc(256) },
    ],
    [
      'HMAC with the public key as its secret',
      {
        protectedHeader: { ...b64, kid: key.kid, alg: 'HS256' },
        signWith: (input) =>
          createHmac('sha256', key.publicKey.export({ format: 'pem', type: 'spki' }))
            .update(input)
            .digest(),
      },
    ],
    [
      'PSS',
      {
        protectedHeader: { ...b64, kid: key.kid, alg: 'PS256' },
        signWith: (input) =>
          sign('sha256', input, {
            key: key.privateKey,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: 32,
          }),
      },
    ],
    [
      'PSS called RS256',
      {
        signWith: (input) =>
          sign('sha256', input, {
            key: key.privateKey,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: 32,
          }),
      },
    ],
    ['SHA-1', { signWith: (input) => sign('sha1', input, key.privateKey) }],
    ['a key of somebody else', { signWith: (input) => sign('sha256', input, stranger.privateKey) }],
    ['a key that is not published', { key: stranger }],
    ['no crit', { protectedHeader: { b64: false, kid: key.kid, alg: 'RS256' } }],
    ['an empty crit', { protectedHeader: { b64: false, crit: [], kid: key.kid, alg: 'RS256' } }],
    [
      'more crit',
      { protectedHeader: { b64: false, crit: ['b64', 'exp'], exp: 1, kid: key.kid, alg: 'RS256' } },
    ],
    ['crit twice', { protectedHeader: { b64: false, crit: ['b64', 'b64'], kid: key.kid, alg: 'RS256' } }],
    ['crit as a text', { protectedHeader: { b64: false, crit: 'b64', kid: key.kid, alg: 'RS256' } }],
    ['another crit', { protectedHeader: { b64: false, crit: ['kid'], kid: key.kid, alg: 'RS256' } }],
    ['b64 true', { protectedHeader: { b64: true, crit: ['b64'], kid: key.kid, alg: 'RS256' } }],
    ['no b64', { protectedHeader: { crit: ['b64'], kid: key.kid, alg: 'RS256' } }],
    ['no kid', { protectedHeader: { ...b64, alg: 'RS256' } }],
    ['a kid that climbs', { protectedHeader: { ...b64, kid: '../../channels', alg: 'RS256' } }],
    ['a long kid', { protectedHeader: { ...b64, kid: 'k'.repeat(65), alg: 'RS256' } }],
    ['a kid that is no text', { protectedHeader: { ...b64, kid: [key.kid], alg: 'RS256' } }],
    ['a header that is no object', { protectedHeader: 'b64' }],
    ['a header that is a list', { protectedHeader: ['b64'] }],
  ])('refuses %s', async (_name, options) => {
    expect(await refusal(headers(options), body, verifier())).toBe(401);
  });

  it('refuses a key that is too small', async () => {
    // Long enough to look like a signature: what decides is the key.
    const signWith = (input: Buffer) =>
      Buffer.concat([Buffer.alloc(128), sign('sha256', input, small.privateKey)]);
    const before = server.asked.length;
    expect(await refusal(headers({ key: small, signWith }), body, verifier())).toBe(401);
    expect(server.asked.slice(before)).toEqual(['/chat-gateway/v1/jwk/small/public']);
  });

  it('refuses a payload in the middle', async () => {
    const good = headers();
    const payload = Buffer.from('{}').toString('base64url');
    expect(
      await refusal({ ...good, 'x-8x8-signature': good['x-8x8-signature']?.replace('..', `.${payload}.`) }),
    ).toBe(401);
  });

  it('asks for no key before sender, time and shape are right', async () => {
    const before = server.asked.length;
    const sut = verifier();
    await refusal(headers({ tenantId: 'other' }), body, sut);
    await refusal(headers({ transmittedAt: 1 }), body, sut);
    await refusal({ ...headers(), 'x-8x8-retry': 'x' }, body, sut);
    await refusal(headers({ protectedHeader: { alg: 'RS256', kid: 'k' } }), body, sut);
    expect(server.asked.length).toBe(before);
  });
});

describe('several tenants', () => {
  const ACME = { tenantId: 'acme02', customerId: 'customer-of-acme' };
  const acmeKey = makeKey('acme-key');

  /** The key of each is published for that one alone. */
  function verifierOfTwo() {
    const senders = [
      { tenantId: 'default', chatGateway: { tenantId: TENANT, customerId: CUSTOMER }, published: key },
      { tenantId: 'acme', chatGateway: ACME, published: acmeKey },
    ];
    return new EventSignature(
      senders.map(({ published, ...sender }) => ({
        ...sender,
        keys: new SigningKeys((kid) =>
          Promise.resolve(kid === published.kid ? { found: true, jwk: published.jwk } : { found: false }),
        ),
      })),
      () => NOW,
    );
  }

  async function reason(options: Partial<SignOptions>): Promise<string> {
    const sent = headers(options);
    return verifierOfTwo()
      .verify({ headers: sent, body })
      .then(
        ({ tenantId }) => tenantId,
        (error: unknown) =>
          error instanceof WebhookRefusedError ? `${error.status} ${error.reason}` : String(error),
      );
  }

  it.each<[string, Partial<SignOptions>, string]>([
    ['its own', {}, 'default'],
    ["the other's", { ...ACME, key: acmeKey }, 'acme'],
    ["one tenant's under the key of the other", { ...ACME }, '401 key'],
    ["the other's under the key of the one", { key: acmeKey }, '401 key'],
    ['of a tenant that is not ours', { tenantId: 'other', customerId: 'other' }, '401 sender'],
    ['of another tenant of our customer', { tenantId: 'other' }, '401 sender'],
    ['of another customer under our tenant', { customerId: 'other' }, '401 sender'],
    ['that mixes two of ours', { tenantId: ACME.tenantId, key: acmeKey }, '401 mixed-sender'],
    ['that mixes them the other way', { customerId: ACME.customerId }, '401 mixed-sender'],
  ])('knows an event %s', async (_name, options, expected) => {
    expect(await reason(options)).toBe(expected);
  });

  it('refuses an event whose headers were changed to the other tenant', async () => {
    const sent = { ...headers(), 'x-8x8-tenant-id': ACME.tenantId, 'x-8x8-customer-id': ACME.customerId };
    expect(await refusal(sent, body, verifierOfTwo())).toBe(401);
  });

  it('knows tenants of one customer apart, and customers with a tenant of one name', async () => {
    const keys = { get: () => Promise.resolve({ refused: 'unavailable' as const }) };
    const sut = new EventSignature(
      [
        { tenantId: 'one', chatGateway: { tenantId: 'a', customerId: 'c' }, keys },
        { tenantId: 'two', chatGateway: { tenantId: 'b', customerId: 'c' }, keys },
        { tenantId: 'three', chatGateway: { tenantId: 'a', customerId: 'd' }, keys },
      ],
      () => NOW,
    );
    const of = (tenantId: string, customerId: string) =>
      refusal(headers({ tenantId, customerId }), body, sut);
    // Those that are known get as far as their keys.
    expect(await Promise.all([of('a', 'c'), of('b', 'c'), of('a', 'd'), of('b', 'd')])).toEqual([
      503, 503, 503, 401,
    ]);
  });
});

describe('the key service', () => {
  it.each<[string, KeyServer['answer']]>([
    ['fails', (response) => response.writeHead(500).end('Internal server error.')],
    ['is overloaded', (response) => response.writeHead(429).end()],
    ['answers something else', (response) => response.writeHead(200).end('<html>')],
    [
      'answers too much',
      (response) => response.writeHead(200).end(JSON.stringify(key.jwk) + ' '.repeat(100_000)),
    ],
    [
      'redirects',
      (response, request) =>
        response.writeHead(302, { location: request.url?.replace('first', key.kid) ?? '' }).end(),
    ],
    ['resets', (response) => response.socket?.resetAndDestroy()],
  ])('%s: come again', async (_name, answer) => {
    server.answer = answer;
    try {
      expect(await refusal(headers(), body, verifier())).toBe(503);
    } finally {
      server.answer = undefined;
    }
  });

  it('hangs: come again, within its limit', async () => {
    server.answer = () => undefined;
    try {
      expect(await refusal(headers(), body, verifier())).toBe(503);
    } finally {
      server.answer = undefined;
    }
  });

  it('is not there: come again', async () => {
    const client = new ChatGatewayClient(http, {
      baseUrl: 'http://127.0.0.1:1',
      apiKey: 'key',
      tenantId: TENANT,
    });
    const keys = new SigningKeys((kid) => client.fetchKey(kid));
    const sut = new EventSignature(
      [{ tenantId: 'default', chatGateway: { tenantId: TENANT, customerId: CUSTOMER }, keys }],
      () => NOW,
    );
    expect(await refusal(headers(), body, sut)).toBe(503);
  });
});

function isRefused(status: unknown): boolean {
  // A changed kid may name a key nobody could look up yet.
  return status === 401 || status === 503;
}

/** Characters one bit away, and a neighbour that decodes alike at the end of a base64url text. */
function other(char: string): string[] {
  const code = char.charCodeAt(0);
  return [
    ...new Set([String.fromCharCode(code ^ 1), String.fromCharCode(code ^ 32), char === 'A' ? 'B' : 'A']),
  ].filter((one) => one !== char);
}

function highCrcBody(): Buffer {
  // crc32('a') = 0xe8b7be43: negative as a signed number.
  return Buffer.from('a');
}
