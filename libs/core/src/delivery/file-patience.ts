import type { ClaimedLane, LaneHead } from './lane-store.js';

/** For so long, and for so many tries in a row that failed, a message waits for a file; then it goes on without it. */
export const FILE_PATIENCE_MS = 600_000;
const FILE_TRIES = 5;

/**
 * Whether a file that has just failed again is given up. Age alone says nothing: after an outage the first try that fails may
 * be the first that was made.
 */
export function isPatienceOver({ failures }: ClaimedLane, { ageMs }: LaneHead): boolean {
  return ageMs >= FILE_PATIENCE_MS && failures >= FILE_TRIES;
}
