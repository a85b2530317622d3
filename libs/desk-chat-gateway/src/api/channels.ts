import type { CallContext } from '#core';
import type { ChatGatewayClient } from '../client.js';
import { asObject, asText } from '../json.js';
import type { JsonObject } from '../json.js';
import { listAll, listPage } from './lists.js';
import type { ListPage, ListQuery } from './lists.js';

/** The type of channels that take conversations from outside. */
export const CHAT_API = 'ChatAPI';

export interface Channel {
  id: string;
  name: string;
  /** `ChatAPI`, `SMS`, `WhatsApp`, `WebChat`, …: lists hold channels of every type. */
  type: string;
  webHookId?: string;
  queueId?: string;
}

export interface NewChannel {
  /** At most 255 characters. */
  name: string;
  webHookId: string;
  queueId: string;
}

/** What conversations are opened on, each with its webhook and its queue. Every call throws `DeliveryError`. */
export class ChannelsApi {
  constructor(private readonly client: ChatGatewayClient) {}

  page(query: ListQuery, context: CallContext): Promise<ListPage<Channel>> {
    return listPage(this.client, ['channels'], 'channels', readChannel, query, context);
  }

  all(context: CallContext, filter?: string): Promise<Channel[]> {
    return listAll(
      (query, within) => this.page(query, within),
      filter === undefined ? {} : { filter },
      context,
    );
  }

  async create(channel: NewChannel, context: CallContext): Promise<Channel> {
    return this.write('POST', ['channels'], channel, context);
  }

  /** Rejects with `gone` where there is none with this id. */
  async get(id: string, context: CallContext): Promise<Channel> {
    const answer = await this.client.call(
      { operation: 'read', method: 'GET', path: ['channels', id] },
      context,
    );
    const channel = readChannel(asObject(answer.json));
    if (!channel) throw this.client.garbage('read', answer);
    return channel;
  }

  async replace(id: string, channel: NewChannel, context: CallContext): Promise<Channel> {
    return this.write('PUT', ['channels', id], channel, context);
  }

  async delete(id: string, context: CallContext): Promise<void> {
    await this.client.call({ operation: 'setup', method: 'DELETE', path: ['channels', id] }, context);
  }

  private async write(
    method: 'POST' | 'PUT',
    path: string[],
    { name, webHookId, queueId }: NewChannel,
    context: CallContext,
  ): Promise<Channel> {
    const body = { name, type: CHAT_API, webHookId, routingOptions: { type: 'queue', id: queueId } };
    const answer = await this.client.call({ operation: 'setup', method, path, body }, context);
    const channel = readChannel(asObject(answer.json));
    if (!channel) throw this.client.garbage('setup', answer);
    return channel;
  }
}

function readChannel(entry: JsonObject): Channel | undefined {
  const id = asText(entry['id']);
  if (id === undefined) return undefined;
  const webHookId = asText(entry['webHookId']);
  const queueId = asText(asObject(entry['routingOptions'])['id']);
  return {
    id,
    name: asText(entry['name']) ?? '',
    type: asText(entry['type']) ?? '',
    ...(webHookId !== undefined && { webHookId }),
    ...(queueId !== undefined && { queueId }),
  };
}
