import { describe, expect, it } from 'vitest';
import { WaitingLine } from './waiting-line.js';

describe(WaitingLine, () => {
  it('lets the first come at its time, and the others one after the other', () => {
    const line = new WaitingLine(10_000, () => 0);
    expect([1, 2, 3].map(() => line.join('a', 100, 1_100, 50))).toEqual([1_000, 1_050, 1_100]);
    expect(line.join('b', 100, 1_100, 50)).toBe(1_000);
  });

  it('spreads those for whom it is too long', () => {
    const line = new WaitingLine(1_000);
    const waits = Array.from({ length: 2_000 }, () => line.join('a', 0, 0, 10));
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_010);
    const late = waits.slice(200);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(500);
    expect(late.filter((ms) => ms < 750).length).toBeGreaterThan(500);
    expect(late.filter((ms) => ms >= 750).length).toBeGreaterThan(500);
  });

  it('is empty again when all have come, or when it is cleared', () => {
    const line = new WaitingLine(10_000, () => 0);
    for (let n = 0; n < 10; n += 1) line.join('a', 0, 0, 100);
    expect(line.join('a', 5_000, 5_000, 100)).toBe(0);
    for (let n = 0; n < 10; n += 1) line.join('a', 5_000, 5_000, 100);
    line.clear('a');
    expect(line.join('a', 5_000, 5_000, 100)).toBe(0);
  });
});
