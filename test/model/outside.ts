import {
  isFailure,
  newerReceipt,
  type DeskEventReceived,
  type InboundMessageReceived,
  type ReceiptReceived,
  type ReceiptStatus,
  type WakeUp,
} from '#core';
import { agentMessage, deskEvent, inboundMessage, newAddress, receipt } from '../support/accepting.js';
import { FakeChannel, FakeDesk, type AcceptedPart, type FakeConversation } from '../support/fakes.js';
import type { Taken, Written } from '../support/invariants.js';
import type { Worker } from './worker.js';

/** What differs from one sequence to the next before its first command. */
export interface Setting {
  /** Whether the customers have agents from the start. */
  served: boolean;
  uncertainPolicy: 'retry' | 'hold';
  /** Longest part of either side: a text is one part or two. */
  partLength: 1_600 | 12;
  /** Whether the desk says who wrote a message that it announces. */
  namesAuthors: boolean;
  /** Whether the desk's list shows conversations by their reference. */
  listShows: boolean;
  /** Whether what was sent can be looked up. */
  canLook: boolean;
  /** Whether customers write the same over and over. */
  repeatsTexts: boolean;
}

/** What the desk does in a conversation. */
export const DESK_ACTS = [
  'queues',
  'joins',
  'second joins',
  'leaves',
  'second leaves',
  'transfers',
  'ends',
  'writes',
] as const;
export type DeskAct = (typeof DESK_ACTS)[number];

let tenants = 0;

/**
 * The model: the outside world as it knows itself, which is what must hold inside. Customers and agents with what they
 * wrote, both providers with what they took, what the desk has said and not delivered yet, the queue, and the time.
 */
export class Outside {
  readonly tenantId = `tenant-${(tenants += 1)}`;
  readonly channel = new FakeChannel();
  readonly desk = new FakeDesk();
  /** One on SMS, one on WhatsApp. */
  readonly customers = [newAddress(), `whatsapp:${newAddress()}`];
  readonly taken: Taken[] = [];
  readonly webhooks: InboundMessageReceived[] = [];
  /** Texts whose webhook never came, until they are found in the provider's list. */
  readonly lost: InboundMessageReceived[] = [];
  /** Said by the desk and not delivered yet; whatever is delivered stays below. */
  readonly outbox: DeskEventReceived[] = [];
  readonly events: DeskEventReceived[] = [];
  readonly receipts = new Map<string, ReceiptStatus>();
  readonly sentReceipts: ReceiptReceived[] = [];
  /** Attempts that the provider has ever called failed, whatever it said later. */
  readonly reportedFailed = new Set<string>();
  /** Messages that an operator has replayed. */
  readonly replayed = new Set<string>();
  readonly queue: (WakeUp & { dueMs: number })[] = [];
  readonly sleepers: Worker[] = [];
  /** Whether a worker died or froze, or wake-ups were lost: only then may the sweeper be needed. */
  harmed = false;
  /** Whether the business numbers are configured. */
  configured = true;
  nowMs = 0;
  private deskTime = 1_000;
  private readonly numbers = [1, 2].map((n) => `+1555${String(tenants).padStart(6, '0')}${n}`);

  constructor(readonly setting: Setting) {
    this.channel.partLength = setting.partLength;
    this.desk.partLength = setting.partLength;
    this.desk.listShows = setting.listShows;
    this.desk.counting = this.channel.lists = setting.canLook;
  }

  /** The business number that a customer writes to. */
  numberOf(customer: string): string {
    const whatsapp = customer.startsWith('whatsapp:');
    return `${whatsapp ? 'whatsapp:' : ''}${this.numbers[whatsapp ? 1 : 0]}`;
  }

  /** A new text of a customer; it counts as written once it is accepted. */
  text(customer: string): InboundMessageReceived {
    const n = this.setting.repeatsTexts ? 'again' : this.webhooks.length + this.lost.length;
    const text = `ask-${n} more-${n}`;
    return inboundMessage({ tenantId: this.tenantId, from: customer, to: this.numberOf(customer), text });
  }

  /**
   * What customers wrote, in the order of acceptance and under the ids that the provider gave it; and what agents wrote, whose
   * texts never repeat, whether or not an event told of it.
   */
  written(): Written[] {
    return [
      ...this.webhooks.map((event) => ({
        who: event.from,
        direction: 'inbound' as const,
        text: event.providerMessageId,
      })),
      ...this.desk.conversations.flatMap(({ id, messages }) =>
        messages
          .filter(({ authorType }) => authorType === 'agent')
          .map(({ text }) => ({ who: id, direction: 'outbound' as const, text })),
      ),
    ];
  }

