import { closeSync, copyFileSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';

const LIMIT_BYTES = 20_000_000;
const CHECK_INTERVAL_MS = 30_000;

/** A child's log. The child writes to the file itself: a pipe through us would break when we are killed. */
export class LogFile {
  #startedAt = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(readonly path: string) {
    this.#timer = setInterval(() => this.#trim(), CHECK_INTERVAL_MS).unref();
  }

  /** Opens the file for one run of the child; the caller closes the descriptor once the child has it. */
  open(): { descriptor: number; close: () => void } {
    this.#trim();
    const descriptor = openSync(this.path, 'a', 0o600);
    this.#startedAt = statSync(this.path).size;
    return { descriptor, close: () => closeSync(descriptor) };
  }

  /** Why this run ended, in its own words: a thrown error's first line, else the last line of plain text. */
  lastWords(): string | undefined {
    try {
      const text = readFileSync(this.path).subarray(this.#startedAt).toString();
      const lines = text.split('\n').map((line) => line.trim());
      const plain = lines.filter((line) => line !== '' && !line.startsWith('{'));
      return plain.find((line) => /^\w*Error\b.*:/.test(line)) ?? plain.at(-1);
    } catch {
      return undefined;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Copied and cut rather than renamed: the child appends to the same open file for as long as it lives. */
  #trim(): void {
    try {
      if (statSync(this.path).size < LIMIT_BYTES) return;
      copyFileSync(this.path, `${this.path}.1`);
      truncateSync(this.path);
      this.#startedAt = 0;
    } catch {
      // No file yet, or a full disk: nothing to do about it here.
    }
  }
}
