import { monitorEventLoopDelay } from 'node:perf_hooks';
import { seededRandom, type FaultWay } from '../../apps/sandbox/src/index.js';
import { sleep } from '../support/accepting.js';
import { readWorld } from '../support/invariants.js';
import { startSystem, type System } from '../support/system.js';
import { Blows } from './blows.js';
import type { StormReport } from './report.js';
import { Resources } from './resources.js';
import { StormTraffic } from './traffic.js';
import { judge } from './verdict.js';

export interface StormOptions {
  seed: number;
  /** It goes on for so long, and until so many messages are written. */
  seconds: number;
  messages: number;
  customers: number;
  /** Between two blows on average. */
  blowEveryMs: number;
  /** Of the calls to providers. */
  faultShare: number;
  ways: readonly FaultWay[];
  /** `impossible`: no look-up of an uncertain attempt is ever answered. */
  lookUps: 'exact' | 'impossible';
  /** See {@link SystemOptions}. */
  audited: boolean;
  progress?: (line: string) => void;
}

const LEASE_MS = 4_000;
const LIMITS = { sendTimeoutMs: 1_900, settleMs: 1_000 };
const ENVIRONMENT = {
  LANE_LEASE_MS: String(LEASE_MS),
  SEND_TIMEOUT_MS: String(LIMITS.sendTimeoutMs),
  SWEEP_INTERVAL_MS: '500',
  UNCERTAIN_SETTLE_MS: String(LIMITS.settleMs),
  LOG_LEVEL: 'info',
};
const CALM_LIMIT_MS = 60_000;
const PROGRESS_MS = 5_000;
/** What answers that there is no such call. */
const NO_SUCH_CALL = [404, 405, 410, 501];

