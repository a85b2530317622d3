import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceSecrets } from '#persistence';
import { createLogger, MediaStore, readConfiguration, signMediaToken, type MediaToken } from '#platform';
import { createGateway, type Gateway } from '../../apps/gateway/src/gateway.js';
import { eventually, startTestDatabase, type TestDatabase } from '../support/accepting.js';

let db: TestDatabase;
let gateway: Gateway;
let store: MediaStore;
let directory: string;
let base: string;

beforeAll(async () => {
  db = await startTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'causeway-links-'));
  const configuration = readConfiguration('gateway', {
    DATABASE_URL: db.url,
    // Nobody listens there: links do without.
    REDIS_URL: 'redis://127.0.0.1:1',
    ADMIN_API_KEY: 'operator-key-0123456789',
    TWILIO_ACCOUNT_SID: 'AC1',
    TWILIO_AUTH_TOKEN: 'token',
    CHAT_GATEWAY_API_KEY: 'key',
    CHAT_GATEWAY_TENANT_ID: 'tenant',
    CHAT_GATEWAY_CUSTOMER_ID: 'customer',
    MEDIA_DIR: directory,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'silent',
  });
  gateway = await createGateway(configuration, createLogger('gateway', configuration));
  base = `http://127.0.0.1:${(await gateway.listen()).port}/media`;
  store = new MediaStore({ directory, keepDays: 7 });
});
afterAll(async () => {
  await gateway.stop();
  await db.stop();
  await rm(directory, { recursive: true, force: true });
});

const bytes = randomBytes(200_000);

async function kept(content = bytes): Promise<string> {
  return store.put(await store.spool(Readable.from([content]), 10_000_000), 'image/png');
}

async function tokenFor(changes: Partial<MediaToken> = {}): Promise<string> {
  const [secret] = await new ServiceSecrets(db.pool).read('media-links');
  return signMediaToken(
    {
      key: changes.key ?? (await kept()),
      contentType: 'image/png',
      filename: 'Überblick 2026.png',
      bytes: bytes.length,
      expiresAt: Math.floor(Date.now() / 1_000) + 3_600,
      ...changes,
    },
    secret ?? Buffer.of(),
  );
}

const fetched = (token: string, init: RequestInit = {}) => fetch(`${base}/${token}`, init);

describe('GET /media/{token}', () => {
  it('gives the file, and says what it is', async () => {
    const response = await fetched(await tokenFor());
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': '200000',
      'content-disposition': `inline; filename="Uberblick-2026.png"; filename*=UTF-8''%C3%9Cberblick%202026.png`,
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) as string,
      'cache-control': expect.stringMatching(/^private, /) as string,
      'content-security-policy': expect.stringContaining('sandbox') as string,
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('says the same to HEAD, without the file', async () => {
    const token = await tokenFor();
    const [head, get] = await Promise.all([fetched(token, { method: 'HEAD' }), fetched(token)]);
    await get.arrayBuffer();
    const without = ({ headers }: Response) =>
      Object.fromEntries(
        [...headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name)),
      );
    expect([head.status, without(head)]).toEqual([200, without(get)]);
    expect(await head.text()).toBe('');
  });

  it('gives a range', async () => {
    const token = await tokenFor();
    const part = await fetched(token, { headers: { range: 'bytes=100-199' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe('bytes 100-199/200000');
    expect(part.headers.get('content-length')).toBe('100');
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true);
    const end = await fetched(token, { headers: { range: 'bytes=-10' } });
    expect(Buffer.from(await end.arrayBuffer()).equals(bytes.subarray(-10))).toBe(true);
    const beyond = await fetched(token, { headers: { range: 'bytes=200000-' } });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */200000']);
    const stale = await fetched(token, { headers: { range: 'bytes=0-1', 'if-range': '"other"' } });
    expect([stale.status, (await stale.arrayBuffer()).byteLength]).toEqual([200, 200_000]);
  });

  it('gives nothing again that its reader has', async () => {
    const token = await tokenFor();
    const etag = (await fetched(token, { method: 'HEAD' })).headers.get('etag') ?? '';
    expect((await fetched(token, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  it('answers 404 to whatever nobody signed, all alike', async () => {
    const token = await tokenFor();
    const [payload = '', signature = ''] = token.split('.');
    const other = Buffer.from(payload, 'base64url').toString().replace('image/png', 'text/html');
    const forged = [
      `${Buffer.from(other).toString('base64url')}.${signature}`,
      `${payload}.${Buffer.alloc(32).toString('base64url')}`,
      payload,
      'x',
      '%00',
      '..%2f..%2fetc%2fpasswd',
      signMediaToken(
        { key: 'k', contentType: 't', filename: 'f', bytes: 1, expiresAt: 9e9 },
        randomBytes(32),
      ),
    ];
    for (const each of forged) {
      const answer = await fetched(each);
      expect([each, answer.status, await answer.text()]).toEqual([each, 404, '']);
    }
  });

  it('answers 410 once the link has expired, and 404 once the file is gone', async () => {
    const expired = await fetched(await tokenFor({ expiresAt: Math.floor(Date.now() / 1_000) - 1 }));
    expect([expired.status, await expired.text()]).toEqual([410, '']);
    const key = await kept();
    const token = await tokenFor({ key });
    await store.delete(key);
    expect((await fetched(token)).status).toBe(404);
  });

  it('takes links of a new secret soon, and of the old one as long as it is kept', async () => {
    const before = await tokenFor();
    await db.pool.query(
      `insert into service_secrets (name, id, secret) values ('media-links', gen_random_uuid(), $1)`,
      [randomBytes(32)],
    );
    const after = await tokenFor();
    await eventually(
      'the new secret is known',
      async () => (await fetched(after, { method: 'HEAD' })).status === 200,
    );
    expect((await fetched(before, { method: 'HEAD' })).status).toBe(200);
  });

  it('reads no further ahead than its reader', async () => {
    const large = randomBytes(30_000_000);
    const token = await tokenFor({
      key: await store.put(await store.spool(Readable.from([large]), 40_000_000), 'a/b'),
    });
    const before = process.memoryUsage();
    const responses = await Promise.all(
      Array.from(
        { length: 20 },
        () =>
          new Promise<NodeJS.ReadableStream & { destroy(): void }>((resolve, reject) => {
            httpGet(`${base}/${token}`, resolve).on('error', reject);
          }),
      ),
    );
    // All have their headers, none reads on: 600 MB would be in memory without backpressure.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(150_000_000);
    for (const response of responses) response.destroy();
  });
});
