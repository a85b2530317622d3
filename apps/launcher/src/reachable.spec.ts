import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { isReachable } from './reachable.js';

describe(isReachable.name, () => {
  it('tells a server from none', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await isReachable(`redis://user:secret@127.0.0.1:${port}/1`, 1)).toBe(true);
    expect(await isReachable('redis://127.0.0.1', port)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await isReachable(`redis://127.0.0.1:${port}`, 1)).toBe(false);
    expect(await isReachable(`redis://[::1]:${port}`, 1)).toBe(false);
  });

  it('never throws, and waits no longer than it was told', async () => {
    expect(await isReachable('no url', 1)).toBe(false);
    expect(await isReachable('redis://no-such-host.invalid', 6379)).toBe(false);
    // An address of documentation examples: nobody answers there.
    expect(await isReachable('redis://192.0.2.1', 6379, 50)).toBe(false);
  });
});
