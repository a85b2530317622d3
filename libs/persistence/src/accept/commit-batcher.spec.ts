import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CannotStoreError, type AcceptResult } from '#core';
import { CommitBatcher, type BatchItem } from './commit-batcher.js';

interface Item extends BatchItem {
  id: number;
  /** What storage says whenever this item is in the transaction. */
  trouble?: 'bad' | 'away';
}

class SqlError extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A storage in memory: all or nothing, keys for ever, one lock per lane that may be held by somebody else. */
class FakeStorage {
  readonly keys = new Map<string, string | undefined>();
  readonly committed: Item[] = [];
  readonly lockedLanes = new Set<string>();
  inFlight = 0;
  most = 0;
  batches: { ids: number[]; apart: boolean }[] = [];
  commitMs: () => number = () => 0;

  commit = async (items: Item[], apart: boolean): Promise<AcceptResult[]> => {
    expect(new Set(items.map(({ key }) => key)).size).toBe(items.length);
    this.batches.push({ ids: items.map(({ id }) => id), apart });
    if (!apart) {
      this.inFlight += 1;
      this.most = Math.max(this.most, this.inFlight);
    }
    try {
      await later(this.commitMs());
      if (items.some((item) => item.trouble === 'away')) throw new Error('connection refused');
      if (items.some((item) => item.trouble === 'bad')) throw new SqlError('22021');
      if (items.some((item) => this.lockedLanes.has(item.lane))) {
        await later(5);
        throw new SqlError('55P03');
      }
      return items.map((item) => {
        if (this.keys.has(item.key))
          return this.keys.get(item.key) === item.bodyDigest ? 'duplicate' : 'conflict';
        this.keys.set(item.key, item.bodyDigest);
        this.committed.push(item);
        return 'accepted';
      });
    } finally {
      if (!apart) this.inFlight -= 1;
    }
  };
}

let ids = 0;
function item(changes: Partial<Item> = {}): Item {
  ids += 1;
  return { id: ids, key: `key-${ids}`, lane: `lane-${ids}`, ...changes };
}

