import { randomUUID } from 'node:crypto';
import type { MachineAction, MachineRequest, MachineState } from '#platform';
import { ControlError } from '../common/control.js';

const ALONE = 'The sandbox was started by itself: only npm start owns these processes.';
const ANSWER_LIMIT_MS = 15_000;

/** The end of the channel to the launcher that a process has; tests pass their own. */
export interface Channel {
  send?(message: MachineRequest): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** The processes around the sandbox: it asks the launcher, which owns them. */
export class Machine {
  readonly #waiting = new Map<string, (error: string | undefined) => void>();
  #state: MachineState = {
    worker: { running: false, restarts: 0, unavailable: ALONE },
    queue: { home: 'postgres', unavailable: ALONE },
    postgres: { running: false, restarts: 0, unavailable: ALONE },
  };

  constructor(private readonly channel: Channel) {
    channel.on('message', (message) => this.#hear(message));
  }

  get state(): MachineState {
    return this.#state;
  }

  /** SIGKILL; the launcher starts another. */
  async killWorker(): Promise<void> {
    await this.#ask({ action: 'kill-worker' }, this.#state.worker.unavailable);
  }

  /** No command of the queue is answered for so long. */
  async freezeQueue(seconds: number): Promise<void> {
    await this.#ask({ action: 'freeze-queue', seconds }, this.#state.queue.unavailable);
  }

  async thawQueue(): Promise<void> {
    await this.#ask({ action: 'thaw-queue' }, this.#state.queue.unavailable);
  }

  async restartPostgres(): Promise<void> {
    await this.#ask({ action: 'restart-postgres' }, this.#state.postgres.unavailable);
  }

  async #ask(action: MachineAction, unavailable: string | undefined): Promise<void> {
    if (unavailable !== undefined) throw new ControlError(409, unavailable);
    const id = randomUUID();
    const error = await new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(() => resolve('The launcher does not answer.'), ANSWER_LIMIT_MS);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.channel.send?.({ type: 'machine-request', id, ...action });
    });
    this.#waiting.delete(id);
    if (error !== undefined) throw new ControlError(409, error);
  }

  /** Only the launcher is at the other end. */
  #hear(message: unknown): void {
    const { type, ...rest } = message as { type?: string; id?: string; error?: string; state?: MachineState };
    if (type === 'machine-state' && rest.state) this.#state = rest.state;
    if (type === 'machine-answer' && rest.id !== undefined) this.#waiting.get(rest.id)?.(rest.error);
  }
}
