import { createServer } from 'node:net';
import { LauncherError } from './failure.js';
import { PORT_VARIABLES, type LauncherOptions } from './options.js';

type Ports = LauncherOptions['ports'];

const WHO: Record<keyof Ports, string> = {
  gateway: 'the gateway',
  worker: "the worker's health and metrics",
  sandbox: "the sandbox's page",
  twilio: 'the simulated Twilio',
  chatGateway: 'the simulated Chat Gateway',
};

/**
 * Settles the ports before anything is started: 0 becomes a free one, and one that is taken is named.
 *
 * @throws LauncherError saying which port and which variable moves it
 */
export async function resolvePorts({ ports, host, sandbox }: LauncherOptions): Promise<Ports> {
  const settled = { ...ports };
  const names = (Object.keys(ports) as (keyof Ports)[]).filter((name) => sandbox || !isSimulated(name));
  const used = new Map<number, keyof Ports>();
  for (const name of names) {
    settled[name] = await claim(name, ports[name], isSimulated(name) ? '127.0.0.1' : host, used);
    used.set(settled[name], name);
  }
  return settled;
}

/** Where a process of this machine reaches a server bound to `host`. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function claim(
  name: keyof Ports,
  port: number,
  host: string,
  used: Map<number, keyof Ports>,
): Promise<number> {
  const variable = PORT_VARIABLES[name];
  const twin = port === 0 ? undefined : used.get(port);
  if (twin)
    throw new LauncherError(`${PORT_VARIABLES[twin]} and ${variable} are both ${port}: change one of them.`);
  const result = await tryListen(port, host);
  if (typeof result === 'number') return used.has(result) ? claim(name, 0, host, used) : result;
  if (result === 'EADDRINUSE') {
    throw new LauncherError(
      `Port ${port} for ${WHO[name]} is taken: stop what listens there, or choose another with ` +
        `${variable}=${suggestion(port)} npm start.`,
    );
  }
  if (result === 'EACCES') {
    throw new LauncherError(
      `Port ${port} for ${WHO[name]} is not allowed to this user: set ${variable} above 1023.`,
    );
  }
  throw new LauncherError(`Nothing can listen on ${host} port ${port} (${result}): set HOST or ${variable}.`);
}

function isSimulated(name: keyof Ports): boolean {
  return name === 'sandbox' || name === 'twilio' || name === 'chatGateway';
}

function suggestion(port: number): number {
  return port + 100 <= 65_535 ? port + 100 : port - 100;
}

/** The port when it is free, else the error's code. */
async function tryListen(port: number, host: string): Promise<number | string> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : port));
    });
  });
}
