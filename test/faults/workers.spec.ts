import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type System } from '../support/system.js';
import { Traffic } from '../support/traffic.js';
import { title } from './catalogue.js';
import { expectSound } from './world.js';

describe('several workers', { timeout: 240_000 }, () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({
      queues: 'postgres',
      gateways: 2,
      workers: 3,
      // Receipts would be most of the traffic, and nothing here is about them.
      twilio: { autoProgress: false },
    });
  });
  afterAll(async () => system?.stop());

  it(`${title('process-12')}: three workers keep the order of 500 texts and 500 answers`, async () => {
    const traffic = new Traffic(system, { customers: 25, textsEach: 20, answersEach: 20 });
    await traffic.write();
    await expectSound(system, traffic);
    const { rows } = await system.pool.query<{ n: number }>(
      'select count(*)::int as n from attempts a where fence > 1',
    );
    // Lanes did change hands, or nothing would be shown.
    expect(rows[0]?.n).toBeGreaterThan(0);
  });
});
