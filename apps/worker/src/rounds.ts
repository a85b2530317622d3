import type { Logger, Metrics } from '#platform';

export interface Round {
  name: string;
  intervalMs: number;
  run: () => Promise<void>;
}

/**
 * Things done again and again, each never twice at once, with a jittered pause so that workers do not march in step.
 * A round that fails is logged and comes again.
 */
export class Rounds {
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  private stopped = false;

  constructor(
    private readonly logger: Logger,
    private readonly metrics: Metrics,
    private readonly rounds: Round[],
  ) {}

  start(): void {
    for (const round of this.rounds) this.schedule(round);
  }

  /** No further rounds; waits for the running ones. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.allSettled(this.running);
  }

  private schedule(round: Round): void {
    if (this.stopped) return;
    const pauseMs = round.intervalMs * (0.75 + Math.random() / 2);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      const run = this.runOnce(round).finally(() => {
        this.running.delete(run);
        this.schedule(round);
      });
      this.running.add(run);
    }, pauseMs);
    this.timers.add(timer);
  }

  private async runOnce(round: Round): Promise<void> {
    try {
      await round.run();
      if (round.name === 'sweep') this.metrics.sweeps.inc({ result: 'ok' });
    } catch (error) {
      if (round.name === 'sweep') this.metrics.sweeps.inc({ result: 'failed' });
      this.logger.warn({ err: error, round: round.name }, 'A round has failed and will come again.');
    }
  }
}
