import type { Wait, WaitingSettings, WaitWarning } from '#core';
import type { Pool } from '../database.js';

/** A conversation that waits for its first agent, on a number that does something about that. */
export interface KnownWait extends Wait {
  tenantId: string;
  threadId: string;
  deskConversationId: string;
  settings: WaitingSettings;
}

interface WaitRow {
  id: string;
  tenant_id: string;
  thread_id: string;
  desk_conversation_id: string;
  settings: WaitingSettings;
  queue_id: string | null;
  waited_ms: number;
  told: number;
  told_ago_ms: number | null;
  position: number | null;
  warned: WaitWarning[];
  moved_ago_ms: number | null;
}

const MS_SINCE = (column: string) => `(extract(epoch from clock_timestamp() - ${column}) * 1000)::float8`;

/** Only open conversations are looked at: the index on them answers both. */
const WAITING = `c.state = 'queued' and not c.had_agent and c.desk_conversation_id is not null`;

/** What was done for customers who wait in a queue. */
export class Waits {
  constructor(private readonly pool: Pool) {}

  /** Takes down who has come to wait, or waits in another queue now: there everything but the count of texts begins anew. */
  async notice(): Promise<void> {
    await this.pool.query(
      `insert into waits as w (conversation_id, queue_id, since)
       select c.id, c.queue_id, c.opened_at
       from conversations c join business_numbers n on n.id = c.number_id and n.settings ? 'waiting'
       left join waits known on known.conversation_id = c.id
       where ${WAITING} and (known.conversation_id is null or known.queue_id is distinct from c.queue_id)
       order by c.id
       on conflict (conversation_id) do update set queue_id = excluded.queue_id, position = null, warned = '{}', told_at = null,
         since = case when w.queue_id is null then w.since else clock_timestamp() end`,
    );
  }

  /** The next at most `limit` after a conversation's id. */
  async after(id: string | undefined, limit: number): Promise<KnownWait[]> {
    const { rows } = await this.pool.query<WaitRow>(
      `select c.id, c.tenant_id, c.thread_id, c.desk_conversation_id, n.settings -> 'waiting' as settings, w.queue_id,
         w.told, w.position, w.warned, ${MS_SINCE('w.since')} as waited_ms, ${MS_SINCE('w.told_at')} as told_ago_ms,
         ${MS_SINCE('w.moved_at')} as moved_ago_ms
       from conversations c join business_numbers n on n.id = c.number_id and n.settings ? 'waiting'
       join waits w on w.conversation_id = c.id
       where ${WAITING} and ($1::uuid is null or c.id > $1) order by c.id limit $2`,
      [id ?? null, limit],
    );
    return rows.map((row) => ({
      conversationId: row.id,
      tenantId: row.tenant_id,
      threadId: row.thread_id,
      deskConversationId: row.desk_conversation_id,
      settings: row.settings,
      waitedMs: row.waited_ms,
      told: row.told,
      warned: row.warned,
      ...(row.queue_id !== null && { queueId: row.queue_id }),
      ...(row.told_ago_ms !== null && { toldAgoMs: row.told_ago_ms }),
      ...(row.position !== null && { position: row.position }),
      ...(row.moved_ago_ms !== null && { movedAgoMs: row.moved_ago_ms }),
    }));
  }

  /** The place that it was seen at in its queue, and what its customer was told there. */
  async note(
    wait: Pick<Wait, 'conversationId' | 'queueId' | 'told'>,
    position: number | undefined,
    said?: 'waiting' | WaitWarning,
  ): Promise<void> {
    await this.pool.query(
      `update waits set position = least(position, $3::int),
         told = case when $4 = 'waiting' then greatest(told, $5::int + 1) else told end,
         told_at = case when $4 = 'waiting' then clock_timestamp() else told_at end,
         warned = case when $4 in ('waitingLong', 'noAgent') and not $4 = any (warned) then warned || $4::text else warned end
       where conversation_id = $1 and queue_id is not distinct from $2::text`,
      [wait.conversationId, wait.queueId ?? null, position ?? null, said ?? null, wait.told],
    );
  }

  /** Whether it may be put into another queue now: once, and only while it waits. */
  async takeMove(conversationId: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `update waits w set moved_at = clock_timestamp() from conversations c
       where w.conversation_id = $1 and w.moved_at is null and c.id = w.conversation_id and ${WAITING}`,
      [conversationId],
    );
    return rowCount === 1;
  }

  /** It certainly was not put there: that may be tried again. */
  async giveBackMove(conversationId: string): Promise<void> {
    await this.pool.query('update waits set moved_at = null where conversation_id = $1', [conversationId]);
  }

  async forgetClosed(): Promise<void> {
    await this.pool.query(
      `delete from waits w
       where not exists (select from conversations c where c.id = w.conversation_id and c.state <> 'closed')`,
    );
  }
}
