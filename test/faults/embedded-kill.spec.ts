import { describe, expect, it } from 'vitest';
import { IMPATIENT, startSystem } from '../support/system.js';
import { Traffic } from '../support/traffic.js';
import { expectSound } from './world.js';

/** Always on the queues of Postgres, as `npm start` runs; kill.spec.ts takes Redis where there is one. */
describe('the queues of Postgres', { timeout: 180_000 }, () => {
  it('survive kill -9 of a worker in the middle of a request, and of a gateway after a commit', async () => {
    const system = await startSystem({ queues: 'postgres', env: IMPATIENT });
    try {
      const worker = await system.addWorker({ CAUSEWAY_CRASH_POINT: 'mid-request:30' });
      const gateway = await system.addGateway({ CAUSEWAY_CRASH_POINT: 'after-commit:30' });
      const traffic = new Traffic(system, { customers: 15, textsEach: 8, answersEach: 8, repeats: 5 });
      const writing = traffic.write();
      for (const victim of [worker, gateway]) {
        expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
        await system.startAgain(victim);
      }
      await writing;
      for (const customer of traffic.customers) expect(customer.unanswered).toEqual([]);
      await expectSound(system, traffic, { lateEvents: true });
    } finally {
      await system.stop();
    }
  });
});
