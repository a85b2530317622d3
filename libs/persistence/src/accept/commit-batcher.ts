import { CannotStoreError, type AcceptResult } from '#core';

/** One thing to commit. */
export interface BatchItem {
  /** Identity for ever; equal keys in one batch are committed once. */
  key: string;
  /** What must not be reordered and what locks together: items of one lane stay in one transaction. */
  lane: string;
  /** Tells two bodies under one key apart, where that is an alarm. */
  bodyDigest?: string;
}

export interface CommitBatcherOptions<T extends BatchItem> {
  /**
   * Commits all or nothing, in one transaction; answers one result per item, in order. `apart` says that this is
   * outside the two batch slots, so that it takes no connection from them.
   */
  commit: (items: T[], apart: boolean) => Promise<AcceptResult[]>;
  maxBatch?: number;
  maxInFlight?: number;
  maxQueued?: number;
  /** From submit to answer, milliseconds. */
  deadlineMs?: number;
  /** How long a lane that timed out on a lock stays out of the common batches, milliseconds. */
  slowLaneMs?: number;
  onBatch?: (size: number, seconds: number) => void;
}

interface Waiting<T> {
  item: T;
  settled: boolean;
  timer: NodeJS.Timeout;
  resolve: (result: AcceptResult) => void;
  reject: (error: Error) => void;
}

type Trouble = 'bad-row' | 'lock' | 'other';

const SPLITS_AT_ONCE = 4;
/** A batch costs Postgres about as much as ten more rows in another one: with fewer waiting, a second one waits, too… */
const WORTH_A_SECOND_BATCH = 16;
/** …unless the first is held up: strangers do not wait for its locks. Milliseconds. */
const HELD_UP_MS = 10;
const SLOW_LANES_KEPT = 1_000;

/**
 * Concurrent commits go together: what arrives while a commit is under way forms the next batch. Nothing waits when
 * idle, and at most two batches are in flight, never both with items of one lane: the smaller one would overtake. When a
 * batch fails over one of its rows or a lock, it is split into one
 * transaction per lane, so that strangers do not suffer; a lane that timed out on a lock stays apart for a while.
 */
export class CommitBatcher<T extends BatchItem> {
  private queue: Waiting<T>[] = [];
  private inFlight = 0;
  private scheduled = false;
  private heldUpTimer: NodeJS.Timeout | undefined;
  private lastStartedAt = 0;
  private readonly slowLanes = new Map<string, number>();
  private readonly apart = new Map<string, Waiting<T>[]>();
  /** Lanes with items in a batch under way, or split from one and not yet begun. */
  private readonly busyLanes = new Set<string>();
  private readonly maxBatch: number;
  private readonly maxInFlight: number;
  private readonly maxQueued: number;
  private readonly deadlineMs: number;
  private readonly slowLaneMs: number;

  constructor(private readonly options: CommitBatcherOptions<T>) {
    this.maxBatch = options.maxBatch ?? 256;
    this.maxInFlight = options.maxInFlight ?? 2;
    this.maxQueued = options.maxQueued ?? 20_000;
    this.deadlineMs = options.deadlineMs ?? 3_000;
    this.slowLaneMs = options.slowLaneMs ?? 5_000;
  }

