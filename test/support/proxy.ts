import { connect, createServer, type Server, type Socket } from 'node:net';

/** Spreads TCP connections over ports of the loopback: one connection, one target, bytes untouched. */
export interface RoundRobinProxy {
  readonly port: number;
  /** Who gets the next connections, in turn. A target that refuses is passed over. */
  targets: number[];
  close(): Promise<void>;
}

/**
 * Stands before gateways as a load balancer would: webhooks have one address, whatever gateways there are. Below HTTP,
 * so that what was signed stays what arrives.
 */
export async function startProxy(): Promise<RoundRobinProxy> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const proxy = { targets: [] as number[] };
  const server: Server = createServer({ pauseOnConnect: true }, (client) => {
    track(client);
    turn += 1;
    const { targets } = proxy;
    const order = targets.map((_, index) => targets[(turn + index) % targets.length] ?? 0);
    void dial(order).then((upstream) => {
      if (!upstream) return void client.resetAndDestroy();
      track(upstream);
      join(client, upstream);
      join(upstream, client);
      client.resume();
    });
  });

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  return Object.assign(proxy, {
    port: address.port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  });
}

async function dial(ports: number[]): Promise<Socket | undefined> {
  for (const port of ports) {
    const socket = connect(port, '127.0.0.1');
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    if (connected) return socket;
    socket.destroy();
  }
  return undefined;
}

/** A side that breaks breaks the other one, too: a killed gateway must not look like a polite end. */
function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.once('close', (broken) => (broken ? to.resetAndDestroy() : to.end()));
}
