export {
  ChatGatewayDeskModule,
  ChatGatewayWebhooksModule,
  createDesk,
  createDeskProvisioning,
} from './chat-gateway.module.js';
export { ChatGatewayWebhookController } from './webhook.controller.js';
export { ChatGatewayDoor } from './door.js';
export { EventSignature } from './signature.js';
export { SigningKeys } from './keys.js';
export { ChatGatewayClient } from './client.js';
export type { ChatGatewayAccount } from './client.js';
export { ChatGatewayDesk } from './desk.js';
export { TenantDesk } from './tenant-desk.js';
export { chatGatewayWords } from './error-codes.js';
export { Schedules } from './figures/schedules.js';
export { QueueMetrics } from './figures/queue-metrics.js';
export { figureAccounts, type FigureAccountsOf } from './figures/accounts.js';
export { REFERENCE_KEY } from './reference.js';
export { ChatGatewayProvisioning, WEBHOOK_PATH } from './provisioning/desk-provisioning.js';
export type {
  DeskDifference,
  DeskNumber,
  DeskPlan,
  DeskRemoval,
  DeskSetup,
} from './provisioning/desk-provisioning.js';
export {
  DeskProvisioningError,
  type DeskProvisioningErrorCode,
} from './provisioning/desk-provisioning-error.js';
export { ChatGatewayApi } from './api/api.js';
export type { AttachmentResource, AttachmentsApi } from './api/attachments.js';
export type { Channel as DeskChannel, ChannelsApi, NewChannel } from './api/channels.js';
export type {
  Assignment,
  ConversationChanges,
  ConversationResource,
  ConversationsApi,
  ConversationUser,
  Interaction,
  NewConversation,
  NewMessage,
  PostAgentAssignment,
} from './api/conversations.js';
export type { ListPage, ListQuery } from './api/lists.js';
export type { ListedCard, MessagesApi } from './api/messages.js';
export type { NewWebhook, Webhook, WebhooksApi } from './api/webhooks.js';
