import type { Direction, LaneDrain, WakeUp } from '#core';
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
  /** Lanes drained in-process at once, per direction. */
  lanesAtOnce: number;
}

/** The lanes of one direction that are drained in this process. */
interface Line {
  waiting: Set<string>;
  running: Map<string, Promise<void>>;
}

function newLine(): Line {
  return { waiting: new Set(), running: new Map() };
}

/**
 * Finds lanes with work that nobody works on: their wake-up was lost, or their worker died. While the queue takes no
 * wake-ups it drains them in this process, with the same code and limits, so that the queue can vanish.
 */
export class Sweeper {
  private readonly lines: Record<Direction, Line> = { inbound: newLine(), outbound: newLine() };

  constructor(private readonly options: SweeperOptions) {}

  async sweep(): Promise<void> {
    const { upkeep, wakeUps, metrics } = this.options;
    const due = await upkeep.dueLanes(MAX_LANES);
    metrics.lanesWaiting.reset();
    for (const { direction } of due) metrics.lanesWaiting.inc({ direction });
    metrics.lanesSwept.inc(due.length);
    if (wakeUps.failing()) this.drainHere(due);
    else wakeUps.wake(due);
    wakeUps.wake(await upkeep.sweepParked());
    wakeUps.wake(await upkeep.releaseConfigured());
    wakeUps.wake(await upkeep.openMergedWindows());
  }

  /** What waits, as figures; reads the whole backlog, so it comes less often than a sweep. */
  async measure(): Promise<void> {
    const { upkeep, metrics } = this.options;
    const { items, blocked } = await upkeep.backlog();
    metrics.itemsWaiting.reset();
    for (const { state, n } of items) metrics.itemsWaiting.set({ state }, n);
    metrics.lanesBlocked.reset();
    for (const { direction, reason, n } of blocked) metrics.lanesBlocked.set({ direction, reason }, n);
  }

  /** Begins no further lane; resolves when none is being drained in this process by the sweeper. */
  async idle(): Promise<void> {
    const lines = [this.lines.inbound, this.lines.outbound];
    // Both at once: while one direction ends, the other must not go on to its next lane.
    for (const line of lines) line.waiting.clear();
    await Promise.allSettled(lines.flatMap((line) => [...line.running.values()]));
  }

  /**
   * Begins to drain lanes in this process and does not wait for them: the next sweep must come, and the lanes of one
   * direction must not wait for a slow provider of the other.
   */
  private drainHere(due: WakeUp[]): void {
    for (const { laneId, direction } of due) {
      const { waiting, running } = this.lines[direction];
      if (!running.has(laneId)) waiting.add(laneId);
    }
    this.advance(this.lines.inbound);
    this.advance(this.lines.outbound);
  }

  private advance(line: Line): void {
    const { drain, lanesAtOnce } = this.options;
    for (const laneId of line.waiting) {
      if (line.running.size >= lanesAtOnce) return;
      line.waiting.delete(laneId);
      const run = drain
        .drain(laneId)
        .catch(() => undefined)
        .finally(() => {
          line.running.delete(laneId);
          this.advance(line);
        });
      line.running.set(laneId, run);
    }
  }
}
