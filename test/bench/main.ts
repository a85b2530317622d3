import { availableParallelism } from 'node:os';
import { figures, table, type Series } from './comparison.js';
import { runRound, type Round } from './load.js';
import { introductions, makeRequests, type SignedRequest } from './requests.js';
import { startBare, startGateway, startReference, type Server } from './servers.js';
import { startStorage, type Storage } from './storage.js';

// Signed webhooks against the gateway, beside a server that only checks the signature and one that stores and queues
// each request by itself. Machines differ and are shared, so only the ratios within one run mean something, and the
// servers take turns. Nothing is asserted about time; a refused request or a lost message ends it with 1.

const CONNECTIONS = [1, 32, 128];
const TURNS = 5;
const WARM_UP_SECONDS = 2;
const roundSeconds = Number(process.env['BENCH_SECONDS'] ?? 2);
/** More than any server answers per second here; made before the clock runs. */
const MAX_PER_SECOND: Record<number, number> = { 1: 6_000, 32: 20_000, 128: 20_000 };

const troubles: string[] = [];
/** Ids that the gateway answered 2xx. */
const accepted: string[] = [];

async function benchAccepting(storage: Storage): Promise<void> {
  const servers: Server[] = [];
  try {
    servers.push(await startBare(), await startReference(storage), await startGateway(storage));
    const [bare, reference, gateway] = servers as [Server, Server, Server];
    for (const server of servers) await warmUp(server, storage);
    for (const connections of CONNECTIONS) {
      const all = servers.map((server): Series => ({ server, rounds: [] }));
      for (let turn = 0; turn < TURNS; turn += 1) {
        for (const series of all) {
          const requests = makeRequests(Math.ceil((MAX_PER_SECOND[connections] ?? 0) * roundSeconds));
          series.rounds.push(await measure(series.server, requests, storage, connections, roundSeconds));
        }
      }
      const [b, r, g] = all as [Series, Series, Series];
      console.log(`\n${connections} connection${connections === 1 ? '' : 's'}`);
      console.log(table([b, r, g].map((series) => figures(series, b, r))));
    }
    void [bare, reference, gateway];
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
  troubles.push(...(await storage.differences(accepted)));
  console.log(`\n${accepted.length} messages accepted by the gateway, each in Postgres exactly once.`);
}

async function warmUp(server: Server, storage: Storage): Promise<void> {
  await measure(server, introductions(), storage, 8, 60);
  await measure(server, makeRequests(20_000 * WARM_UP_SECONDS), storage, 32, WARM_UP_SECONDS);
}

async function measure(
  server: Server,
  requests: SignedRequest[],
  storage: Storage,
  connections: number,
  seconds: number,
): Promise<Round> {
  await storage.emptyQueues();
  const round = await runRound(server.port, requests, { connections, seconds });
  if (server.name === 'gateway') for (const sid of round.accepted) accepted.push(sid);
  for (const [status, count] of round.errors) troubles.push(`${server.name}: ${count} answers were ${status || 'cut off'}`);
  return round;
}

const storage = await startStorage();
try {
  console.log(`${storage.description}, Node ${process.version}, ${availableParallelism()} processors;`);
  console.log(`medians of ${TURNS} turns of ${roundSeconds} s.`);
  await benchAccepting(storage);
} finally {
  await storage.stop();
}
for (const trouble of troubles) console.error(`BROKEN: ${trouble}`);
process.exitCode = troubles.length === 0 ? 0 : 1;
