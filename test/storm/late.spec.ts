import { describe, expect, it } from 'vitest';
import { unexplained } from './late.js';

const LIMITS = { sendTimeoutMs: 100, settleMs: 50 };

describe(unexplained, () => {
  it.each([
    ['one acceptance in one attempt', [10], [[0, 20]], 0],
    ['one within the settle time', [60], [[0, 20]], 0],
    ['one after the settle time', [80], [[0, 20]], 1],
    ['one long after an attempt that nobody saw end', [160], [[0, null]], 1],
    ['one within the deadline and settle time of such', [140], [[0, null]], 0],
    [
      'two in two attempts: that is a double, and no excuse',
      [10, 110],
      [
        [0, 20],
        [100, 120],
      ],
      0,
    ],
    [
      'two, the first of which came late, within the second attempt',
      [105, 110],
      [
        [0, 20],
        [100, 120],
      ],
      1,
    ],
  ] as const)('counts %s', (_name, taken, attempts, expected) => {
    const times = attempts.map(([startedMs, endedMs]) => ({ startedMs, endedMs }));
    expect(unexplained(taken, times, LIMITS)).toBe(expected);
  });
});
