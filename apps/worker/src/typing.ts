import {
  callThrough,
  DeliveryError,
  isRefusal,
  type ChannelPort,
  type DeskConversationId,
  type ProviderGate,
} from '#core';
import type { TypingTargets } from '#persistence';
import type { Logger, Metrics } from '#platform';

/** A signal that has been on its way for longer says nothing of this moment. */
const MAX_SIGNAL_AGE_MS = 10_000;
/** WhatsApp shows it for 25 s. */
const SHOWN_EVERY_MS = 20_000;
/** WhatsApp's reply window, outside of which nothing may be sent. */
const MAX_MESSAGE_AGE_MS = 24 * 3_600_000;

export interface TypingOptions {
  targets: TypingTargets;
  channel: ChannelPort;
  gate: ProviderGate;
  metrics: Metrics;
  logger: Logger;
  timeoutMs: number;
}

/** Shows customers that an agent types. Nothing of it is tried twice: a moment later it is not true any more. */
export class Typing {
  constructor(private readonly options: TypingOptions) {}

  /** @param ageMs how long ago the gateway heard of it */
  async show(conversation: DeskConversationId, ageMs: number): Promise<void> {
    const { metrics } = this.options;
    metrics.signals.inc({ kind: 'typing', result: await this.tryTo(conversation, ageMs) });
  }

  private async tryTo(
    conversation: DeskConversationId,
    ageMs: number,
  ): Promise<'sent' | 'failed' | 'refused' | 'skipped'> {
    const { targets, channel, gate, logger, timeoutMs } = this.options;
    if (ageMs > MAX_SIGNAL_AGE_MS || !channel.capabilities.typing) return 'skipped';
    const limits = { everyMs: SHOWN_EVERY_MS, maxAgeMs: MAX_MESSAGE_AGE_MS };
    const target = await targets.take(conversation, limits);
    if (!target) return 'skipped';
    const { tenantId } = conversation;
    const { account } = target;
    const permit = await gate.enter({ provider: 'channel', tenantId, kind: 'signal', account });
    if (isRefusal(permit)) return 'refused';
    try {
      await callThrough(permit, () => channel.typing(target, { timeoutMs }));
      return 'sent';
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      logger.info({ code: error.code }, 'Typing could not be shown.');
      return 'failed';
    }
  }
}
