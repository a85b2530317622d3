import {
  Acceptor,
  type AcceptResult,
  type DeskEventReceived,
  type InboundMessageReceived,
  type NeutralEvent,
  type ReceiptReceived,
  type WakeUps,
} from '#core';
import { inTransaction, type Pool } from '../database.js';
import { CommitBatcher, type BatchItem } from './commit-batcher.js';
import { acceptDeskEvents, type DeskOptions } from './desk-events.js';
import { acceptMessages, type Accepted } from './messages.js';
import { acceptReceipts } from './receipts.js';

type Event = InboundMessageReceived | ReceiptReceived | DeskEventReceived;

export interface AcceptorOptions extends DeskOptions {
  /** Connections of the batches. */
  pool: Pool;
  /** Connections for what stands apart from the batches: split ones, lanes that are locked. */
  apartPool: Pool;
  wakeUps: WakeUps;
  onBatch?: (kind: Event['kind'], size: number, seconds: number) => void;
  onAccepted?: (kind: Event['kind'], result: AcceptResult) => void;
  onUnmatchedReceipts?: (count: number) => void;
  /** Between commit and wake-up, and between wake-up and answer: where fault tests kill the process. */
  onStep?: (step: 'after-commit' | 'after-wake') => void;
}

/** Accepting: commits events in batches, then wakes the lanes that got work. */
export class PostgresAcceptor extends Acceptor {
  private readonly messages: CommitBatcher<BatchItem & { event: InboundMessageReceived }>;
  private readonly receipts: CommitBatcher<BatchItem & { event: ReceiptReceived }>;
  private readonly deskEvents: CommitBatcher<BatchItem & { event: DeskEventReceived }>;

  constructor(private readonly options: AcceptorOptions) {
    super();
    this.messages = this.batcher('inbound-message', (pool, events) => acceptMessages(pool, events));
    this.receipts = this.batcher('receipt', async (pool, events) => {
      const accepted = await acceptReceipts(pool, events);
      if (accepted.unmatched > 0) options.onUnmatchedReceipts?.(accepted.unmatched);
      return accepted;
    });
    this.deskEvents = this.batcher('desk-event', (pool, events) =>
      inTransaction(pool, (client) => acceptDeskEvents(client, events, options)),
    );
  }

  async accept(events: NeutralEvent[]): Promise<AcceptResult[]> {
    const results = await Promise.all(events.map((event) => this.submit(event)));
    results.forEach((result, index) => {
      const event = events[index];
      if (event) this.options.onAccepted?.(event.kind, result);
    });
    return results;
  }

  private submit(event: NeutralEvent): Promise<AcceptResult> {
    switch (event.kind) {
      case 'inbound-message':
        return this.messages.submit({
          key: event.dedupeKey,
          lane: `${event.tenantId}\n${event.account}\n${event.to}\n${event.aliases[0]?.value ?? event.from}`,
          event,
        });
      case 'receipt':
        return this.receipts.submit({ key: event.dedupeKey, lane: event.providerMessageId, event });
      case 'desk-event':
        return this.deskEvents.submit({
          key: `${event.tenantId}\n${event.eventId}`,
          lane: `${event.tenantId}\n${event.deskConversationId}`,
          bodyDigest: event.bodyDigest,
          event,
        });
    }
  }

  private batcher<E extends Event>(
    kind: E['kind'],
    commit: (pool: Pool, events: E[]) => Promise<Accepted>,
  ): CommitBatcher<BatchItem & { event: E }> {
    const { onBatch } = this.options;
    return new CommitBatcher<BatchItem & { event: E }>({
      commit: async (items, apart) => {
        const { pool, apartPool, wakeUps } = this.options;
        const accepted = await commit(
          apart ? apartPool : pool,
          items.map((item) => item.event),
        );
        this.options.onStep?.('after-commit');
        wakeUps.wake(accepted.wakeUps);
        this.options.onStep?.('after-wake');
        return accepted.results;
      },
      ...(onBatch && { onBatch: (size, seconds) => onBatch(kind, size, seconds) }),
    });
  }
}
