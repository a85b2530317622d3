import { afterAll, beforeAll, describe } from 'vitest';
import { redisMissing } from '../support/redis.js';
import { startSystem, type System, type SystemOptions } from '../support/system.js';

/** Runs `tests` on Redis and on the queues of Postgres, each with two gateways and a database of its own. */
export function describeOnEachQueue(
  name: string,
  options: Omit<SystemOptions, 'queues'>,
  tests: (system: () => System, queues: 'redis' | 'postgres') => void,
): void {
  const noRedis = redisMissing();
  if (noRedis) console.warn(`${name} is skipped on Redis: ${noRedis}.`);
  describe.each([
    { queues: 'redis' as const, skipped: noRedis !== undefined },
    { queues: 'postgres' as const, skipped: false },
  ])(`${name}, queues on $queues`, { timeout: 120_000 }, ({ queues, skipped }) => {
    describe.skipIf(skipped)('end to end', () => {
      let system: System | undefined;
      beforeAll(async () => {
        system = await startSystem({ gateways: 2, ...options, queues });
      });
      afterAll(async () => system?.stop());
      tests(() => {
        if (!system) throw new Error('The system did not start.');
        return system;
      }, queues);
    });
  });
}
