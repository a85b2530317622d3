import type { CallContext, Card, Participant } from '#core';
import type { ChatGatewayClient } from '../client.js';
import { asObject, asText } from '../json.js';
import type { JsonObject } from '../json.js';
import { listPage } from './lists.js';
import type { ListPage, ListQuery } from './lists.js';

/** Who may write through the API. */
export type ExternalAuthor = 'user' | 'bot';

/** The customer as a conversation shows them. */
export interface ConversationUser {
  name?: string;
  userId?: string;
  email?: string;
  phone?: string;
  company?: string;
  caseId?: string;
  language?: string;
  /** At most 30. */
  additionalProperties?: { key: string; value: string }[];
}

export interface Assignment {
  type: 'queue' | 'script';
  id: string;
}

/** A message as it is sent, or handed over as history. */
export interface NewMessage {
  authorType: ExternalAuthor;
  text?: string;
  attachments?: { id: string }[];
  cards?: Card[];
}

export interface NewConversation {
  channelId: string;
  user: ConversationUser;
  /** The channel's queue where it is not said. */
  assignment?: Assignment;
  /** At most 200 messages. */
  history?: { messages: NewMessage[] };
}

export interface ConversationChanges {
  assignment?: Assignment;
  user?: ConversationUser;
}

export type ConversationState = 'created' | 'active' | 'idle';

export interface ConversationResource {
  id: string;
  /** Absent where it is none that is known. */
  state?: ConversationState;
  channelId?: string;
  /** `type` is `queue`, `script` or `agent`. */
  assignment?: { type: string; id: string };
  /** As it came; absent in short list entries. */
  user?: JsonObject;
}

export interface Interaction {
  id: string;
  /** ISO 8601. */
  startTime?: string;
  endTime?: string;
}

/** Back to a bot when the agent is done. */
export interface PostAgentAssignment {
  webhookId: string;
  notifyChannelWebhook?: boolean;
  /** 20 to 600: how long the conversation lives on at most. */
  maxTotalMinutes?: number;
  /** 10 to 300: how long it waits for the customer after the bot's last message. */
  userTimeoutMinutes?: number;
}

const STATES = ['created', 'active', 'idle'] as const;
const AUTHORS = ['agent', 'user', 'bot'] as const;

/** The life of conversations, and the presence shown in them. Every call throws `DeliveryError`. */
export class ConversationsApi {
  constructor(private readonly client: ChatGatewayClient) {}

  page(query: ListQuery, context: CallContext): Promise<ListPage<ConversationResource>> {
    return listPage(this.client, ['conversations'], 'conversations', readConversation, query, context);
  }

  /** Answers the new conversation's id. `uncertain` where nobody can tell whether it was made. */
  async create(conversation: NewConversation, context: CallContext): Promise<string> {
    const answer = await this.client.call(
      { operation: 'create', method: 'POST', path: ['conversations'], body: conversation },
      context,
    );
    const id = asText(asObject(answer.json)['conversationId']);
    // It was taken, but under which id?
    if (id === undefined) throw this.client.garbage('create', answer);
    return id;
  }

  /** Rejects with `gone` where there is none with this id. */
  async get(id: string, context: CallContext): Promise<ConversationResource> {
    const { json } = await this.client.call(
      { operation: 'read', method: 'GET', path: ['conversations', id] },
      context,
    );
    return conversationOf(id, asObject(json));
  }

  /** All of it; what is left out is gone. The outcome of another assignment shows later, in events or the resource. */
  async replace(
    id: string,
    conversation: Omit<NewConversation, 'history'>,
    context: CallContext,
  ): Promise<ConversationResource> {
    return this.change('PUT', id, conversation, context);
  }

  /** What is named of it. The outcome of another assignment shows later, in events or the resource. */
  async update(
    id: string,
    changes: ConversationChanges,
    context: CallContext,
  ): Promise<ConversationResource> {
    return this.change('PATCH', id, changes, context);
  }

  async interactions(id: string, context: CallContext): Promise<Interaction[]> {
    const { items } = await listPage(
      this.client,
      at(id, 'interactions'),
      'interactions',
      readInteraction,
      {},
      context,
    );
    return items;
  }

