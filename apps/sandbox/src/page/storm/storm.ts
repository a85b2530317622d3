import { setTimeout as delay } from 'node:timers/promises';
import type { ChatGatewaySimulator } from '../../chat-gateway/simulator.js';
import type { TwilioSimulator } from '../../twilio/simulator.js';
import type { Machine } from '../machine.js';
import type { ProviderSwitches } from '../provider-switches.js';
import type { BridgeMessage, ProviderId, StormState } from '../state.js';
import { stormFaults } from './faults.js';
import { StormTraffic } from './traffic.js';

export interface StormOptions {
  customers: number;
  /** Of each customer. */
  texts: number;
  faults: boolean;
}

/** What a storm works on. */
export interface StormWorld {
  simulators: { twilio: TwilioSimulator; 'chat-gateway': ChatGatewaySimulator };
  switches: Record<ProviderId, ProviderSwitches>;
  machine: Machine;
  /** What the bridge says now of its messages; undefined when it cannot be asked. */
  look(): Promise<readonly BridgeMessage[] | undefined>;
  /** What it said last. */
  seen(): readonly BridgeMessage[];
}

const STEP_MS = 50;
const FAULT_EVERY_MS = 700;
const GONE_MS = 3000;
const FREEZE_SECONDS = 5;
/** Between two texts of one customer, at random. */
const GAP_MS = { min: 400, max: 1600 };
const SETTLE_LIMIT_MS = 300_000;
const LOOK_EVERY_MS = 500;
/** So often, one after the other, nothing may be under way before a storm is over. */
const QUIET_LOOKS = 3;
const MAX_EVENTS = 50;

/** Traffic under faults, counted while it runs. */
export class Storm {
  readonly #id = Math.random().toString(36).slice(2, 6);
  readonly #startedAt = new Date().toISOString();
  readonly #traffic: StormTraffic;
  readonly #events: { at: string; text: string }[] = [];
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  #phase: StormState['phase'] = 'running';
  /** Nothing is under way any more: what is missing is lost. */
  #settled = false;
  #endedAt: string | undefined;

  constructor(
    private readonly options: StormOptions,
    private readonly world: StormWorld,
  ) {
    const { twilio, 'chat-gateway': desk } = world.simulators;
    this.#traffic = new StormTraffic(this.#id, options.customers, options.texts, twilio, desk);
  }

  get running(): boolean {
    return this.#phase === 'running' || this.#phase === 'settling';
  }

