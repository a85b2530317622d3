import type { ChatGatewayClient } from '../client.js';
import { AttachmentsApi } from './attachments.js';
import { ChannelsApi } from './channels.js';
import { ConversationsApi } from './conversations.js';
import { MessagesApi } from './messages.js';
import { WebhooksApi } from './webhooks.js';

/** Every operation of the Chat Gateway but its signing keys, by resource. Source: the published OpenAPI document. */
export class ChatGatewayApi {
  readonly webhooks: WebhooksApi;
  readonly channels: ChannelsApi;
  readonly conversations: ConversationsApi;
  readonly messages: MessagesApi;
  readonly attachments: AttachmentsApi;

  constructor(client: ChatGatewayClient) {
    this.webhooks = new WebhooksApi(client);
    this.channels = new ChannelsApi(client);
    this.conversations = new ConversationsApi(client);
    this.messages = new MessagesApi(client);
    this.attachments = new AttachmentsApi(client);
  }
}
