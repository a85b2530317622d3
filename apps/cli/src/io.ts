/** What a command has of the world. */
export interface Io {
  environment: Readonly<Record<string, string | undefined>>;
  /** The project, in which `.causeway` lies by default. */
  root: string;
  out: (line: string) => void;
  error: (line: string) => void;
  colours: boolean;
}

/** `difference`: everything worked, and something is not as it should be. */
export const EXIT = { done: 0, failed: 1, difference: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a person can do something about, in one line. */
export class CliError extends Error {}