  get state(): StormState {
    for (const { possibleDuplicate, text } of this.world.seen())
      if (possibleDuplicate) this.#traffic.mark(text);
    const inbound = this.#traffic.inbound.counts(this.#settled);
    const outbound = this.#traffic.outbound.counts(this.#settled);
    const done = inbound.delivered + inbound.refused + outbound.delivered + outbound.refused;
    return {
      id: this.#id,
      phase: this.#phase,
      startedAt: this.#startedAt,
      ...(this.#endedAt !== undefined && { endedAt: this.#endedAt }),
      progress: this.running ? Math.min(0.99, done / (2 * inbound.planned)) : 1,
      faults: this.options.faults,
      inbound,
      outbound,
      events: [...this.#events],
    };
  }

  /** Nobody writes any more and faults end; what was accepted is still waited for, until it is stopped once more. */
  stop(): void {
    if (this.#phase === 'settling') this.#abandon.abort();
    if (this.#phase === 'running') this.#tell('Stopped: nobody writes any more.');
    this.#stop.abort();
  }

  /** Runs to its end; never rejects. */
  async run(): Promise<void> {
    const { switches } = this.world;
    const before = Object.values(switches).map((one) => ({ one, ...one.state }));
    const writing = new AbortController();
    const faults = this.options.faults ? this.#breakThings(writing.signal) : Promise.resolve();
    const stepping = setInterval(() => this.#traffic.step(), STEP_MS);
    try {
      await Promise.all(
        Array.from({ length: this.options.customers }, (_, index) => this.#customer(index + 1)),
      );
      this.#phase = 'settling';
      writing.abort();
      await faults;
      for (const { one, doubled, shuffled } of before) {
        if (!doubled) one.setDoubled(false);
        if (!shuffled) one.setShuffled(false);
      }
      this.#tell('All is written; what is still on its way is waited for.');
      await this.#settle();
    } finally {
      clearInterval(stepping);
      this.#traffic.endConversations();
      this.#endedAt = new Date().toISOString();
      this.#phase = this.#stop.signal.aborted ? 'stopped' : 'done';
    }
  }

  async #customer(customer: number): Promise<void> {
    for (let n = 0; n < this.options.texts && !this.#stop.signal.aborted; n += 1) {
      await delay(GAP_MS.min + Math.random() * (GAP_MS.max - GAP_MS.min));
      await this.#traffic.write(customer);
    }
  }

  /** Over when the bridge has nothing of this storm under way: only then can nothing come twice or late any more. */
  async #settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_LIMIT_MS;
    for (let quiet = 0; quiet < QUIET_LOOKS;) {
      await delay(LOOK_EVERY_MS);
      if (this.#abandon.signal.aborted || performance.now() > deadline) {
        return this.#tell('No longer waited for: the rest is still under way.');
      }
      this.#traffic.step();
      const seen = await this.world.look();
      const isUnderWay =
        seen?.some(({ waits, text }) => waits !== undefined && this.#traffic.owns(text)) ?? true;
      quiet = this.#traffic.answered && !isUnderWay ? quiet + 1 : 0;
    }
    this.#settled = true;
  }

  /** Webhooks doubled and shuffled throughout; one fault after the other; each of the great ones once. */
  async #breakThings(signal: AbortSignal): Promise<void> {
    const { simulators, switches } = this.world;
    for (const one of Object.values(switches)) {
      one.setDoubled(true);
      one.setShuffled(true);
    }
    this.#tell('Every webhook is sent twice, and they overtake each other.');
    const great = this.#greatFaults();
    const small = stormFaults();
    const disarm: (() => void)[] = [];
    for (let turn = 1; !signal.aborted; turn += 1) {
      await delay(FAULT_EVERY_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      const next = turn % 2 === 0 ? great.shift() : undefined;
      if (next) {
        this.#tell(next.text);
        await next.act().catch((cause: unknown) => this.#tell(`That did not work: ${String(cause)}`));
      } else {
        const { value } = small.next();
        const { faults } = simulators[value.provider];
        const { id } = faults.arm(value.spec);
        disarm.push(() => faults.disarm(id));
        this.#tell(value.text);
      }
    }
    // Those that have hit nobody yet.
    for (const one of disarm) one();
  }

  #greatFaults(): { text: string; act: () => Promise<void> }[] {
    const { machine, switches } = this.world;
    const { worker, queue, postgres } = machine.state;
    const vanish = (provider: ProviderId) => async (): Promise<void> =>
      switches[provider].vanishFor(GONE_MS, async (ms) => delay(ms));
    const all = [
      { text: 'A worker is killed.', act: () => machine.killWorker(), unavailable: worker.unavailable },
      {
        text: 'Postgres is restarted.',
        act: () => machine.restartPostgres(),
        unavailable: postgres.unavailable,
      },
      { text: `The Chat Gateway is gone for ${GONE_MS / 1000} s.`, act: vanish('chat-gateway') },
      {
        text: `The queue is frozen for ${FREEZE_SECONDS} s.`,
        act: () => machine.freezeQueue(FREEZE_SECONDS),
        unavailable: queue.unavailable,
      },
      { text: `Twilio is gone for ${GONE_MS / 1000} s.`, act: vanish('twilio') },
    ];
    return all.filter((one) => !('unavailable' in one) || one.unavailable === undefined);
  }

  #tell(text: string): void {
    this.#events.unshift({ at: new Date().toISOString(), text });
    this.#events.length = Math.min(this.#events.length, MAX_EVENTS);
  }
}
