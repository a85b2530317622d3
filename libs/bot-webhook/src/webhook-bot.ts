import { BotPort, DeliveryError, transportError } from '#core';
import type { BotEvent, DeskCallContext, Sent } from '#core';
import { ProviderHttpError } from '#platform';
import type { HookSigner, ProviderHttp } from '#platform';
import { refusalOf } from './status.js';

export interface WebhookBotOptions {
  /** Where it does not sign no bot is called: it could not tell us from anybody. */
  signer: Pick<HookSigner, 'headers'>;
  /** Epoch milliseconds. */
  now?: () => number;
}

/** A bot behind a URL, called as Standard Webhooks has it (https://www.standardwebhooks.com). */
export class WebhookBot extends BotPort {
  private readonly signer: Pick<HookSigner, 'headers'>;
  private readonly now: () => number;

  constructor(
    private readonly http: Pick<ProviderHttp, 'request'>,
    { signer, now = Date.now }: WebhookBotOptions,
  ) {
    super();
    this.signer = signer;
    this.now = now;
  }

  override async deliver(
    { url, event }: { url: string; event: BotEvent },
    context: DeskCallContext,
  ): Promise<Sent> {
    const body = JSON.stringify(event);
    const signed = this.signer.headers(context.tenantId, { id: event.id, at: new Date(this.now()), body });
    if (!signed) throw new DeliveryError('held', { code: 'hook-secret-missing', hold: 'configuration' });
    try {
      const { status, headers } = await this.http.request({
        method: 'POST',
        url,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Causeway',
          ...signed,
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
