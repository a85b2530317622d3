import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeliveryError, MediaRefusedError } from '#core';
import { SafeWebFiles } from './web-files.js';

const server = http.createServer((request, response) => {
  if (request.url === '/busy') return void response.writeHead(503).end();
  if (request.url !== '/card.png') return void response.writeHead(404).end();
  response.writeHead(200, { 'content-type': 'image/png' }).end('png');
});
let origin = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const open = (path: string, publicBaseUrl = 'http://localhost:3000', maxBytes = 100) =>
  new SafeWebFiles(publicBaseUrl).open({ url: `${origin}${path}`, maxBytes }, { timeoutMs: 5_000 });

describe('a file at an address that somebody else has chosen', () => {
  it('is opened', async () => {
    const { body, contentType } = await open('/card.png');
    expect([contentType, String(await buffer(body))]).toEqual(['image/png', 'png']);
  });

  it('of this machine is opened by a service that runs there only', async () => {
    await expect(open('/card.png', 'https://causeway.example')).rejects.toEqual(
      new MediaRefusedError({ refused: 'unsafe-address' }),
    );
  });

  it('is refused for good where it is not there or too large, and tried again where it may come', async () => {
    await expect(open('/gone')).rejects.toMatchObject({ refusal: { refused: 'not-found' } });
    const { body } = await open('/card.png', undefined, 2);
    await expect(buffer(body)).rejects.toMatchObject({ refusal: { refused: 'too-large' } });
    const busy: unknown = await open('/busy').catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(DeliveryError);
    expect(busy).toMatchObject({ kind: 'not-sent' });
  });
});
