/** The embedded Postgres cannot serve here. `message` is one sentence for the person who typed the command. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/** The operating system's error code (`ENOENT`, …), or undefined when the error carries none. */
export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
