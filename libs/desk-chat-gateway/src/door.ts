import { WebhookRefusedError } from '#core';
import type { NeutralEvent, WebhookDoor, WebhookRequest } from '#core';
import { isVerification, parseEvent } from './parser.js';
import type { EventOddity } from './parser.js';
import type { EventSignature } from './signature.js';

const MAX_BODY_BYTES = 1024 * 1024;

/** The Chat Gateway's door: verify over raw bytes, then parse. */
export class ChatGatewayDoor implements WebhookDoor {
  constructor(
    private readonly signature: Pick<EventSignature, 'verify'>,
    /** Told of events that are taken although they are out of the ordinary. */
    private readonly onOddity: (oddity: EventOddity) => void = () => undefined,
  ) {}

  async receive(request: WebhookRequest): Promise<NeutralEvent[]> {
    if (request.body.length > MAX_BODY_BYTES) throw new WebhookRefusedError(413, 'too-large');
    // Whether it is signed is unknown, and it changes nothing: answered like any event, stored never.
    if (isVerification(request.body)) return [];
    const { tenantId, eventId, transmittedAt } = await this.signature.verify(request);
    const { event, odd } = parseEvent(request.body, { tenantId, eventId, transmittedAt });
    if (odd) this.onOddity(odd);
    return event ? [event] : [];
  }
}
