import { describe, expect, it } from 'vitest';
import { everyWay, seededRandom } from './fault-ways.js';
import { Faults } from './faults.js';

const WAYS = everyWay({ slowMs: 600 });
const CALLS = 5_000;

/** What hits so many calls, one after the other. */
function hits(seed: number): (string | undefined)[] {
  const faults = new Faults();
  faults.random({ share: 0.2, ways: WAYS, random: seededRandom(seed) });
  return Array.from({ length: CALLS }, () => {
    const fault = faults.take('messages.create', '');
    return fault && `${fault.effect} ${fault.status ?? ''} ${fault.retryAfter ?? ''} ${fault.when}`;
  });
}

describe('faults by chance', () => {
  it('hit their share of the calls, in every way', () => {
    const hit = hits(1).filter((one) => one !== undefined);
    expect(hit.length / CALLS).toBeGreaterThan(0.17);
    expect(hit.length / CALLS).toBeLessThan(0.23);
    expect(new Set(hit).size).toBe(WAYS.length);
  });

  it('are the same for the same seed, and others for another', () => {
    expect(hits(7)).toEqual(hits(7));
    expect(hits(7)).not.toEqual(hits(8));
  });

  it('leave a call to the fault that was armed for it, count by kind, and end', () => {
    const faults = new Faults();
    faults.random({ share: 1, ways: [{ effect: 'reset' }], random: () => 0 });
    faults.arm({ operation: 'messages.list', effect: 'answer', status: 404 });
    expect(faults.take('messages.list', '')).toMatchObject({ effect: 'answer' });
    expect(faults.take('messages.list', '')).toMatchObject({ effect: 'reset', when: 'before' });
    expect([...faults.hitsByKind]).toEqual([
      ['messages.list answer 404 before', 1],
      ['messages.list reset before', 1],
    ]);
    faults.disarmAll();
    expect(faults.take('messages.list', '')).toBeUndefined();
    expect(faults.hits).toBe(2);
  });
});
