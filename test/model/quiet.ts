import { LONG_MS, type Bridge } from './bridge.js';
import type { Outside } from './outside.js';

/** Only an operator ends these. */
const OPERATORS = ['uncertain', 'reopening-limit', 'configuration'];
const MAX_ROUNDS = 40;
const MAX_JOBS = 200;

/** Drives the world to rest: providers are well, time passes, everything is delivered. Answers what did not come to rest. */
export async function quiet(outside: Outside, bridge: Bridge): Promise<string[]> {
  for (const worker of outside.sleepers.splice(0)) await worker.resume();
  await bridge.configure('configured');
  for (const { id, pausedAt } of await bridge.lanes()) if (pausedAt) await bridge.resume(id);
  // Opens reply windows.
  for (const customer of outside.customers) await bridge.write(customer);

  const found = outside.harmed ? [] : await byWakeUpsAlone(outside, bridge);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    // At least once: a conversation whose agent has left closes only after a while.
    if (round > 0 && (await isQuiet(outside, bridge))) return found;
    await bridge.passTime(LONG_MS);
    await tidy(outside, bridge);
    for (const laneId of await bridge.dueLanes()) await bridge.drain(laneId);
  }
  return [...found, 'I4: the world does not come to rest'];
}

/** Without a death or a flush no lane needs the sweeper. */
async function byWakeUpsAlone(outside: Outside, bridge: Bridge): Promise<string[]> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    await workOff(outside, bridge);
    await tidy(outside, bridge);
    if (outside.queue.length > 0) await bridge.passTime(LONG_MS);
    else if (await isQuiet(outside, bridge)) return [];
    else {
      await bridge.passTime(LONG_MS);
      const due = await bridge.dueLanes();
      return due.map((laneId) => `nobody was told that lane ${laneId} has work`);
    }
  }
  return ['wake-ups do not end'];
}

async function workOff(outside: Outside, bridge: Bridge): Promise<void> {
  for (let jobs = 0; jobs < MAX_JOBS; jobs += 1) {
    const job = outside.nextJob();
    if (!job) return;
    await bridge.drain(job.laneId);
  }
}

/** What happens around the lanes: the desk delivers what it has said, operators look after what only they can end. */
async function tidy(outside: Outside, bridge: Bridge): Promise<void> {
  while (outside.outbox.length > 0) await bridge.deliver(0);
  await bridge.reconcile();
  await bridge.rounds();
  for (const { id, reason } of await bridge.lanes()) {
    if (reason !== null && OPERATORS.includes(reason)) await bridge.resume(id);
  }
}

/** Nothing is left to do, and the providers list nothing that we lack. */
async function isQuiet(outside: Outside, bridge: Bridge): Promise<boolean> {
  if (outside.outbox.length > 0 || !(await bridge.lanes()).every(({ isEmpty }) => isEmpty)) return false;
  return (await bridge.reconcile()).nothing;
}
