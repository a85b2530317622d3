import type { Acceptor, ChannelPort, DeskPort } from '#core';
import type { ConversationChecks, ReceiptChecks, ReceivedMarks, Upkeep } from '#persistence';
import type { Round } from '../rounds.js';
import type { ProviderCalls } from './calls.js';
import { Conversations } from './conversations.js';
import type { ReconcileObserver } from './observer.js';
import { Pass } from './pass.js';
import { Receipts } from './receipts.js';
import { ReceivedMessages, type ReceivedMessagesParts } from './received-messages.js';

export interface ReconcileTimes {
  intervalMs: number;
  /** How old something must be before its webhook or event counts as lost, or a receipt as stuck; milliseconds. */
  inboundAfterMs: number;
  agentMessagesAfterMs: number;
  silentAfterMs: number;
  receiptsAfterMs: number;
}

export interface ReconcilersParts {
  upkeep: Upkeep;
  marks: ReceivedMarks;
  conversationChecks: ConversationChecks;
  receiptChecks: ReceiptChecks;
  channel: ChannelPort;
  desk: DeskPort;
  acceptor: Acceptor;
  calls: ProviderCalls;
  owns: ReceivedMessagesParts['owns'];
  observer: ReconcileObserver;
  times: ReconcileTimes;
}

type Work = (pass: Pass) => Promise<void>;

/** Longest pass; what is left comes with the next one. */
const MAX_PASS_MS = 30_000;
const AT_ONCE = 4;
/** A duty is held for less than an interval, so that its holder's next round finds it free. */
const LEASE_SHARE = 0.7;

/**
 * Asks providers for what they should have told us. Each kind is a duty that one worker at a time does; doubled it is
 * harmless, since everything enters under keys or by comparison under a lock.
 */
export class Reconcilers {
  private readonly works: Record<'received' | 'conversations' | 'receipts', Work>;
  private stopped = false;

  constructor(private readonly parts: ReconcilersParts) {
    const { marks, conversationChecks, receiptChecks, times } = parts;
    const received = new ReceivedMessages({ ...parts, marks, afterMs: times.inboundAfterMs });
    const conversations = new Conversations({
      ...parts,
      checks: conversationChecks,
      times: {
        intervalMs: times.intervalMs,
        messagesMs: times.agentMessagesAfterMs,
        silentMs: times.silentAfterMs,
        leaseMs: MAX_PASS_MS,
      },
    });
    const receipts = new Receipts({ ...parts, checks: receiptChecks, afterMs: times.receiptsAfterMs });
    this.works = {
      received: (pass) => received.run(pass),
      conversations: (pass) => conversations.run(pass),
      receipts: (pass) => receipts.run(pass),
    };
  }

  rounds(): Round[] {
    const { intervalMs } = this.parts.times;
    return Object.entries(this.works).map(([name, work]) => ({
      name: `reconcile-${name}`,
      intervalMs,
      run: async () => {
        const free = await this.parts.upkeep.takeDuty(`reconcile-${name}`, intervalMs * LEASE_SHARE);
        if (free) await this.pass(name, work);
      },
    }));
  }

  /** Begins nothing further; a running pass ends with its running calls. */
  stop(): void {
    this.stopped = true;
  }

  private async pass(name: string, work: Work): Promise<void> {
    const { observer } = this.parts;
    const pass = new Pass({ maxMs: MAX_PASS_MS, atOnce: AT_ONCE }, () => this.stopped);
    try {
      await work(pass);
    } catch (error) {
      observer.ended(name, 'failed');
      throw error;
    }
    observer.ended(name, pass.failures === 0 ? 'ok' : 'failed');
  }
}
