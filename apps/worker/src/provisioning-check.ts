import { ProvisioningError, type TwilioProvisioning } from '#channel-twilio';
import { DeliveryError } from '#core';
import type { ProvisionedNumber, ProvisionedWebhooks, Upkeep, WebhookDrift } from '#persistence';
import type { Logger, Metrics } from '#platform';
import type { ProviderCalls } from './reconcilers/calls.js';
import type { ReconcileObserver } from './reconcilers/observer.js';
import { Pass } from './reconcilers/pass.js';
import type { Round } from './rounds.js';

const MAX_NUMBERS = 1_000;
const MAX_PASS_MS = 300_000;
const AT_ONCE = 2;
/** As with the reconcilers: the duty is held for less than an interval. */
const LEASE_SHARE = 0.7;

/** Certain words about a number, which stand until somebody does something. Other failures say nothing about it. */
const PROBLEMS: ReadonlySet<string> = new Set(['unknown-address', 'other-account', 'unsuitable-url']);

export interface ProvisioningCheckParts {
  upkeep: Upkeep;
  webhooks: ProvisionedWebhooks;
  provisioning: Pick<TwilioProvisioning, 'plan'>;
  calls: ProviderCalls;
  observer: ReconcileObserver;
  metrics: Metrics;
  logger: Logger;
  intervalMs: number;
}

/**
 * Looks whether the numbers that were pointed at us from here still are: somebody may have changed them in Twilio's Console.
 * Says so, and repairs nothing: what was changed on purpose must not be changed back by a machine.
 */
export class ProvisioningCheck {
  private stopped = false;

  constructor(private readonly parts: ProvisioningCheckParts) {}

  round(): Round {
    const { intervalMs } = this.parts;
    return { name: 'provisioning-check', intervalMs, run: () => this.run() };
  }

  stop(): void {
    this.stopped = true;
  }

  private async run(): Promise<void> {
    const { upkeep, webhooks, metrics, intervalMs } = this.parts;
    try {
      if (await upkeep.takeDuty('provisioning-check', intervalMs * LEASE_SHARE)) await this.pass();
    } finally {
      // Every worker shows the same, whoever looked.
      metrics.webhookDrift.set(await webhooks.drifted());
    }
  }

  private async pass(): Promise<void> {
    const { webhooks, observer, intervalMs } = this.parts;
    const maxMs = Math.min(MAX_PASS_MS, intervalMs * LEASE_SHARE);
    const pass = new Pass({ maxMs, atOnce: AT_ONCE }, () => this.stopped);
    try {
      await pass.each(await webhooks.oldest(MAX_NUMBERS), (number) => this.check(number));
    } catch (error) {
      observer.ended('provisioning', 'failed');
      throw error;
    }
    observer.ended('provisioning', pass.failures === 0 ? 'ok' : 'failed');
  }

  private async check(number: ProvisionedNumber): Promise<void> {
    const { webhooks, observer, logger } = this.parts;
    const { numberId } = number;
    let drift: WebhookDrift | undefined;
    try {
      drift = await this.look(number);
    } catch (error) {
      if (error instanceof DeliveryError) observer.failed('provisioning', error.code, { numberId });
      throw error;
    }
    await webhooks.checked(number, drift);
    if (!drift) return;
    const { differences, problem } = drift;
    logger.warn(
      { numberId, problem, fields: differences.map(({ field }) => field) },
      'A number is not configured at Twilio as it was provisioned from here.',
    );
  }

  private async look(number: ProvisionedNumber): Promise<WebhookDrift | undefined> {
    const { calls, provisioning } = this.parts;
    const { tenantId, account } = number;
    try {
      const { differences } = await calls({ provider: 'channel', tenantId, account }, (context) =>
        provisioning.plan(number, context).catch((error: unknown) => {
          throw asDeliveryError(error);
        }),
      );
      return differences.length === 0 ? undefined : { differences };
    } catch (error) {
      const { cause } = error instanceof DeliveryError ? error : {};
      if (!(cause instanceof ProvisioningError) || !PROBLEMS.has(cause.code)) throw error;
      return { differences: [], problem: cause.code };
    }
  }
}

/**
 * As the gate is to see it. What Twilio says about reading numbers says nothing about sending: a key that may do the one and
 * not the other must not stop deliveries, nor seem to have come to its senses.
 */
function asDeliveryError(error: unknown): unknown {
  if (!(error instanceof ProvisioningError)) return error;
  const { code, httpStatus } = error;
  return code === 'not-available'
    ? new DeliveryError('not-sent', { code: 'twilio-not-available', httpStatus, cause: error })
    : new DeliveryError('failed', { code, cause: error });
}