  acts(conversation: FakeConversation, act: DeskAct): void {
    const at = (this.deskTime += 10);
    const { id, request } = conversation;
    const says = (type: string, facts: DeskEventReceived['facts']) =>
      this.outbox.push(
        deskEvent({
          tenantId: this.tenantId,
          deskConversationId: id,
          type,
          occurredAt: at,
          facts,
          create: request.reference,
        }),
      );
    switch (act) {
      case 'queues':
        conversation.state = 'active';
        return void says('QUEUED', { queue: { value: '100', at }, state: { value: 'active', at } });
      case 'joins':
        return void says('JOINED', { agents: { a1: { joinedAt: at } } });
      case 'second joins':
        return void says('JOINED', { agents: { a2: { joinedAt: at } } });
      case 'leaves':
        return void says('LEFT', { agents: { a1: { leftAt: at } } });
      case 'second leaves':
        return void says('LEFT', { agents: { a2: { leftAt: at } } });
      case 'transfers':
        return void says('TRANSFER', { transferAt: at });
      case 'ends':
        conversation.state = 'idle';
        return void says('UPDATED', { state: { value: 'idle', at } });
      case 'writes': {
        const text = `answer-${at} more-${at}`;
        conversation.messages.push({ id: `m${at}`, createdAt: at, text, authorType: 'agent' });
        const changes = { tenantId: this.tenantId, deskConversationId: id, occurredAt: at };
        const event = agentMessage(text, changes);
        if (event.message && !this.setting.namesAuthors) event.message.authorType = 'unknown';
        return void this.outbox.push(event);
      }
    }
  }

  /** The desk has made a conversation. */
  created(conversation: FakeConversation): void {
    const at = (this.deskTime += 10);
    this.outbox.push(
      deskEvent({
        tenantId: this.tenantId,
        deskConversationId: conversation.id,
        type: 'CREATED',
        occurredAt: at,
        facts: { state: { value: 'created', at } },
        create: conversation.request.reference,
      }),
    );
  }

  /** The desk has taken a text of ours, and announces it like any other. */
  posted(deskConversationId: string): void {
    const at = (this.deskTime += 10);
    const text = this.desk.conversation(deskConversationId)?.messages.at(-1)?.text ?? '';
    this.outbox.push(
      deskEvent({
        tenantId: this.tenantId,
        deskConversationId,
        occurredAt: at,
        message: {
          authorType: this.setting.namesAuthors ? 'user' : 'unknown',
          content: { type: 'text', text },
        },
      }),
    );
  }

  /** The provider says how far a part is. */
  receipt(part: AcceptedPart, status: ReceiptStatus, late: ReceiptReceived['late']): ReceiptReceived {
    // Only WhatsApp has a window that closes.
    const possible = late === 'held-window' && !part.to.startsWith('whatsapp:') ? undefined : late;
    return receipt({
      tenantId: this.tenantId,
      dedupeKey: `twilio:status:${part.providerId}:${status}`,
      providerMessageId: part.providerId,
      status,
      attempt: { messageId: part.messageId, attemptId: part.attemptId },
      ...(isFailure(status) && { providerCode: '30003', late: possible ?? 'failed' }),
    });
  }

  /** A receipt was accepted: what must be stored of its attempt from now on. */
  knows({ attempt, status }: ReceiptReceived): void {
    const id = attempt?.attemptId ?? '';
    this.receipts.set(id, newerReceipt(this.receipts.get(id), status));
    if (isFailure(status)) this.reportedFailed.add(id);
  }

  /** Texts of ours that the desk holds. */
  posts(): number {
    return this.desk.conversations
      .flatMap(({ messages }) => messages)
      .filter(({ authorType }) => authorType !== 'agent').length;
  }

  wake(wakeUps: WakeUp[]): void {
    this.queue.push(...wakeUps.map((each) => ({ ...each, dueMs: this.nowMs + (each.delayMs ?? 0) })));
  }

  /** The next wake-up that is due. */
  nextJob(): WakeUp | undefined {
    const index = this.queue.findIndex(({ dueMs }) => dueMs <= this.nowMs);
    return index < 0 ? undefined : this.queue.splice(index, 1)[0];
  }
}
