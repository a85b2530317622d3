import type { FaultWay } from './faults.js';

/** The same answer before and after the call has taken effect. */
const twice = (way: FaultWay): FaultWay[] => [
  { ...way, when: 'before' },
  { ...way, when: 'after' },
];

/** Whatever a client can make of them. */
const RETRY_AFTER = ['1', '-5', '86400', 'soon'];

/** Every way in which a provider can fail a call. `slowMs` is what the caller still waits for. */
export function everyWay({
  slowMs,
  retryAfter = RETRY_AFTER,
}: {
  slowMs: number;
  retryAfter?: string[];
}): FaultWay[] {
  return [
    ...twice({ effect: 'answer', status: 500 }),
    ...twice({ effect: 'answer', status: 503, retryAfter: '1' }),
    { effect: 'answer', status: 429 },
    ...retryAfter.map((text): FaultWay => ({ effect: 'answer', status: 429, retryAfter: text })),
    ...twice({ effect: 'hang' }),
    ...twice({ effect: 'reset' }),
    ...twice({ effect: 'slow', delayMs: slowMs }),
    ...twice({ effect: 'wrong-type' }),
    { effect: 'drip' },
    { effect: 'huge-body' },
    { effect: 'half-body' },
    { effect: 'garbage' },
  ];
}

/** mulberry32: short, and good enough to choose what goes wrong. From 0 to 1, without 1. */
export function seededRandom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
