import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError, MediaRefusedError } from '#core';
import { ProviderHttp } from '#platform';
import { ChatGatewayClient } from './client.js';
import { ChatGatewayDesk } from './desk.js';

let status = 200;
let body = '{"id":"a1","filename":"x","sizeInBytes":1,"createdAt":1}';
let asked: {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  bytes: number;
  form: FormData | undefined;
}[] = [];
let readsAll = true;

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (!readsAll) {
    response.writeHead(status).end(body);
    return;
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes < 2_000_000) chunks.push(chunk);
  });
  request.on('end', () => {
    const { method = '', url = '', headers } = request;
    const type = { 'content-type': headers['content-type'] ?? '' };
    const read =
      bytes < 2_000_000 ? new Response(Buffer.concat(chunks), { headers: type }).formData() : undefined;
    void Promise.resolve(read).then((form) => {
      asked.push({ method, url, headers, bytes, form });
      response.writeHead(status).end(body);
    });
  });
});
const provider = new ProviderHttp();
let desk: ChatGatewayDesk;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  desk = new ChatGatewayDesk(new ChatGatewayClient(provider, { baseUrl, apiKey: 'key', tenantId: 'acme01' }));
});
beforeEach(() => {
  asked = [];
  status = 200;
  readsAll = true;
  body = '{"id":"a1"}';
});
afterAll(() => {
  provider.destroy();
  server.closeAllConnections();
  server.close();
});

function upload(filename: string, bytes: number, open: () => Readable, timeoutMs = 20_000) {
  const file = { filename, contentType: 'image/png', bytes, open };
  return desk.upload({ deskConversationId: 'c 1', authorType: 'user', file }, { timeoutMs });
}
const small = () => Readable.from([Buffer.from([0, 1, 13, 10, 255])], { objectMode: false });

describe('uploading to the desk', () => {
  it('posts the file as a form, byte by byte', async () => {
    expect(await upload('a "b"\r\n März.png', 5, small)).toEqual({ attachmentId: 'a1' });
    const [one] = asked;
    expect(one).toMatchObject({ method: 'POST', url: '/chat-gateway/v1/conversations/c%201/attachments' });
    expect(one?.headers).toMatchObject({ 'x-api-key': 'key', 'content-length': String(one?.bytes) });
    expect(one?.form?.get('authorType')).toBe('user');
    const file = one?.form?.get('attachment') as File;
    expect(file.type).toBe('image/png');
    expect(file.name).toMatch(/^a "b".* März\.png$/s);
    expect(Buffer.from(await file.arrayBuffer())).toEqual(Buffer.from([0, 1, 13, 10, 255]));
  });

  it('holds no more of a large file than it is sending', async () => {
    const chunk = Buffer.alloc(256 * 1024, 7);
    const open = () =>
      Readable.from(
        (function* () {
          for (let n = 0; n < 1_600; n += 1) yield chunk;
        })(),
        { objectMode: false },
      );
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)), 5);
    await upload('big.png', 1_600 * chunk.length, open);
    clearInterval(timer);
    expect(asked[0]?.bytes).toBeGreaterThan(400_000_000);
    expect(peak).toBeLessThan(200_000_000);
  });

  it.each([
    [413, 'too-large'],
    [415, 'wrong-type'],
    [400, 'not-taken'],
    [422, 'not-taken'],
  ])('takes %s for a refusal of the file', async (code, refused) => {
    status = code;
    body = '';
    const error = await upload('a.png', 5, small).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MediaRefusedError);
    expect((error as MediaRefusedError).refusal).toEqual({ refused });
  });

  it.each([
    [404, 'gone'],
    [401, 'credentials'],
    [429, 'not-sent'],
    [500, 'not-sent'],
    [503, 'not-sent'],
  ])('takes %s for %s', async (code, kind) => {
    status = code;
    body = '';
    await expect(upload('a.png', 5, small)).rejects.toMatchObject({ kind });
  });

  it('tries again what it cannot tell, for an upload alone is seen by nobody', async () => {
    body = '{}';
    await expect(upload('a.png', 5, small)).rejects.toMatchObject({
      kind: 'not-sent',
      code: 'garbage-answer',
    });
    const stuck = () => new Readable({ read: () => undefined });
    const error = await upload('a.png', 5, stuck, 300).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeliveryError);
    expect(error).toMatchObject({ kind: 'not-sent', code: 'deadline' });
  });

  it('closes the file whatever comes', async () => {
    const opened: Readable[] = [];
    const open = () => {
      const stream = new Readable({ read: () => undefined });
      opened.push(stream);
      return stream;
    };
    status = 413;
    readsAll = false;
    await upload('a.png', 5, open, 1_000).catch(() => undefined);
    expect(opened).toHaveLength(1);
    expect(opened[0]?.destroyed).toBe(true);
  });
});
