import {
  callThrough,
  DeliveryError,
  isRefusal,
  type BotThinking,
  type ChannelPort,
  type DeskConversationId,
  type DeskPort,
  type ProviderGate,
} from '#core';
import type { TypingTarget, TypingTargets } from '#persistence';
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
  desk: DeskPort;
  gate: ProviderGate;
  metrics: Metrics;
  logger: Logger;
  timeoutMs: number;
}

type Result = 'sent' | 'failed' | 'refused' | 'skipped';

const LIMITS = { everyMs: SHOWN_EVERY_MS, maxAgeMs: MAX_MESSAGE_AGE_MS };

/** Shows customers that an agent types, or that a bot is at work. Nothing of it is tried twice: a moment later it is not true any more. */
export class Typing {
  constructor(private readonly options: TypingOptions) {}

  /** @param ageMs how long ago the gateway heard of it */
  async show(conversation: DeskConversationId, ageMs: number): Promise<void> {
    const { targets } = this.options;
    const { tenantId } = conversation;
    const target = this.isLate(ageMs) ? undefined : await targets.take(conversation, LIMITS);
    this.count('typing', target ? await this.toCustomer(tenantId, target) : 'skipped');
  }

  /** The desk is shown it where the bot has the customer back from the agents. */
  async think({ tenantId, threadId, seconds }: BotThinking, ageMs: number): Promise<void> {
    const { targets, desk, timeoutMs } = this.options;
    const { customer, deskConversationId } =
      ageMs > MAX_SIGNAL_AGE_MS ? {} : await targets.takeThread({ tenantId, threadId }, LIMITS);
    const isShown = customer !== undefined && !this.isLate(ageMs);
    this.count('typing', isShown ? await this.toCustomer(tenantId, customer) : 'skipped');
    if (deskConversationId === undefined) return;
    const request = { deskConversationId, seconds };
    this.count(
      'thinking',
      await this.pass({ provider: 'desk', tenantId }, () => desk.thinking(request, { tenantId, timeoutMs })),
    );
  }

  private isLate(ageMs: number): boolean {
    return ageMs > MAX_SIGNAL_AGE_MS || !this.options.channel.capabilities.typing;
  }

  private toCustomer(tenantId: string, target: TypingTarget): Promise<Result> {
    const { channel, timeoutMs } = this.options;
    const { account } = target;
    return this.pass({ provider: 'channel', tenantId, account }, () => channel.typing(target, { timeoutMs }));
  }

  private async pass(
    whom: { provider: 'channel' | 'desk'; tenantId: string; account?: string },
    call: () => Promise<void>,
  ): Promise<Result> {
    const { gate, logger } = this.options;
    const permit = await gate.enter({ ...whom, kind: 'signal' });
    if (isRefusal(permit)) return 'refused';
    try {
      await callThrough(permit, call);
      return 'sent';
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      logger.info({ code: error.code }, 'Typing could not be shown.');
      return 'failed';
    }
  }

  private count(kind: 'typing' | 'thinking', result: Result): void {
    this.options.metrics.signals.inc({ kind, result });
  }
}
