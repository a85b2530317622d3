import type { Service } from '../support/service.js';
import { sleep } from '../support/accepting.js';
import type { System } from '../support/system.js';

/** What befalls our processes and our storage, besides failing calls. */
export const BLOWS = [
  'worker killed',
  'gateway killed',
  'worker stopped beyond its lease',
  'gateway stopped',
  'worker asked to end',
  'Redis flushed',
  'Redis gone and back empty',
  'Redis frozen',
  'Postgres crashed and restarted',
  'Twilio unreachable',
  'Chat Gateway unreachable',
] as const;
export type Blow = (typeof BLOWS)[number];

const AWAY_MS = { min: 500, max: 2_500 };

/** Strikes a system at random times; each blow is dealt before any comes again, as far as it can be. */
export class Blows {
  readonly counts = new Map<Blow, number>();
  readonly #busy = new Set<object>();
  readonly #running = new Set<Promise<void>>();
  #deck: Blow[] = [];
  #failure: unknown;

  constructor(
    private readonly system: System,
    private readonly leaseMs: number,
    private readonly random: () => number,
    private readonly tell: (text: string) => void,
  ) {}

  /** Until told otherwise, with `everyMs` between two blows on average; then all that was struck is well again. */
  async run(everyMs: number, isOver: () => boolean): Promise<void> {
    let nextAt = performance.now();
    while (!isOver()) {
      nextAt += everyMs * (0.5 + this.random());
      await sleep(Math.max(0, nextAt - performance.now()));
      if (!isOver()) this.#strike();
    }
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #strike(): void {
    if (this.#deck.length === 0) this.#deck = this.#shuffled(BLOWS);
    for (const [index, blow] of this.#deck.entries()) {
      const dealt = this.#deal(blow);
      if (!dealt) continue;
      this.#deck.splice(index, 1);
      this.counts.set(blow, (this.counts.get(blow) ?? 0) + 1);
      this.tell(blow);
      const running = dealt
        .catch((error: unknown) => void (this.#failure ??= error))
        .finally(() => this.#running.delete(running));
      this.#running.add(running);
      return;
    }
  }

  /** Undefined when whom it concerns is struck already. */
  #deal(blow: Blow): Promise<void> | undefined {
    const { system } = this;
    const { redis, postgres, twilio, desk } = system;
    switch (blow) {
      case 'worker killed':
        return this.#service(system.workers, (worker) => worker.kill());
      case 'gateway killed':
        return this.#service(system.gateways, (gateway) => gateway.kill());
      case 'worker stopped beyond its lease':
        return this.#service(system.workers, (worker) => this.#pause(worker, this.leaseMs + this.#away()));
      case 'gateway stopped':
        return this.#service(system.gateways, (gateway) => this.#pause(gateway, this.#away()));
      case 'worker asked to end':
        return this.#service(system.workers, async (worker) => void (await worker.stop(30_000)));
      case 'Redis flushed':
        return redis && this.#alone(redis, () => redis.flush());
      case 'Redis gone and back empty':
        return (
          redis &&
          this.#alone(redis, async () => {
            await redis.kill();
            await sleep(this.#away());
            await redis.restart();
          })
        );
      case 'Redis frozen':
        return (
          redis &&
          this.#alone(redis, async () => {
            redis.freeze();
            await sleep(this.#away());
            redis.thaw();
          })
        );
      case 'Postgres crashed and restarted':
        return this.#alone(postgres, async () => postgres.restart('immediate'));
      case 'Twilio unreachable':
        return this.#alone(twilio, () => this.#vanish(twilio));
      case 'Chat Gateway unreachable':
        return this.#alone(desk, () => this.#vanish(desk));
    }
  }

  /** Strikes one of the services that nothing has struck and spares the last one; one that has ended is started again. */
  #service(
    services: readonly Service[],
    work: (service: Service) => Promise<void>,
  ): Promise<void> | undefined {
    const well = services.filter((service) => service.running && !this.#busy.has(service));
    const victim = well[Math.floor(this.random() * well.length)];
    if (!victim || well.length === 1) return undefined;
    return this.#alone(victim, async () => this.#andBack(victim, () => work(victim)));
  }

  async #andBack(service: Service, work: () => Promise<void>): Promise<void> {
    await work();
    // Whoever starts services in production starts them until they run, too: Postgres may be away just now.
    for (let tries = 1; !service.running; tries += 1) {
      await this.system.startAgain(service).catch((error: unknown) => {
        if (tries >= 10) throw error;
      });
    }
  }

  async #pause(service: Service, ms: number): Promise<void> {
    service.signal('SIGSTOP');
    await sleep(ms);
    service.signal('SIGCONT');
  }

  async #vanish(provider: System['twilio'] | System['desk']): Promise<void> {
    provider.vanish();
    await sleep(this.#away());
    await provider.comeBack();
  }

  #alone(whom: object, work: () => Promise<void>): Promise<void> | undefined {
    if (this.#busy.has(whom)) return undefined;
    this.#busy.add(whom);
    return work().finally(() => this.#busy.delete(whom));
  }

  #away(): number {
    return AWAY_MS.min + this.random() * (AWAY_MS.max - AWAY_MS.min);
  }

  #shuffled<T>(all: readonly T[]): T[] {
    const left = [...all];
    return all.flatMap(() => left.splice(Math.floor(this.random() * left.length), 1));
  }
}
