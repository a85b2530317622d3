import { resolve } from 'node:path';
import { ConfigurationError } from '#platform';
import { readyLine } from './banner.js';
import { LauncherError } from './failure.js';
import { Launcher } from './launcher.js';
import { readOptions, type LauncherOptions } from './options.js';

/** npm passes Ctrl-C on to us though the terminal has sent it already; only a later one is a second Ctrl-C. */
const SAME_SIGNAL_MS = 500;
const PARENT_CHECK_MS = 200;

// `npm start | head` closes our output; that is no reason to fall.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

await main();

async function main(): Promise<void> {
  const options = readOwnOptions();
  if (!options) return;
  const launcher = new Launcher(options, print);
  process.once('exit', () => launcher.killChildren());
  const signal = onSignals(launcher);
  if (process.env['npm_lifecycle_event'] !== undefined) {
    watchParent(() => signal.at === undefined && signal.handle());
  }
  try {
    const text = await launcher.start();
    if (signal.at !== undefined) return;
    print(`\n${text}\n`);
    // Counted from the birth of this process, Node's own start included.
    print(readyLine(performance.now()));
  } catch (error) {
    if (signal.at !== undefined) return;
    fail(error);
    await launcher.stop();
    process.exit(1);
  }
}

function readOwnOptions(): LauncherOptions | undefined {
  try {
    return readOptions(process.env, resolve(import.meta.dirname, '../../../..'));
  } catch (error) {
    fail(error);
    process.exitCode = 1;
    return undefined;
  }
}

interface SignalState {
  /** When the first signal came. */
  at: number | undefined;
  handle: () => void;
}

/** The first signal ends everything in order, a second one at once. */
function onSignals(launcher: Launcher): SignalState {
  const state: SignalState = {
    at: undefined,
    handle: () => {
      if (state.at === undefined) {
        state.at = performance.now();
        print('\nEnding everything in order; Ctrl-C again ends it at once.');
        void end(launcher.stop());
      } else if (performance.now() - state.at > SAME_SIGNAL_MS) {
        void end(launcher.force());
      }
    },
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, state.handle);
  return state;
}

/** SIGTERM to npm ends npm and the shell between us and reaches nobody else: then we are done, too. */
function watchParent(onGone: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, PARENT_CHECK_MS).unref();
}

async function end(ending: Promise<void>): Promise<void> {
  try {
    await ending;
    process.exit(0);
  } catch (error) {
    fail(error);
    process.exit(1);
  }
}

function print(line: string): void {
  console.log(line);
}

/** What we foresaw is one line; anything else is a bug and shows where. */
function fail(error: unknown): void {
  const foreseen = error instanceof LauncherError || error instanceof ConfigurationError;
  console.error(foreseen ? error.message : error);
}
