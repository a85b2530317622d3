import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProviderHttp } from './provider-http.js';
import type { ProviderHttpOptions, ProviderHttpRequest } from './provider-http.js';
import { ProviderHttpError } from './provider-http-error.js';

/** What a server saw on one of its connections. */
interface Seen {
  bytes: number;
  text: string;
  error?: string;
  closed: boolean;
}

const closers: (() => void)[] = [];
const clients: ProviderHttp[] = [];
let seen: Seen[] = [];

beforeEach(() => {
  seen = [];
});

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  for (const close of closers.splice(0)) close();
});

function client(options: ProviderHttpOptions = {}): ProviderHttp {
  const made = new ProviderHttp(options);
  clients.push(made);
  return made;
}

/** A server of bytes; `answer` is called with each connection's first bytes. */
async function tcpServer(
  answer: (socket: net.Socket) => void = () => undefined,
  certificate?: tls.TlsOptions,
): Promise<number> {
  const onConnection = (socket: net.Socket) => {
    const entry: Seen = { bytes: 0, text: '', closed: false };
    seen.push(entry);
    socket.on('data', (chunk: Buffer) => {
      const first = entry.bytes === 0;
      entry.bytes += chunk.length;
      entry.text += chunk.toString('latin1');
      if (first) answer(socket);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (entry.error = error.code ?? 'unknown'));
    socket.on('close', () => (entry.closed = true));
    closers.push(() => socket.destroy());
  };
  const server = certificate ? tls.createServer(certificate, onConnection) : net.createServer(onConnection);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  closers.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

async function httpServer(answer: http.RequestListener): Promise<number> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

async function failure(
  sut: ProviderHttp,
  request: Partial<ProviderHttpRequest> & { url: string },
): Promise<unknown> {
  try {
    await sut.request({ method: 'POST', timeoutMs: 5_000, body: 'Body=hello', ...request });
  } catch (error) {
    return error;
  }
  throw new Error('The call should have failed.');
}

async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!what()) {
    if (Date.now() > end) throw new Error('It did not come to pass.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';

describe(ProviderHttp.name, () => {
  it('answers status, lower-case headers and the body as bytes', async () => {
    const port = await tcpServer((socket) =>
      socket.write(
        'HTTP/1.1 201 Created\r\nX-Two: a\r\nX-Two: b\r\nContent-Length: 3\r\n\r\n\xe2\x82\xac',
        'latin1',
      ),
    );
    const response = await client().request({
      method: 'POST',
      url: `http://127.0.0.1:${port}/a?b=c`,
      headers: { 'x-key': 'value' },
      body: 'hello',
      timeoutMs: 5_000,
    });
    expect(response).toEqual({
      status: 201,
      headers: { 'x-two': 'a, b', 'content-length': '3' },
      body: Buffer.from('€'),
    });
    expect(seen[0]?.text).toMatch(/^POST \/a\?b=c HTTP\/1\.1\r\n/);
    expect(seen[0]?.text).toContain('x-key: value\r\n');
  });

  it('uses a connection again', async () => {
    const connections = new Set<unknown>();
    const port = await httpServer((request, response) => {
      connections.add(request.socket);
      response.end('ok');
    });
    const sut = client();
    for (let i = 0; i < 5; i += 1) {
      const { status } = await sut.request({
        method: 'GET',
        url: `http://127.0.0.1:${port}/`,
        timeoutMs: 5_000,
      });
      expect(status).toBe(200);
    }
    expect(connections.size).toBe(1);
  });

  it('does not follow a redirect', async () => {
    const port = await tcpServer((socket) =>
      socket.write('HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n'),
    );
    const { status } = await client().request({
      method: 'GET',
      url: `http://127.0.0.1:${port}/`,
      timeoutMs: 5_000,
    });
    expect(status).toBe(302);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.text.match(/GET /g)).toHaveLength(1);
  });

  describe('before the request is written', () => {
    it('tells a refused connection', async () => {
      const port = await tcpServer();
      for (const close of closers.splice(0)) close();
      expect(await failure(client(), { url: `http://127.0.0.1:${port}/` })).toMatchObject({
        phase: 'before-write',
        code: 'connect-refused',
      });
    });

    it.each(['ENOTFOUND', 'EAI_AGAIN'])('tells a name that does not resolve (%s)', async (code) => {
      const lookup: net.LookupFunction = (_host, _options, callback) =>
        callback(Object.assign(new Error('no such name'), { code }), '');
      expect(await failure(client({ lookup }), { url: 'http://provider.invalid/' })).toMatchObject({
        phase: 'before-write',
        code: 'dns',
      });
    });

    it('gives up connecting in time', async () => {
      const lookup: net.LookupFunction = () => undefined;
      const sut = client({ lookup, connectTimeoutMs: 50 });
      expect(await failure(sut, { url: 'http://provider.invalid/' })).toMatchObject({
        phase: 'before-write',
        code: 'connect-timeout',
      });
    });

    it('ends at the deadline while still connecting, and the connection serves nobody later', async () => {
      const lookup: net.LookupFunction = () => undefined;
      const sut = client({ lookup, connectionsPerOrigin: 1 });
      for (let i = 0; i < 2; i += 1) {
        expect(await failure(sut, { url: 'http://provider.invalid/', timeoutMs: 50 })).toMatchObject({
          phase: 'before-write',
          code: 'deadline',
        });
      }
    });

    it('tells a certificate nobody vouches for', async () => {
      const port = await tcpServer(undefined, { key: KEY, cert: CERTIFICATE });
      expect(await failure(client(), { url: `https://localhost:${port}/` })).toMatchObject({
        phase: 'before-write',
        code: 'tls',
      });
      expect(seen.every(({ bytes }) => bytes === 0)).toBe(true);
    });

    it('tells a far side that does not speak TLS', async () => {
      const port = await tcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      expect(await failure(client(), { url: `https://127.0.0.1:${port}/` })).toMatchObject({
        phase: 'before-write',
        code: 'tls',
      });
    });

    it.each([
      // Long enough for a busy machine to connect first.
      ['deadline', { timeoutMs: 500 }, {}],
      ['connect-timeout', {}, { connectTimeoutMs: 500 }],
    ])('ends while TLS hangs in its handshake (%s)', async (code, request, options) => {
      const port = await tcpServer();
      const error = await failure(client(options), { url: `https://127.0.0.1:${port}/`, ...request });
      expect(error).toMatchObject({ phase: 'before-write', code });
      await until(() => seen[0]?.closed === true);
    });

    it.each([
      ['plain', false],
      ['TLS', true],
    ])('writes nothing when beforeFirstByte throws (%s)', async (_name, secure) => {
      const port = await tcpServer(undefined, secure ? { key: KEY, cert: CERTIFICATE } : undefined);
      const cause = new Error('the lease is too old');
      const error = await failure(client({ ca: CERTIFICATE }), {
        url: `${secure ? 'https://localhost' : 'http://127.0.0.1'}:${port}/`,
        beforeFirstByte: () => {
          throw cause;
        },
      });
      expect(error).toMatchObject({ phase: 'before-write', code: 'stopped', cause });
      await until(() => seen.length === 1 && seen[0]?.closed === true);
      expect(seen[0]?.bytes).toBe(0);
    });

    it('calls beforeFirstByte once, when the connection is there', async () => {
      const port = await tcpServer((socket) => socket.write(ok));
      let calls = 0;
      let bytesThen = -1;
      await client().request({
        method: 'GET',
        url: `http://127.0.0.1:${port}/`,
        timeoutMs: 5_000,
        beforeFirstByte: () => {
          calls += 1;
          bytesThen = seen.reduce((sum, { bytes }) => sum + bytes, 0);
        },
      });
      expect(calls).toBe(1);
      expect(bytesThen).toBe(0);
    });

    it('ends at the deadline while waiting for a free connection, and leaves the line', async () => {
      const port = await tcpServer();
      const sut = client({ connectionsPerOrigin: 1 });
      const url = `http://127.0.0.1:${port}/`;
      const first = failure(sut, { url, timeoutMs: 400 });
      let asked = false;
      const queued = await failure(sut, { url, timeoutMs: 50, beforeFirstByte: () => (asked = true) });
      expect(queued).toMatchObject({ phase: 'before-write', code: 'deadline' });
      expect(await first).toMatchObject({ phase: 'after-write', code: 'deadline' });
      expect(asked).toBe(false);
      expect(seen).toHaveLength(1);
    });

    it('does not lose a connection to a call that has left the line', async () => {
      const port = await httpServer((_request, response) => setTimeout(() => response.end('ok'), 200));
      const sut = client({ connectionsPerOrigin: 1 });
      const url = `http://127.0.0.1:${port}/`;
      const first = sut.request({ method: 'GET', url, timeoutMs: 5_000 });
      expect(await failure(sut, { url, timeoutMs: 20 })).toMatchObject({
        phase: 'before-write',
        code: 'deadline',
      });
      expect((await first).status).toBe(200);
      expect((await sut.request({ method: 'GET', url, timeoutMs: 5_000 })).status).toBe(200);
    });

    it('does not write once the deadline has passed while the process stood still', async () => {
      const port = await tcpServer((socket) => socket.write(ok));
      const sut = client();
      const url = `http://127.0.0.1:${port}/`;
      await sut.request({ method: 'GET', url, timeoutMs: 5_000 });
      const call = failure(sut, { url, timeoutMs: 30, method: 'DELETE' });
      const end = performance.now() + 60;
      while (performance.now() < end);
      expect(await call).toMatchObject({ phase: 'before-write', code: 'deadline' });
      expect(seen.map(({ text }) => text).join('')).not.toContain('DELETE');
    });

    it('lets a mistake of ours through as it is, and goes on', async () => {
      const port = await tcpServer((socket) => socket.write(ok));
      const sut = client({ connectionsPerOrigin: 1 });
      const url = `http://127.0.0.1:${port}/`;
      const error = await failure(sut, { url, headers: { 'x-key': 'a\r\nb' } });
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(ProviderHttpError);
      expect((await sut.request({ method: 'GET', url, timeoutMs: 5_000 })).status).toBe(200);
    });
  });

  describe('after the request is written', () => {
    it.each([
      ['plain', false],
      ['TLS', true],
    ])('resets the socket at the deadline, with bytes still on their way (%s)', async (_name, secure) => {
      // The server stops reading, so that most of the body is stuck in buffers on our side.
      let stopped: net.Socket | undefined;
      const port = await tcpServer(
        (socket) => {
          stopped = socket;
          socket.pause();
        },
        secure ? { key: KEY, cert: CERTIFICATE } : undefined,
      );
      const body = Buffer.alloc(20 * 1024 * 1024, 'x');
      const error = await failure(client({ ca: CERTIFICATE }), {
        url: `${secure ? 'https://localhost' : 'http://127.0.0.1'}:${port}/`,
        body,
        timeoutMs: 500,
      });
      expect(error).toMatchObject({ phase: 'after-write', code: 'deadline' });
      stopped?.resume();
      await until(() => seen[0]?.closed === true);
      expect(seen[0]?.error).toBe('ECONNRESET');
      expect(seen[0]?.bytes).toBeLessThan(body.length);
    });

    it('resets the socket of a far side that accepts and hangs', async () => {
      const port = await tcpServer();
      const error = await failure(client(), { url: `http://127.0.0.1:${port}/`, timeoutMs: 100 });
      expect(error).toMatchObject({ phase: 'after-write', code: 'deadline' });
      await until(() => seen[0]?.closed === true);
      expect(seen[0]?.error).toBe('ECONNRESET');
    });

    it('does not let one byte at a time stretch the deadline', async () => {
      const port = await tcpServer((socket) => {
        const bytes = ok.split('');
        const timer = setInterval(() => socket.write(bytes.shift() ?? ''), 20);
        socket.on('close', () => clearInterval(timer));
      });
      expect(await failure(client(), { url: `http://127.0.0.1:${port}/`, timeoutMs: 200 })).toMatchObject({
        phase: 'after-write',
        code: 'deadline',
      });
    });

    it.each([
      ['announced', 'HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n'],
      ['endless', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ])('takes no more than it is told to (%s)', async (_name, head) => {
      const port = await tcpServer((socket) => {
        socket.write(head);
        const timer = setInterval(() => socket.write(`400\r\n${'x'.repeat(1024)}\r\n`), 1);
        socket.on('close', () => clearInterval(timer));
      });
      const error = await failure(client(), { url: `http://127.0.0.1:${port}/`, maxResponseBytes: 10_000 });
      expect(error).toMatchObject({ phase: 'after-write', code: 'response-too-large' });
      await until(() => seen[0]?.closed === true);
    });

    it('takes exactly as much as it is told to', async () => {
      const port = await tcpServer((socket) => socket.write(ok));
      const response = await client().request({
        method: 'GET',
        url: `http://127.0.0.1:${port}/`,
        timeoutMs: 5_000,
        maxResponseBytes: 2,
      });
      expect(response.body.toString()).toBe('ok');
    });

    it.each<[string, (socket: net.Socket) => void, string]>([
      [
        'half a body',
        (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
        'connection-lost',
      ],
      ['an end without an answer', (socket) => socket.end(), 'connection-lost'],
      ['a reset without an answer', (socket) => socket.resetAndDestroy(), 'connection-lost'],
      ['half a head', (socket) => socket.end('HTTP/1.1 200 O'), 'connection-lost'],
      ['garbage', (socket) => socket.end('\u0000\u0001 what is this\r\n\r\n'), 'invalid-response'],
      [
        'a head without end',
        (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(99_999)}`),
        'response-too-large',
      ],
    ])('tells %s', async (_name, answer, code) => {
      const port = await tcpServer(answer);
      const error = await failure(client(), { url: `http://127.0.0.1:${port}/` });
      expect(error).toMatchObject({ phase: 'after-write', code });
      expect(seen).toHaveLength(1);
      expect(inspect(error, { depth: 5 })).not.toContain('half');
      expect(inspect(error, { depth: 5 })).not.toContain('what is this');
    });

    it('is usable after every failure', async () => {
      let requests = 0;
      const port = await httpServer((request, response) => {
        requests += 1;
        if (requests % 2) request.socket.resetAndDestroy();
        else response.end('ok');
      });
      const sut = client({ connectionsPerOrigin: 1 });
      const url = `http://127.0.0.1:${port}/`;
      const outcomes = await Promise.all(
        [1, 2, 3, 4].map(async () => {
          const result = await sut
            .request({ method: 'POST', url, timeoutMs: 5_000 })
            .catch((error: unknown) => error);
          return result instanceof ProviderHttpError ? result.code : 'ok';
        }),
      );
      expect(outcomes).toEqual(['connection-lost', 'ok', 'connection-lost', 'ok']);
      expect(requests).toBe(4);
    });
  });

  it('close waits for what is under way and takes nothing new', async () => {
    const port = await tcpServer((socket) => setTimeout(() => socket.write(ok), 100));
    const sut = client();
    const url = `http://127.0.0.1:${port}/`;
    const running = sut.request({ method: 'GET', url, timeoutMs: 5_000 });
    await until(() => seen.length === 1);
    await sut.close();
    expect((await running).status).toBe(200);
    expect(await failure(sut, { url })).toMatchObject({ phase: 'before-write', code: 'stopped' });
    await until(() => seen[0]?.closed === true);
  });

  it('destroy ends what is under way', async () => {
    const port = await tcpServer();
    const sut = client({ connectionsPerOrigin: 1 });
    const url = `http://127.0.0.1:${port}/`;
    const written = failure(sut, { url });
    const queued = failure(sut, { url });
    await until(() => seen[0] !== undefined && seen[0].bytes > 0);
    sut.destroy();
    expect(await written).toMatchObject({ phase: 'after-write', code: 'stopped' });
    expect(await queued).toMatchObject({ phase: 'before-write', code: 'stopped' });
    await until(() => seen[0]?.error === 'ECONNRESET');
  });
});

/** Self-signed for `localhost`, made for these tests; it protects nothing. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKGHySUiuh7dNWWah
ucRTiwBhuEE8B2AyIzhUjvVL7R6hRANCAATUs7eHgneS/C6I2Uv9g3b7g/rY1A+r
cuxdm42ffD9jSfe8y8of6GZVcRwDLtBJdXj+P715p4f4jqVhjz6KeeDQ
-----END PRIVATE KEY-----`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBaDCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNSzt4eCd5L8LojZ
S/2DdvuD+tjUD6ty7F2bjZ98P2NJ97zLyh/oZlVxHAMu0El1eP4/vXmnh/iOpWGP
Pop54NCjTjBMMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0
hwR/AAABMB0GA1UdDgQWBBQHBOwWy+mhkMBbEs5kIuRGaK8EWDAKBggqhkjOPQQD
AgNJADBGAiEA6UXyHMrlChY7MGqHE3wdHiqirSBdD137ilRjrFLQubMCIQDinHX3
IEaV101OijM/joRZsrZat9moS0cWYOZtLfogsg==
-----END CERTIFICATE-----`;
