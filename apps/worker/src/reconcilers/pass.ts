import { DeliveryError } from '#core';

export interface PassLimits {
  /** After this no further item is begun, milliseconds. */
  maxMs: number;
  /** Items worked on at once. */
  atOnce: number;
}

/** Failures in a row after which the provider is left alone until the next pass. */
const MAX_FAILURES_IN_A_ROW = 3;

/** One bounded pass over many items. A provider that fails ends it politely: what is left comes with the next one. */
export class Pass {
  private readonly endsAt: number;
  private failuresInARow = 0;
  private ended = false;
  /** Items that did not succeed. */
  failures = 0;

  constructor(
    private readonly limits: PassLimits,
    private readonly isStopped: () => boolean,
  ) {
    this.endsAt = performance.now() + limits.maxMs;
  }

  /** True once nothing more should be begun. */
  isOver(): boolean {
    return this.ended || this.isStopped() || performance.now() > this.endsAt;
  }

  async each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const waiting = [...items];
    const lines = Array.from({ length: Math.min(this.limits.atOnce, items.length) }, async () => {
      for (let item = waiting.shift(); item !== undefined && !this.isOver(); item = waiting.shift()) {
        await this.one(item, work);
      }
    });
    const ends = await Promise.allSettled(lines);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  private async one<T>(item: T, work: (item: T) => Promise<void>): Promise<void> {
    try {
      await work(item);
      this.failuresInARow = 0;
    } catch (error) {
      this.failures += 1;
      this.failuresInARow += 1;
      const limited = error instanceof DeliveryError && isAboutEverything(error);
      if (limited || this.failuresInARow >= MAX_FAILURES_IN_A_ROW) this.ended = true;
      if (error instanceof DeliveryError) return;
      this.ended = true;
      throw error;
    }
  }
}

/** What one call was told holds for the next one, too. */
function isAboutEverything({ kind, httpStatus, retryAfterMs }: DeliveryError): boolean {
  return kind === 'credentials' || httpStatus === 429 || retryAfterMs !== undefined;
}
