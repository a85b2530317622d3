/**
 * How a webhook ended: what the acceptor said, `ignored` for one that says nothing to us, `cannot-store`, or the
 * reason of a `WebhookRefusedError`. A closed set, so that it can be a metric's label.
 */
export type WebhookOutcome =
  'accepted' | 'duplicate' | 'conflict' | 'invalid' | 'ignored' | 'cannot-store' | (string & {});

/** Told how each webhook ended; optional, and an abstract class so that it can be a DI token. */
export abstract class WebhookObserver {
  /** `door` is a fixed name: `twilio-messages`. */
  abstract ended(door: string, outcome: WebhookOutcome): void;
}
