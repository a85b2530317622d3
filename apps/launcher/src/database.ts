import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError, startEmbeddedPostgres, type EmbeddedPostgres } from '#platform';
import { LauncherError } from './failure.js';

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;
/** A server that lived this long begins again with the shortest wait. */
const SOUND_AFTER_MS = 10_000;

/** The embedded Postgres, started again whenever it ends. */
export class Database {
  #server: EmbeddedPostgres | undefined;
  #stopping = false;
  #supervision: Promise<void> = Promise.resolve();

  constructor(
    private readonly home: string,
    /** Told in one line about each unexpected end. */
    private readonly onTrouble: (line: string) => void,
    /** Told when a restart had to take another port, so that its users must connect anew. */
    private readonly onMoved: () => void,
    /** Told whenever it has ended, or is there again. */
    private readonly onRunning: (running: boolean) => void,
  ) {}

  get url(): string {
    if (!this.#server) throw new LauncherError('Postgres is not running.');
    return this.#server.url;
  }

  get server(): EmbeddedPostgres | undefined {
    return this.#server;
  }

  async start(): Promise<void> {
    this.#server = await this.#open();
    this.#supervision = this.#supervise(this.#server);
  }

  /** Ends the server, whose supervision starts it again; resolves when it has ended. */
  async restart(): Promise<void> {
    await this.#server?.stop();
  }

  /** Ends the server and resolves when it has ended; a restart that is under way is waited for. */
  async stop(fastMs?: number): Promise<void> {
    this.#stopping = true;
    await this.#server?.stop(fastMs);
    await this.#supervision;
  }

  async #open(): Promise<EmbeddedPostgres> {
    try {
      return await startEmbeddedPostgres({ dir: join(this.home, 'postgres') });
    } catch (error) {
      if (error instanceof EmbeddedPostgresError) throw new LauncherError(error.message, { cause: error });
      throw error;
    }
  }

  async #supervise(first: EmbeddedPostgres): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    for (let server = first; ;) {
      const since = performance.now();
      await server.exited;
      if (this.#stopping) return;
      this.onRunning(false);
      if (performance.now() - since > SOUND_AFTER_MS) retryMs = FIRST_RETRY_MS;
      this.onTrouble(`Postgres ended and is started again in ${retryMs / 1000} s: see ${server.logFile}.`);
      const next = await this.#reopen(retryMs);
      if (!next) return;
      if (next.url !== server.url) this.onMoved();
      retryMs = longer(retryMs);
      server = this.#server = next;
      this.onRunning(true);
    }
  }

  async #reopen(firstRetryMs: number): Promise<EmbeddedPostgres | undefined> {
    for (let retryMs = firstRetryMs; !this.#stopping; retryMs = longer(retryMs)) {
      await delay(retryMs);
      try {
        const server = await this.#open();
        if (!this.#stopping) return server;
        await server.stop();
      } catch (error) {
        this.onTrouble((error as Error).message);
      }
    }
    return undefined;
  }
}

function longer(retryMs: number): number {
  return Math.min(retryMs * 2, MAX_RETRY_MS);
}