/** Traffic in both directions while everything fails that can; then calm, and the reckoning. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const system = await startSystem({
    queues: 'redis',
    gateways: 2,
    workers: 3,
    env: ENVIRONMENT,
    // Webhooks overtake each other.
    twilio: { webhookJitterMs: 100 },
    // The desk does not give an event up while the storm goes on.
    desk: { webhookJitterMs: 100, eventRetryMs: [200, 500, 1_000, 2_000, ...Array<number>(200).fill(4_000)] },
    audited: options.audited,
  });
  try {
    return await new Storm(system, options).run();
  } finally {
    await system.stop();
  }
}

class Storm {
  readonly #random: () => number;
  readonly #traffic: StormTraffic;
  readonly #blows: Blows;
  readonly #resources: Resources;
  readonly #startedAt = performance.now();
  /** How long the simulators, which run in this process, were kept from their work. */
  readonly #stalls = monitorEventLoopDelay();
  readonly #noSuchCall: number;

  constructor(
    private readonly system: System,
    private readonly options: StormOptions,
  ) {
    const { seed, customers, seconds, messages } = options;
    // One source for each, so that what one of them draws does not depend on how fast the others are.
    const source = (n: number) => seededRandom(seed * 10 + n);
    this.#random = source(0);
    const pauseMs = (2 * customers * seconds * 1_000) / messages;
    this.#traffic = new StormTraffic(system, customers, pauseMs, source(1));
    this.#blows = new Blows(system, LEASE_MS, source(2), (text) => this.#tell(text));
    this.#resources = new Resources(system);
    this.#noSuchCall = NO_SUCH_CALL[seed % NO_SUCH_CALL.length] ?? 404;
  }

  async run(): Promise<StormReport> {
    const progress = setInterval(() => void this.#tellProgress(), PROGRESS_MS);
    this.#resources.start(1_000);
    this.#stalls.enable();
    try {
      this.#spoilCalls();
      const [, , seconds] = await Promise.all([
        this.#traffic.run(() => this.#isOver()),
        this.#blows.run(this.options.blowEveryMs, () => this.#isOver()),
        this.#untilOver(),
      ]);
      const calmSeconds = await this.#calm();
      return await this.#report(seconds, calmSeconds);
    } finally {
      clearInterval(progress);
      this.#resources.stop();
      this.#stalls.disable();
      this.#traffic.stop();
    }
  }

  #isOver(): boolean {
    const { seconds, messages } = this.options;
    return this.#elapsedSeconds >= seconds && this.#traffic.counts.written >= messages;
  }

  get #elapsedSeconds(): number {
    return (performance.now() - this.#startedAt) / 1_000;
  }

  /** Faults of calls end with the storm, not when all that was written in it has been accepted. */
  async #untilOver(): Promise<number> {
    while (!this.#isOver()) await sleep(20);
    const seconds = this.#elapsedSeconds;
    this.#endFaults();
    this.#tell('Calm.');
    return seconds;
  }

  #spoilCalls(): void {
    const { twilio, desk } = this.system;
    for (const { faults } of [twilio, desk]) {
      faults.random({
        share: this.options.faultShare,
        ways: this.options.ways,
        random: this.#random,
      });
    }
    this.#preventLookUps();
  }

  #endFaults(): void {
    for (const { faults } of [this.system.twilio, this.system.desk]) faults.disarmAll();
    this.#preventLookUps();
  }

  #preventLookUps(): void {
    if (this.options.lookUps === 'exact') return;
    for (const provider of [this.system.twilio, this.system.desk]) {
      provider.setFault({
        operation: 'messages.list',
        effect: 'answer',
        status: this.#noSuchCall,
        times: null,
      });
    }
  }

  /** Seconds until all that was accepted has arrived and nothing is left to do. */
  async #calm(): Promise<number> {
    const startedAt = performance.now();
    // What has not arrived after that is told, rather than waited for.
    const late = () => performance.now() - startedAt > CALM_LIMIT_MS;
    while (!late() && (this.#traffic.missing.length > 0 || (await this.#waiting()) > 0)) await sleep(100);
    const seconds = (performance.now() - startedAt) / 1_000;
    await this.system.twilio.activity.settle(20_000);
    await this.system.desk.activity.settle(20_000);
    return seconds;
  }

  async #waiting(): Promise<number> {
    const { rows } = await this.system.pool.query<{ n: number }>('select count(*)::int as n from lane_items');
    return rows[0]?.n ?? 0;
  }

  async #report(seconds: number, calmSeconds: number): Promise<StormReport> {
    const { system, options } = this;
    const verdict = await judge(system, await readWorld(system, this.#traffic.customers), LIMITS);
    const faults: Record<string, number> = {};
    for (const provider of [system.twilio, system.desk]) {
      for (const [kind, count] of provider.faults.hitsByKind) {
        const way = kind.replace(/^\S+ /, '');
        faults[way] = (faults[way] ?? 0) + count;
      }
    }
    return {
      ...verdict,
      violations: [...verdict.violations, ...this.#resources.violations()],
      seed: options.seed,
      lookUps: options.lookUps,
      seconds: Math.round(seconds),
      perSecond: Math.round(verdict.messages / seconds),
      calmSeconds: Math.round(calmSeconds * 10) / 10,
      faults,
      longestStallMs: Math.round(this.#stalls.max / 1e6),
      blows: Object.fromEntries(this.#blows.counts),
      peak: this.#resources.peak,
    };
  }

  async #tellProgress(): Promise<void> {
    const { written, accepted, arrived } = this.#traffic.counts;
    const waiting = await this.#waiting().catch(() => 'unknown');
    const hits = this.system.twilio.faults.hits + this.system.desk.faults.hits;
    this.#tell(
      `${written} written, ${accepted} accepted, ${arrived} arrived, ${waiting} waiting, ${hits} calls failed`,
    );
  }

  #tell(text: string): void {
    this.options.progress?.(`${this.#elapsedSeconds.toFixed(1).padStart(6)} s  ${text}`);
  }
}
