import { spawn, type ChildProcess, type Serializable } from 'node:child_process';
import { LauncherError } from './failure.js';
import type { LogFile } from './log-file.js';

export interface ChildOptions {
  /** `gateway`, `worker`, `sandbox`: how it is called in what we print. */
  name: string;
  script: string;
  /** Asked at each start, since a restarted Postgres may have another port. */
  environment: () => NodeJS.ProcessEnv;
  log: LogFile;
  /** Told about each process that starts, and with undefined when it has ended. */
  onProcess?: (pid: number | undefined) => void;
  /** Told in one line about each unexpected end after the first start. */
  onTrouble?: (line: string) => void;
  /** Told about whatever it says beside that it is ready. */
  onMessage?: (message: unknown) => void;
  /** Told whenever it has become ready, or is no longer. */
  onRunning?: (running: boolean) => void;
  timings?: Partial<ChildTimings>;
}

export interface ChildTimings {
  firstRetryMs: number;
  maxRetryMs: number;
  /** A child that lived this long begins again with the shortest wait. */
  soundAfterMs: number;
  readyTimeoutMs: number;
}

const DEFAULTS: ChildTimings = {
  firstRetryMs: 250,
  maxRetryMs: 5000,
  soundAfterMs: 10_000,
  readyTimeoutMs: 120_000,
};

/**
 * One of our programs as a child process that is started again whenever it ends. It says over IPC when it is ready,
 * and ends by itself when that channel closes, so that a killed launcher leaves no orphans. It stands in a process
 * group of its own: Ctrl-C reaches the launcher alone, which then ends its children in order.
 */
export class Child {
  readonly #options: ChildOptions;
  readonly #timings: ChildTimings;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #stopping = false;
  #wasReady = false;
  #retryMs: number;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#timings = { ...DEFAULTS, ...options.timings };
    this.#retryMs = this.#timings.firstRetryMs;
  }

  /**
   * Starts the program and resolves when it is ready for the first time.
   *
   * @throws LauncherError with its own last words when it ends before that: starting it again would not help
   */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => this.#launch(resolve, reject));
  }

  /** Ends the present process without ceasing to supervise: the program comes back with a fresh environment. */
  restart(): void {
    this.#process?.kill('SIGTERM');
  }

  /** Kills the present process at once without ceasing to supervise: the program comes back. */
  crash(): void {
    this.#process?.kill('SIGKILL');
  }

  /** Tells the program something over IPC; nothing happens while there is none. */
  tell(message: Serializable): void {
    // Its end closes the channel a moment before we hear of it.
    if (this.#process?.connected) this.#process.send(message, () => undefined);
  }

  /** Ends the program in order, with SIGKILL after `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retryTimer);
    const timer = setTimeout(() => this.#process?.kill('SIGKILL'), limitMs);
    this.#process?.kill('SIGTERM');
    await this.#ended;
    clearTimeout(timer);
    this.#options.log.stop();
  }

  /** Ends the program at once; safe to call from an exit handler. */
  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#retryTimer);
    this.#process?.kill('SIGKILL');
  }

  #launch(onReady: () => void, onFailure: (error: Error) => void): void {
    if (this.#stopping) return onFailure(new LauncherError(`${this.#options.name} is being stopped.`));
    const { script, environment, log, name, onProcess, onMessage, onRunning } = this.#options;
    const output = log.open();
    const startedAt = performance.now();
    const child = spawn(process.execPath, [script], {
      env: environment(),
      detached: true,
      stdio: ['ignore', output.descriptor, output.descriptor, 'ipc'],
    });
    output.close();
    this.#process = child;
    onProcess?.(child.pid);
    const tooLate = setTimeout(() => child.kill('SIGKILL'), this.#timings.readyTimeoutMs);
    child.on('message', (message: unknown) => {
      if (!isReady(message)) return onMessage?.(message);
      clearTimeout(tooLate);
      this.#wasReady = true;
      onRunning?.(true);
      onReady();
    });
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        if (this.#process !== child) return;
        clearTimeout(tooLate);
        this.#process = undefined;
        onProcess?.(undefined);
        onRunning?.(false);
        resolve();
        if (this.#stopping) return onFailure(new LauncherError(`${name} was stopped.`));
        this.#onUnexpectedEnd(how, performance.now() - startedAt, onFailure);
      };
      child.on('error', (error) => child.pid === undefined && end(error.message));
      child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  #onUnexpectedEnd(how: string, livedMs: number, onFailure: (error: Error) => void): void {
    const { name, log, onTrouble } = this.#options;
    const words = log.lastWords();
    if (!this.#wasReady) {
      return onFailure(new LauncherError(words ?? `The ${name} did not start (${how}): see ${log.path}.`));
    }
    if (livedMs > this.#timings.soundAfterMs) this.#retryMs = this.#timings.firstRetryMs;
    onTrouble?.(
      `The ${name} ended (${how}) and is started again in ${this.#retryMs / 1000} s: see ${log.path}.`,
    );
    this.#retryTimer = setTimeout(() => this.#launch(ignore, ignore), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, this.#timings.maxRetryMs);
  }
}

function ignore(): void {
  // The outcome of a later start is seen by its own exit.
}

function isReady(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
}
