/** What the launcher tells the sandbox of the processes that it owns. What cannot be done says why in `unavailable`. */
export interface MachineState {
  worker: { running: boolean; restarts: number; unavailable?: string };
  queue: { home: 'postgres' | 'redis'; frozenUntil?: string; unavailable?: string };
  postgres: { running: boolean; restarts: number; unavailable?: string };
}

export type MachineAction =
  { action: 'kill-worker' | 'thaw-queue' | 'restart-postgres' } | { action: 'freeze-queue'; seconds: number };

/** From the sandbox to the launcher, over IPC. */
export type MachineRequest = { type: 'machine-request'; id: string } & MachineAction;

/** From the launcher to the sandbox: the answer of a request, and the state whenever it has changed. */
export type MachineNews =
  { type: 'machine-answer'; id: string; error?: string } | { type: 'machine-state'; state: MachineState };