  /** Resolves after the commit. Rejects with CannotStoreError at the deadline, or at once when storage is away. */
  submit(item: T): Promise<AcceptResult> {
    if (this.queue.length >= this.maxQueued) return Promise.reject(new CannotStoreError());
    return new Promise((resolve, reject) => {
      const waiting: Waiting<T> = {
        item,
        settled: false,
        timer: setTimeout(() => this.fail(waiting, new CannotStoreError()), this.deadlineMs),
        resolve,
        reject,
      };
      if (this.apart.has(item.lane) || (this.isSlow(item.lane) && !this.busyLanes.has(item.lane))) {
        void this.commitApart(item.lane, [...this.takeQueued(item.lane), waiting]);
        return;
      }
      this.queue.push(waiting);
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || !this.mayStart()) return;
    this.scheduled = true;
    // Everything that this turn of the event loop brings shares the first batch.
    setImmediate(() => {
      this.scheduled = false;
      while (this.mayStart()) {
        const batch = this.takeBatch();
        if (batch.length === 0) return;
        void this.commitBatch(batch);
      }
    });
  }

  private mayStart(): boolean {
    if (this.inFlight === 0) return true;
    if (this.inFlight >= this.maxInFlight) return false;
    if (this.queue.length >= WORTH_A_SECOND_BATCH) return true;
    const heldUpInMs = this.lastStartedAt + HELD_UP_MS - performance.now();
    if (heldUpInMs <= 0) return true;
    this.heldUpTimer ??= setTimeout(() => {
      this.heldUpTimer = undefined;
      this.schedule();
    }, Math.ceil(heldUpInMs));
    return false;
  }

  /** What waits in the common queue for a lane that stands apart, so that nothing passes it. */
  private takeQueued(lane: string): Waiting<T>[] {
    const same = this.queue.filter((waiting) => waiting.item.lane === lane);
    if (same.length > 0) this.queue = this.queue.filter((waiting) => waiting.item.lane !== lane);
    return same;
  }

  /** The longest waiting items whose lanes are free, in order; what belongs to a lane that stands apart joins it. */
  private takeBatch(): Waiting<T>[] {
    const batch: Waiting<T>[] = [];
    const rest: Waiting<T>[] = [];
    const leftBehind = new Set<string>();
    for (const waiting of this.queue) {
      const { lane } = waiting.item;
      if (waiting.settled) continue;
      if (this.apart.has(lane)) {
        this.apart.get(lane)?.push(waiting);
        continue;
      }
      if (batch.length < this.maxBatch && !this.busyLanes.has(lane) && !leftBehind.has(lane)) {
        batch.push(waiting);
      } else {
        rest.push(waiting);
        leftBehind.add(lane);
      }
    }
    this.queue = rest;
    for (const waiting of batch) this.busyLanes.add(waiting.item.lane);
    return batch;
  }

  private async commitBatch(batch: Waiting<T>[]): Promise<void> {
    this.inFlight += 1;
    const startedAt = performance.now();
    this.lastStartedAt = startedAt;
    let split = false;
    try {
      split = (await this.tryCommit(batch, false)) !== 'none';
    } finally {
      this.inFlight -= 1;
      if (!split) for (const waiting of batch) this.busyLanes.delete(waiting.item.lane);
      this.options.onBatch?.(batch.length, (performance.now() - startedAt) / 1000);
      this.schedule();
    }
    // Outside the slot: the next batch does not wait for the one bad row of this one.
    if (split) await this.commitByLane(batch);
  }

  private async commitByLane(batch: Waiting<T>[]): Promise<void> {
    const lanes = [...Map.groupBy(batch, (waiting) => waiting.item.lane)];
    const workers = Array.from({ length: Math.min(SPLITS_AT_ONCE, lanes.length) }, async () => {
      for (let next = lanes.shift(); next; next = lanes.shift()) {
        const done = this.commitApart(next[0], next[1]);
        this.busyLanes.delete(next[0]);
        this.schedule();
        await done;
      }
    });
    await Promise.all(workers);
  }

  /** One transaction at a time for a lane that stands apart; what comes meanwhile joins the next one, in order. */
  private async commitApart(lane: string, items: Waiting<T>[]): Promise<void> {
    const running = this.apart.get(lane);
    if (running) {
      running.push(...items);
      return;
    }
    const line = [...items];
    this.apart.set(lane, line);
    try {
      while (line.length > 0) await this.commitLine(lane, line.splice(0, this.maxBatch));
    } finally {
      this.apart.delete(lane);
    }
  }

  /** Again and again until everything is in, refused, or past its deadline. */
  private async commitLine(lane: string, items: Waiting<T>[]): Promise<void> {
    for (;;) {
      const open = items.filter((waiting) => !waiting.settled);
      const first = open[0];
      if (!first) return;
      const trouble = await this.tryCommit(open, true);
      if (trouble === 'none') return;
      if (trouble === 'lock') {
        this.markSlow(lane);
      } else if (open.length === 1) {
        this.settle(first, 'invalid');
      } else {
        for (const waiting of open) await this.commitLine(lane, [waiting]);
        return;
      }
    }
  }

  /** Commits in one transaction and settles everybody, unless a row or a lock was the trouble. */
  private async tryCommit(batch: Waiting<T>[], apart: boolean): Promise<'none' | 'bad-row' | 'lock'> {
    const { leaders, followers } = collapse(batch);
    try {
      const results = await this.options.commit(
        leaders.map((waiting) => waiting.item),
        apart,
      );
      leaders.forEach((waiting, index) => this.settle(waiting, results[index] ?? 'invalid'));
      for (const { waiting, leader } of followers) {
        this.settle(waiting, waiting.item.bodyDigest === leader.item.bodyDigest ? 'duplicate' : 'conflict');
      }
      return 'none';
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble !== 'other') return trouble;
      for (const waiting of batch) this.fail(waiting, new CannotStoreError(error));
      return 'none';
    }
  }

  private markSlow(lane: string): void {
    const now = performance.now();
    if (this.slowLanes.size >= SLOW_LANES_KEPT) {
      for (const [key, until] of this.slowLanes) if (until <= now) this.slowLanes.delete(key);
    }
    this.slowLanes.set(lane, now + this.slowLaneMs);
  }

  private isSlow(lane: string): boolean {
    const until = this.slowLanes.get(lane);
    if (until === undefined) return false;
    if (until > performance.now()) return true;
    this.slowLanes.delete(lane);
    return false;
  }

  private settle(waiting: Waiting<T>, result: AcceptResult): void {
    if (waiting.settled) return;
    waiting.settled = true;
    clearTimeout(waiting.timer);
    waiting.resolve(result);
  }

  private fail(waiting: Waiting<T>, error: Error): void {
    if (waiting.settled) return;
    waiting.settled = true;
    clearTimeout(waiting.timer);
    waiting.reject(error);
  }
}

function collapse<T extends BatchItem>(
  batch: Waiting<T>[],
): { leaders: Waiting<T>[]; followers: { waiting: Waiting<T>; leader: Waiting<T> }[] } {
  const byKey = new Map<string, Waiting<T>>();
  const followers: { waiting: Waiting<T>; leader: Waiting<T> }[] = [];
  for (const waiting of batch) {
    const leader = byKey.get(waiting.item.key);
    if (leader) followers.push({ waiting, leader });
    else byKey.set(waiting.item.key, waiting);
  }
  return { leaders: [...byKey.values()], followers };
}

/**
 * Class 22 (data), 23 (integrity), 54 (too large, for an index above all), 40P01 (deadlock), 55P03 (lock not available):
 * one row's trouble, not storage's.
 */
function troubleOf(error: unknown): Trouble {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '40P01' || code === '55P03') return 'lock';
  return /^(2[23]|54)/.test(code) ? 'bad-row' : 'other';
}
