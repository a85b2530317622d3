/** An entry of an append-only log: `index` counts from 1 without gaps, `at` is an ISO 8601 instant. */
export type Logged<T extends object> = T & { index: number; at: string };

/** What a simulator accepted or sent, in order. Entries are never changed or removed, except all of them by a reset. */
export class AppendLog<T extends object> {
  readonly #entries: Logged<T>[] = [];

  get items(): readonly Logged<T>[] {
    return this.#entries;
  }

  append(entry: T): Logged<T> {
    const logged = { index: this.#entries.length + 1, at: new Date().toISOString(), ...entry };
    this.#entries.push(logged);
    return logged;
  }

  after(index: number): Logged<T>[] {
    return this.#entries.slice(index);
  }

  clear(): void {
    this.#entries.length = 0;
  }
}
