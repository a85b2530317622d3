import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs } from './delivery/back-off.js';
import { parseRetryAfter } from './transport.js';

const retry = { pausesMs: [1_000, 2_000], retryAfterMinMs: 1_000, retryAfterMaxMs: 30_000 };

/** What stands in such a header, and what does not belong there. */
const header = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.integer().map(String),
  fc.double().map(String),
  fc.bigInt().map(String),
  fc.date({ noInvalidDate: false }).map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.constantFrom(
    '',
    ' ',
    '-0',
    '1e400',
    'Infinity',
    '-Infinity',
    'NaN',
    '9'.repeat(400),
    '-' + '9'.repeat(400),
    '0x10',
    '1,2',
  ),
);

describe(parseRetryAfter, () => {
  it('makes of no header a wait that is no number, negative or out of its limits', () => {
    fc.assert(
      fc.property(header, fc.nat(), fc.integer({ min: 1, max: 20 }), (value, nowMs, failures) => {
        const wish = parseRetryAfter(value, nowMs);
        const waits = backOffMs(retry, failures, wish, () => 1);
        expect(Number.isInteger(waits)).toBe(true);
        expect(waits).toBeGreaterThanOrEqual(1_000);
        expect(waits).toBeLessThanOrEqual(30_000);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes seconds and dates at their word', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000, max: 1_000_000 }), (seconds) => {
        expect(parseRetryAfter(` ${seconds} `, 0)).toBe(seconds * 1_000);
        expect(parseRetryAfter(new Date(seconds * 1_000).toUTCString(), 5_000)).toBe(seconds * 1_000 - 5_000);
      }),
    );
  });
});
