import { crashSetting } from './config/environment.js';
import type { CrashPointName, CrashSetting } from './config/environment.js';

/**
 * Kills this process with SIGKILL where `CAUSEWAY_CRASH_POINT` names this point. Decided once, when the program is
 * loaded: everywhere else, and always in production, this is an empty function.
 */
export const crashPoint: (name: CrashPointName) => void = fromSetting(crashSetting());

function fromSetting(setting: CrashSetting | 'invalid' | undefined): (name: CrashPointName) => void {
  // The start refuses an invalid setting with a line of its own (`readConfiguration`).
  if (setting === undefined || setting === 'invalid') return () => undefined;
  let hits = 0;
  return (name) => {
    if (name !== setting.name) return;
    hits += 1;
    if (hits === setting.hit) die();
  };
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal may reach another thread first: nothing more may happen on this one meanwhile.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}
