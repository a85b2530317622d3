import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { PROJECT } from './project.js';

const START_TIMEOUT_MS = 60_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** What Node is told to run, and where. */
export interface Program {
  args: string[];
  cwd: string;
}

/** One of our programs as a process of its own, from the build unless it is told otherwise. */
export class Service {
  /** Everything that any process of it has written, line by line. */
  readonly lines: string[] = [];
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: 0, signal: null });
  #port = 0;

  constructor(
    readonly name: 'gateway' | 'worker' | 'migrate',
    readonly environment: Readonly<Record<string, string>>,
    private readonly program: Program = built(name),
  ) {}

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How the current process ended; resolves when it has. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** Resolves when it says that it does its work; `extra` is for this process only. */
  async start(extra: Record<string, string> = {}): Promise<void> {
    const child = this.#spawn(extra);
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.name} was not ready in time`)),
        START_TIMEOUT_MS,
      );
      child.on('message', (message) => {
        const { type, port } = message as { type?: string; port?: number };
        if (type !== 'ready') return;
        this.#port = port ?? 0;
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`${this.name} ended with ${code ?? signal}: ${this.lines.slice(-5).join('\n')}`));
      });
    });
    await ready;
  }

  /** Runs it to its end, which must be a good one. */
  async run(): Promise<void> {
    this.#spawn({});
    const { code } = await this.#exited;
    if (code !== 0) throw new Error(`${this.name} ended with ${code}: ${this.lines.join('\n')}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    if (!this.running) return;
    this.signal('SIGKILL');
    await this.#exited;
  }

  /** SIGTERM, and SIGKILL if it has not ended within `timeoutMs`. */
  async stop(timeoutMs = 15_000): Promise<Exit> {
    if (!this.running) return this.#exited;
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    const exit = await this.#exited;
    clearTimeout(timer);
    return exit;
  }

  #spawn(extra: Record<string, string>): ChildProcess {
    // With a channel to us the process ends itself when we are gone.
    const child = spawn(process.execPath, this.program.args, {
      cwd: this.program.cwd,
      env: { PATH: '/usr/bin:/bin', ...compileCache(), ...this.environment, ...extra },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    const flowed = [child.stdout, child.stderr].map((stream) => this.#collect(stream));
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => void Promise.all(flowed).then(() => resolve({ code, signal })));
    });
    return child;
  }

  #collect(stream: Readable | null): Promise<void> {
    if (!stream) return Promise.resolve();
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
    });
    return new Promise((resolve) => {
      stream.once('close', () => {
        if (rest !== '') this.lines.push(rest);
        resolve();
      });
    });
  }
}

function built(name: string): Program {
  const file = join(PROJECT, 'dist', 'apps', name, 'src', 'main.js');
  if (!existsSync(file)) throw new Error(`dist/apps/${name} is missing: run \`npm run build\` first.`);
  return { args: [file], cwd: PROJECT };
}

/** Node keeps compiled code there from one start to the next. */
function compileCache(): Record<string, string> {
  const directory = process.env['TEST_TEMPORARY_DIR'];
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: join(directory, 'compile-cache') };
}
