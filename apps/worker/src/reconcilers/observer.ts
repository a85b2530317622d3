import type { Logger, Metrics } from '#platform';

/** What reconcilers find: a customer's message, an agent's, a state of a conversation, a receipt. */
export type Finding = 'inbound-message' | 'agent-message' | 'conversation' | 'receipt';

/** Ids of ours and of providers; never numbers or texts. */
export type FindingIds = Readonly<Record<string, string | number | undefined>>;

/** What reconcilers do, as figures and log lines. */
export class ReconcileObserver {
  constructor(
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {}

  found(kind: Finding, ids: FindingIds): void {
    this.metrics.reconciled.inc({ kind });
    this.logger.warn({ kind, ...ids }, 'A provider had not told us, and was asked.');
  }

  failed(reconciler: string, code: string, ids: FindingIds): void {
    this.logger.info({ reconciler, code, ...ids }, 'A provider could not be asked yet.');
  }

  alarm(name: string, ids: FindingIds): void {
    this.metrics.alarms.inc({ name });
    this.logger.error({ alarm: name, ...ids }, 'Reconciling needs a look.');
  }

  ended(reconciler: string, result: 'ok' | 'failed'): void {
    this.metrics.reconcilerRuns.inc({ reconciler, result });
    if (result === 'ok') this.metrics.reconcilerLastSuccess.set({ reconciler }, Date.now() / 1000);
  }
}
