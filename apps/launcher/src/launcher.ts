import { join } from 'node:path';
import { banner } from './banner.js';
import { configureBusinessNumbers } from './business-numbers.js';
import { Child, type ChildOptions } from './child.js';
import { Database } from './database.js';
import { sandboxEnvironment, serviceEnvironment, type Settled } from './environment.js';
import { LauncherError } from './failure.js';
import {
  keepHookSecret,
  keepSandboxCredentials,
  makeHome,
  readAdminApiKey,
  writeAdminApiKey,
} from './home.js';
import { LogFile } from './log-file.js';
import { Machine } from './machine.js';
import { migrate } from './migrate.js';
import type { LauncherOptions } from './options.js';
import { resolvePorts } from './ports.js';
import { isReachable } from './reachable.js';
import { RunFile } from './run-file.js';

/** Long enough for a worker to end what it is sending (SEND_TIMEOUT_MS is 6 s). */
const STOP_LIMIT_MS = 15_000;
const SANDBOX_STOP_LIMIT_MS = 3000;
const REDIS_PORT = 6379;

type Name = 'gateway' | 'worker' | 'sandbox';

/** Starts, watches and ends everything that `npm start` runs. */
export class Launcher {
  readonly #runFile: RunFile;
  readonly #children = new Map<Name, Child>();
  readonly #machine: Machine;
  #database: Database | undefined;
  #starting: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  readonly #forced = new AbortController();

  constructor(
    private readonly options: LauncherOptions,
    private readonly print: (line: string) => void,
  ) {
    this.#runFile = new RunFile(options.home);
    const { redisUrl, databaseUrl } = options;
    this.#machine = new Machine(
      { redis: redisUrl !== undefined, postgres: databaseUrl !== undefined },
      {
        killWorker: () => this.#children.get('worker')?.crash(),
        restartPostgres: async () => this.#database?.restart(),
        databaseUrl: () => databaseUrl ?? this.#database?.url ?? '',
        tell: (news) => this.#children.get('sandbox')?.tell(news),
      },
    );
  }

  /**
   * Starts everything and returns what to tell the person who typed the command.
   *
   * @throws LauncherError with one line; the caller then calls {@link stop}, which ends what was started
   */
  async start(): Promise<string> {
    const { options } = this;
    await makeHome(options.home);
    await this.#runFile.takeOver();
    const ports = await resolvePorts(options);
    const { key, isNew } = options.adminApiKey
      ? { key: options.adminApiKey, isNew: false }
      : await readAdminApiKey(options.home);
    const sandbox = options.sandbox ? await keepSandboxCredentials(options.home) : undefined;
    const publicBaseUrl = options.publicBaseUrl ?? `http://localhost:${ports.gateway}`;
    const hookSigningSecret = options.hookSigningSecret?.join(',') ?? (await keepHookSecret(options.home));
    const settled: Settled = { options, ports, publicBaseUrl, adminApiKey: key, hookSigningSecret, sandbox };
    this.#starting = this.#startAll(settled);
    await this.#starting;
    const troubles = sandbox ? await configureBusinessNumbers(settled) : [];
    if (isNew) await writeAdminApiKey(options.home, key);
    const { redisUrl } = options;
    const text = banner(settled, {
      postgres: this.#database?.server,
      redisAnswers: redisUrl === undefined ? undefined : await isReachable(redisUrl, REDIS_PORT),
      newAdminApiKey: isNew ? key : undefined,
    });
    return [text, ...troubles].join('\n\n');
  }

  /**
   * Ends everything in order: the gateway takes nothing more, the worker ends what it is sending, and Postgres goes
   * when nobody needs it. Safe to call again.
   */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stopInOrder();
    await this.#stopped;
  }

  /** Ends everything at once: what was accepted is stored, and what was being sent is looked up at the next start. */
  async force(): Promise<void> {
    this.#forced.abort();
    this.killChildren();
    await this.#database?.stop(0);
    await this.stop();
  }

  /** The last resort in an exit handler: nothing asynchronous runs there. */
  killChildren(): void {
    for (const child of this.#children.values()) child.kill();
  }

  async #startAll(settled: Settled): Promise<void> {
    const sandbox = settled.sandbox
      ? this.#child('sandbox', () => sandboxEnvironment(settled)).start()
      : undefined;
    await together([this.#startServices(settled), ...(sandbox ? [sandbox] : [])]);
  }

  async #startServices(settled: Settled): Promise<void> {
    const databaseUrl = await this.#startDatabase();
    this.#refuseWhenStopping();
    const log = new LogFile(join(this.options.home, 'logs', 'migrate.log'));
    await migrate(
      this.#script('migrate'),
      serviceEnvironment(settled, 'migrate', databaseUrl()),
      log,
      this.#forced.signal,
    );
    this.#refuseWhenStopping();
    const start = (name: 'gateway' | 'worker') =>
      this.#child(name, () => serviceEnvironment(settled, name, databaseUrl())).start();
    await together([start('gateway'), start('worker')]);
  }

  async #startDatabase(): Promise<() => string> {
    const { databaseUrl, home } = this.options;
    if (databaseUrl !== undefined) return () => databaseUrl;
    const onMoved = (): void => {
      this.#children.get('gateway')?.restart();
      this.#children.get('worker')?.restart();
    };
    const onRunning = (running: boolean): void => this.#machine.postgresIs(running);
    const database = new Database(home, this.print, onMoved, onRunning);
    this.#database = database;
    await database.start();
    return () => database.url;
  }

  #child(name: Name, environment: ChildOptions['environment']): Child {
    this.#refuseWhenStopping();
    const child = new Child({
      name,
      script: this.#script(name),
      environment,
      log: new LogFile(join(this.options.home, 'logs', `${name}.log`)),
      onProcess: (pid) => this.#runFile.note(name, pid),
      onTrouble: this.print,
      ...this.#machineHooks(name),
    });
    this.#children.set(name, child);
    return child;
  }

  /** The page hears of the worker, and the launcher of what the page wants. */
  #machineHooks(name: Name): Pick<ChildOptions, 'onMessage' | 'onRunning'> {
    if (name === 'worker') return { onRunning: (running) => this.#machine.workerIs(running) };
    if (name !== 'sandbox') return {};
    return {
      onMessage: (message) => this.#machine.hear(message),
      onRunning: (running) => running && this.#machine.introduce(),
    };
  }

  #script(name: Name | 'migrate'): string {
    return join(this.options.root, 'dist', 'apps', name, 'src', 'main.js');
  }

  #refuseWhenStopping(): void {
    if (this.#stopped) throw new LauncherError('Stopped while starting.');
  }

  async #stopInOrder(): Promise<void> {
    await this.#machine.stop();
    await this.#children.get('gateway')?.stop(STOP_LIMIT_MS);
    await this.#children.get('worker')?.stop(STOP_LIMIT_MS);
    await this.#children.get('sandbox')?.stop(SANDBOX_STOP_LIMIT_MS);
    // What was still starting (initdb, a migration) fails or ends by itself, and then Postgres can go.
    await this.#starting.catch(() => undefined);
    await this.#database?.stop();
    await this.#runFile.remove();
  }
}

/** Waits for all, also when one fails, so that nothing goes on starting behind the back of a stop. */
async function together(parts: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(parts);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
