import { WebhookRefusedError } from '#core';
import type { InboundMessageReceived, ReceiptReceived, WebhookDoor, WebhookRequest } from '#core';
import { parseForm, single } from './form.js';
import type { FormParameters } from './form.js';
import { parseMessage, parseStatus } from './parser.js';
import { isSignedByTwilio } from './signature.js';

/** The Twilio accounts whose webhooks are taken, and whose they become. */
export interface TwilioDoorOptions {
  /** Of an account whose webhooks are taken. */
  tenantOf: (account: string) => string | undefined;
  accountSid: string;
  /** More than one while the token is being rotated. */
  authTokens: readonly string[];
  /** The tokens of each sub-account, by its sid: Twilio signs with those of the account that it names. */
  subAccounts?: Readonly<Record<string, readonly string[]>>;
  /** Where Twilio calls the fallback URL, it signs that one: what came to the first base may be signed for the second. */
  fallback?: { publicBaseUrl: string; fallbackBaseUrl: string };
}

/** `POST /webhooks/twilio/messages`: a customer wrote. */
export class TwilioMessageDoor implements WebhookDoor {
  constructor(private readonly options: TwilioDoorOptions) {}

  async receive(request: WebhookRequest): Promise<InboundMessageReceived[]> {
    const { tenantId, parameters } = verify(request, this.options);
    return [parseMessage(tenantId, parameters)];
  }
}

/** `POST /webhooks/twilio/status`: how far one of our messages has come. A status we do not know makes no event. */
export class TwilioStatusDoor implements WebhookDoor {
  constructor(private readonly options: TwilioDoorOptions) {}

  async receive(request: WebhookRequest): Promise<ReceiptReceived[]> {
    const { tenantId, parameters } = verify(request, this.options);
    return parseStatus(tenantId, parameters, request.url);
  }
}

/** A request that Twilio signed for one of our accounts, and whose account that is. Throws {@link WebhookRefusedError}. */
function verify(
  request: WebhookRequest,
  options: TwilioDoorOptions,
): { tenantId: string; parameters: FormParameters } {
  const parameters = parseForm(request.body);
  const signature = request.headers['x-twilio-signature'];
  const account = single(parameters, 'AccountSid');
  const tokens = tokensOf(options, account);
  // Another account's webhook can be told apart only where our own token signed it: a forger learns nothing.
  const authTokens = tokens ?? options.authTokens;
  if (!urlsOf(request.url, options).some((url) => isSignedByTwilio(authTokens, signature, url, parameters))) {
    throw new WebhookRefusedError(403, 'bad-signature');
  }
  const tenantId = tokens && account !== undefined ? options.tenantOf(account) : undefined;
  if (tenantId === undefined) throw new WebhookRefusedError(403, 'other-account');
  return { tenantId, parameters };
}

function tokensOf(
  { accountSid, authTokens, subAccounts = {} }: TwilioDoorOptions,
  account: string | undefined,
): readonly string[] | undefined {
  if (account === undefined) return undefined;
  if (account === accountSid) return authTokens;
  return Object.hasOwn(subAccounts, account) ? subAccounts[account] : undefined;
}

/** What Twilio may have signed: the address that it called, which is one of two. */
function urlsOf(url: string, { fallback }: TwilioDoorOptions): string[] {
  if (!fallback || !url.startsWith(fallback.publicBaseUrl)) return [url];
  return [url, fallback.fallbackBaseUrl + url.slice(fallback.publicBaseUrl.length)];
}
