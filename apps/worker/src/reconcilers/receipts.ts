import { DeliveryError, RECEIPT_RANK, type Acceptor, type ChannelPort } from '#core';
import type { ReceiptCheck, ReceiptChecks, ReceiptTimes } from '#persistence';
import type { ProviderCalls } from './calls.js';
import type { ReconcileObserver } from './observer.js';
import type { Pass } from './pass.js';

/** Receipts asked for in one pass. */
const MAX_RECEIPTS = 200;
/** Attempts are looked at in spans of so long, so many at most in one pass. */
const SPAN_MS = 600_000;
const MAX_SPANS = 150;
const MAX_PAUSE_MS = 6 * 60 * 60 * 1000;
/** A phone may be off for good: after a day nobody asks any more. */
const LIFE_MS = 24 * 60 * 60 * 1000;
/** Outcomes of attempts whose receipt may still come. */
const PENDING: ReadonlySet<string> = new Set(['submitted', 'sending', 'uncertain']);

export interface ReceiptsParts {
  checks: ReceiptChecks;
  channel: ChannelPort;
  acceptor: Acceptor;
  calls: ProviderCalls;
  observer: ReconcileObserver;
  /** From sending to the first question. */
  afterMs: number;
}

/** Receipts that stand still: the provider is asked, with pauses that grow, and its answer is accepted like a callback. */
export class Receipts {
  private readonly times: ReceiptTimes;

  constructor(private readonly parts: ReceiptsParts) {
    this.times = { afterMs: parts.afterMs, maxPauseMs: MAX_PAUSE_MS, lifeMs: LIFE_MS };
  }

  async run(pass: Pass): Promise<void> {
    const { checks } = this.parts;
    for (let span = 0; span < MAX_SPANS && !pass.isOver(); span += 1) {
      if (await checks.note(this.times, SPAN_MS)) break;
    }
    await pass.each(await checks.take(MAX_RECEIPTS, this.times), (check) => this.check(check));
  }

  private async check(check: ReceiptCheck): Promise<void> {
    const { checks, observer } = this.parts;
    try {
      if (!isPending(check) || !(await this.ask(check)) || check.last) await checks.done(check);
    } catch (error) {
      if (error instanceof DeliveryError) {
        observer.failed('receipts', error.code, { messageId: check.messageId });
        if (check.last) await checks.done(check);
      }
      throw error;
    }
  }

  /** Whether to ask again. */
  private async ask(check: ReceiptCheck): Promise<boolean> {
    const { channel, acceptor, calls, observer } = this.parts;
    const { tenantId, messageId, attemptId, account, providerId, receipt } = check;
    if (providerId === undefined) return true;
    const fetched = await calls({ provider: 'channel', tenantId, account }, (context) =>
      channel.fetchReceipt({ account, providerId }, context),
    );
    if (!fetched) return false;
    await acceptor.accept([
      {
        ...fetched,
        kind: 'receipt',
        tenantId,
        providerMessageId: providerId,
        attempt: { messageId, attemptId },
      },
    ]);
    const isNews = receipt === undefined || RECEIPT_RANK[fetched.status] > RECEIPT_RANK[receipt];
    if (isNews) observer.found('receipt', { messageId, attemptId, receipt: fetched.status });
    return isPending({ ...check, receipt: fetched.status });
  }
}

function isPending({ outcome, receipt }: ReceiptCheck): boolean {
  return PENDING.has(outcome) && (receipt === undefined || RECEIPT_RANK[receipt] <= RECEIPT_RANK.sent);
}
