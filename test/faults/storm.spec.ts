import { describe, expect, it } from 'vitest';
import { everyWay } from '../../apps/sandbox/src/index.js';
import { redisMissing } from '../support/redis.js';
import { expectations } from '../storm/expectations.js';
import { runStorm } from '../storm/storm.js';
import { seeded } from './world.js';

const noRedis = redisMissing();
if (noRedis) console.warn(`Skipped: ${noRedis}.`);

describe.skipIf(noRedis !== undefined)('a storm', { timeout: 240_000 }, () => {
  it('loses nothing, doubles nothing and turns nothing round (the long one is `npm run test:storm`)', async () => {
    const { seed } = seeded();
    const report = await runStorm({
      seed,
      seconds: 12,
      messages: 400,
      customers: 25,
      blowEveryMs: 1_500,
      faultShare: 0.2,
      // Half a minute, the longest that is waited for when a provider wants it, is for the long one.
      ways: everyWay({ slowMs: 600, retryAfter: ['1', '-5', 'soon'] }),
      lookUps: 'exact',
      audited: true,
    });
    expect(expectations(report), report.stories.join('\n')).toEqual([]);
    // Something has befallen it, or nothing would be shown.
    expect(report.messages).toBeGreaterThanOrEqual(400);
    expect(Object.keys(report.faults).length).toBeGreaterThan(10);
    expect(Object.keys(report.blows).length).toBeGreaterThan(4);
  });
});
