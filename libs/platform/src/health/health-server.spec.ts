import { afterEach, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../config/read-configuration.js';
import { Metrics } from '../metrics/metrics.js';
import { isReady, startHealthServer } from './health-server.js';
import type { HealthServer } from './health-server.js';

const servers: HealthServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(ready: () => Promise<boolean>, port = 0): Promise<HealthServer> {
  const metrics = new Metrics({ processMetrics: false });
  metrics.webhooksReceived.inc({ door: 'twilio-messages' });
  const server = await startHealthServer({ port, host: '127.0.0.1', ready, metrics });
  servers.push(server);
  return server;
}

async function get(server: HealthServer, path: string, method = 'GET'): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return [response.status, await response.text()];
}

describe(startHealthServer.name, () => {
  it('answers live, ready, metrics and nothing else', async () => {
    const server = await start(() => Promise.resolve(true));
    expect(await get(server, '/health/live')).toEqual([200, '{"status":"ok"}']);
    expect(await get(server, '/health/ready?now')).toEqual([200, '{"status":"ok"}']);
    expect(await get(server, '/health/ready', 'HEAD')).toEqual([200, '']);
    expect((await get(server, '/metrics'))[1]).toContain(
      'causeway_webhooks_received_total{door="twilio-messages"} 1',
    );
    expect((await get(server, '/'))[0]).toBe(404);
    expect((await get(server, '/health/live', 'POST'))[0]).toBe(405);
  });

  it.each<[string, () => Promise<boolean>]>([
    ['says no', () => Promise.resolve(false)],
    ['throws', () => Promise.reject(new Error('no database'))],
  ])('is alive but not ready when the check %s', async (_name, ready) => {
    const server = await start(ready);
    expect((await get(server, '/health/live'))[0]).toBe(200);
    expect(await get(server, '/health/ready')).toEqual([503, '{"status":"unavailable"}']);
  });

  it('names a taken port in one line', async () => {
    const { port } = await start(() => Promise.resolve(true));
    const error = await start(() => Promise.resolve(true), port).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({
      message: `PORT must be a free port, but something else listens on it: 127.0.0.1:${port}.`,
    });
  });
});

describe(isReady.name, () => {
  it('takes silence for a no', async () => {
    expect(await isReady(() => new Promise(() => undefined), 20)).toBe(false);
  });
});
