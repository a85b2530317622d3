import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, sleep } from '../support/accepting.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

let server: Server;
let proxy: TcpProxy;
/** The server's side of each connection, and what it has read. */
let served: { socket: Socket; text: string; ended: boolean; closed: boolean }[];

beforeEach(async () => {
  served = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    const one = { socket, text: '', ended: false, closed: false };
    served.push(one);
    socket
      .on('error', () => undefined)
      .on('data', (bytes) => (one.text += String(bytes)))
      .on('end', () => (one.ended = true))
      .on('close', () => (one.closed = true));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  proxy = await startTcpProxy(`http://127.0.0.1:${port}`);
});
afterEach(async () => {
  await proxy.close();
  for (const { socket } of served) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A client whose greeting the server has read. */
async function client() {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  const seen = { socket, text: '', ended: false, error: '' };
  socket
    .on('data', (bytes) => (seen.text += String(bytes)))
    .on('end', () => (seen.ended = true))
    .on('error', (error: NodeJS.ErrnoException) => (seen.error = error.code ?? 'error'));
  const n = served.length;
  socket.write('hello');
  const far = await eventually('the greeting', () => (served[n]?.text === 'hello' ? served[n] : undefined));
  return { seen, far, socket };
}

describe('the TCP proxy', () => {
  it('lets bytes and ends pass both ways', async () => {
    const { seen, far, socket } = await client();
    far.socket.write('answer');
    await eventually('the answer', () => seen.text === 'answer');
    socket.end();
    await eventually('the end', () => far.ended);
    far.socket.end('last');
    await eventually('the last words', () => seen.ended && seen.text === 'answerlast');
    expect(seen.error).toBe('');
  });

  it('lets them pass later, in order', async () => {
    const { seen, far } = await client();
    proxy.slow(200);
    const startedAt = performance.now();
    far.socket.write('a');
    far.socket.end('b');
    await eventually('the end', () => seen.ended);
    expect(seen.text).toBe('ab');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
  });

  it('drips answers, not requests', async () => {
    const { seen, far, socket } = await client();
    proxy.drip(50);
    socket.write(' again');
    await eventually('the whole request', () => far.text === 'hello again');
    far.socket.write('answer');
    await eventually('a byte', () => seen.text.length > 0);
    expect(seen.text.length).toBeLessThan(6);
    await eventually('the rest', () => seen.text === 'answer');
  });

  it('is a black hole: holds bytes until it heals', async () => {
    const { seen, far } = await client();
    proxy.blackHole();
    far.socket.write('held');
    await sleep(100);
    expect(seen.text).toBe('');
    proxy.heal();
    await eventually('what was held', () => seen.text === 'held');
  });

  it('is a black hole: neither side hears that the other has gone, and what was held is lost with it', async () => {
    const { far, socket } = await client();
    proxy.blackHole();
    socket.write(' and more');
    socket.resetAndDestroy();
    await sleep(100);
    expect(far).toMatchObject({ text: 'hello', closed: false });
    proxy.heal();
    await eventually('the break', () => far.closed);
    expect(far.text).toBe('hello');
  });

  it('resets both sides, and drops what it held', async () => {
    const { seen, far } = await client();
    proxy.slow(100);
    far.socket.write('never');
    await sleep(20);
    proxy.reset();
    await eventually('both breaks', () => seen.error !== '' && far.closed);
    expect(seen).toMatchObject({ text: '', error: 'ECONNRESET' });
  });

  it('passes on that one side broke off', async () => {
    const { seen, far } = await client();
    far.socket.resetAndDestroy();
    await eventually('the break', () => seen.error !== '');
    expect(seen.error).toBe('ECONNRESET');
  });

  it('closes one half: the client reads an end, and is still heard', async () => {
    const { seen, far, socket } = await client();
    proxy.halfClose();
    await eventually('the end', () => seen.ended);
    socket.write(' still there');
    await eventually('what the client wrote', () => far.text === 'hello still there');
  });
});
