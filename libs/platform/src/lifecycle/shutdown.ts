export interface ShutdownOptions {
  /** The process ends by itself, with 1, when the handler has not finished by then. */
  timeoutMs: number;
}

/** The part of `process` that a shutdown needs; tests pass their own. */
export interface ShutdownProcess extends Pick<NodeJS.EventEmitter, 'on' | 'off'> {
  exit(code: number): void;
  channel?: unknown;
}

/**
 * Calls `handler` once, when this process is asked to end: SIGTERM, SIGINT, a `{type: 'shutdown'}` from the parent, or
 * the parent's death. Then the process exits: 0 when the handler is done, 1 when it failed or took too long, 1 at
 * once at a second SIGTERM. Returns how to stop listening.
 */
export function onShutdownRequested(
  handler: (reason: string) => Promise<void>,
  options: ShutdownOptions = { timeoutMs: 20_000 },
  target: ShutdownProcess = process,
): () => void {
  let requested = false;
  let terminations = 0;
  let timer: NodeJS.Timeout | undefined;

  const request = (reason: string) => {
    if (requested) return;
    requested = true;
    timer = setTimeout(() => target.exit(1), options.timeoutMs);
    // In a promise of its own, so that a handler that throws at once counts as failed, too.
    Promise.resolve()
      .then(() => handler(reason))
      .then(
        () => target.exit(0),
        () => target.exit(1),
      );
  };

  const listeners: Record<string, (message: unknown) => void> = {
    SIGTERM: () => {
      terminations += 1;
      if (terminations > 1) target.exit(1);
      else request('SIGTERM');
    },
    // A terminal sends Ctrl-C to the whole group. A child waits for its launcher, which ends everything in order.
    SIGINT: () => {
      if (!target.channel) request('SIGINT');
    },
    disconnect: () => request('disconnect'),
    message: (message: unknown) => {
      if (
        typeof message === 'object' &&
        message !== null &&
        'type' in message &&
        message.type === 'shutdown'
      ) {
        request('message');
      }
    },
  };

  for (const [event, listener] of Object.entries(listeners)) target.on(event, listener);
  return () => {
    clearTimeout(timer);
    for (const [event, listener] of Object.entries(listeners)) target.off(event, listener);
  };
}

/** Tells the launcher, where there is one, that this process does its work now. */
export function notifyReady(info: Readonly<Record<string, unknown>> = {}): void {
  process.send?.({ type: 'ready', ...info });
}
