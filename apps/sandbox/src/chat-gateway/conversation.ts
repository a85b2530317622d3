import { randomBytes } from 'node:crypto';
import { isRecord } from '../common/http.js';
import type { Attachment, AttachmentReference } from './attachments.js';
import type { DeskEvent } from './events.js';

export type AuthorType = 'user' | 'bot' | 'agent';

export interface DeskMessage {
  id: string;
  authorType: AuthorType;
  authorId: string;
  text: string;
  createdAtMs: number;
  attachments: Attachment[];
  cards: unknown[];
  /** By the card's place; absent while nothing was pressed. */
  cardMarks?: Map<number, CardMark>;
  /** From the create's history. */
  history: boolean;
}

export interface Assignment {
  type: string;
  id: string;
}

export interface Conversation {
  id: string;
  channelId: string;
  state: 'created' | 'active' | 'idle';
  assignment: Assignment;
  /** The queue it waits or waited in. */
  queueId: string;
  user: Record<string, unknown>;
  createdAtMs: number;
  /** Since when it waits in its queue; null while it does not. */
  queuedAtMs: number | null;
  endedAtMs: number | null;
  /** Agents who ever joined; true while they are present. */
  agents: Map<string, boolean>;
  userLeft: boolean;
  messages: DeskMessage[];
  /** To whom it goes when the agent is done. */
  postAgent?: { webhookId: string; configuration: Record<string, unknown> };
}

/** An id as the Chat Gateway makes them: 22 URL-safe characters. */
export function newDeskId(): string {
  return randomBytes(16).toString('base64url');
}

export function presentAgents(conversation: Conversation): string[] {
  return [...conversation.agents].filter(([, present]) => present).map(([id]) => id);
}

/** `GET /conversations/{id}` */
export function conversationResource(conversation: Conversation): Record<string, unknown> {
  const { id, state, channelId, assignment, user } = conversation;
  return { id, state, channelId, assignment, user };
}

/** An attachment with a link to it. */
export type Refer = (attachment: Attachment) => AttachmentReference;

export function messageResource(
  message: DeskMessage,
  language: unknown,
  refer: Refer,
): Record<string, unknown> {
  return {
    id: message.id,
    text: message.text,
    createdAt: new Date(message.createdAtMs).toISOString(),
    author: {
      id: message.authorId,
      type: message.authorType,
      removed: false,
      language: typeof language === 'string' ? language : 'en',
    },
    attachments: message.attachments.map(refer),
    cards: cardResources(message),
  };
}

/** What became of a card. */
export interface CardMark {
  actionSubmitted: boolean;
  actionExecuted: boolean;
  /** As it was told last. */
  data?: Record<string, unknown>;
}

/** A message's cards as its lists show them; its event names no ids. */
export function cardResources(message: DeskMessage): Record<string, unknown>[] {
  return message.cards.map((card, index) => {
    const { actionSubmitted = false, actionExecuted = false } = message.cardMarks?.get(index) ?? {};
    return { id: `${message.id}-${index}`, ...(isRecord(card) && card), actionSubmitted, actionExecuted };
  });
}

export function participantResources(conversation: Conversation): Record<string, unknown>[] {
  const language = conversation.user['language'] ?? 'en';
  return [
    { id: 'user', removed: conversation.userLeft, type: 'user', language },
    ...[...conversation.agents].map(([id, present]) => ({
      id,
      removed: !present,
      type: 'agent',
      language: 'en',
    })),
  ];
}

/** `CONVERSATION_UPDATE` with the customer's properties, each with an id of its own. */
export function conversationUpdate(conversation: Conversation): DeskEvent {
  const { id, state, assignment, user } = conversation;
  const properties = user['additionalProperties'];
  const echoed = Array.isArray(properties)
    ? properties.map((property: unknown, index) =>
        isRecord(property) ? { ...property, id: String(index + 1) } : property,
      )
    : [];
  return {
    eventType: 'CONVERSATION_UPDATE',
    conversationId: id,
    timestamp: Date.now(),
    data: { state, assignment, user: { ...user, additionalProperties: echoed } },
  };
}

export function queuedEvent(conversation: Conversation, queueName: string): DeskEvent {
  return {
    eventType: 'QUEUED',
    conversationId: conversation.id,
    timestamp: Date.now(),
    data: { queueId: conversation.queueId, queueName },
  };
}

export function transferEvent(conversation: Conversation): DeskEvent {
  return { eventType: 'TRANSFER', conversationId: conversation.id, timestamp: Date.now() };
}

export function activityEvent(conversation: Conversation, name: string, value: unknown): DeskEvent {
  return {
    eventType: 'ACTIVITY',
    conversationId: conversation.id,
    timestamp: Date.now(),
    data: { name, value },
  };
}

export function typingEvent(conversation: Conversation, agentId: string, typing: boolean): DeskEvent {
  return {
    eventType: 'ACTIVITY',
    conversationId: conversation.id,
    timestamp: Date.now(),
    data: { name: 'typing', value: { users: typing ? [{ type: 'agent', id: agentId }] : [] } },
  };
}

/** `MEMBERS_CHANGED`, or for agents the older form that the workflow guide still shows. */
export function memberEvent(
  conversation: Conversation,
  member: { type: 'user' | 'agent'; id: string; name: string },
  change: 'joined' | 'left',
  form: 'current' | 'older',
): DeskEvent {
  const timestamp = Date.now();
  if (form === 'older' && member.type === 'agent') {
    return {
      eventType: change === 'joined' ? 'AGENT_JOINED' : 'AGENT_LEFT',
      messageType: 'SYSTEM',
      conversationId: conversation.id,
      timestamp,
      agentId: member.id,
      agentName: member.name,
    };
  }
  const data = { memberType: member.type, change, id: member.id };
  return { eventType: 'MEMBERS_CHANGED', conversationId: conversation.id, timestamp, data };
}

export type MessageForm = 'reference' | 'guide' | 'guide-for-all';

/** `MESSAGE`. In the guide's form the sender has no type and the message calls itself an echo. It never carries an id. */
export function messageEvent(
  conversation: Conversation,
  message: DeskMessage,
  form: MessageForm,
  refer: Refer,
): DeskEvent {
  const odd = form === 'guide-for-all' || (form === 'guide' && message.authorType === 'agent');
  return {
    eventType: 'MESSAGE',
    conversationId: conversation.id,
    timestamp: message.createdAtMs,
    data: {
      isEcho: odd || message.authorType === 'bot',
      sender: { id: message.authorId, type: odd ? '' : message.authorType },
      text: message.text,
      ...(message.attachments.length > 0 ? { attachments: message.attachments.map(refer) } : {}),
      ...(message.cards.length > 0 ? { cards: message.cards } : {}),
    },
  };
}