  async assignPostAgent(id: string, assignment: PostAgentAssignment, context: CallContext): Promise<void> {
    const { webhookId, notifyChannelWebhook, maxTotalMinutes, userTimeoutMinutes } = assignment;
    const configuration = {
      // The published document has it as a string.
      ...(notifyChannelWebhook !== undefined && {
        notifyChannelWebhookIfExists: String(notifyChannelWebhook),
      }),
      ...(maxTotalMinutes !== undefined && { maxTotalMinutes }),
      ...(userTimeoutMinutes !== undefined && { userTimeoutInMinutes: userTimeoutMinutes }),
    };
    const body = {
      type: 'webhook',
      id: webhookId,
      ...(Object.keys(configuration).length > 0 && { configuration }),
    };
    await this.client.call(
      { operation: 'update', method: 'POST', path: at(id, 'post-agent-assignment'), body },
      context,
    );
  }

  async typing(id: string, authorType: ExternalAuthor, context: CallContext): Promise<void> {
    await this.signal(id, 'typing', { authorType }, context);
  }

  /** The bot is at work, at most this long: 1 to 600 s, 60 where it is not said. */
  async thinking(id: string, context: CallContext, maxThinkingTimeSeconds?: number): Promise<void> {
    const body = {
      authorType: 'bot',
      ...(maxThinkingTimeSeconds !== undefined && { maxThinkingTimeSeconds }),
    };
    await this.signal(id, 'thinking', body, context);
  }

  /** @param readAt epoch ms: everything up to then has been read */
  async readReceipt(
    id: string,
    authorType: ExternalAuthor,
    readAt: number,
    context: CallContext,
  ): Promise<void> {
    await this.signal(id, 'read-receipt', { authorType, readAt }, context);
  }

  /** Everybody who ever joined. The published document gives this list no parameters: it comes whole. */
  async participants(id: string, context: CallContext): Promise<Participant[]> {
    const { items } = await listPage(
      this.client,
      at(id, 'participants'),
      'participants',
      readParticipant,
      {},
      context,
    );
    return items;
  }

  /** The customer leaves, which ends the interaction. */
  async leave(id: string, context: CallContext): Promise<void> {
    const path = at(id, 'participants', 'user');
    await this.client.call({ operation: 'end', method: 'PATCH', path, body: { removed: true } }, context);
  }

  private async change(
    method: 'PUT' | 'PATCH',
    id: string,
    body: object,
    context: CallContext,
  ): Promise<ConversationResource> {
    const { json } = await this.client.call({ operation: 'update', method, path: at(id), body }, context);
    return conversationOf(id, asObject(json));
  }

  private async signal(id: string, what: string, body: object, context: CallContext): Promise<void> {
    await this.client.call({ operation: 'signal', method: 'POST', path: at(id, what), body }, context);
  }
}

/** Whoever it names; anybody else is `unknown`. */
export function authorOf(type: unknown): Participant['type'] {
  return AUTHORS.find((known) => known === type) ?? 'unknown';
}

function at(id: string, ...rest: string[]): string[] {
  return ['conversations', id, ...rest];
}

function readConversation(entry: JsonObject): ConversationResource | undefined {
  const id = asText(entry['id']);
  return id === undefined ? undefined : conversationOf(id, entry);
}

function conversationOf(id: string, entry: JsonObject): ConversationResource {
  const state = STATES.find((known) => known === entry['state']);
  const channelId = asText(entry['channelId']);
  const assigned = asObject(entry['assignment']);
  const [type, assignedId] = [asText(assigned['type']), asText(assigned['id'])];
  return {
    id,
    ...(state && { state }),
    ...(channelId !== undefined && { channelId }),
    ...(type !== undefined && assignedId !== undefined && { assignment: { type, id: assignedId } }),
    ...(entry['user'] !== undefined && { user: asObject(entry['user']) }),
  };
}

function readInteraction(entry: JsonObject): Interaction | undefined {
  const id = asText(entry['id']);
  if (id === undefined) return undefined;
  const [startTime, endTime] = [asText(entry['startTime']), asText(entry['endTime'])];
  return { id, ...(startTime !== undefined && { startTime }), ...(endTime !== undefined && { endTime }) };
}

function readParticipant(entry: JsonObject): Participant | undefined {
  const id = asText(entry['id']);
  if (id === undefined) return undefined;
  return { id, type: authorOf(entry['type']), present: entry['removed'] !== true };
}
