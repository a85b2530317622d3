export { ChatGatewayDeskModule, ChatGatewayWebhooksModule } from './chat-gateway.module.js';
export { ChatGatewayWebhookController } from './webhook.controller.js';
export { ChatGatewayDoor } from './door.js';
export { EventSignature } from './signature.js';
export { SigningKeys } from './keys.js';
export { ChatGatewayClient } from './client.js';
export type { ChatGatewayAccount } from './client.js';
export { ChatGatewayDesk } from './desk.js';
export { REFERENCE_KEY } from './reference.js';
