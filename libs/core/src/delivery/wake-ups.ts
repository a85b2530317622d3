import type { Direction } from '../content.js';

/** A hint that a lane has work. */
export interface WakeUp {
  laneId: string;
  direction: Direction;
  /** When the lane can be worked on at the earliest, from now. */
  delayMs?: number;
  /**
   * The lane's fence, where the lane had been let go as the work was stored: as long as it stays the same nobody has
   * claimed the lane since, and one wake-up in the queue is enough.
   */
  fence?: string;
}

/** Tells workers of lanes with work. Losing a wake-up costs time, never a message: the sweeper finds the lane. */
export abstract class WakeUps {
  /** Returns at once; never throws, never waits for the queue. */
  abstract wake(wakeUps: WakeUp[]): void;
}
