import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError, MediaRefusedError, type Attachment } from '#core';
import { ProviderHttp } from '#platform';
import { ChatGatewayClient } from './client.js';
import { ChatGatewayDesk } from './desk.js';

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

const seen: { path: string; headers: IncomingHttpHeaders }[] = [];
let answers: Record<string, Answer> = {};
let base: string;
let desk: ChatGatewayDesk;
const http = new ProviderHttp();
const server = createServer((request, response) => {
  const path = request.url ?? '';
  seen.push({ path, headers: request.headers });
  const { status, headers, body } = answers[path] ?? { status: 404 };
  response.writeHead(status, headers).end(body);
});

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  desk = new ChatGatewayDesk(
    new ChatGatewayClient(http, { baseUrl: base, apiKey: 'the-key', tenantId: 'tenant' }),
  );
});
afterAll(() => {
  server.close();
  http.destroy();
});
beforeEach(() => {
  seen.length = 0;
  answers = {};
});

const CONTENT = '/chat-gateway/v1/conversations/c-1/attachments/a-1/content';
const file = (body: string): Answer => ({
  status: 200,
  headers: {
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment; filename="from header.pdf"',
  },
  body,
});

const fetchIt = (attachment: Attachment, maxBytes = 1_000) =>
  desk.fetchAttachment({ deskConversationId: 'c-1', attachment, maxBytes }, { timeoutMs: 1_000 });

async function failureOf(attachment: Attachment, maxBytes?: number): Promise<unknown> {
  return fetchIt(attachment, maxBytes).then(
    ({ body }) => {
      body.destroy();
      return undefined;
    },
    (error: unknown) => error,
  );
}

describe('an attachment at the Chat Gateway', () => {
  it('is fetched by its id, with our key', async () => {
    answers[CONTENT] = file('the file');
    const { body, filename, length } = await fetchIt({ id: 'a-1', url: `${base}/signed` });
    expect((await buffer(body)).toString()).toBe('the file');
    expect(filename).toBe('from header.pdf');
    expect(length).toBeUndefined();
    expect(seen).toMatchObject([
      { path: CONTENT, headers: { 'x-api-key': 'the-key', 'x-8x8-tenant': 'tenant' } },
    ]);
  });

  it('keeps the name that its event gave it', async () => {
    answers[CONTENT] = file('x');
    const { body, filename } = await fetchIt({ id: 'a-1', filename: 'mine.pdf' });
    body.destroy();
    expect(filename).toBe('mine.pdf');
  });

  it('is fetched from where it has been moved to, without our key', async () => {
    answers[CONTENT] = { status: 302, headers: { location: `${base}/elsewhere` } };
    answers['/elsewhere'] = file('moved');
    expect((await buffer((await fetchIt({ id: 'a-1' })).body)).toString()).toBe('moved');
    expect(seen[1]?.headers).not.toHaveProperty('x-api-key');
  });

  it.each([404, 500, 401])(
    'is fetched by its URL where its id answers %i, without our key',
    async (status) => {
      answers[CONTENT] = { status };
      answers['/signed?x=1'] = file('signed');
      const { body } = await fetchIt({ id: 'a-1', url: `${base}/signed?x=1` });
      expect((await buffer(body)).toString()).toBe('signed');
      expect(seen[1]?.headers).not.toHaveProperty('x-api-key');
      expect(seen[1]?.headers).not.toHaveProperty('x-8x8-tenant');
    },
  );

  it.each<[number, string, string]>([
    [404, 'not-sent', 'attachment-not-found'],
    [500, 'not-sent', 'server-error'],
    [429, 'not-sent', 'rate-limited'],
    [401, 'credentials', 'unauthorized'],
  ])('that answers %i, its URL expired, is %s: %s', async (status, kind, code) => {
    answers[CONTENT] = { status };
    answers['/expired'] = { status: 403 };
    const failure = await failureOf({ id: 'a-1', url: `${base}/expired` });
    expect(failure).toBeInstanceOf(DeliveryError);
    expect(failure).toMatchObject({ kind, code });
  });

  it('has an expired URL that says nothing against our key', async () => {
    answers['/expired'] = { status: 403 };
    const failure = await failureOf({ url: `${base}/expired` });
    expect(failure).toMatchObject({ kind: 'not-sent' });
    expect(failure).toHaveProperty('httpStatus', undefined);
  });

  it.each([
    [503, 'unavailable'],
    [404, 'attachment-not-found'],
  ])('has a file server whose %i is not the answer of the desk', async (status, code) => {
    answers[CONTENT] = { status: 302, headers: { location: `${base}/elsewhere` } };
    answers['/elsewhere'] = { status };
    const failure = await failureOf({ id: 'a-1' });
    expect(failure).toMatchObject({ kind: 'not-sent', code });
    expect(failure).toHaveProperty('httpStatus', undefined);
    answers[CONTENT] = { status: 503 };
    expect(await failureOf({ id: 'a-1' })).toMatchObject({ kind: 'not-sent', httpStatus: 503 });
  });

  it('is not looked for for ever, nor taken compressed', async () => {
    answers[CONTENT] = { status: 302, headers: { location: `${base}${CONTENT}` } };
    expect(await failureOf({ id: 'a-1' })).toEqual(new MediaRefusedError({ refused: 'unsafe-address' }));
    answers[CONTENT] = { status: 200, headers: { 'content-encoding': 'gzip' }, body: 'x' };
    expect(await failureOf({ id: 'a-1' })).toEqual(new MediaRefusedError({ refused: 'unreadable' }));
  });

  it.each([
    'http://10.0.0.1/a',
    'http://169.254.169.254/latest',
    'https://[fd00::1]/x',
    'file:///etc/passwd',
  ])('is never fetched from %s', async (url) => {
    expect(await failureOf({ url })).toEqual(new MediaRefusedError({ refused: 'unsafe-address' }));
  });

  it('that is too large is refused, announced or not', async () => {
    answers[CONTENT] = { ...file('x'.repeat(2_000)), headers: { 'content-length': '2000' } };
    expect(await failureOf({ id: 'a-1' })).toMatchObject({ refusal: { refused: 'too-large' } });
    answers[CONTENT] = file('x'.repeat(2_000));
    const { body } = await fetchIt({ id: 'a-1' });
    await expect(buffer(body)).rejects.toMatchObject({ refusal: { refused: 'too-large' } });
  });

  it('without id and URL is not there', async () => {
    expect(await failureOf({ filename: 'a.pdf' })).toMatchObject({ refusal: { refused: 'not-found' } });
    expect(seen).toEqual([]);
  });
});
