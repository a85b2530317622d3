import { createHash } from 'node:crypto';
import { type Activity, pause } from '../common/activity.js';
import type { AppendLog } from '../common/append-log.js';
import { ControlError } from '../common/control.js';
import type { Attachment } from './attachments.js';
import {
  type Assignment,
  type AuthorType,
  activityEvent,
  type Conversation,
  conversationUpdate,
  type DeskMessage,
  memberEvent,
  messageEvent,
  type MessageForm,
  newDeskId,
  presentAgents,
  queuedEvent,
  type Refer,
  transferEvent,
  typingEvent,
} from './conversation.js';
import type { DeskLogEntry, NotedKind } from './desk-log.js';
import type { DeskEvent } from './events.js';
import type { Staff } from './staff.js';

/** How long somebody has waited in a queue before an agent came. */
export interface Wait {
  queueId: string;
  durationMs: number;
  endedAtMs: number;
}

export interface DeskContext {
  staff: Staff;
  accepted: AppendLog<DeskLogEntry>;
  activity: Activity;
  settings: () => { stepMs: number; messageForm: MessageForm; memberForm: 'current' | 'older' };
  refer: Refer;
  /** Sends an event to the webhook of the conversation's channel; its id. */
  emit(conversation: Conversation, event: DeskEvent): string;
}

const MAX_WAITS = 500;

/** The conversations and what happens to them: the API on one side, the agents on the other, events for both. */
export class Desk {
  readonly #context: DeskContext;
  readonly #conversations = new Map<string, Conversation>();
  #waits: Wait[] = [];

  constructor(context: DeskContext) {
    this.#context = context;
  }

  /** Oldest first. */
  get conversations(): readonly Conversation[] {
    return [...this.#conversations.values()];
  }

  get(id: string): Conversation | undefined {
    return this.#conversations.get(id);
  }

  /** Those that have ended, newest last; the last {@link MAX_WAITS}. */
  get waits(): readonly Wait[] {
    return this.#waits;
  }

  /** Since when each conversation waits in the queue. */
  waitingSince(queueId: string): number[] {
    return this.conversations.flatMap((one) =>
      one.queueId === queueId && one.queuedAtMs !== null && isWaiting(one) ? [one.queuedAtMs] : [],
    );
  }

  reset(): void {
    this.#conversations.clear();
    this.#waits = [];
  }

  /** From now on the conversation is unknown. */
  forget(id: string): void {
    if (!this.#conversations.delete(id)) throw new ControlError(404, `no conversation ${id}`);
  }

  create(wanted: {
    channelId: string;
    user: Record<string, unknown>;
    assignment: Assignment;
    queueId: string;
    history: DeskMessage[];
    historyAsSent: unknown[];
  }): Conversation {
    const { channelId, user, assignment, queueId } = wanted;
    const conversation: Conversation = {
      id: newDeskId(),
      channelId,
      state: 'created',
      assignment,
      queueId,
      user,
      createdAtMs: Date.now(),
      queuedAtMs: null,
      endedAtMs: null,
      agents: new Map(),
      userLeft: false,
      messages: wanted.history,
    };
    this.#conversations.set(conversation.id, conversation);
    const history = wanted.historyAsSent;
    const conversationId = conversation.id;
    this.#context.accepted.append({
      kind: 'conversation',
      conversationId,
      channelId,
      user,
      assignment,
      history,
    });
    this.#context.activity.start(async (signal) => this.#open(conversation, signal));
    return conversation;
  }

