import { readdirSync, readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { System } from '../support/system.js';

/** What our processes hold at one moment. */
export interface Sample {
  atMs: number;
  /** Largest of the gateways and workers. */
  memoryMb: number;
  handles: number;
  /** Of all of them together. */
  postgresConnections: number;
  redisMb: number;
}

/** Where each figure must stay (I7). */
const LIMITS = {
  memoryMb: 400,
  handles: 400,
  // 2 gateways and 3 workers, each with its pools.
  postgresConnections: 150,
  redisMb: 64,
} as const;
/** From the second to the last third of a run of at least so many samples: shorter ones see processes warm up. */
const MIN_SAMPLES = 600;
const MEMORY_GROWTH_MB = 60;

/** Looks at intervals at what our processes hold. Linux only: elsewhere there is nothing to read. */
export class Resources {
  readonly samples: Sample[] = [];
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** `connections`: how many the load itself may have open to one process, beside those of a storm. */
  constructor(
    private readonly system: System,
    private readonly connections = 0,
  ) {}

  start(everyMs: number): void {
    this.#timer = setInterval(() => void this.#sample(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get peak(): Omit<Sample, 'atMs'> {
    const max = (of: (sample: Sample) => number) => Math.max(0, ...this.samples.map(of));
    return {
      memoryMb: max(({ memoryMb }) => memoryMb),
      handles: max(({ handles }) => handles),
      postgresConnections: max(({ postgresConnections }) => postgresConnections),
      redisMb: max(({ redisMb }) => redisMb),
    };
  }

  /** How the run breaks I7; empty when it does not. */
  violations(): string[] {
    const { peak } = this;
    const limits = { ...LIMITS, handles: LIMITS.handles + this.connections };
    const found = Object.entries(limits).flatMap(([name, limit]) => {
      const value = peak[name as keyof typeof LIMITS];
      return value > limit ? [`I7: ${name} rose to ${value}, more than ${limit}`] : [];
    });
    if (this.samples.length < MIN_SAMPLES) return found;
    const third = Math.floor(this.samples.length / 3);
    const growth = median(this.samples.slice(-third)) - median(this.samples.slice(third, 2 * third));
    return growth > MEMORY_GROWTH_MB ? [...found, `I7: memory grows, by ${growth} MB in a third`] : found;
  }

  async #sample(): Promise<void> {
    const { gateways, workers, redis, pool, databaseUrl } = this.system;
    const pids = [...gateways, ...workers].filter(({ running }) => running).map(({ pid }) => pid);
    const [postgresConnections, redisMb] = await Promise.all([
      pool
        .query<{ n: number }>('select count(*)::int as n from pg_stat_activity where datname = $1', [
          new URL(databaseUrl).pathname.slice(1),
        ])
        .then(({ rows }) => rows[0]?.n ?? 0)
        .catch(() => 0),
      redis ? memoryOfRedis(redis.url).catch(() => 0) : 0,
    ]);
    this.samples.push({
      atMs: Math.round(performance.now() - this.#startedAt),
      memoryMb: Math.max(0, ...pids.map(memoryMbOf)),
      handles: Math.max(0, ...pids.map(handlesOf)),
      postgresConnections,
      redisMb,
    });
  }
}

function memoryMbOf(pid: number): number {
  try {
    const [, kb] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kb ?? 0) / 1024);
  } catch {
    return 0;
  }
}

function handlesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

async function memoryOfRedis(url: string): Promise<number> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    commandTimeout: 500,
    connectTimeout: 500,
    enableReadyCheck: false,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const [, bytes] = /used_memory:(\d+)/.exec(await client.info('memory')) ?? [];
    return Math.round((Number(bytes ?? 0) / 1024 / 1024) * 10) / 10;
  } finally {
    client.disconnect();
  }
}

function median(samples: Sample[]): number {
  const sorted = samples.map(({ memoryMb }) => memoryMb).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
