import { Processor } from '@nestjs/bullmq';
import type { Type } from '@nestjs/common';
import type { ConnectionOptions } from 'bullmq';
import type { DeskConversationId } from '#core';
import { SIGNALS_QUEUE, type TypingJob } from './queue-names.js';
import { QueueProcessor, workerOptions } from './queue-processor.js';

/** Takes signals, between {@link start} and `stop`. */
export abstract class TypingProcessor extends QueueProcessor<TypingJob> {
  /** `ageMs`: how long the signal has been on its way, by the clocks of two machines. */
  start(
    handle: (conversation: DeskConversationId, ageMs: number) => Promise<void>,
    concurrency: number,
  ): void {
    this.run(
      ({ data: { tenantId, deskConversationId }, timestamp }) =>
        handle({ tenantId, deskConversationId }, Date.now() - timestamp),
      concurrency,
    );
  }
}

/** With a connection of its own, as {@link laneProcessorClass} has it. */
export function typingProcessorClass(connection: unknown): Type<TypingProcessor> {
  class SignalsProcessor extends TypingProcessor {
    protected override readonly queue = SIGNALS_QUEUE;
  }
  Processor(SIGNALS_QUEUE, { ...workerOptions, connection: connection as ConnectionOptions })(
    SignalsProcessor,
  );
  return SignalsProcessor;
}
