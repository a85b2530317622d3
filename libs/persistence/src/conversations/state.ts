import { deriveState, type ConversationFacts } from '#core';
import type { Queryable } from '../database.js';

/**
 * Writes what a desk conversation's facts make of our conversation. Answers whether texts that wait for it may go on.
 * Closing is not done here: it touches lanes, which are locked later.
 */
export async function applyState(
  db: Queryable,
  conversationId: string,
  facts: ConversationFacts,
  closeGraceMs: number,
): Promise<boolean> {
  const derived = deriveState(await ownFacts(db, conversationId, facts));
  const { rows } = await db.query<{ goes_on: boolean | null }>(
    'select apply_conversation_state($1, $2, $3, $4, $5, $6, $7) as goes_on',
    [
      conversationId,
      derived.state,
      derived.queueId ?? null,
      derived.agentId ?? null,
      derived.hadAgent,
      derived.lastAgentLeftAt ?? null,
      closeGraceMs,
    ],
  );
  return rows[0]?.goes_on === true;
}

/**
 * A bot or a script of the desk's own keeps no conversation open: nobody here knows whether it ever lets the customer go. Only where
 * we are to have them back does it count that one follows the agents.
 */
async function ownFacts(
  db: Queryable,
  conversationId: string,
  facts: ConversationFacts,
): Promise<ConversationFacts> {
  if (facts.postAgentAt === undefined) return facts;
  const { rowCount } = await db.query('select from conversations where id = $1 and survey is not null', [
    conversationId,
  ]);
  const { postAgentAt: _, ...others } = facts;
  return rowCount === 1 ? facts : others;
}
