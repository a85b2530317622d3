import { createMasker } from '../logging/masker.js';
import type { ConfigurationByRole } from './configuration.js';
import { ConfigurationError, readConfiguration, secretValues } from './read-configuration.js';
import type { Role } from './variable.js';

/**
 * The last line of every program's `main.ts`: reads the configuration and runs `main` with it. What goes wrong is
 * printed to stderr, a configuration error as its one line, and ends the process with 1.
 */
export async function runMain<R extends Role>(
  role: R,
  main: (configuration: ConfigurationByRole[R]) => Promise<void>,
): Promise<void> {
  let mask = createMasker([]);
  const end = (error: unknown): never => {
    process.stderr.write(`${error instanceof ConfigurationError ? error.message : mask(textOf(error))}\n`);
    process.exit(1);
  };
  // Node would print these with everything that hangs on the error: request bodies, credentials.
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
  try {
    const configuration = readConfiguration(role);
    mask = createMasker(secretValues(configuration));
    await main(configuration);
  } catch (error) {
    end(error);
  }
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${textOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
