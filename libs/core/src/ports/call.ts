import type { ReceiptStatus } from '../receipts.js';

/** Limits of one effectful or reading call to a provider. */
export interface CallContext {
  /** One hard deadline over queueing, connecting, writing and reading; at its end the socket is reset. */
  timeoutMs: number;
  /**
   * Called right before the first byte is written, after any queueing and connecting. Throws to stop the call;
   * the adapter then rejects with `not-sent` and that error as its cause, and nothing has left.
   */
  beforeFirstByte?: () => void;
}

/** A desk has an account per tenant, and bots a secret; a channel's account is the number's. */
export interface DeskCallContext extends CallContext {
  /** Whose credentials the call is made with. */
  tenantId: string;
}

/** What a provider said when it took a part. */
export interface Sent {
  /** The provider's id of the message, where it returns one. */
  providerId?: string;
  receipt?: ReceiptStatus;
  httpStatus: number;
}

/** `impossible`: this provider, or what stands before it, has no such look-up. */
export type LookUp<T> = T | 'impossible';
