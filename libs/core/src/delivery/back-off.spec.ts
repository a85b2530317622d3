import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs } from './back-off.js';

const schedule = [1, 2, 4, 8, 15, 30, 60, 120, 120, 120];

describe(backOffMs, () => {
  it.each(schedule.map((seconds, index) => [index + 1, seconds] as const))(
    'after failure %i waits at most %i s',
    (failures, seconds) => {
      expect(backOffMs(failures, undefined, () => 1)).toBe(seconds * 1_000);
      expect(backOffMs(failures, undefined, () => 0)).toBe(0);
      expect(backOffMs(failures, undefined, () => 0.5)).toBe(seconds * 500);
    },
  );

  it('stays within its cap, which never shrinks, whatever the count and the jitter', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -5, max: 100_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, jitter) => {
          const cap = backOffMs(failures, undefined, () => 1);
          const waits = backOffMs(failures, undefined, () => jitter);
          expect(waits).toBeGreaterThanOrEqual(0);
          expect(waits).toBeLessThanOrEqual(cap);
          expect(cap).toBeLessThanOrEqual(120_000);
          expect(backOffMs(failures + 1, undefined, () => 1)).toBeGreaterThanOrEqual(cap);
        },
      ),
    );
  });

  it.each([
    [-5_000, 1_000],
    [0, 1_000],
    [999, 1_000],
    [7_000, 7_000],
    [30_001, 30_000],
    [86_400_000, 30_000],
    [Infinity, 30_000],
    [-Infinity, 1_000],
  ])('clamps the wish of the provider: %d → %d ms', (wish, waits) => {
    expect(backOffMs(8, wish, () => 0.3)).toBe(waits);
  });

  it('follows its schedule where the wish is no number', () => {
    expect(backOffMs(3, NaN, () => 1)).toBe(4_000);
  });
});
