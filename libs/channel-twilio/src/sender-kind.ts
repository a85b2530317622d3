/** What a sender is to carriers; it decides how fast it may send. */
export type SenderKind = 'long-code' | 'toll-free' | 'short-code' | 'whatsapp' | 'messaging-service';

const TOLL_FREE = /^\+1(?:800|833|844|855|866|877|888)\d{7}$/;
const SHORT_CODE = /^\d{3,6}$/;

export function senderKind(address: string): SenderKind {
  if (address.startsWith('whatsapp:')) return 'whatsapp';
  if (address.startsWith('MG')) return 'messaging-service';
  if (SHORT_CODE.test(address)) return 'short-code';
  return TOLL_FREE.test(address) ? 'toll-free' : 'long-code';
}

/**
 * Messages per second that a kind of sender is certain of. Absent: what its registration allows, which only the operator knows
 * (10DLC goes by campaign, a Messaging Service by its pool); Twilio queues what comes faster, for ten hours.
 * Sources: https://www.twilio.com/docs/messaging/guides/toll-free, https://www.twilio.com/docs/whatsapp/best-practices-and-faqs
 */
const RATES: Partial<Record<SenderKind, number>> = { 'toll-free': 3, 'short-code': 100 };

/** How much a sender may send per second that its operator said nothing of. `configured`: at most, by channel. */
export function messagesPerSecond(address: string, configured: { sms: number; whatsapp: number }): number {
  const kind = senderKind(address);
  if (kind === 'whatsapp') return configured.whatsapp;
  return Math.min(configured.sms, RATES[kind] ?? configured.sms);
}
