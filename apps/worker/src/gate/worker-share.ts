import { WORKER_GONE_MS, type Beat } from '#persistence';

/** Others hear of a new worker within a beat; until then the part they still use is not its own. */
const NEWCOMER_MS = 1_500;
/** A worker that has not been heard for longer may count as gone: its part may be somebody else's. */
const UNHEARD_MS = WORKER_GONE_MS - 1_000;

/** This worker's part of what all workers may do together. Adds up to the whole over all that live. */
export class WorkerShare {
  private live = 1;
  private rank = 0;
  private joinedMs: number | undefined;
  private heardMs = -Infinity;

  get joined(): boolean {
    return this.joinedMs !== undefined;
  }

  /** `sentMs`: when the beat was sent; its answer is true from then on. */
  heard({ live, rank }: Beat, sentMs: number): void {
    // Alone, or unheard for so long that the others may have done without it: then it joins anew.
    if (this.joinedMs === undefined || sentMs - this.heardMs > UNHEARD_MS) {
      this.joinedMs = live === 1 ? -Infinity : sentMs;
    }
    this.live = live;
    this.rank = rank;
    this.heardMs = sentMs;
  }

  /** Of things that cannot be divided, like calls under way. */
  whole(limit: number, nowMs: number): number {
    if (!this.counts(nowMs)) return 0;
    return Math.floor(limit / this.live) + (this.rank < limit % this.live ? 1 : 0);
  }

  /** Of things that can, like messages per second. */
  fraction(limit: number, nowMs: number): number {
    return this.counts(nowMs) ? limit / this.live : 0;
  }

  private counts(nowMs: number): boolean {
    return (
      this.joinedMs !== undefined &&
      nowMs - this.joinedMs >= NEWCOMER_MS &&
      nowMs - this.heardMs <= UNHEARD_MS
    );
  }
}
