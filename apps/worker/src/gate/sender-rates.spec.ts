import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SenderRates } from './sender-rates.js';

let rates: SenderRates;
beforeEach(() => {
  vi.useFakeTimers();
  rates = new SenderRates();
});
afterEach(() => {
  vi.useRealTimers();
});

/** How many of one attempt per millisecond are let through. */
async function sent(number: string, perSecond: number, seconds: number): Promise<number> {
  let count = 0;
  for (let ms = 0; ms < seconds * 1_000; ms += 1) {
    if ((await rates.take(number, perSecond)) === 0) count += 1;
    vi.advanceTimersByTime(1);
  }
  return count;
}

describe(SenderRates, () => {
  it.each([
    [0.5, 5],
    [1, 10],
    [2.5, 25],
    [9, 90],
    [10, 100],
    [33.3, 330],
    [100, 1_000],
  ])('lets through what a number may send: at %d per second %d in ten', async (perSecond, count) => {
    expect(await sent('a', perSecond, 10)).toBe(count);
  });

  it('counts each number by itself', async () => {
    await sent('a', 10, 0.05);
    expect(await rates.take('a', 10)).toBeGreaterThan(0);
    expect(await rates.take('b', 10)).toBe(0);
  });

  it('says when to come again', async () => {
    await sent('a', 10, 0.1);
    const waitMs = await rates.take('a', 10);
    expect(waitMs).toBe(900);
    vi.advanceTimersByTime(waitMs);
    expect(await rates.take('a', 10)).toBe(0);
  });

  it('knows what was sent when the limit changes', async () => {
    await sent('a', 100, 0.05);
    expect(await rates.take('a', 50)).toBeGreaterThan(0);
    expect(await rates.take('a', 100)).toBe(0);
  });
});
