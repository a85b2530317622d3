import type { Step } from './delivery.js';
import type { ClaimedLane, LaneStore } from './lane-store.js';

/** Messages of one direction whose files one worker moves at once; further ones wait without a slot for their lane. */
const MAX_AT_ONCE = 8;
const BUSY_WAIT_MS = 500;

/** Keeps slow files from taking every lane's slot: what has none goes on beside them. */
export class FileSlots {
  private taken = 0;

  constructor(private readonly store: LaneStore) {}

  async hold<T>(lane: ClaimedLane, work: () => Promise<T>): Promise<T | Step> {
    if (this.taken >= MAX_AT_ONCE) {
      return (await this.store.wait(lane.lease, BUSY_WAIT_MS, 'back-off')) ? 'stop' : 'lost';
    }
    this.taken += 1;
    try {
      return await work();
    } finally {
      this.taken -= 1;
    }
  }
}
