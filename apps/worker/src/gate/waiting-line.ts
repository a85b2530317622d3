/**
 * Spaces out what has to come again, per key: each comes some time after the one before it, so that however many wait, only so
 * many look again per second, and none of them holds anything while it waits.
 */
export class WaitingLine {
  private readonly ends = new Map<string, number>();

  constructor(
    private readonly maxWaitMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** How long the next one waits: until `fromMs` at least, then `spacingMs` after whoever came before. */
  join(key: string, nowMs: number, fromMs: number, spacingMs: number): number {
    if (this.ends.size > 1_000) this.forgetPast(nowMs);
    const first = Math.max(nowMs, fromMs);
    const end = Math.max(first, (this.ends.get(key) ?? 0) + spacingMs);
    if (end - nowMs <= this.maxWaitMs) {
      this.ends.set(key, end);
      return end - nowMs + this.random() * spacingMs;
    }
    // Beyond that nobody is promised a place: they come spread over the time of the whole line.
    return this.maxWaitMs * (0.5 + this.random() / 2);
  }

  /** Whoever comes from now on begins a new line. */
  clear(key: string): void {
    this.ends.delete(key);
  }

  private forgetPast(nowMs: number): void {
    for (const [key, end] of this.ends) if (end <= nowMs) this.ends.delete(key);
  }
}
