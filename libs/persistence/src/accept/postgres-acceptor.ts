import {
  Acceptor,
  type AcceptResult,
  type DeskEventReceived,
  type InboundMessageReceived,
  type NeutralEvent,
  type ReceiptReceived,
  type Signals,
  type WakeUps,
} from '#core';
import { inTransaction, type Pool } from '../database.js';
import { CommitBatcher, type BatchItem } from './commit-batcher.js';
import { acceptDeskEvents, type DeskOptions } from './desk-events.js';
import { KnownThreads, type KnownThread } from './known-threads.js';
import {
  acceptMessages,
  appendMessages,
  introduceThreads,
  type Accepted,
  type LaneMessage,
} from './messages.js';
import { recordKeywords } from './opt-outs.js';
import { acceptReceipts } from './receipts.js';

type Event = InboundMessageReceived | ReceiptReceived | DeskEventReceived;

export interface AcceptorOptions extends DeskOptions {
  /** Connections of the batches. */
  pool: Pool;
  /** Connections for what stands apart from the batches: split ones, lanes that are locked. */
  apartPool: Pool;
  wakeUps: WakeUps;
  /** Told of what agents do at this moment; absent: nobody is. */
  signals?: Signals;
  onBatch?: (kind: Event['kind'], size: number, seconds: number) => void;
  onAccepted?: (kind: Event['kind'], result: AcceptResult) => void;
  onUnmatchedReceipts?: (count: number) => void;
  /** Between commit and wake-up, and between wake-up and answer: where fault tests kill the process. */
  onStep?: (step: 'after-commit' | 'after-wake') => void;
}

/** Accepting: commits events in batches, then wakes the lanes that got work. */
export class PostgresAcceptor extends Acceptor {
  private readonly messages: CommitBatcher<BatchItem & LaneMessage>;
  private readonly receipts: CommitBatcher<BatchItem & { event: ReceiptReceived }>;
  private readonly deskEvents: CommitBatcher<BatchItem & { event: DeskEventReceived }>;
  private readonly known = new KnownThreads();

  constructor(private readonly options: AcceptorOptions) {
    super();
    this.messages = this.batcher('inbound-message', (pool, items, apart) => this.commit(pool, items, apart));
    this.receipts = this.batcher('receipt', async (pool, items) => {
      const accepted = await acceptReceipts(pool, events(items));
      if (accepted.unmatched > 0) options.onUnmatchedReceipts?.(accepted.unmatched);
      return accepted;
    });
    this.deskEvents = this.batcher('desk-event', async (pool, items) => {
      const accepted = await inTransaction(pool, (client) =>
        acceptDeskEvents(client, events(items), options),
      );
      this.signal(events(items).filter((_, n) => accepted.results[n] === 'accepted'));
      return accepted;
    });
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

  private signal(accepted: DeskEventReceived[]): void {
    for (const { tenantId, deskConversationId, typing } of accepted) {
      if (typing?.present) this.options.signals?.typing({ tenantId, deskConversationId });
    }
  }

  /** What stands apart is looked up anew: should what is known be the trouble, it ends here. */
  private async commit(pool: Pool, messages: LaneMessage[], apart: boolean): Promise<Accepted> {
    const { origin = 'webhook' } = this.options;
    const appended = apart || origin === 'reconciler' ? undefined : await this.append(pool, messages);
    const accepted = appended ?? (await acceptMessages(pool, messages, this.known, origin));
    await recordKeywords(pool, events(messages));
    return accepted;
  }

  private async append(pool: Pool, messages: LaneMessage[]): Promise<Accepted | undefined> {
    const { known } = this;
    const find = ({ lane, event }: LaneMessage) => known.find(lane, event);
    let threads = messages.map(find);
    if (!threads.every(isKnown)) {
      const strangers = messages.filter((_, n) => !threads[n]);
      await introduceThreads(pool, strangers, known);
      // All of them: what was found before may have been forgotten meanwhile.
      threads = messages.map(find);
    }
    // Read together with the threads: they are true of this version.
    const { version } = known;
    return threads.every(isKnown)
      ? await appendMessages(pool, events(messages), threads, version, known)
      : undefined;
  }

  private batcher<I extends BatchItem & { event: Event }>(
    kind: I['event']['kind'],
    commit: (pool: Pool, items: I[], apart: boolean) => Promise<Accepted>,
  ): CommitBatcher<I> {
    const { onBatch } = this.options;
    return new CommitBatcher<I>({
      commit: async (items, apart) => {
        const { pool, apartPool, wakeUps } = this.options;
        const accepted = await commit(apart ? apartPool : pool, items, apart);
        this.options.onStep?.('after-commit');
        wakeUps.wake(accepted.wakeUps);
        this.options.onStep?.('after-wake');
        return accepted.results;
      },
      ...(onBatch && { onBatch: (size, seconds) => onBatch(kind, size, seconds) }),
    });
  }
}

function events<E extends Event>(items: { event: E }[]): E[] {
  return items.map(({ event }) => event);
}

function isKnown(thread: KnownThread | undefined): thread is KnownThread {
  return thread !== undefined;
}
