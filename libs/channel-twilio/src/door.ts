import { WebhookRefusedError } from '#core';
import type { InboundMessageReceived, ReceiptReceived, WebhookDoor, WebhookRequest } from '#core';
import { parseForm, single } from './form.js';
import type { FormParameters } from './form.js';
import { parseMessage, parseStatus } from './parser.js';
import { isSignedByTwilio } from './signature.js';

/** The Twilio account whose webhooks are taken, and whose they become. */
export interface TwilioDoorOptions {
  tenantId: string;
  accountSid: string;
  /** More than one while the token is being rotated. */
  authTokens: readonly string[];
}

/** `POST /webhooks/twilio/messages`: a customer wrote. */
export class TwilioMessageDoor implements WebhookDoor {
  constructor(private readonly options: TwilioDoorOptions) {}

  async receive(request: WebhookRequest): Promise<InboundMessageReceived[]> {
    return [parseMessage(this.options.tenantId, verify(request, this.options))];
  }
}

/** `POST /webhooks/twilio/status`: how far one of our messages has come. A status we do not know makes no event. */
export class TwilioStatusDoor implements WebhookDoor {
  constructor(private readonly options: TwilioDoorOptions) {}

  async receive(request: WebhookRequest): Promise<ReceiptReceived[]> {
    return parseStatus(this.options.tenantId, verify(request, this.options), request.url);
  }
}

/** The parameters of a request that Twilio signed for our account. Throws {@link WebhookRefusedError}. */
function verify(request: WebhookRequest, options: TwilioDoorOptions): FormParameters {
  const parameters = parseForm(request.body);
  const signature = request.headers['x-twilio-signature'];
  if (!isSignedByTwilio(options.authTokens, signature, request.url, parameters)) {
    throw new WebhookRefusedError(403, 'bad-signature');
  }
  if (single(parameters, 'AccountSid') !== options.accountSid) {
    throw new WebhookRefusedError(403, 'other-account');
  }
  return parameters;
}
