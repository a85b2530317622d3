import type { ReceiptStatus } from '#core';

/**
 * Twilio's message statuses as receipts. Absent on purpose: `receiving` and `received`, which speak of messages
 * from customers.
 * Source: https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
 */
const RECEIPT_BY_STATUS: ReadonlyMap<string, ReceiptStatus> = new Map([
  ['accepted', 'queued'],
  ['scheduled', 'queued'],
  ['queued', 'queued'],
  ['sending', 'sending'],
  ['sent', 'sent'],
  ['partially_delivered', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['undelivered', 'undelivered'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);

/** What a status says; undefined for one we do not know. `EventType=READ` outranks the status beside it. */
export function receiptOf(status: string | undefined, eventType?: string): ReceiptStatus | undefined {
  if (eventType === 'READ') return 'read';
  return status === undefined ? undefined : RECEIPT_BY_STATUS.get(status);
}
