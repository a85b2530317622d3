import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The one host of the Chat Gateway, behind which each of its tenants has a simulator. */
export interface DeskRouter {
  url: string;
  /** Simulators by the tenant that `X-8x8-Tenant` names. */
  targets: Record<string, string>;
  /** Tenants whose API key is refused. */
  readonly refused: Set<string>;
  /** What was asked for with a key: `<tenant> <key>`, once each. */
  readonly credentials: Set<string>;
  close(): Promise<void>;
}

export async function startDeskRouter(): Promise<DeskRouter> {
  const router = {
    targets: {} as Record<string, string>,
    refused: new Set<string>(),
    credentials: new Set<string>(),
  };
  const server = createServer((incoming, answer) => {
    const tenant = String(incoming.headers['x-8x8-tenant']);
    const key = incoming.headers['x-api-key'];
    if (key !== undefined) router.credentials.add(`${tenant} ${String(key)}`);
    const target = router.targets[tenant];
    if (target === undefined || (key !== undefined && router.refused.has(tenant))) {
      incoming.resume();
      answer.writeHead(401, { 'content-type': 'application/json' });
      answer.end(JSON.stringify({ errors: [{ code: 'access_denied', message: 'Access denied' }] }));
      return;
    }
    const { method, headers } = incoming;
    const onward = request(target + (incoming.url ?? ''), { method, headers, agent: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(router, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  });
}
