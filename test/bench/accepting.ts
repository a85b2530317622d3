import { figures, table, type Series } from './comparison.js';
import { runRound, type Round } from './load.js';
import { introductions, makeRequests, type SignedRequest } from './requests.js';
import { startBare, startGateway, startReference, type Server } from './servers.js';
import type { Storage } from './storage.js';

const CONNECTIONS = [1, 32, 128];
/** Many and short: a machine that is shared is fast and slow by turns, and a ratio is taken within one. */
export const TURNS = 11;
/** The compiler of the largest server needs this long to have seen everything. */
const WARM_UP_SECONDS = 8;
/** More than any of the servers answers; what a round sends is made before its clock runs. */
const mostPerSecond = (connections: number): number => (connections === 1 ? 8_000 : 20_000);

/** What the benchmark of accepting says of itself beside its tables. */
export interface Verdict {
  accepted: number;
  /** What must not be: refused requests, lost, doubled or strange messages. Empty when all is well. */
  troubles: string[];
}

/**
 * Signed webhooks against the gateway, beside a server that only checks the signature and one that stores and queues
 * each request by itself. Machines differ and are shared, so the servers take turns and only the ratios within one run
 * mean something.
 */
export async function benchAccepting(storage: Storage, roundSeconds: number): Promise<Verdict> {
  const bench = new AcceptingBench(storage);
  const servers: Server[] = [];
  try {
    for (const start of [startBare, startReference, startGateway]) servers.push(await start(storage));
    for (const server of servers) await bench.warmUp(server);
    for (const connections of CONNECTIONS) {
      const [bare, reference, gateway] = await bench.compare(servers, connections, roundSeconds);
      if (!bare || !reference || !gateway) throw new Error('A server is missing.');
      console.log(`\n${connections} connection${connections === 1 ? '' : 's'}`);
      console.log(table([bare, reference, gateway].map((series) => figures(series, bare, reference))));
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
  bench.troubles.push(...(await storage.differences(bench.accepted)));
  return { accepted: bench.accepted.length, troubles: bench.troubles };
}

class AcceptingBench {
  readonly troubles: string[] = [];
  /** Ids that the gateway answered 2xx. */
  readonly accepted: string[] = [];
  private readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  async warmUp(server: Server): Promise<void> {
    await this.round(server, introductions(), 8, 60);
    await this.round(server, makeRequests(mostPerSecond(32) * WARM_UP_SECONDS), 32, WARM_UP_SECONDS);
  }

  async compare(servers: Server[], connections: number, seconds: number): Promise<Series[]> {
    const all = servers.map((server): Series => ({ server, rounds: [] }));
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const { server, rounds } of all) {
        const requests = makeRequests(Math.ceil(mostPerSecond(connections) * seconds));
        rounds.push(await this.round(server, requests, connections, seconds));
      }
    }
    return all;
  }

  private async round(
    server: Server,
    requests: SignedRequest[],
    connections: number,
    seconds: number,
  ): Promise<Round> {
    await this.storage.emptyQueues();
    const round = await runRound(server.port, requests, { connections, seconds });
    if (server.name === 'gateway') for (const sid of round.accepted) this.accepted.push(sid);
    for (const [status, count] of round.errors) {
      this.troubles.push(
        `${server.name}: ${count} requests were ${status === 0 ? 'cut off' : `answered ${status}`}`,
      );
    }
    return round;
  }
}
