import type { AuthorType, Channel, MessageContent } from './content.js';
import type { ConversationFacts } from './conversation/facts.js';
import type { ReceiptStatus } from './receipts.js';

/** Another name by which a customer is known on a channel: E.164, WhatsApp number, business-scoped id. */
export interface Alias {
  channel: Channel;
  value: string;
}

/** A customer wrote. One per provider message, whatever it carries. */
export interface InboundMessageReceived {
  kind: 'inbound-message';
  tenantId: string;
  /** Stable identity at the provider; a second event with the same key is a duplicate for ever. */
  dedupeKey: string;
  providerMessageId: string;
  channel: Channel;
  /** The provider's account that owns the business number. */
  account: string;
  /** Our address: `+15550100`, `whatsapp:+15550100`. */
  to: string;
  /** The provider's pool the address belongs to (Twilio's Messaging Service). */
  serviceId?: string;
  /** Where an answer goes. */
  from: string;
  /** Every name of the customer in this event, the most lasting first; at least one. */
  aliases: Alias[];
  profileName?: string;
  content: MessageContent;
  /** The provider's own parameters, kept with the message. */
  raw: Record<string, string | string[]>;
  /** When it was written, in whole seconds; known of what was found in the provider's list, where it is not just now. */
  writtenAt?: Date;
}

/** Which of our attempts a provider's callback speaks of; travels in the callback's URL. */
export interface AttemptReference {
  messageId: string;
  attemptId: string;
}

/** The provider says how far one of our messages has come. */
export interface ReceiptReceived {
  kind: 'receipt';
  tenantId: string;
  dedupeKey: string;
  providerMessageId: string;
  status: ReceiptStatus;
  providerCode?: string;
  /** Absent when the callback's URL carries none (then only `providerMessageId` can tell). */
  attempt?: AttemptReference;
  /** It failed because the customer wants no messages from us. */
  optedOut?: boolean;
  /** What the provider's code means when it arrives late; from the adapter's table. Set for failures only. */
  late?: LateOutcome;
}

/** What a failure reported after `submitted` means. */
export type LateOutcome = 'failed' | 'once-more' | 'held-window';

/** Ties a desk conversation to the create that asked for it; travels in its additional properties. */
export interface CreateReference {
  conversationId: string;
  attemptId: string;
}

/** The desk says something about one conversation. */
export interface DeskEventReceived {
  kind: 'desk-event';
  tenantId: string;
  /** The desk's event id, unique for ever. */
  eventId: string;
  /** SHA-256 of the raw body, hex: the same id with another body is an alarm. */
  bodyDigest: string;
  deskConversationId: string;
  /** The provider's own event name, known to us or not. */
  type: string;
  /** The event's own time, epoch milliseconds; the far side's clock. */
  occurredAt: number;
  /** What this event says about the conversation; merged with what is known. */
  facts: ConversationFacts;
  /** Present when the event announces a message, whoever wrote it. */
  message?: { authorType: AuthorType; authorId?: string; content: MessageContent };
  /** Present when the event says, and has just now, whether an agent is typing. */
  typing?: { present: boolean };
  /** Our own correlation value, where the event repeats it. */
  create?: CreateReference;
  /** The body as received, JSON text. */
  raw: string;
}

export type NeutralEvent = InboundMessageReceived | ReceiptReceived | DeskEventReceived;

/**
 * `accepted`: committed. `duplicate`: was committed before, nothing to do. `conflict`: the same event id came
 * with another body (alarm; answered like a duplicate). `invalid`: storage can never take it.
 */
export type AcceptResult = 'accepted' | 'duplicate' | 'conflict' | 'invalid';

/** Thrown when an event could not be committed in time; the door answers 503 and the provider retries. */
export class CannotStoreError extends Error {
  constructor(cause?: unknown) {
    super('The event could not be stored in time.', { cause });
    this.name = 'CannotStoreError';
  }
}

/** The doors' way in. Resolves only after the commit; an abstract class so that it can be a DI token. */
export abstract class Acceptor {
  /** One result per event, in order. Throws {@link CannotStoreError}. */
  abstract accept(events: NeutralEvent[]): Promise<AcceptResult[]>;
}
