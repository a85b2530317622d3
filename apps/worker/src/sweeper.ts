import type { LaneDrain, WakeUp } from '#core';
import type { Upkeep } from '#persistence';
import type { Metrics } from '#platform';
import type { BullWakeUps } from '#queueing';

/** Lanes looked at in one sweep; the rest comes with the next. */
const MAX_LANES = 1_000;

export interface SweeperOptions {
  upkeep: Upkeep;
  wakeUps: BullWakeUps;
  drain: LaneDrain;
  metrics: Metrics;
  /** Lanes drained in-process at once. */
  lanesAtOnce: number;
}

/**
 * Finds lanes with work that nobody works on: their wake-up was lost, or their worker died. While the queue takes no
 * wake-ups it drains them in this process, with the same code and limits, so that the queue can vanish.
 */
export class Sweeper {
  private readonly draining = new Map<string, Promise<void>>();

  constructor(private readonly options: SweeperOptions) {}

  async sweep(): Promise<void> {
    const { upkeep, wakeUps, metrics } = this.options;
    wakeUps.wake(await upkeep.sweepParked());
    wakeUps.wake(await upkeep.releaseConfigured());
    const due = await upkeep.dueLanes(MAX_LANES);
    await this.measure(due);
    if (due.length === 0) return;
    metrics.lanesSwept.inc(due.length);
    if (!wakeUps.failing()) {
      wakeUps.wake(due);
      return;
    }
    await this.drainHere(due.map((lane) => lane.laneId));
  }

  /** Resolves when no lane is being drained in this process by the sweeper. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.draining.values());
  }

  private async measure(due: WakeUp[]): Promise<void> {
    const { upkeep, metrics } = this.options;
    const { items, blocked } = await upkeep.backlog();
    metrics.lanesWaiting.reset();
    for (const { direction } of due) metrics.lanesWaiting.inc({ direction });
    metrics.itemsWaiting.reset();
    for (const { state, n } of items) metrics.itemsWaiting.set({ state }, n);
    metrics.lanesBlocked.reset();
    for (const { direction, reason, n } of blocked) metrics.lanesBlocked.set({ direction, reason }, n);
  }

  private async drainHere(laneIds: string[]): Promise<void> {
    const { drain, lanesAtOnce } = this.options;
    const waiting = laneIds.filter((laneId) => !this.draining.has(laneId));
    const lines = Array.from({ length: Math.min(lanesAtOnce, waiting.length) }, async () => {
      for (let laneId = waiting.shift(); laneId !== undefined; laneId = waiting.shift()) {
        const run = drain.drain(laneId).catch(() => undefined);
        this.draining.set(laneId, run);
        await run;
        this.draining.delete(laneId);
      }
    });
    await Promise.all(lines);
  }
}
