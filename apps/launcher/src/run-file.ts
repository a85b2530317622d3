import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processState, signalProcess } from '#platform';
import { LauncherError } from './failure.js';
import { writePrivate } from './home.js';

interface Run {
  launcher: number;
  children: Record<string, number>;
}

const LEFTOVER_WAIT_MS = 5000;

/** The note in `run.json` of which processes are ours: what the next start needs after a kill -9 of this one. */
export class RunFile {
  readonly #file: string;
  readonly #run: Run = { launcher: process.pid, children: {} };
  #writing: Promise<void> = Promise.resolve();
  #isOurs = false;

  constructor(home: string) {
    this.#file = join(home, 'run.json');
  }

  /**
   * Makes sure that nothing of an earlier start is left. Children leave by themselves when their launcher is gone;
   * one that does not within 5 s is killed: nothing of what it had accepted can be lost by that.
   *
   * @throws LauncherError when that start still runs
   */
  async takeOver(): Promise<void> {
    const earlier = await this.#read();
    if (earlier && earlier.launcher !== process.pid && (await isOurs(earlier.launcher, 'launcher'))) {
      throw new LauncherError(`Causeway already runs here (process ${earlier.launcher}): stop it first.`);
    }
    const children = Object.entries(earlier?.children ?? {});
    await Promise.all(children.map(([name, pid]) => outlive(pid, name)));
    await this.#write();
    this.#isOurs = true;
  }

  /** Never rejects: a full disk must not stop a supervisor from supervising. */
  note(name: string, pid: number | undefined): void {
    if (pid === undefined) delete this.#run.children[name];
    else this.#run.children[name] = pid;
    this.#writing = this.#writing.then(() => this.#write()).catch(() => undefined);
  }

  async remove(): Promise<void> {
    if (!this.#isOurs) return;
    await this.#writing;
    await rm(this.#file, { force: true });
  }

  async #write(): Promise<void> {
    await writePrivate(this.#file, `${JSON.stringify(this.#run)}\n`);
  }

  async #read(): Promise<Run | undefined> {
    try {
      return JSON.parse(await readFile(this.#file, 'utf8')) as Run;
    } catch {
      return undefined;
    }
  }
}

async function outlive(pid: number, name: string): Promise<void> {
  const deadline = Date.now() + LEFTOVER_WAIT_MS;
  while (await isOurs(pid, name)) {
    if (Date.now() > deadline) signalProcess(pid, 'SIGKILL');
    await delay(50);
  }
}

/** Process ids are used again, so the command line must be that of our program, too. */
async function isOurs(pid: number, name: string): Promise<boolean> {
  const { state, command } = await processState(pid);
  return state === 'alive' && command !== undefined && command.includes(join('apps', name, 'src', 'main.js'));
}