describe(CommitBatcher, () => {
  it('settles everything exactly once, in batches of at most two at a time, whatever comes when', async () => {
    const arrival = fc.record({
      afterMs: fc.integer({ min: 0, max: 6 }),
      lane: fc.integer({ min: 0, max: 4 }),
      key: fc.integer({ min: 0, max: 30 }),
      body: fc.constantFrom('a', 'b'),
      trouble: fc.option(fc.constant('bad' as const), { nil: undefined, freq: 6 }),
    });
    const pattern = fc.array(arrival, { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(
        pattern,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 4 }),
        async (arrivals, maxBatch, commitMs) => {
          const storage = new FakeStorage();
          storage.commitMs = () => commitMs;
          const batcher = new CommitBatcher<Item>({ commit: storage.commit, maxBatch });
          const items = arrivals.map(({ lane, key, body, trouble }) =>
            // A key belongs to one lane, as a message belongs to one customer.
            item({
              key: `k${key}-${lane}-${trouble ?? ''}`,
              lane: `l${lane}`,
              bodyDigest: body,
              ...(trouble && { trouble }),
            }),
          );
          const results = await Promise.all(
            arrivals.map(async ({ afterMs }, n) => {
              await later(afterMs);
              const mine = items[n];
              if (!mine) throw new Error('no item');
              return batcher.submit(mine);
            }),
          );
          expect(storage.most).toBeLessThanOrEqual(2);
          for (const { ids: batch } of storage.batches) expect(batch.length).toBeLessThanOrEqual(maxBatch);
          for (const [n, result] of results.entries()) {
            const mine = items[n];
            if (mine?.trouble === 'bad') expect(result).toBe('invalid');
            else expect(['accepted', 'duplicate', 'conflict']).toContain(result);
          }
          // Every good key is committed once, and one of its webhooks was told so.
          for (const [key, group] of Map.groupBy(
            items.map((one, n) => ({ one, result: results[n] })),
            ({ one }) => one.key,
          )) {
            const good = group.some(({ one }) => one.trouble === undefined);
            expect(storage.committed.filter((one) => one.key === key)).toHaveLength(good ? 1 : 0);
            expect(group.filter(({ result }) => result === 'accepted')).toHaveLength(good ? 1 : 0);
            const stored = storage.keys.get(key);
            for (const { one, result } of group) {
              if (good && result !== 'accepted')
                expect(result).toBe(one.bodyDigest === stored ? 'duplicate' : 'conflict');
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('does not wait when idle, and gathers what comes while a commit is under way', async () => {
    const storage = new FakeStorage();
    storage.commitMs = () => 30;
    const batcher = new CommitBatcher<Item>({ commit: storage.commit, maxInFlight: 1 });
    const first = batcher.submit(item());
    await later(10);
    const rest = Array.from({ length: 5 }, () => batcher.submit(item()));
    await Promise.all([first, ...rest]);
    expect(storage.batches.map(({ ids: batch }) => batch.length)).toEqual([1, 5]);
  });

  it('keeps the order of arrival within a batch', async () => {
    const storage = new FakeStorage();
    const batcher = new CommitBatcher<Item>({ commit: storage.commit });
    const items = Array.from({ length: 20 }, () => item({ lane: 'one' }));
    await Promise.all(items.map((each) => batcher.submit(each)));
    expect(storage.committed.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
  });

  it('never lets a small batch overtake a large one in the same lane', async () => {
    const storage = new FakeStorage();
    const times = [40, 0, 0];
    storage.commitMs = () => times.shift() ?? 0;
    const batcher = new CommitBatcher<Item>({ commit: storage.commit });
    const first = [batcher.submit(item({ lane: 'one' })), batcher.submit(item())];
    await later(10);
    const stranger = item();
    await Promise.all([batcher.submit(item({ lane: 'one' })), batcher.submit(stranger), ...first]);
    const order = storage.committed.filter(({ lane }) => lane === 'one').map(({ id }) => id);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    // The stranger had the second slot at once.
    expect(storage.committed[0]?.id).toBe(stranger.id);
  });

  it('takes a lane that is locked apart, and lets strangers through meanwhile', async () => {
    const storage = new FakeStorage();
    storage.lockedLanes.add('locked');
    const batcher = new CommitBatcher<Item>({ commit: storage.commit, deadlineMs: 1_000, slowLaneMs: 500 });
    const blocked = [batcher.submit(item({ lane: 'locked' })), batcher.submit(item({ lane: 'locked' }))];
    const strangers = await Promise.all([batcher.submit(item()), batcher.submit(item())]);
    expect(strangers).toEqual(['accepted', 'accepted']);
    await later(20);
    storage.batches = [];
    const late = batcher.submit(item({ lane: 'locked' }));
    expect(await batcher.submit(item())).toBe('accepted');
    const common = storage.batches.filter(({ apart }) => !apart);
    expect(common.map(({ ids: batch }) => batch.length)).toEqual([1]);
    storage.lockedLanes.clear();
    expect(await Promise.all([...blocked, late])).toEqual(['accepted', 'accepted', 'accepted']);
    const inLane = storage.committed.filter(({ lane }) => lane === 'locked').map(({ id }) => id);
    expect(inLane).toEqual(inLane.toSorted((a, b) => a - b));
  });

  it('never lets a later item of a lane pass one that still stands apart', async () => {
    const storage = new FakeStorage();
    storage.lockedLanes.add('locked');
    // The lane counts as slow for a moment only: what comes after that moment still joins the line.
    const batcher = new CommitBatcher<Item>({ commit: storage.commit, slowLaneMs: 0 });
    const first = batcher.submit(item({ lane: 'locked' }));
    await later(30);
    const second = batcher.submit(item({ lane: 'locked' }));
    storage.lockedLanes.clear();
    await Promise.all([first, second]);
    const order = storage.committed.map(({ id }) => id);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('never lets an item pass an earlier one of its lane, whenever they come', async () => {
    const coming = fc.array(
      fc.record({ afterMs: fc.integer({ min: 0, max: 3 }), lane: fc.integer({ min: 0, max: 3 }) }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(coming, async (arrivals) => {
        const storage = new FakeStorage();
        storage.commitMs = () => 1;
        const batcher = new CommitBatcher<Item>({ commit: storage.commit, maxBatch: 8 });
        const submitted: Promise<AcceptResult>[] = [];
        for (const { afterMs, lane } of arrivals) {
          if (afterMs > 1) await later(afterMs);
          submitted.push(batcher.submit(item({ lane: `lane-${lane}` })));
        }
        expect(new Set(await Promise.all(submitted))).toEqual(new Set(['accepted']));
        for (const inLane of Map.groupBy(storage.committed, ({ lane }) => lane).values()) {
          const order = inLane.map(({ id }) => id);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('gives up at the deadline, once, and settles nothing after it', async () => {
    const storage = new FakeStorage();
    storage.commitMs = () => 1_000;
    const batcher = new CommitBatcher<Item>({ commit: storage.commit, deadlineMs: 40 });
    await expect(batcher.submit(item())).rejects.toThrow(CannotStoreError);
    expect(storage.committed).toEqual([]);
    await later(1_100);
  });

  it('says at once that storage is away, to everybody in the batch', async () => {
    const storage = new FakeStorage();
    const batcher = new CommitBatcher<Item>({ commit: storage.commit });
    const results = await Promise.allSettled([
      batcher.submit(item({ trouble: 'away' })),
      batcher.submit(item()),
    ]);
    for (const result of results) {
      expect(result.status === 'rejected' && result.reason).toBeInstanceOf(CannotStoreError);
    }
    expect(storage.batches).toHaveLength(1);
  });

  it('takes no more than it can hold', async () => {
    const storage = new FakeStorage();
    storage.commitMs = () => 20;
    const batcher = new CommitBatcher<Item>({ commit: storage.commit, maxQueued: 3 });
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => batcher.submit(item())));
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
  });

  it.each([
    ['22021', 'invalid'],
    ['23505', 'invalid'],
    ['54000', 'invalid'],
  ] as const)('refuses a row over which storage says %s', async (code, expected) => {
    const batcher = new CommitBatcher<Item>({ commit: () => Promise.reject(new SqlError(code)) });
    expect(await batcher.submit(item())).toBe(expected);
  });

  it('tries again over a deadlock', async () => {
    let tries = 0;
    const batcher = new CommitBatcher<Item>({
      commit: (items) => {
        tries += 1;
        return tries < 3
          ? Promise.reject(new SqlError('40P01'))
          : Promise.resolve(items.map(() => 'accepted' as const));
      },
    });
    expect(await batcher.submit(item())).toBe('accepted');
  });
});
