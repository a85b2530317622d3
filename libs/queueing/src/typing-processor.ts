import { Processor } from '@nestjs/bullmq';
import type { Type } from '@nestjs/common';
import type { ConnectionOptions } from 'bullmq';
import type { BotThinking, DeskConversationId } from '#core';
import { SIGNALS_QUEUE, type SignalJob } from './queue-names.js';
import { QueueProcessor, workerOptions } from './queue-processor.js';

/** `ageMs`: how long the signal has been on its way, by the clocks of two machines. */
export interface SignalHandlers {
  typing: (conversation: DeskConversationId, ageMs: number) => Promise<void>;
  thinking: (bot: BotThinking, ageMs: number) => Promise<void>;
}

/** Takes signals, between {@link start} and `stop`. */
export abstract class TypingProcessor extends QueueProcessor<SignalJob> {
  start(handlers: SignalHandlers, concurrency: number): void {
    this.run(({ data, timestamp }) => {
      const ageMs = Date.now() - timestamp;
      if ('threadId' in data) {
        const { tenantId, threadId, seconds } = data;
        return handlers.thinking({ tenantId, threadId, seconds }, ageMs);
      }
      const { tenantId, deskConversationId } = data;
      return handlers.typing({ tenantId, deskConversationId }, ageMs);
    }, concurrency);
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
