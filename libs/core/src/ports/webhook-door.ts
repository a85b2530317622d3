import type { NeutralEvent } from '../events.js';

/** A webhook as it came in: nothing decoded, nothing trimmed, so that a signature can be checked over it. */
export interface WebhookRequest {
  method: string;
  /** `PUBLIC_BASE_URL` + path and query as received: what the provider signed. Never built from `Host`. */
  url: string;
  /** Lower-case names. */
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** What a door says about a request it will not take: `status` is its answer, `reason` a counter's label. */
export class WebhookRefusedError extends Error {
  constructor(
    readonly status: 400 | 401 | 403 | 413 | 503,
    readonly reason: string,
  ) {
    super(`Webhook refused: ${reason}`);
    this.name = 'WebhookRefusedError';
  }
}

/** Verify, then parse: an adapter's door. Throws {@link WebhookRefusedError}; several events are possible. */
export interface WebhookDoor {
  receive(request: WebhookRequest): Promise<NeutralEvent[]>;
}
