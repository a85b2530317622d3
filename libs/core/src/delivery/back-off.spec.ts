import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs, type RetrySchedule } from './back-off.js';

const retry: RetrySchedule = {
  pausesMs: [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 120_000],
  retryAfterMinMs: 1_000,
  retryAfterMaxMs: 30_000,
};
const schedule = [...retry.pausesMs, 120_000, 120_000];

/** Any schedule that the configuration takes. */
const schedules = fc
  .array(fc.integer({ min: 1, max: 86_400_000 }), { minLength: 1, maxLength: 20 })
  .map((pausesMs) => ({ ...retry, pausesMs: pausesMs.toSorted((a, b) => a - b) }));

describe(backOffMs, () => {
  it.each(schedule.map((pauseMs, index) => [index + 1, pauseMs] as const))(
    'after failure %i waits at most %i ms',
    (failures, pauseMs) => {
      expect(backOffMs(retry, failures, undefined, () => 1)).toBe(pauseMs);
      expect(backOffMs(retry, failures, undefined, () => 0)).toBe(0);
      expect(backOffMs(retry, failures, undefined, () => 0.5)).toBe(pauseMs / 2);
    },
  );

  it('stays within its cap, which never shrinks, whatever the count and the jitter', () => {
    fc.assert(
      fc.property(
        schedules,
        fc.integer({ min: -5, max: 100_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (any, failures, jitter) => {
          const cap = backOffMs(any, failures, undefined, () => 1);
          const waits = backOffMs(any, failures, undefined, () => jitter);
          expect(waits).toBeGreaterThanOrEqual(0);
          expect(waits).toBeLessThanOrEqual(cap);
          expect(cap).toBeLessThanOrEqual(any.pausesMs.at(-1) ?? 0);
          expect(backOffMs(any, failures + 1, undefined, () => 1)).toBeGreaterThanOrEqual(cap);
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
    expect(backOffMs(retry, 8, wish, () => 0.3)).toBe(waits);
  });

  it('follows its schedule where the wish is no number', () => {
    expect(backOffMs(retry, 3, NaN, () => 1)).toBe(4_000);
  });
});
