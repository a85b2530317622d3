import { spawn } from 'node:child_process';
import { LauncherError } from './failure.js';
import type { LogFile } from './log-file.js';

/**
 * Brings the database up to date with the project's own program and waits for it.
 *
 * @throws LauncherError with its last words when it fails
 */
export async function migrate(
  script: string,
  environment: NodeJS.ProcessEnv,
  log: LogFile,
  abort: AbortSignal,
): Promise<void> {
  const output = log.open();
  const child = spawn(process.execPath, [script], {
    env: environment,
    // Its own group: Ctrl-C must not cut a migration in two.
    detached: true,
    signal: abort,
    killSignal: 'SIGKILL',
    stdio: ['ignore', output.descriptor, output.descriptor],
  });
  output.close();
  const how = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)));
  });
  log.stop();
  if (how === undefined) return;
  throw new LauncherError(`The database could not be migrated (${log.lastWords() ?? how}): see ${log.path}.`);
}
