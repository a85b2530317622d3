import { describe, expect, it } from 'vitest';
import { WakeUpThrottle } from './wake-up-throttle.js';

describe(WakeUpThrottle.name, () => {
  it('lets the first through and gives the last of an interval at its end', () => {
    const sut = new WakeUpThrottle<string>(200, 10);
    expect(sut.admit('a', 0, 'a')).toBe(true);
    expect(sut.admit('a', 50, 'a')).toBe(false);
    expect(sut.admit('a', 199, 'a')).toBe(false);
    expect(sut.takeDue(199)).toEqual([]);
    expect(sut.takeDue(200)).toEqual(['a']);
    // The trailing one opened an interval of its own.
    expect(sut.admit('a', 210, 'a')).toBe(false);
    expect(sut.takeDue(400)).toEqual(['a']);
  });

  it('gives nothing at the end of an interval in which nothing came, and forgets the key', () => {
    const sut = new WakeUpThrottle<string>(200, 10);
    sut.admit('a', 0, 'a');
    expect(sut.nextAt).toBe(200);
    expect(sut.takeDue(200)).toEqual([]);
    expect(sut.size).toBe(0);
    expect(sut.nextAt).toBeUndefined();
    expect(sut.admit('a', 201, 'a')).toBe(true);
  });

  it('keeps keys apart', () => {
    const sut = new WakeUpThrottle<string>(200, 10);
    expect([sut.admit('a', 0, 'a'), sut.admit('b', 10, 'b'), sut.admit('b', 20, 'b')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(sut.takeDue(205)).toEqual([]);
    expect(sut.takeDue(210)).toEqual(['b']);
  });

  it('admits once per interval without a trailing one where none is given', () => {
    const sut = new WakeUpThrottle<string>(200, 10);
    expect([sut.admit('a', 0), sut.admit('a', 10)]).toEqual([true, false]);
    expect(sut.takeDue(500)).toEqual([]);
  });

  it('swallows nothing and does not grow when it is full', () => {
    const sut = new WakeUpThrottle<string>(200, 2);
    for (const key of ['a', 'b', 'c', 'c', 'd']) expect(sut.admit(key, 0, key)).toBe(true);
    expect(sut.size).toBe(2);
  });

  it('never loses the last request, whatever the times', () => {
    const sut = new WakeUpThrottle<number>(200, 10);
    let delivered = -1;
    let now = 0;
    for (let step = 0; step < 1_000; step += 1) {
      now += (step * 37) % 90;
      if (sut.admit('a', now, step)) delivered = now;
      if (sut.takeDue(now).length > 0) delivered = now;
    }
    const last = now;
    if (sut.takeDue(now + 200).length > 0) delivered = now + 200;
    expect(delivered).toBeGreaterThanOrEqual(last);
  });
});