  /** The product posts a message; everyone hears of it, its author too. */
  post(
    conversation: Conversation,
    authorType: 'user' | 'bot',
    text: string,
    rest: Partial<DeskMessage>,
  ): void {
    const message = this.#add(conversation, authorType, authorType, text, rest);
    this.#context.accepted.append({
      kind: 'message',
      conversationId: conversation.id,
      messageId: message.id,
      authorType,
      text,
      attachments: message.attachments.map(({ id }) => ({ id })),
      cards: message.cards,
    });
  }

  noteAttachment(conversation: Conversation, attachment: Attachment, authorType: 'user' | 'bot'): void {
    const { id: attachmentId, fileName, contentType, bytes } = attachment;
    this.#context.accepted.append({
      kind: 'attachment',
      conversationId: conversation.id,
      attachmentId,
      authorType,
      fileName,
      contentType,
      sizeInBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  }

  /** The customer's data change at once, the assignment a moment later: events tell both. */
  update(
    conversation: Conversation,
    changes: Partial<Pick<Conversation, 'user' | 'assignment' | 'channelId'>>,
  ): void {
    const { assignment, ...rest } = changes;
    Object.assign(conversation, rest);
    this.#context.accepted.append({ kind: 'update', conversationId: conversation.id, changes });
    this.#context.activity.start(async (signal) => {
      await pause(this.#context.settings().stepMs, signal);
      if (conversation.state === 'idle') return;
      const moved = assignment !== undefined && this.#assign(conversation, assignment);
      this.#emit(conversation, conversationUpdate(conversation));
      if (moved && isWaiting(conversation)) this.#queue(conversation);
    });
  }

  note(kind: NotedKind, conversation: Conversation, body: unknown): void {
    this.#context.accepted.append({ kind, conversationId: conversation.id, body });
  }

  /** Something was pressed on a card. */
  actOnCard(
    conversation: Conversation,
    cardId: string,
    action: { type: 'Action.Submit' | 'Action.Execute'; data: Record<string, unknown> },
  ): void {
    this.#context.accepted.append({
      kind: 'card-action',
      conversationId: conversation.id,
      cardId,
      ...action,
    });
    this.#emit(conversation, activityEvent(conversation, 'adaptiveCard/action', action));
  }

  /** The customer leaves, which ends the interaction. */
  leaveAsCustomer(conversation: Conversation): void {
    this.#context.accepted.append({ kind: 'close', conversationId: conversation.id, by: 'customer' });
    if (conversation.state === 'idle') return;
    conversation.userLeft = true;
    const user = { type: 'user', id: 'user', name: 'user' } as const;
    this.#emit(conversation, memberEvent(conversation, user, 'left', 'current'));
    this.end(conversation);
  }

  accept(conversation: Conversation, agentId: string): void {
    if (conversation.state === 'idle') throw new ControlError(409, 'the conversation is over');
    if (conversation.agents.get(agentId) === true) return;
    this.#endWait(conversation);
    conversation.agents.set(agentId, true);
    conversation.state = 'active';
    conversation.assignment = { type: 'agent', id: agentId };
    this.#member(conversation, agentId, 'joined');
    this.#emit(conversation, conversationUpdate(conversation));
  }

  sendAsAgent(
    conversation: Conversation,
    agentId: string,
    text: string,
    force = false,
    rest: Partial<Pick<DeskMessage, 'attachments' | 'cards'>> = {},
  ): DeskMessage {
    if (!force && conversation.agents.get(agentId) !== true) {
      throw new ControlError(409, `${agentId} is not in the conversation`);
    }
    return this.#add(conversation, 'agent', agentId, text, rest);
  }

  typeAsAgent(conversation: Conversation, agentId: string, typing: boolean): void {
    this.#emit(conversation, typingEvent(conversation, agentId, typing));
  }

  /** To another queue, or within it: the old agent goes, the new one may join at once. */
  transfer(
    conversation: Conversation,
    wanted: { fromAgentId: string; queueId?: string; toAgentId?: string },
  ): void {
    if (conversation.state === 'idle') throw new ControlError(409, 'the conversation is over');
    const { queueId } = wanted;
    if (queueId !== undefined && this.#context.staff.queue(queueId) === undefined) {
      throw new ControlError(400, `there is no queue ${queueId}`);
    }
    this.#emit(conversation, transferEvent(conversation));
    this.#leave(conversation, wanted.fromAgentId);
    conversation.queueId = queueId ?? conversation.queueId;
    conversation.assignment = { type: 'queue', id: conversation.queueId };
    this.#emit(conversation, conversationUpdate(conversation));
    this.#queue(conversation);
    if (wanted.toAgentId !== undefined) this.accept(conversation, wanted.toAgentId);
  }

  /** The agent goes. The conversation stays as it is, or is the bot's where it was assigned to one for afterwards. */
  leave(conversation: Conversation, agentId: string): void {
    this.#leave(conversation, agentId);
    const { postAgent, state } = conversation;
    if (postAgent === undefined || state === 'idle' || presentAgents(conversation).length > 0) return;
    conversation.assignment = { type: 'webhook', id: postAgent.webhookId };
    this.#emit(conversation, conversationUpdate(conversation));
  }

  #leave(conversation: Conversation, agentId: string): void {
    if (conversation.agents.get(agentId) !== true) {
      throw new ControlError(409, `${agentId} is not in the conversation`);
    }
    conversation.agents.set(agentId, false);
    this.#member(conversation, agentId, 'left');
  }

  /** The interaction is over: whoever is there leaves, the state is `idle`. */
  end(conversation: Conversation): void {
    if (conversation.state === 'idle') return;
    for (const agentId of presentAgents(conversation)) this.#leave(conversation, agentId);
    conversation.state = 'idle';
    conversation.queuedAtMs = null;
    conversation.endedAtMs = Date.now();
    this.#emit(conversation, conversationUpdate(conversation));
  }

  /** The conversation that has waited longest for an agent, else the one whose customer waits longest for an answer. */
  longestWaiting(): Conversation | undefined {
    const open = this.conversations.filter(({ state }) => state !== 'idle');
    const unanswered = open
      .map((conversation) => ({ conversation, sinceMs: unansweredSince(conversation) }))
      .filter(({ sinceMs }) => sinceMs !== undefined)
      .sort((a, b) => (a.sinceMs ?? 0) - (b.sinceMs ?? 0));
    return open.find((conversation) => isWaiting(conversation)) ?? unanswered[0]?.conversation;
  }

  async #open(conversation: Conversation, signal: AbortSignal): Promise<void> {
    const { settings } = this.#context;
    this.#emit(conversation, conversationUpdate(conversation));
    await pause(settings().stepMs, signal);
    if (conversation.state === 'created') {
      conversation.state = 'active';
      this.#emit(conversation, conversationUpdate(conversation));
      await pause(settings().stepMs, signal);
    }
    if (conversation.state === 'active' && conversation.agents.size === 0) this.#queue(conversation);
  }

  #add(
    conversation: Conversation,
    authorType: AuthorType,
    authorId: string,
    text: string,
    rest: Partial<DeskMessage>,
  ): DeskMessage {
    const message: DeskMessage = {
      id: newDeskId(),
      authorType,
      authorId,
      text,
      createdAtMs: Date.now(),
      attachments: [],
      cards: [],
      history: false,
      ...rest,
    };
    conversation.messages.push(message);
    const { settings, refer } = this.#context;
    this.#emit(conversation, messageEvent(conversation, message, settings().messageForm, refer));
    return message;
  }

  #member(conversation: Conversation, agentId: string, change: 'joined' | 'left'): void {
    const name = this.#context.staff.agent(agentId)?.name ?? agentId;
    const form = this.#context.settings().memberForm;
    this.#emit(conversation, memberEvent(conversation, { type: 'agent', id: agentId, name }, change, form));
  }

  /** Whether it goes to another queue: an agent who has come meanwhile keeps it. */
  #assign(conversation: Conversation, assignment: Assignment): boolean {
    if (presentAgents(conversation).length > 0) return false;
    conversation.assignment = assignment;
    if (assignment.type !== 'queue' || assignment.id === conversation.queueId) return false;
    conversation.queueId = assignment.id;
    return true;
  }

  #endWait(conversation: Conversation): void {
    const { queueId, queuedAtMs } = conversation;
    if (queuedAtMs === null) return;
    const endedAtMs = Date.now();
    this.#waits = [...this.#waits, { queueId, durationMs: endedAtMs - queuedAtMs, endedAtMs }].slice(
      -MAX_WAITS,
    );
    conversation.queuedAtMs = null;
  }

  #queue(conversation: Conversation): void {
    conversation.queuedAtMs ??= Date.now();
    const name = this.#context.staff.queue(conversation.queueId)?.name ?? '';
    this.#emit(conversation, queuedEvent(conversation, name));
  }

  #emit(conversation: Conversation, event: DeskEvent): void {
    this.#context.emit(conversation, event);
  }
}

/** Active, and neither an agent nor a bot is there. */
export function isWaiting(conversation: Conversation): boolean {
  const { state, assignment } = conversation;
  return state === 'active' && assignment.type !== 'webhook' && presentAgents(conversation).length === 0;
}

function unansweredSince(conversation: Conversation): number | undefined {
  const last = conversation.messages.at(-1);
  return last?.authorType === 'user' ? last.createdAtMs : undefined;
}
