import type { CallContext, Card, ListedMessage } from '#core';
import type { ChatGatewayClient } from '../client.js';
import { asObject, asText } from '../json.js';
import type { JsonObject } from '../json.js';
import { messageContent, readAttachments } from '../message-content.js';
import { authorOf } from './conversations.js';
import type { NewMessage } from './conversations.js';
import { listPage } from './lists.js';
import type { ListPage, ListQuery } from './lists.js';

/** A card of a message, with what became of it. */
export interface ListedCard extends Card {
  id: string;
  actionSubmitted: boolean;
  actionExecuted: boolean;
}

/** The messages of conversations and their cards. Every call throws `DeliveryError`. */
export class MessagesApi {
  constructor(private readonly client: ChatGatewayClient) {}

  /** Newest first unless `sort` says otherwise; takes no filter. */
  page(
    conversationId: string,
    query: Omit<ListQuery, 'filter'>,
    context: CallContext,
  ): Promise<ListPage<ListedMessage>> {
    return listPage(this.client, at(conversationId), 'messages', readMessage, query, context);
  }

  /** The same as they come, with what the far side says of each beside that. */
  entries(
    conversationId: string,
    query: Omit<ListQuery, 'filter'>,
    context: CallContext,
  ): Promise<ListPage<JsonObject>> {
    return listPage(this.client, at(conversationId), 'messages', (entry) => entry, query, context);
  }

  /** Answers the status: the far side names no message id. `uncertain` where nobody can tell whether it was taken. */
  async send(conversationId: string, message: NewMessage, context: CallContext): Promise<number> {
    const { status } = await this.client.call(
      { operation: 'message', method: 'POST', path: at(conversationId), body: message },
      context,
    );
    return status;
  }

  /** Rejects with `gone` where there is none with this id. */
  async get(conversationId: string, messageId: string, context: CallContext): Promise<ListedMessage> {
    const { json } = await this.client.call(
      { operation: 'read', method: 'GET', path: at(conversationId, messageId) },
      context,
    );
    return readMessage(asObject(json));
  }

  /** Up to 100. */
  async cards(conversationId: string, messageId: string, context: CallContext): Promise<ListedCard[]> {
    const path = at(conversationId, messageId, 'cards');
    const { items } = await listPage(this.client, path, 'cards', readCard, { size: 100 }, context);
    return items;
  }

  /** Something was pressed on a card. The document gives the body one member, `name`; its cards name others. */
  async act(
    conversationId: string,
    cardId: string,
    action: 'action-submit' | 'action-execute',
    body: Record<string, unknown>,
    context: CallContext,
  ): Promise<void> {
    const path = ['tenant', this.client.tenantId, 'conversations', conversationId, 'cards', cardId, action];
    await this.client.call({ operation: 'update', method: 'PUT', root: 'api/v1', path, body }, context);
  }
}

function at(conversationId: string, ...rest: string[]): string[] {
  return ['conversations', conversationId, 'messages', ...rest];
}

export function readMessage(entry: JsonObject): ListedMessage {
  const author = asObject(entry['author']);
  const createdAt = Date.parse(asText(entry['createdAt']) ?? '');
  const authorId = asText(author['id']);
  const content = messageContent(entry);
  return {
    id: asText(entry['id']) ?? '',
    text: asText(entry['text']) ?? '',
    createdAt: Number.isNaN(createdAt) ? 0 : createdAt,
    authorType: authorOf(author['type']),
    ...(authorId !== undefined && { authorId }),
    attachments: readAttachments(entry['attachments']),
    ...(content && { content }),
  };
}

function readCard(entry: JsonObject): ListedCard | undefined {
  const id = asText(entry['id']);
  if (id === undefined) return undefined;
  const contentType = asText(entry['contentType']);
  return {
    id,
    ...(contentType !== undefined && { contentType }),
    content: entry['content'],
    actionSubmitted: entry['actionSubmitted'] === true,
    actionExecuted: entry['actionExecuted'] === true,
  };
}
