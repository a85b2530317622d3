/**
 * How far the provider says a message has come. `queued` < `sending` < `sent` < `delivered` < `read`;
 * `undelivered` and `failed` stand beside them.
 * Source: Twilio, "Outbound message status in status callbacks".
 */
export type ReceiptStatus = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'undelivered' | 'failed';

/** Callbacks come in any order and carry no time, so only the rank decides. A failure outranks all but arrival. */
export const RECEIPT_RANK: Record<ReceiptStatus, number> = {
  queued: 1,
  sending: 2,
  sent: 3,
  undelivered: 4,
  failed: 4,
  delivered: 5,
  read: 6,
};

/** The receipt to keep when `next` arrives on top of `current`: forward by rank only, the first of equals stays. */
export function newerReceipt(current: ReceiptStatus | undefined, next: ReceiptStatus): ReceiptStatus {
  return current !== undefined && RECEIPT_RANK[current] >= RECEIPT_RANK[next] ? current : next;
}

/** True for the two statuses that report a failure. */
export function isFailure(status: ReceiptStatus): boolean {
  return status === 'failed' || status === 'undelivered';
}
