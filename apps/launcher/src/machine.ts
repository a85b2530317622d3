import type { MachineNews, MachineRequest, MachineState } from '#platform';
import { FrozenQueue } from './frozen-queue.js';

/** What the machine works on. */
export interface MachineParts {
  killWorker(): void;
  restartPostgres(): Promise<void>;
  databaseUrl(): string;
  tell(news: MachineNews): void;
}

const YOUR_REDIS = 'The queue is on a Redis of your own (REDIS_URL): freeze it there.';
const YOUR_POSTGRES = 'Postgres is your own (DATABASE_URL): this is done there.';

/** Does to the processes of `npm start` what the sandbox's page asks for, and tells it how they are. */
export class Machine {
  readonly #state: MachineState;
  readonly #queue: FrozenQueue;
  #stopped = false;

  constructor(
    /** What is not ours but the operator's. */
    yours: { redis: boolean; postgres: boolean },
    private readonly parts: MachineParts,
  ) {
    const notOurs = yours.redis ? YOUR_REDIS : yours.postgres ? YOUR_POSTGRES : undefined;
    this.#state = {
      worker: { running: false, restarts: -1 },
      queue: { home: yours.redis ? 'redis' : 'postgres', ...(notOurs && { unavailable: notOurs }) },
      postgres: { running: true, restarts: 0, ...(yours.postgres && { unavailable: YOUR_POSTGRES }) },
    };
    this.#queue = new FrozenQueue((until) => {
      delete this.#state.queue.frozenUntil;
      if (until) this.#state.queue.frozenUntil = until.toISOString();
      this.#tellState();
    });
  }

  workerIs(running: boolean): void {
    if (running) this.#state.worker.restarts += 1;
    this.#state.worker.running = running;
    this.#tellState();
  }

  postgresIs(running: boolean): void {
    if (running) this.#state.postgres.restarts += 1;
    this.#state.postgres.running = running;
    this.#tellState();
  }

  /** Something the sandbox said: a request, or nothing of ours. */
  hear(message: unknown): void {
    const request = message as Partial<MachineRequest> | null;
    if (request?.type === 'machine-request') void this.#answer(request as MachineRequest);
  }

  /** The sandbox has (re)started and knows nothing. */
  introduce(): void {
    this.#tellState();
  }

  /** Does nothing more, and thaws what is frozen: whoever stops would wait for it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#queue.thaw();
  }

  async #answer(request: MachineRequest): Promise<void> {
    const { id } = request;
    try {
      await this.#do(request);
      this.parts.tell({ type: 'machine-answer', id });
    } catch (error) {
      this.parts.tell({
        type: 'machine-answer',
        id,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  async #do(request: MachineRequest): Promise<void> {
    const { worker, postgres } = this.#state;
    if (this.#stopped) throw new Error('Everything is being ended.');
    switch (request.action) {
      case 'kill-worker':
        if (!worker.running) throw new Error('No worker runs right now: another is being started.');
        return this.parts.killWorker();
      case 'freeze-queue':
        return await this.#queue.freeze(this.parts.databaseUrl(), request.seconds);
      case 'thaw-queue':
        return await this.#queue.thaw();
      case 'restart-postgres':
        if (!postgres.running) throw new Error('Postgres is being started already.');
        return await this.parts.restartPostgres();
    }
  }

  #tellState(): void {
    this.parts.tell({ type: 'machine-state', state: this.#state });
  }
}
