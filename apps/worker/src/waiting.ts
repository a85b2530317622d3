import {
  callThrough,
  DeliveryError,
  isRefusal,
  waitingStep,
  type CustomerTexts,
  type DeskPort,
  type ProviderGate,
  type QueueStatistics,
} from '#core';
import type { KnownWait, Waits } from '#persistence';
import type { Logger, Metrics } from '#platform';

const PAGE = 500;
/** Ways in which a call ends before anything has left. */
const NEVER_LEFT: ReadonlySet<string> = new Set(['dns', 'connect-refused', 'connect-timeout', 'tls']);

export interface WaitingOptions {
  waits: Waits;
  statistics: QueueStatistics;
  texts: CustomerTexts;
  desk: DeskPort;
  gate: ProviderGate;
  metrics: Metrics;
  logger: Logger;
  timeoutMs: number;
}

/** Sees to customers who wait for an agent: tells them their place, and puts them elsewhere when they wait too long. */
export class Waiting {
  constructor(private readonly options: WaitingOptions) {}

  async run(): Promise<void> {
    const { waits } = this.options;
    await waits.notice();
    let last: string | undefined;
    for (;;) {
      const page = await waits.after(last, PAGE);
      for (const wait of page) await this.see(wait);
      last = page.at(-1)?.conversationId;
      if (page.length < PAGE) return;
    }
  }

  async forget(): Promise<void> {
    await this.options.waits.forgetClosed();
  }

  private async see(wait: KnownWait): Promise<void> {
    const { waits, statistics, texts } = this.options;
    const { conversationId, tenantId, threadId, queueId, settings } = wait;
    const figures = queueId === undefined ? undefined : await statistics.of({ tenantId, queueId });
    const { position, tell, moveTo } = waitingStep(wait, settings, figures);
    // Told before it is noted: told again under the same key it is told once.
    if (tell) await texts.tell({ tenantId, threadId, conversationId, ...tell });
    if (tell || position !== wait.position) await waits.note(wait, position, tell?.kind);
    if (moveTo !== undefined) await this.move(wait, moveTo);
  }

  /** Asked for once: an agent may have taken it since, from whom a second time would take it away. */
  private async move(wait: KnownWait, queueId: string): Promise<void> {
    const { waits, desk, gate, metrics, logger, timeoutMs } = this.options;
    const { conversationId, deskConversationId, tenantId } = wait;
    const permit = await gate.enter({ provider: 'desk', tenantId, kind: 'signal' });
    if (isRefusal(permit)) return metrics.waitMoves.inc({ result: 'not-made' });
    if (!(await waits.takeMove(conversationId))) return permit.unused();
    try {
      await callThrough(permit, () =>
        desk.updateConversation({ deskConversationId, queueId }, { tenantId, timeoutMs }),
      );
      metrics.waitMoves.inc({ result: 'asked' });
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      const again = error.kind === 'credentials' || NEVER_LEFT.has(error.code);
      if (again) await waits.giveBackMove(conversationId);
      metrics.waitMoves.inc({ result: again ? 'not-made' : 'refused' });
      logger.warn(
        { code: error.code, conversationId },
        'A waiting conversation was not put into another queue.',
      );
    }
  }
}
