import { Webhook } from 'standardwebhooks';
import { BotPort, DeliveryError, transportError } from '#core';
import type { BotEvent, CallContext, Sent } from '#core';
import { ProviderHttpError } from '#platform';
import type { ProviderHttp } from '#platform';
import { refusalOf } from './status.js';

export interface WebhookBotOptions {
  /** Base64, with or without `whsec_`. Without one no bot is called: it could not tell us from anybody. */
  secret?: string | undefined;
  /** Epoch milliseconds. */
  now?: () => number;
}

/** A bot behind a URL, called as Standard Webhooks has it (https://www.standardwebhooks.com). */
export class WebhookBot extends BotPort {
  private readonly signer: Webhook | undefined;
  private readonly now: () => number;

  constructor(
    private readonly http: Pick<ProviderHttp, 'request'>,
    { secret, now = Date.now }: WebhookBotOptions,
  ) {
    super();
    this.signer = secret === undefined ? undefined : new Webhook(secret);
    this.now = now;
  }

  override async deliver(
    { url, event }: { url: string; event: BotEvent },
    context: CallContext,
  ): Promise<Sent> {
    if (!this.signer) throw new DeliveryError('held', { code: 'hook-secret-missing', hold: 'configuration' });
    const body = JSON.stringify(event);
    const at = new Date(this.now());
    try {
      const { status, headers } = await this.http.request({
        method: 'POST',
        url,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Causeway',
          'webhook-id': event.id,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
          'webhook-signature': this.signer.sign(event.id, at, body),
        },
        body,
        timeoutMs: context.timeoutMs,
        beforeFirstByte: context.beforeFirstByte,
      });
      if (status >= 200 && status < 300) return { httpStatus: status };
      throw refusalOf(status, headers['retry-after'], this.now());
    } catch (error) {
      // Anything else is a refusal, or a request that can never be made: our own bug.
      if (!(error instanceof ProviderHttpError)) throw error;
      const cause = error.code === 'stopped' && error.cause !== undefined ? error.cause : error;
      throw transportError('before-write', error.code, cause);
    }
  }
}
