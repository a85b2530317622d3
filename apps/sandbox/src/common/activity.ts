import { setTimeout as delay } from 'node:timers/promises';

/**
 * Everything a simulator does by itself (webhooks, changes of status), so that a test can wait until the world is
 * quiet and a reset or a close can stop what is under way.
 */
export class Activity {
  #stop = new AbortController();
  #running = 0;

  /** Runs a task in the background. It gets a signal that a reset aborts; what it throws after that is nobody's business. */
  start(task: (signal: AbortSignal) => Promise<void>): void {
    void this.run(task).catch((cause: unknown) => {
      // A bug of the simulator must fail the run loudly, not leave a test waiting for an event that never comes.
      queueMicrotask(() => {
        throw cause;
      });
    });
  }

  /** Like `start`, for a caller that waits: resolves to undefined when a reset stopped the task. */
  async run<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#stop;
    this.#running += 1;
    try {
      return await task(signal);
    } catch (cause) {
      if (signal.aborted) return undefined;
      throw cause;
    } finally {
      this.#running -= 1;
    }
  }

  /** Waits until nothing is running, and has not started again by the next look. False when `timeoutMs` passed first. */
  async settle(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (let quietLooks = 0; quietLooks < 3;) {
      if (performance.now() > deadline) return false;
      quietLooks = this.#running === 0 ? quietLooks + 1 : 0;
      await delay(10);
    }
    return true;
  }

  /** Stops all that is running; new tasks may be started afterwards. */
  stopAll(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
  }
}

/** Sleeps for a random time up to `maxMs`; rejects when the signal fires. */
export async function jitter(maxMs: number, signal: AbortSignal): Promise<void> {
  if (maxMs > 0) await pause(Math.random() * maxMs, signal);
}

/** Sleeps; rejects when the signal fires. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await delay(durationMs, undefined, { signal });
}
