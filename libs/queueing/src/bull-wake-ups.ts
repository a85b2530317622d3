import { WakeUps, type Direction, type WakeUp } from '#core';
import type { OnApplicationShutdown } from '@nestjs/common';
import { bounded } from './bounded.js';
import { ErrorLog } from './error-log.js';
import { directions } from './queue-names.js';
import type { QueueObserver } from './queue-observer.js';
import { WakeUpFeeder, type FedQueue, type QueuedWakeUp } from './wake-up-feeder.js';
import { WakeUpThrottle } from './wake-up-throttle.js';

const INTERVAL_MS = 200;
/** Trailing wake-ups come so late at most, together: else each text would be followed by a timer of its own. */
const TRAILING_GRID_MS = 20;
/** A lane that nobody has claimed since its last wake-up needs no other, unless that was lost: so often it gets one. */
const UNCLAIMED_INTERVAL_MS = 2_000;
const MAX_LANES = 50_000;
const CLOSE_TIMEOUT_MS = 1_000;
/** Later than this nobody asks for; beyond 2^31 timers and scores would misbehave. */
const MAX_DELAY_MS = 24 * 3_600_000;

interface Request {
  direction: Direction;
  laneId: string;
}

/** What stands behind the wake-ups; `close` ends the connections of both queues. */
export interface WakeUpQueues extends Record<Direction, FedQueue> {
  close(): Promise<void>;
}

const log = new ErrorLog('WakeUps');

/** Wake-ups as BullMQ jobs. No deduplication and no job ids: both were measured to lose wake-ups. */
export class BullWakeUps extends WakeUps implements OnApplicationShutdown {
  private readonly throttle = new WakeUpThrottle<Request>(INTERVAL_MS, MAX_LANES);
  /** By lane and fence. */
  private readonly unclaimed = new WakeUpThrottle<never>(UNCLAIMED_INTERVAL_MS, MAX_LANES);
  private readonly feeders: Record<Direction, WakeUpFeeder>;
  private timer: NodeJS.Timeout | undefined;
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly queues: WakeUpQueues,
    private readonly observer: QueueObserver = {},
  ) {
    super();
    this.feeders = {
      inbound: new WakeUpFeeder(queues.inbound, 'inbound', observer),
      outbound: new WakeUpFeeder(queues.outbound, 'outbound', observer),
    };
  }

  override wake(wakeUps: WakeUp[]): void {
    const now = performance.now();
    // Nothing trails here: this only forgets what is past.
    this.unclaimed.takeDue(now);
    for (const { laneId, direction, delayMs = 0, fence } of wakeUps) {
      if (delayMs > 0) this.wakeLater(laneId, direction, delayMs, now);
      else this.wakeNow(laneId, direction, now, fence);
    }
    this.arm();
  }

  /** True while wake-ups of either direction cannot be queued: then the sweeper drains in-process. */
  failing(): boolean {
    return directions.some((direction) => this.feeders[direction].failing);
  }

  /** Sends what is due, then closes the queues; two seconds at most, harmless when called again. */
  stop(): Promise<void> {
    this.stopping ??= this.close();
    return this.stopping;
  }

  /** A net for applications that end without calling {@link stop}. */
  onApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  private wakeNow(laneId: string, direction: Direction, now: number, fence: string | undefined): void {
    const request = { laneId, direction };
    const isServed = this.isWaiting(laneId, direction, now, fence);
    if (!isServed && this.throttle.admit(`${direction}:${laneId}`, now, request)) this.send(request, 0);
    else this.observer.wakeUps?.('coalesced', direction, 1);
  }

  /** Whether the lane's last wake-up will serve this, too. What could not be queued serves nobody. */
  private isWaiting(laneId: string, direction: Direction, now: number, fence: string | undefined): boolean {
    if (fence === undefined || this.feeders[direction].failing) return false;
    return !this.unclaimed.admit(`${laneId}:${fence}`, now);
  }

  /**
   * Due times are rounded up to a grid of 200 ms and one job per lane and grid point is enough, for it comes no
   * earlier than either asked. Different points stay apart: an early one must not swallow a late one, nor the other
   * way round.
   */
  private wakeLater(laneId: string, direction: Direction, delayMs: number, now: number): void {
    const point = Math.ceil((now + Math.min(delayMs, MAX_DELAY_MS)) / INTERVAL_MS);
    if (this.throttle.admit(`${direction}:${laneId}:${point}`, now)) {
      this.send({ laneId, direction }, Math.ceil(point * INTERVAL_MS - now));
    } else {
      this.observer.wakeUps?.('coalesced', direction, 1);
    }
  }

  private send({ direction, laneId }: Request, delayMs: number): void {
    const wakeUp: QueuedWakeUp = { laneId, delayMs };
    this.feeders[direction].offer(wakeUp);
  }

  private arm(): void {
    const { nextAt } = this.throttle;
    if (this.timer !== undefined || nextAt === undefined || this.stopping) return;
    const inMs = Math.max(TRAILING_GRID_MS, Math.ceil(nextAt - performance.now()));
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.sendDue(performance.now());
      this.arm();
    }, inMs).unref();
  }

  private sendDue(now: number): void {
    for (const request of this.throttle.takeDue(now)) this.send(request, 0);
  }

  private async close(): Promise<void> {
    clearTimeout(this.timer);
    // Trailing ones whose time has not come go out now: the next process knows nothing of them.
    this.sendDue(performance.now() + INTERVAL_MS);
    await Promise.all(directions.map((direction) => this.feeders[direction].stop()));
    await bounded(this.queues.close(), CLOSE_TIMEOUT_MS).catch((error: unknown) => {
      log.error('The queues could not be closed in time.', error);
    });
  }
}
