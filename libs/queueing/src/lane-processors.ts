import type { ModuleRef } from '@nestjs/core';
import { LaneHandler, type LaneProcessor } from './lane-processor.js';

/** Both directions' processors, started and stopped by the application and never by the order of Nest's hooks. */
export class LaneProcessors {
  private started = false;

  constructor(
    private readonly processors: LaneProcessor[],
    private readonly modules: ModuleRef,
  ) {}

  /**
   * Begins to take jobs, `concurrency` lanes at once per direction. Call it when the application is ready. The
   * {@link LaneHandler} is looked up only now: draining needs the wake-ups, so neither module can import the other.
   */
  start(concurrency: number): void {
    if (this.started) return;
    const handler = this.modules.get(LaneHandler, { strict: false });
    this.started = true;
    for (const processor of this.processors) processor.start(handler, concurrency);
  }

  /** Takes no more jobs and waits for running handlers, at most `deadlineMs` (+ 1 s). Close pools only after it. */
  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.processors.map((processor) => processor.stop(deadlineMs)));
  }
}
