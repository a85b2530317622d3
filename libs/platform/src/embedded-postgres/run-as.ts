import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { errorCode } from './errors.js';
import type { SystemUser } from './system-user.js';

/** A started program: `failed` resolves with a reason when it could not be started at all. */
export interface Started {
  child: ChildProcess | undefined;
  /** Resolves once, when the program has ended or could not be started. Never rejects. */
  ended: Promise<Ended>;
}

export type Ended =
  | { kind: 'exited'; code: number | null; signal: NodeJS.Signals | null }
  | { kind: 'not-started'; reason: string };

/**
 * Starts a program, as another user when `user` is given. Never throws and never lets an `error` event go
 * unheard: Node throws some spawn failures and emits others, and an unheard one ends the whole process.
 */
export function startProgram(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
  user: SystemUser | undefined,
): Started {
  const identity = user ? { uid: user.uid, gid: user.gid } : {};
  let child: ChildProcess;
  try {
    child = spawn(file, args, { ...options, ...identity, env: environment() });
  } catch (error) {
    return { child: undefined, ended: Promise.resolve(notStarted(file, error)) };
  }
  const ended = new Promise<Ended>((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(notStarted(file, error));
    });
    child.once('exit', (code, signal) => resolve({ kind: 'exited', code, signal }));
  });
  return { child: child.pid === undefined ? undefined : child, ended };
}

/** Runs a program to its end and returns its exit code with everything it wrote. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: { cwd: string; timeoutMs: number },
  user: SystemUser | undefined,
): Promise<{ ended: Ended; output: string }> {
  const { child, ended } = startProgram(
    file,
    args,
    { cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] },
    user,
  );
  let output = '';
  for (const stream of [child?.stdout, child?.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => (output = (output + chunk).slice(-20_000)));
  }
  const timer = setTimeout(() => child?.kill('SIGKILL'), options.timeoutMs);
  try {
    return { ended: await ended, output };
  } finally {
    clearTimeout(timer);
  }
}

/** Only what Postgres needs: the caller's PGDATA, PGPORT, PGUSER or locale must not steer our cluster. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', LANG: 'C' };
}

function notStarted(file: string, error: unknown): Ended {
  return { kind: 'not-started', reason: `${errorCode(error) ?? 'error'} on starting ${file}` };
}
