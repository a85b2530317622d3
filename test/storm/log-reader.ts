/** Reads an append-only log on, from where it stopped last. */
export class LogReader<T> {
  #next = 0;

  constructor(
    private readonly log: () => readonly T[],
    private readonly handle: (entry: T) => unknown,
  ) {}

  read(): void {
    const log = this.log();
    for (; this.#next < log.length; this.#next += 1) {
      const entry = log[this.#next];
      if (entry !== undefined) this.handle(entry);
    }
  }
}
