import { DeliveryError } from '#core';
import type { CallContext, CreateReference, DeskAssignment, DeskUser } from '#core';
import type { ChatGatewayClient } from './client.js';
import { userBody } from './create-body.js';

export type ConversationUpdate = { deskConversationId: string; assignment?: DeskAssignment } & (
  { user: DeskUser; reference: CreateReference } | { user?: undefined; reference?: CreateReference }
);

/**
 * Changes the user, then the assignment: the document has a change carry one or the other. All of the user is said each time, so
 * that it does not matter whether the far side adds to what it has or puts it in its place. Throws `DeliveryError`.
 */
export async function updateConversation(
  client: ChatGatewayClient,
  update: ConversationUpdate,
  context: CallContext,
): Promise<void> {
  const endsAt = performance.now() + context.timeoutMs;
  const { deskConversationId, assignment } = update;
  const path = ['conversations', deskConversationId];
  const user = update.user && { user: userBody(update.user, update.reference) };
  for (const body of [user, assignment && { assignment }]) {
    if (!body) continue;
    const timeoutMs = Math.floor(endsAt - performance.now());
    if (timeoutMs <= 0) throw new DeliveryError('not-sent', { code: 'deadline' });
    await client.call({ operation: 'update', method: 'PATCH', path, body }, { ...context, timeoutMs });
  }
}
