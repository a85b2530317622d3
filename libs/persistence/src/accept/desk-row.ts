import type { ConversationFacts, DeskEventReceived } from '#core';

/** A desk conversation whose row is locked. */
export interface DeskRow {
  tenant_id: string;
  id: string;
  conversation_id: string | null;
  facts: ConversationFacts;
  newest_message_at: number | null;
  /** Entries of the desk's list that were taken and that no event has announced. */
  unannounced: number;
}

/** Agents' messages go to the customer; an author who is not named is resolved before delivery. */
export function forCustomer(event: DeskEventReceived): boolean {
  return event.message?.authorType === 'agent' || event.message?.authorType === 'unknown';
}

export function deskKey(event: { tenantId: string; deskConversationId: string }): string {
  return `${event.tenantId}\n${event.deskConversationId}`;
}
