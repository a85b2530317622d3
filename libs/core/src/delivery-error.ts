/**
 * What a failed provider call means for the part it carried. The set is closed:
 * adapters map everything their provider can say to one of these, and only these steer delivery.
 *
 * - `not-sent`: certainly had no effect; back off and try again.
 * - `failed`: refused for good; the message fails with `code`.
 * - `held`: refused until something changes; the message waits with `hold` as its reason.
 * - `credentials`: our credentials were refused; the message keeps, the operator is called.
 * - `gone`: the far side says that the conversation does not take messages; to be verified before it is believed.
 * - `uncertain`: it may or may not have had its effect.
 */
export type DeliveryErrorKind = 'not-sent' | 'failed' | 'held' | 'credentials' | 'gone' | 'uncertain';

/** Why a message is held. All but `quarantine` and `no-conversation` block their lane. */
export type HoldReason =
  | 'window'
  | 'closed-hours'
  | 'unconfigured'
  | 'configuration'
  | 'paused'
  | 'credentials'
  | 'uncertain'
  | 'reopening-limit'
  | 'quarantine'
  | 'no-conversation';

/** Holds that end by trying again now and then, because whoever repairs the cause has no way to tell us. */
export const PROBED_HOLDS: readonly (HoldReason | undefined)[] = ['credentials', 'configuration'];

/** The code of every adapter for a customer who wants no messages from this number. */
export const OPTED_OUT = 'opted-out';

export interface DeliveryErrorOptions {
  /** Our own short name for what happened, in kebab-case: `connect-refused`, `rate-limited`, `opted-out`. */
  code: string;
  /** The provider's own code, verbatim: `21610`, `invalid_queue`. */
  providerCode?: string | undefined;
  httpStatus?: number | undefined;
  /** The provider's wish, unclamped. */
  retryAfterMs?: number | undefined;
  /** Set when and only when the kind is `held`. */
  hold?: HoldReason | undefined;
  cause?: unknown;
}

/** The one way an adapter says that a call did not succeed. Carries no credentials and no texts. */
export class DeliveryError extends Error {
  readonly code: string;
  readonly providerCode: string | undefined;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly hold: HoldReason | undefined;

  constructor(
    readonly kind: DeliveryErrorKind,
    options: DeliveryErrorOptions,
  ) {
    super(`${kind}: ${options.code}${options.providerCode ? ` (${options.providerCode})` : ''}`, {
      cause: options.cause,
    });
    this.name = 'DeliveryError';
    this.code = options.code;
    this.providerCode = options.providerCode;
    this.httpStatus = options.httpStatus;
    this.retryAfterMs = options.retryAfterMs;
    this.hold = options.hold;
  }
}
