import { describe, expect, it } from 'vitest';
import { takenLate } from './histories.js';

const LIMITS = { sendTimeoutMs: 100, settleMs: 50 };

describe(takenLate, () => {
  it.each([
    ['one acceptance in one attempt', [10], [[0, 20]], 0],
    ['one within the settle time', [60], [[0, 20]], 0],
    ['one after the settle time, which a look-up found', [80], [[0, 20]], 0],
    [
      'one long after an attempt that nobody saw end',
      [160, 210],
      [
        [0, null],
        [200, 220],
      ],
      1,
    ],
    [
      'one within the deadline and settle time of such',
      [140, 210],
      [
        [0, null],
        [200, 220],
      ],
      0,
    ],
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
    const history = {
      takenMs: [...taken],
      attempts: attempts.map(([startedMs, endedMs]) => ({
        startedMs,
        endedMs,
        outcome: 'uncertain',
        code: null,
      })),
    };
    expect(takenLate(history, LIMITS)).toBe(expected);
  });
});
