export interface CachedReadsOptions {
  /** How long what was read is known again. */
  lifeMs: number;
  /** The same of a read that failed. */
  failureLifeMs: number;
  /** Milliseconds that only go forward. */
  now: () => number;
}

/** Undefined: it could not be read. */
export interface Read<T> {
  value: T | undefined;
  ageMs: number;
}

interface Known<T> {
  value: T | undefined;
  readAt: number;
}

const MAX_KNOWN = 1_000;

/** Reads that are known again for a while. Whoever asks while one is under way shares it. */
export class CachedReads<T> {
  private readonly known = new Map<string, Known<T>>();
  private readonly inFlight = new Map<string, Promise<Known<T>>>();

  constructor(private readonly options: CachedReadsOptions) {}

  /** `read` answers undefined where it failed, and never rejects. */
  async get(key: string, read: () => Promise<T | undefined>): Promise<Read<T>> {
    const { lifeMs, failureLifeMs, now } = this.options;
    const found = this.known.get(key);
    const isFresh = found && now() < found.readAt + (found.value === undefined ? failureLifeMs : lifeMs);
    const { value, readAt } = isFresh ? found : await this.read(key, read);
    return { value, ageMs: now() - readAt };
  }

  private read(key: string, read: () => Promise<T | undefined>): Promise<Known<T>> {
    const running = this.inFlight.get(key);
    if (running) return running;
    // What comes back was so at the earliest when it was asked for.
    const readAt = this.options.now();
    const begun = read()
      .then((value) => this.keep(key, { value, readAt }))
      .finally(() => this.inFlight.delete(key));
    this.inFlight.set(key, begun);
    return begun;
  }

  private keep(key: string, known: Known<T>): Known<T> {
    this.known.delete(key);
    this.known.set(key, known);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MAX_KNOWN) break;
      this.known.delete(oldest);
    }
    return known;
  }
}
