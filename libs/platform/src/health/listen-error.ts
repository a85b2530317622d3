import { ConfigurationError } from '../config/read-configuration.js';

const REASONS: Readonly<Record<string, readonly ['PORT' | 'HOST', string]>> = {
  EADDRINUSE: ['PORT', 'a free port, but something else listens on it'],
  EACCES: ['PORT', 'a port this user may listen on'],
  EADDRNOTAVAIL: ['HOST', "one of this machine's addresses"],
  ENOTFOUND: ['HOST', 'a name or address of this machine'],
};

/** The error of a failed `listen` as one line that names the variable to change; any other error as it is. */
export function listenError(error: unknown, at: { host: string; port: number }): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [variable, shouldBe] = REASONS[code] ?? [];
  if (!variable) return error;
  return new ConfigurationError(variable, `${variable} must be ${shouldBe}: ${at.host}:${at.port}.`);
}
