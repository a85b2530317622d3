import { DeliveryError } from '#core';

/**
 * Why nothing can be said or done: `unsuitable-url`: our own address cannot be called from there; `unverified-url`: the Chat
 * Gateway called it and was not answered; `queue-needed`, `unknown-queue`; `foreign-channel`: the number's channel is of another
 * type or leads elsewhere; `bad-credentials`, `wrong-tenant`, `no-permission`: it refuses us; `refused`: it refuses the change;
 * `in-doubt`: nobody can tell whether it was made; `not-available`: it did not answer, and the same may work later.
 */
export type DeskProvisioningErrorCode =
  | 'unsuitable-url'
  | 'unverified-url'
  | 'queue-needed'
  | 'unknown-queue'
  | 'foreign-channel'
  | 'bad-credentials'
  | 'wrong-tenant'
  | 'no-permission'
  | 'refused'
  | 'in-doubt'
  | 'not-available';

/** One sentence for operators, without personal data. */
export class DeskProvisioningError extends Error {
  constructor(
    readonly code: DeskProvisioningErrorCode,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'DeskProvisioningError';
  }
}

/** What was under way, and what it was about. */
export type DeskStep =
  { at: 'read' } | { at: 'verify'; uri: string } | { at: 'webhook' } | { at: 'channel'; queueId: string };

/** What a failed call means. Nothing of its answer's words is kept, only its status and code. */
export function deskFailure(error: unknown, step: DeskStep): unknown {
  if (!(error instanceof DeliveryError)) return error;
  const { kind, code, httpStatus, providerCode } = error;
  const failed = (name: DeskProvisioningErrorCode, message: string) =>
    new DeskProvisioningError(name, message, { cause: error });
  const answer =
    httpStatus === undefined ? '' : ` (HTTP ${[httpStatus, providerCode].filter(Boolean).join(', ')})`;
  if (kind === 'credentials') {
    if (code === 'wrong-tenant') {
      return failed(
        'wrong-tenant',
        "CHAT_GATEWAY_TENANT_ID is no tenant of this API key's customer: use the tenant's name as 8x8 Contact Center shows it, or a key of its customer.",
      );
    }
    return httpStatus === 401
      ? failed('bad-credentials', `The Chat Gateway refuses CHAT_GATEWAY_API_KEY${answer}.`)
      : failed('no-permission', `CHAT_GATEWAY_API_KEY may not do this at the Chat Gateway${answer}.`);
  }
  if (step.at === 'verify' && httpStatus !== undefined) {
    return failed(
      'unverified-url',
      `The Chat Gateway called ${step.uri} and got no 2xx${answer}: see that PUBLIC_BASE_URL leads to the gateways from the internet, with a certificate that is publicly trusted.`,
    );
  }
  if (code === 'invalid-queue' && step.at === 'channel') {
    return failed(
      'unknown-queue',
      `The Chat Gateway has no queue ${step.queueId} in this tenant: take the id from the list of queues in Configuration Manager.`,
    );
  }
  if (code === 'redirected' || (step.at === 'read' && (kind === 'gone' || kind === 'failed'))) {
    return failed('refused', `Whoever answers at CHAT_GATEWAY_BASE_URL is not the Chat Gateway${answer}.`);
  }
  if (kind === 'uncertain') {
    return failed(
      'in-doubt',
      `The Chat Gateway broke off${answer}, and nobody can tell whether the ${step.at} was made: do it again, it looks first.`,
    );
  }
  if (kind === 'failed' || kind === 'held') {
    return failed('refused', `The Chat Gateway refuses the ${step.at}${answer}.`);
  }
  return failed(
    'not-available',
    `The Chat Gateway could not be reached in time${answer}: try again in a while.`,
  );
}
