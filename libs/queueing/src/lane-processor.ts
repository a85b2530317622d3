import { Processor } from '@nestjs/bullmq';
import type { Type } from '@nestjs/common';
import type { ConnectionOptions } from 'bullmq';
import type { Direction } from '#core';
import { queueNames, type LaneJob } from './queue-names.js';
import type { QueueObserver } from './queue-observer.js';
import { QueueProcessor, workerOptions } from './queue-processor.js';

/** Drains one lane; provided by the application. What it throws is logged, never retried by the queue. */
export abstract class LaneHandler {
  abstract handle(laneId: string, direction: Direction): Promise<void>;
}

/** One direction's BullMQ processor. */
export abstract class LaneProcessor extends QueueProcessor<LaneJob> {
  protected abstract readonly direction: Direction;
  protected abstract readonly observer: QueueObserver;

  start(handler: LaneHandler, concurrency: number): void {
    this.run(({ data }) => handler.handle(data.laneId, this.direction), concurrency);
  }

  protected override ended(failed: boolean, durationMs: number): void {
    this.observer.handled?.(this.direction, failed, durationMs);
  }
}

/**
 * Makes the processor class of one direction. Options of @nestjs/bullmq's decorator are static, and without a
 * connection of their own workers would inherit the producer's, whose `commandTimeout` kills the blocking read.
 */
export function laneProcessorClass(
  direction: Direction,
  connection: unknown,
  observer: QueueObserver,
): Type<LaneProcessor> {
  class DirectionProcessor extends LaneProcessor {
    protected override readonly queue = queueNames[direction];
    protected override readonly direction = direction;
    protected override readonly observer = observer;
  }
  Processor(queueNames[direction], { ...workerOptions, connection: connection as ConnectionOptions })(
    DirectionProcessor,
  );
  return DirectionProcessor;
}
