/**
 * Every fault of our own processes and of Redis that Causeway must survive. The ids stand in the titles of the specs
 * beside this file (`catalogue.spec.ts` compares); `later` says why one has no scenario yet.
 */
export const FAULTS = {
  'process-1': { fault: 'gateway killed after the commit, before the answer', point: 'after-wake' },
  'process-2': { fault: 'gateway killed between commit and wake-up', point: 'after-commit' },
  'process-3': { fault: 'worker killed before it claims a lane', point: 'before-claim' },
  'process-4': { fault: 'worker killed after it claimed a lane', point: 'after-claim' },
  'process-5': { fault: 'worker killed after the intent', point: 'after-intent' },
  'process-6': { fault: 'worker killed in the middle of a request', point: 'mid-request' },
  'process-7': { fault: 'worker killed after the response, before the outcome', point: 'after-response' },
  'process-8': { fault: 'worker killed before it releases a lane', point: 'before-release' },
  'process-9': { fault: 'SIGTERM of a worker with slow providers' },
  'process-10': { fault: 'second SIGTERM' },
  'process-11': { fault: 'SIGSTOP longer than the lease, then SIGCONT' },
  'process-12': { fault: 'workers racing for the same lanes' },
  'process-13': { fault: 'rolling restart of all processes' },
  'process-14': {
    fault: 'an older and a newer build at once across a migration',
    later: 'there is one build so far',
  },
  'redis-1': { fault: 'FLUSHALL mid-flight' },
  'redis-2': { fault: 'stopped, and started again empty' },
  'redis-3': { fault: 'frozen' },
  'redis-4': { fault: 'out of memory', later: 'later issue; test/integration/queueing-redis-faults.spec.ts' },
  'redis-5': {
    fault: 'evicting policy at start',
    later: 'later issue; test/integration/queueing-redis-faults.spec.ts',
  },
  'redis-6': { fault: 'restored from an old state', later: 'later issue' },
  'redis-7': { fault: 'never there at all' },
} as const satisfies Record<string, { fault: string; point?: string; later?: string }>;

export type FaultId = keyof typeof FAULTS;

/** A test's title: the id and what it stands for. */
export function title(id: FaultId): string {
  return `${id}: ${FAULTS[id].fault}`;
}
