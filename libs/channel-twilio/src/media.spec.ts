import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError, MediaRefusedError } from '#core';
import { ProviderHttp } from '#platform';
import { deleteCustomerMedia, fetchCustomerMedia } from './media.js';

const ACCOUNT = `AC${'01'.repeat(16)}`;
const ME = `ME${'02'.repeat(16)}`;
const PATH = `/2010-04-01/Accounts/${ACCOUNT}/Messages/MM${'03'.repeat(16)}/Media/${ME}`;
const AUTHORIZATION = `Basic ${Buffer.from('SKey:secret').toString('base64')}`;

let server: http.Server;
let base: string;
let answer: http.RequestListener;
let seen: { path: string; authorization: string | undefined; method: string | undefined }[];
const client = new ProviderHttp();

beforeEach(async () => {
  seen = [];
  answer = (_request, response) => response.end('bytes');
  server = http.createServer((request, response) => {
    const { url = '', headers, method } = request;
    seen.push({ path: url, authorization: headers.authorization, method });
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const access = () => ({ accountSid: ACCOUNT, username: 'SKey', password: 'secret', apiBaseUrl: base });
const fetching = (url: string, changes: { ageMs?: number; account?: string; maxBytes?: number } = {}) =>
  fetchCustomerMedia(
    access(),
    { account: ACCOUNT, url, ageMs: 1_000, maxBytes: 1_000, ...changes },
    { timeoutMs: 2_000 },
  );
const reasonOf = async (work: Promise<unknown>) => {
  const error: unknown = await work.catch((reason: unknown) => reason);
  if (error instanceof MediaRefusedError) return { ...error.refusal };
  if (error instanceof DeliveryError) return { kind: error.kind, code: error.code };
  return error;
};
const answers = (status: number, headers: http.OutgoingHttpHeaders = {}) => {
  answer = (_request, response) => response.writeHead(status, headers).end();
};

describe(fetchCustomerMedia.name, () => {
  it('shows its credentials to Twilio and to nobody else', async () => {
    answer = (request, response) => {
      if (request.url === PATH) response.writeHead(307, { location: '/cdn' }).end();
      else {
        response.setHeader('content-disposition', 'inline; filename="a.pdf"');
        response.end('bytes');
      }
    };
    const media = await fetching(base + PATH);
    expect((await buffer(media.body)).toString()).toBe('bytes');
    expect(media.filename).toBe('a.pdf');
    expect(seen).toEqual([
      { path: PATH, authorization: AUTHORIZATION, method: 'GET' },
      { path: '/cdn', authorization: undefined, method: 'GET' },
    ]);
  });

  it.each([
    ['another host', () => `https://evil.example${PATH}`],
    ['another port', () => `http://127.0.0.1:1${PATH}`],
    ['another scheme', () => base.replace('http', 'https') + PATH],
    ['our host as a user', () => `http://127.0.0.1:80@evil.example${PATH}`],
    ['a user at our host', () => base.replace('://', '://x@') + PATH],
    ['a query', () => `${base}${PATH}?to=x`],
    ['a fragment', () => `${base}${PATH}#x`],
    ['another account', () => base + PATH.replace('AC01', 'AC02')],
    ['another path', () => `${base}/2010-04-01/Accounts/${ACCOUNT}.json`],
    ['a way out of the path', () => `${base}${PATH}/../../../../Calls.json`],
    ['an escaped way out', () => base + PATH.replace('/Messages/', '/Messages/%2e%2e/x/../')],
    ['something behind the path', () => `${base}${PATH}/Content`],
    ['a line break', () => `${base}${PATH}\n`],
    ['no address', () => 'nonsense'],
  ])('asks nobody about %s', async (_name, url) => {
    expect(await reasonOf(fetching(url()))).toEqual({ refused: 'unsafe-address' });
    expect(seen).toEqual([]);
  });

  it('asks nobody for an account that is not ours', async () => {
    expect(await reasonOf(fetching(base + PATH, { account: `AC${'09'.repeat(16)}` }))).toEqual({
      refused: 'unsafe-address',
    });
  });

  it('takes an early 404 for a medium that is yet to come, and a late one for the truth', async () => {
    answers(404);
    expect(await reasonOf(fetching(base + PATH, { ageMs: 59_000 }))).toEqual({
      kind: 'not-sent',
      code: 'media-not-ready',
    });
    expect(await reasonOf(fetching(base + PATH, { ageMs: 61_000 }))).toEqual({ refused: 'not-found' });
  });

  it.each([
    [401, { kind: 'credentials', code: 'credentials-refused' }],
    [403, { kind: 'not-sent', code: 'media-unavailable' }],
    [429, { kind: 'not-sent', code: 'rate-limited' }],
    [503, { kind: 'not-sent', code: 'media-unavailable' }],
    [400, { kind: 'not-sent', code: 'media-unavailable' }],
  ])('reads %s', async (status, expected) => {
    answers(status, { 'retry-after': '3' });
    expect(await reasonOf(fetching(base + PATH))).toEqual(expected);
  });

  it('tries each password while the token is rotated', async () => {
    answer = (request, response) =>
      response.writeHead(request.headers.authorization === AUTHORIZATION ? 200 : 401).end('bytes');
    const rotated = { ...access(), password: 'old', otherPasswords: ['secret'] };
    const request = { account: ACCOUNT, url: base + PATH, ageMs: 1_000, maxBytes: 1_000 };
    const { body } = await fetchCustomerMedia(rotated, request, { timeoutMs: 2_000 });
    expect((await buffer(body)).toString()).toBe('bytes');
    expect(seen).toHaveLength(2);
  });

  it('does not take a refusal of a file server for one of our credentials', async () => {
    answer = (request, response) => {
      if (request.url === PATH) response.writeHead(302, { location: '/cdn' }).end();
      else response.writeHead(403).end();
    };
    expect(await reasonOf(fetching(base + PATH))).toEqual({ kind: 'not-sent', code: 'media-unavailable' });
  });

  it('follows no redirect to where it may not go', async () => {
    answers(302, { location: 'http://169.254.169.254/latest/meta-data' });
    expect(await reasonOf(fetching(base + PATH))).toEqual({ refused: 'unsafe-address' });
  });

  it('says how large what is too large is', async () => {
    answer = (_request, response) => response.writeHead(200, { 'content-length': '31000000' }).flushHeaders();
    expect(await reasonOf(fetching(base + PATH, { maxBytes: 25_000_000 }))).toEqual({
      refused: 'too-large',
      detail: '31 MB of at most 25 MB',
    });
    answer = (_request, response) => {
      response.write(Buffer.alloc(5_000));
      response.end();
    };
    const body = fetching(base + PATH, { maxBytes: 1_000 }).then((media) => buffer(media.body));
    expect(await reasonOf(body)).toEqual({ refused: 'too-large', detail: 'more than 0.1 MB' });
  });

  it('refuses what is compressed, and tries again what breaks off', async () => {
    answers(200, { 'content-encoding': 'gzip' });
    expect(await reasonOf(fetching(base + PATH))).toEqual({ refused: 'unreadable' });
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('x', () => response.destroy());
    };
    const body = fetching(base + PATH).then((media) => buffer(media.body));
    expect(await reasonOf(body)).toEqual({ kind: 'not-sent', code: 'connection-lost' });
  });
});

describe(deleteCustomerMedia.name, () => {
  const deleting = (url: string) =>
    deleteCustomerMedia(client, access(), { account: ACCOUNT, url }, { timeoutMs: 2_000 });

  it.each([204, 404])('is done after %s', async (status) => {
    answers(status);
    await deleting(base + PATH);
    expect(seen).toEqual([{ path: `${PATH}.json`, authorization: AUTHORIZATION, method: 'DELETE' }]);
  });

  it('deletes nothing that is not ours', async () => {
    await deleting(`${base}/2010-04-01/Accounts/${ACCOUNT}/Messages/MM1`);
    expect(seen).toEqual([]);
  });

  it('is tried again after anything else', async () => {
    answers(500);
    expect(await reasonOf(deleting(base + PATH))).toEqual({ kind: 'not-sent', code: 'media-unavailable' });
    answers(403);
    const forbidden: unknown = await deleting(base + PATH).catch((error: unknown) => error);
    expect(forbidden).toMatchObject({ kind: 'not-sent', code: 'media-unavailable', httpStatus: 403 });
    answer = (request) => request.socket.destroy();
    expect(await reasonOf(deleting(base + PATH))).toEqual({ kind: 'not-sent', code: 'connection-lost' });
  });
});
