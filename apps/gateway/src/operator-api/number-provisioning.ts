import { Inject, Injectable } from '@nestjs/common';
import {
  ProvisioningError,
  urlsDigest,
  type ProvisioningErrorCode,
  type ProvisioningPlan,
} from '#channel-twilio';
import { OperatorProvisioning, type Actor, type BusinessNumber, type Provisioned } from '#persistence';
import { ProblemException } from '#platform';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from './options.js';

/** Of one request, whatever it takes at Twilio. */
const TIMEOUT_MS = 12_000;

/** Our configuration or the number is at fault (409), or Twilio, or our way to it (502). */
const STATUSES: Readonly<Record<ProvisioningErrorCode, number>> = {
  'unsuitable-url': 409,
  'unknown-address': 409,
  'other-account': 409,
  'bad-credentials': 502,
  'no-permission': 502,
  refused: 502,
  'not-available': 502,
};

/** How a number stands at Twilio, and what we remember of it. */
export interface ProvisioningState {
  plan: ProvisioningPlan;
  provisioned?: Provisioned;
  /** The URLs that Twilio is to have are others than when the number was provisioned. */
  urlsChanged: boolean;
}

/** Numbers as operators point them at us. */
@Injectable()
export class NumberProvisioning {
  constructor(
    @Inject(OPERATOR_API_OPTIONS) private readonly options: OperatorApiOptions,
    @Inject(OperatorProvisioning) private readonly store: OperatorProvisioning,
  ) {}

  /** Throws {@link ProblemException}. */
  async look(number: BusinessNumber): Promise<ProvisioningState> {
    const endsAt = performance.now() + TIMEOUT_MS;
    return this.state(number, await this.plan(number, endsAt));
  }

  /** Points it at us where it is not. Answers what was changed, and how it stands then. Throws {@link ProblemException}. */
  async apply(
    number: BusinessNumber,
    by: Actor,
  ): Promise<ProvisioningState & { changed: ProvisioningPlan['differences'] }> {
    const endsAt = performance.now() + TIMEOUT_MS;
    const plan = await this.plan(number, endsAt);
    const { target, differences: changed } = plan;
    const known = await this.store.get(number);
    if (changed.length > 0 || !known) {
      const fields = changed.map(({ field }) => field);
      await this.store.begin(number.id, by, { ...target, fields });
    }
    await answered(this.options.provisioning.apply(plan, contextUntil(endsAt)));
    // Read once more: what Twilio took is what counts, not what it was sent.
    const after = changed.length === 0 ? plan : await this.plan(number, endsAt);
    await this.store.provisioned(number, urlsDigest(this.options.provisioning.urls()));
    return { ...(await this.state(number, after)), changed };
  }

  private plan(number: BusinessNumber, endsAt: number): Promise<ProvisioningPlan> {
    const { address, accountSid: account, messagingServiceSid } = number;
    const of = { address, account, messagingServiceSid };
    return answered(this.options.provisioning.plan(of, contextUntil(endsAt)));
  }

  private async state(number: BusinessNumber, plan: ProvisioningPlan): Promise<ProvisioningState> {
    const provisioned = await this.store.get(number);
    if (!provisioned) return { plan, urlsChanged: false };
    const digest = urlsDigest(this.options.provisioning.urls());
    return { plan, provisioned, urlsChanged: !digest.equals(provisioned.urlsDigest) };
  }
}

function contextUntil(endsAt: number): { timeoutMs: number } {
  return { timeoutMs: Math.max(1, endsAt - performance.now()) };
}

async function answered<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof ProvisioningError)) throw error;
    throw new ProblemException(STATUSES[error.code], { detail: error.message });
  }
}
