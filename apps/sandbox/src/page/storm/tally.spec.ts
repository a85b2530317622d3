import { describe, expect, it } from 'vitest';
import { Tally } from './tally.js';

/** Writes as many messages as `accepted` says, then lets them arrive in the order of `arrivals`. */
function tally(accepted: (boolean | undefined)[], arrivals: number[]): Tally {
  const result = new Tally(accepted.length);
  for (const taken of accepted) result.write(1).accepted = taken;
  for (const n of arrivals) {
    const message = result.find(1, n);
    if (message) result.arrive(message);
  }
  return result;
}

describe(Tally.name, () => {
  it('finds nothing wrong when all arrive once and in order', () => {
    const counts = tally([true, true, true], [1, 2, 3]).counts(true);
    expect(counts).toMatchObject({
      accepted: 3,
      delivered: 3,
      lost: 0,
      doubled: 0,
      outOfOrder: 0,
      underWay: 0,
    });
  });

  it('what has not arrived yet is under way, and lost at the end', () => {
    const unfinished = tally([true, true, true], [1]);
    expect(unfinished.counts(false)).toMatchObject({ delivered: 1, underWay: 2, lost: 0 });
    expect(unfinished.counts(true)).toMatchObject({ delivered: 1, underWay: 0, lost: 2 });
  });

  it('one that was overtaken is lost, until it arrives: then it is out of order', () => {
    expect(tally([true, true, true], [1, 3]).counts(false)).toMatchObject({ lost: 1, outOfOrder: 0 });
    expect(tally([true, true, true], [1, 3, 2]).counts(false)).toMatchObject({ lost: 0, outOfOrder: 1 });
  });

  it('counts each delivery beyond the first, and which of them were marked', () => {
    const doubled = tally([true, true], [1, 1, 1, 2, 2]);
    const second = doubled.find(1, 2);
    if (second) second.marked = true;
    expect(doubled.counts(true)).toMatchObject({ delivered: 2, doubled: 3, doubledMarked: 1, outOfOrder: 0 });
  });

  it('a message that was sent again is no inversion', () => {
    expect(tally([true, true], [1, 2, 1]).counts(true)).toMatchObject({ doubled: 1, outOfOrder: 0 });
  });

  it('what was refused may be missing, or may come', () => {
    const counts = tally([false, true, false], [2, 3]).counts(true);
    expect(counts).toMatchObject({ refused: 2, accepted: 1, delivered: 1, lost: 0 });
  });

  it('lanes do not count against each other', () => {
    const two = new Tally(2);
    const [a, b] = [two.write(1), two.write(2)];
    Object.assign(a, { accepted: true });
    Object.assign(b, { accepted: true });
    two.arrive(b);
    two.arrive(a);
    expect(two.counts(true)).toMatchObject({ delivered: 2, outOfOrder: 0, lost: 0 });
  });
});
