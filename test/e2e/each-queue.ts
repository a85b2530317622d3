import { afterAll, beforeAll, describe } from 'vitest';
import { redisMissing } from '../support/redis.js';
import { startSystem, type System, type SystemOptions } from '../support/system.js';

type Queues = 'redis' | 'postgres';
type Options = Omit<SystemOptions, 'queues'>;
type Tests = (system: () => System, queues: Queues) => void;

/** Runs `tests` on Redis and on the queues of Postgres, each with two gateways and a database of its own. */
export function describeOnEachQueue(name: string, options: Options, tests: Tests): void {
  const noRedis = redisMissing();
  if (noRedis) console.warn(`${name} is skipped on Redis: ${noRedis}.`);
  describe.skipIf(noRedis !== undefined)('on Redis', () => describeOn('redis', name, options, tests));
  describe('on Postgres', () => describeOn('postgres', name, options, tests));
}

/** Runs `tests` where the kind of queue changes nothing. */
export function describeOn(queues: Queues, name: string, options: Options, tests: Tests): void {
  describe(`${name}, queues on ${queues}`, { timeout: 120_000 }, () => {
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
}
