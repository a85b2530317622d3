import type { CallContext } from '#core';
import type { ChatGatewayClient } from '../client.js';
import { asObject, asText } from '../json.js';
import type { JsonObject } from '../json.js';
import { listAll, listPage } from './lists.js';
import type { ListPage, ListQuery } from './lists.js';

/** The only version of events that we read. */
export const EVENT_VERSION = 'Chat Gateway v1.0';

export interface Webhook {
  id: string;
  name: string;
  /** Empty where the far side names none. */
  uri: string;
  version?: string;
}

export interface NewWebhook {
  /** At most 256 characters. */
  name: string;
  uri: string;
}

/** Where the far side sends its events. Every call throws `DeliveryError`. */
export class WebhooksApi {
  constructor(private readonly client: ChatGatewayClient) {}

  page(query: ListQuery, context: CallContext): Promise<ListPage<Webhook>> {
    return listPage(this.client, ['webhooks'], 'webhooks', readWebhook, query, context);
  }

  all(context: CallContext, filter?: string): Promise<Webhook[]> {
    return listAll(
      (query, within) => this.page(query, within),
      filter === undefined ? {} : { filter },
      context,
    );
  }

  async create(webhook: NewWebhook, context: CallContext): Promise<Webhook> {
    return this.write('POST', ['webhooks'], webhook, context);
  }

  /** Rejects with `gone` where there is none with this id. */
  async get(id: string, context: CallContext): Promise<Webhook> {
    const answer = await this.client.call(
      { operation: 'read', method: 'GET', path: ['webhooks', id] },
      context,
    );
    const webhook = readWebhook(asObject(answer.json));
    if (!webhook) throw this.client.garbage('read', answer);
    return webhook;
  }

  async replace(id: string, webhook: NewWebhook, context: CallContext): Promise<Webhook> {
    return this.write('PUT', ['webhooks', id], webhook, context);
  }

  async delete(id: string, context: CallContext): Promise<void> {
    await this.client.call({ operation: 'setup', method: 'DELETE', path: ['webhooks', id] }, context);
  }

  /** Makes the far side call this address; rejects where it was not answered 2xx. */
  async verify(uri: string, context: CallContext): Promise<void> {
    const body = { version: EVENT_VERSION, uri };
    await this.client.call(
      { operation: 'setup', method: 'POST', path: ['webhooks', 'verify'], body },
      context,
    );
  }

  private async write(
    method: 'POST' | 'PUT',
    path: string[],
    { name, uri }: NewWebhook,
    context: CallContext,
  ): Promise<Webhook> {
    // The published schema requires one name of the version and defines the other.
    const body = { name, uri, version: EVENT_VERSION, notificationVersion: EVENT_VERSION };
    const answer = await this.client.call({ operation: 'setup', method, path, body }, context);
    const webhook = readWebhook(asObject(answer.json));
    if (!webhook) throw this.client.garbage('setup', answer);
    return webhook;
  }
}

function readWebhook(entry: JsonObject): Webhook | undefined {
  const id = asText(entry['id']);
  const version = asText(entry['version']) ?? asText(entry['notificationVersion']);
  if (id === undefined) return undefined;
  return {
    id,
    name: asText(entry['name']) ?? '',
    uri: asText(entry['uri']) ?? '',
    ...(version !== undefined && { version }),
  };
}
