export * from './door.js';
export { MAX_BODY_BYTES } from './form.js';
export { meaningOf, TWILIO_ERRORS } from './error-codes.js';
export type { TwilioErrorMeaning } from './error-codes.js';
export { twilioWords } from './outcome.js';
export { TwilioChannel } from './sender.js';
export type { TwilioChannelOptions } from './sender.js';
export { TwilioDeliveryModule, TwilioWebhooksModule } from './twilio.module.js';
export { TwilioWebhookController } from './webhook.controller.js';
