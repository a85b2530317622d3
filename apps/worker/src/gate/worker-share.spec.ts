import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkerShare } from './worker-share.js';

function shareOf(live: number, rank: number): WorkerShare {
  const share = new WorkerShare();
  share.heard({ live, rank, providers: [] }, 0);
  share.heard({ live, rank, providers: [] }, 2_000);
  return share;
}

describe(WorkerShare, () => {
  it('adds up to the whole, never to more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 50 }), (limit, live) => {
        const shares = Array.from({ length: live }, (_, rank) => shareOf(live, rank));
        const sum = (part: (share: WorkerShare) => number) => shares.reduce((all, one) => all + part(one), 0);
        expect(sum((share) => share.whole(limit, 2_000))).toBe(limit);
        expect(sum((share) => share.fraction(limit, 2_000))).toBeCloseTo(limit, 6);
      }),
    );
  });

  it('is everything for one alone, at once', () => {
    const share = new WorkerShare();
    expect(share.whole(10, 0)).toBe(0);
    share.heard({ live: 1, rank: 0, providers: [] }, 0);
    expect(share.whole(10, 0)).toBe(10);
  });

  it('is nothing for a newcomer until the others have heard of it', () => {
    const share = new WorkerShare();
    share.heard({ live: 2, rank: 1, providers: [] }, 0);
    expect([share.whole(10, 1_499), share.whole(10, 1_500)]).toEqual([0, 5]);
  });

  it('is nothing while it may count as gone, and begins anew after that', () => {
    const share = shareOf(2, 0);
    expect([share.whole(10, 6_000), share.whole(10, 6_001)]).toEqual([5, 0]);
    share.heard({ live: 2, rank: 0, providers: [] }, 60_000);
    expect([share.fraction(10, 60_000), share.fraction(10, 61_500)]).toEqual([0, 5]);
  });
});
