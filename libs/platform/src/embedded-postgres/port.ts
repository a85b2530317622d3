import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Place } from './place.js';
import { giveTo } from './system-user.js';

/** A free port of 127.0.0.1: the one kept in `dir` while nobody else holds it, else one the system picks. */
export async function choosePort(dir: string): Promise<number> {
  const kept = Number(await readFile(join(dir, 'port'), 'utf8').catch(() => ''));
  return ((await tryListen(kept)) || (await tryListen(0))) as number;
}

/** Remembers the port, so that connection strings stay the same over restarts. */
export async function keepPort({ dir, user }: Place, port: number): Promise<void> {
  await writeFile(join(dir, 'port'), `${port}\n`, { mode: 0o600 });
  await giveTo(user, join(dir, 'port'));
}

async function tryListen(port: number): Promise<number | undefined> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return undefined;
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
