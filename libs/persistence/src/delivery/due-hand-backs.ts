import type { SurveyLimits, WakeUp } from '#core';
import type { Pool } from '../database.js';

/** A conversation that is to go back to the bot when its last agent leaves. */
export interface DueHandBack {
  conversationId: string;
  tenantId: string;
  deskConversationId: string;
  /** The desk's own name of us; absent where nobody has provided it. */
  webhookId?: string;
  limits: SurveyLimits;
}

interface Row {
  id: string;
  tenant_id: string;
  desk_conversation_id: string;
  webhook_id: string | null;
  survey: SurveyLimits;
}

/** Conversations of which the desk is to hear that they go back to the bot. */
export class DueHandBacks {
  constructor(private readonly pool: Pool) {}

  /** Takes some, each for `leaseMs` and with a growing pause between tries. */
  async take(limit: number, leaseMs: number): Promise<DueHandBack[]> {
    const { rows } = await this.pool.query<Row>({
      name: 'take-hand-backs',
      text: 'select * from take_hand_backs($1, $2)',
      values: [limit, leaseMs],
    });
    return rows.map((row) => ({
      conversationId: row.id,
      tenantId: row.tenant_id,
      deskConversationId: row.desk_conversation_id,
      ...(row.webhook_id !== null && { webhookId: row.webhook_id }),
      limits: row.survey,
    }));
  }

  /** The desk refuses for good: it is asked again only once an agent joins after that. */
  async refused({ conversationId }: DueHandBack): Promise<void> {
    // Where an agent has joined since it was taken, that has cleared the time already.
    await this.pool.query(
      `update conversations set post_agent_not_before = 'infinity'
       where id = $1 and post_agent_at is null and post_agent_not_before is not null`,
      [conversationId],
    );
  }

  /** The desk has heard it. Answers lanes that waited for the conversation's closing, which does not come now. */
  async done({ conversationId }: DueHandBack): Promise<WakeUp[]> {
    const { rows } = await this.pool.query<{ lane_id: string }>('select * from will_hand_back($1)', [
      conversationId,
    ]);
    return rows.map((row) => ({ laneId: row.lane_id, direction: 'inbound' }));
  }
}
