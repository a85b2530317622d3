import { callThrough, DeliveryError, isRefusal, type DeskPort, type ProviderGate } from '#core';
import type { DueCardSubmission, DueCardSubmissions } from '#persistence';
import type { Logger, Metrics } from '#platform';

const MAX_TAKEN = 20;
const MAX_PAUSE_MS = 60_000;
/** An hour later whoever waits for it has read it as text. */
const LIFE_MS = 3_600_000;

export interface CardSubmissionsOptions {
  due: DueCardSubmissions;
  desk: DeskPort;
  gate: ProviderGate;
  metrics: Metrics;
  logger: Logger;
  timeoutMs: number;
}

/** Tells cards of the desk what customers chose on them. The choice itself has reached the agent as a text before. */
export class CardSubmissions {
  constructor(private readonly options: CardSubmissionsOptions) {}

  async run(): Promise<void> {
    const { due, timeoutMs } = this.options;
    const times = { pauseMs: timeoutMs * 2, maxPauseMs: MAX_PAUSE_MS, lifeMs: LIFE_MS };
    const taken = await due.take(MAX_TAKEN, times);
    await Promise.all(taken.map((submission) => this.tell(submission)));
  }

  private async tell(submission: DueCardSubmission): Promise<void> {
    const { due, desk, gate, metrics, logger, timeoutMs } = this.options;
    const count = (result: string) => metrics.signals.inc({ kind: 'card-submission', result });
    const { messageId, tenantId } = submission;
    const permit = await gate.enter({ provider: 'desk', tenantId, kind: 'signal' });
    if (isRefusal(permit)) return count('refused');
    try {
      const result = await callThrough(permit, () => desk.submitCard(submission, { tenantId, timeoutMs }));
      count(result);
      // The list may show a card later than its event came.
      if (result === 'no-card') return;
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      count('failed');
      logger.info({ code: error.code, messageId }, 'A card was not told of what was chosen on it.');
      // What passes by itself is tried again; a desk that says no means it.
      if (error.kind === 'not-sent' || error.kind === 'uncertain' || error.kind === 'credentials') return;
    }
    await due.done(submission);
  }
}
