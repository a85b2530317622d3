import { callThrough, DeliveryError, isRefusal, type DeskPort, type ProviderGate, type WakeUps } from '#core';
import type { DueHandBack, DueHandBacks } from '#persistence';
import type { Logger, Metrics } from '#platform';

const MAX_TAKEN = 20;

export interface HandBacksOptions {
  due: DueHandBacks;
  desk: DeskPort;
  gate: ProviderGate;
  wakeUps: WakeUps;
  metrics: Metrics;
  logger: Logger;
  timeoutMs: number;
}

/**
 * Tells the desk, once agents are being looked for, that the bot gets the customer back after them. Told when the last one has
 * left it would come too late.
 */
export class HandBacks {
  constructor(private readonly options: HandBacksOptions) {}

  async run(): Promise<void> {
    const { due, timeoutMs } = this.options;
    const taken = await due.take(MAX_TAKEN, timeoutMs * 2);
    await Promise.all(taken.map((one) => this.tell(one)));
  }

  private async tell(handBack: DueHandBack): Promise<void> {
    const { due, desk, gate, wakeUps, metrics, logger, timeoutMs } = this.options;
    const count = (result: string) => metrics.handBacks.inc({ result });
    const { tenantId, deskConversationId, webhookId, limits } = handBack;
    if (webhookId === undefined) return count('no-webhook');
    const permit = await gate.enter({ provider: 'desk', tenantId, kind: 'hand-back' });
    if (isRefusal(permit)) return count('refused');
    try {
      const request = { deskConversationId, webhookId, limits };
      await callThrough(permit, () => desk.handBack(request, { tenantId, timeoutMs }));
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      const { conversationId } = handBack;
      const { code, httpStatus } = error;
      const isRefused = error.kind === 'failed';
      if (isRefused) await due.refused(handBack);
      count(isRefused ? 'rejected' : 'failed');
      logger.warn(
        { code, httpStatus, conversationId },
        isRefused
          ? 'The desk does not hand a conversation back; it is asked once more if an agent joins.'
          : 'A conversation will not be handed back yet.',
      );
      return;
    }
    count('asked');
    wakeUps.wake(await due.done(handBack));
  }
}
