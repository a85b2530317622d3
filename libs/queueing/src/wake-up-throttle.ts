interface Entry<T> {
  nextAt: number;
  trailing: T | undefined;
}

/**
 * Lets a key through at once, then at most once per interval, with a trailing one when more came in between: the
 * last request is never swallowed, it is only a little late. Time is given by the caller (monotonic milliseconds).
 *
 * All intervals are equal, so the map's order of insertion is the order of their ends: purging only looks at its head.
 */
export class WakeUpThrottle<T> {
  private readonly entries = new Map<string, Entry<T>>();

  /** With `capacity` keys at hand further ones pass unthrottled: more wake-ups than needed, never fewer. */
  constructor(
    private readonly intervalMs: number,
    private readonly capacity: number,
  ) {}

  /** Whether to go ahead now; if not, `trailing` (when given) comes out of {@link takeDue} at the interval's end. */
  admit(key: string, nowMs: number, trailing?: T): boolean {
    const entry = this.entries.get(key);
    if (entry && nowMs < entry.nextAt) {
      entry.trailing ??= trailing;
      return false;
    }
    this.entries.delete(key);
    if (this.entries.size < this.capacity) this.open(key, nowMs);
    return true;
  }

  /** The trailing ones whose interval has ended, each opening the next interval; forgets keys that are quiet. */
  takeDue(nowMs: number): T[] {
    const due: T[] = [];
    for (const [key, entry] of this.entries) {
      if (entry.nextAt > nowMs) break;
      this.entries.delete(key);
      if (entry.trailing === undefined) continue;
      due.push(entry.trailing);
      this.open(key, nowMs);
    }
    return due;
  }

  /** When {@link takeDue} has something to do next; undefined when nothing is kept. */
  get nextAt(): number | undefined {
    for (const entry of this.entries.values()) return entry.nextAt;
    return undefined;
  }

  get size(): number {
    return this.entries.size;
  }

  private open(key: string, nowMs: number): void {
    this.entries.set(key, { nextAt: nowMs + this.intervalMs, trailing: undefined });
  }
}
