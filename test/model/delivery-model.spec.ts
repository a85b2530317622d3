import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bridge } from './bridge.js';
import { runSequences, SEED } from './run.js';

const AT_ONCE = process.env['MODEL_PATH'] === undefined ? 4 : 1;
const SEQUENCES = Number(process.env['MODEL_SEQUENCES'] ?? 500);

describe('delivery', () => {
  let bridges: Bridge[] = [];
  beforeAll(async () => {
    bridges = await Promise.all(Array.from({ length: AT_ONCE }, () => Bridge.start()));
  });
  afterAll(() => Promise.all(bridges.map((bridge) => bridge.stop())));

  it(`keeps its promise in ${SEQUENCES} sequences of whatever happens`, { timeout: 600_000 }, async () => {
    console.info(`SEED=${SEED}`);
    const sequences = Math.ceil(SEQUENCES / AT_ONCE);
    const runs = bridges.map((bridge, n) => runSequences(bridge, { seed: SEED + n, sequences }));
    const failed = (await Promise.allSettled(runs)).filter(({ status }) => status === 'rejected');
    expect(failed).toEqual([]);
  });
});
