import { describe, expect, it } from 'vitest';
import { CallSlots, Slot } from './call-slots.js';

function take(slots: CallSlots, count: number, number: string, limit = 8, account = 'AC1'): Slot[] {
  return Array.from({ length: count }, () => slots.take(account, number, limit)).filter(
    (one) => one instanceof Slot,
  );
}

describe(CallSlots, () => {
  it('gives an account no more than its limit, and each account its own', () => {
    const slots = new CallSlots(32);
    expect([...take(slots, 20, 'a'), ...take(slots, 20, 'b')]).toHaveLength(8);
    expect(take(slots, 1, 'c', 8, 'AC2')).toHaveLength(1);
  });

  it('keeps a quarter from any one number', () => {
    const slots = new CallSlots(32);
    expect(take(slots, 20, 'hot')).toHaveLength(6);
    expect(take(slots, 20, 'quiet')).toHaveLength(2);
  });

  it('keeps a quarter of what the worker does at once, where the account may do more', () => {
    const slots = new CallSlots(8);
    expect(take(slots, 20, 'hot', 1_000)).toHaveLength(6);
    expect(take(slots, 2, 'quiet', 1_000)).toHaveLength(2);
  });

  it('gives one number one slot at least', () => {
    expect(take(new CallSlots(32), 5, 'a', 1)).toHaveLength(1);
  });

  it('gives a slot again that is free, once', () => {
    const slots = new CallSlots(32);
    const [first] = take(slots, 8, 'a');
    first?.free();
    first?.free();
    expect(take(slots, 8, 'a')).toHaveLength(1);
  });

  it('goes by a limit that shrinks', () => {
    const slots = new CallSlots(32);
    const taken = take(slots, 6, 'a');
    expect(take(slots, 1, 'b', 4)).toHaveLength(0);
    for (const slot of taken.slice(0, 3)) slot.free();
    expect(take(slots, 1, 'b', 4)).toHaveLength(1);
  });
});
