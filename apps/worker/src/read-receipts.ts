import { callThrough, DeliveryError, isRefusal, type DeskPort, type ProviderGate } from '#core';
import type { DueReadReceipt, DueReadReceipts } from '#persistence';
import type { Logger, Metrics } from '#platform';

const MAX_GATHERED = 1_000;
const MAX_TAKEN = 20;
const MAX_PAUSE_MS = 60_000;
/** An hour later the agent has seen the answer, or nobody cares any more. */
const LIFE_MS = 3_600_000;

export interface ReadReceiptsOptions {
  due: DueReadReceipts;
  desk: DeskPort;
  gate: ProviderGate;
  metrics: Metrics;
  logger: Logger;
  timeoutMs: number;
}

/** Tells the desk how far customers have read. */
export class ReadReceipts {
  constructor(private readonly options: ReadReceiptsOptions) {}

  async run(): Promise<void> {
    const { due, timeoutMs } = this.options;
    await due.gather(MAX_GATHERED);
    const times = { pauseMs: timeoutMs * 2, maxPauseMs: MAX_PAUSE_MS, lifeMs: LIFE_MS };
    const taken = await due.take(MAX_TAKEN, times);
    await Promise.all(taken.map((receipt) => this.tell(receipt)));
  }

  private async tell(receipt: DueReadReceipt): Promise<void> {
    const { due, desk, gate, metrics, logger, timeoutMs } = this.options;
    const count = (result: string) => metrics.signals.inc({ kind: 'read-receipt', result });
    const { tenantId, deskConversationId, readAt } = receipt;
    const permit = await gate.enter({ provider: 'desk', tenantId, kind: 'signal' });
    if (isRefusal(permit)) return count('refused');
    try {
      await callThrough(permit, () =>
        desk.readReceipt({ deskConversationId, readAt }, { tenantId, timeoutMs }),
      );
      count('sent');
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      count('failed');
      logger.info({ code: error.code }, 'A read receipt was not taken by the desk.');
      // What passes by itself is tried again; a desk that says no means it.
      if (error.kind === 'not-sent' || error.kind === 'uncertain' || error.kind === 'credentials') return;
    }
    await due.done(receipt);
  }
}
