export type { Exchange, OnExchange, ProviderName } from './common/exchanges.js';
export { recordExchangesIn } from './common/exchanges.js';
export { everyWay, seededRandom } from './common/fault-ways.js';
export type { Fault, FaultChance, FaultSpec, FaultWay } from './common/faults.js';
export {
  type ChatGatewaySettings,
  ChatGatewaySimulator,
  type ChatGatewaySimulatorOptions,
  startChatGatewaySimulator,
} from './chat-gateway/simulator.js';
export type { Attachment, AttachmentReference } from './chat-gateway/attachments.js';
export type { DeskLogEntry } from './chat-gateway/desk-log.js';
export type { DeskEvent, EventCall } from './chat-gateway/events.js';
export {
  eventHeaders,
  newSigningKey,
  signEvent,
  type SignedFacts,
  type SigningKey,
} from './chat-gateway/signing.js';
export type { InboundText } from './twilio/inbound.js';
export type { RenderedContent } from './twilio/content.js';
export type { Referral } from './twilio/inbound-fields.js';
export type { MediumContent, MediumTricks } from './twilio/media.js';
export { twilioSignature } from './twilio/signature.js';
export type { TwilioLogEntry, TwilioSettings, TwilioSimulatorOptions } from './twilio/settings.js';
export { startTwilioSimulator, TwilioSimulator } from './twilio/simulator.js';
export type { TwilioWebhookCall } from './twilio/webhooks.js';
