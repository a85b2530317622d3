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

  /** The last line that this run wrote for people: programs say why they stop in plain text, on one line. */
  lastWords(): string | undefined {
    try {
      const lines = readFileSync(this.path).subarray(this.#startedAt).toString().trim().split('\n');
      return lines.map((line) => line.trim()).findLast((line) => line !== '' && !line.startsWith('{'));
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
