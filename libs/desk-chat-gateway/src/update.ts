import { DeliveryError } from '#core';
import type { CallContext, ConversationChange } from '#core';
import type { ConversationsApi } from './api/conversations.js';
import { userBody } from './create-body.js';

/**
 * Changes the user, then the assignment: the document has a change carry one or the other. All of the user is said each time, so
 * that it does not matter whether the far side adds to what it has or puts it in its place. Throws `DeliveryError`.
 */
export async function updateConversation(
  conversations: ConversationsApi,
  change: ConversationChange,
  context: CallContext,
): Promise<void> {
  const endsAt = performance.now() + context.timeoutMs;
  const { deskConversationId, assignment } = change;
  const user = change.user && { user: userBody(change.user, change.reference) };
  for (const body of [user, assignment && { assignment }]) {
    if (!body) continue;
    const timeoutMs = Math.floor(endsAt - performance.now());
    if (timeoutMs <= 0) throw new DeliveryError('not-sent', { code: 'deadline' });
    await conversations.update(deskConversationId, body, { ...context, timeoutMs });
  }
}
