import type { Pool } from '../database.js';

/** A conversation of which the desk does not know yet how far its customer has read. */
export interface DueReadReceipt {
  conversationId: string;
  tenantId: string;
  deskConversationId: string;
  /** Epoch ms by the desk's clock. */
  readAt: number;
}

export interface ReadReceiptTimes {
  /** First pause after a call that did not succeed; it doubles. At least as long as a call may take. */
  pauseMs: number;
  maxPauseMs: number;
  /** What could not be told for so long is not told any more. */
  lifeMs: number;
}

/** Messages of agents that customers have read, gathered by conversation: only the newest instant counts. */
export class DueReadReceipts {
  constructor(private readonly pool: Pool) {}

  /**
   * Gathers what became read. A message is read, and with it whatever the agent wrote before: at the desk that is everything
   * up to the time of the event that announced it, by the desk's own clock, so no clock of ours can mark anything else. What
   * the desk did not announce is not its message; closed conversations are not told.
   */
  async gather(limit: number): Promise<void> {
    await this.pool.query(
      `with noted as (
         delete from reads_noted where message_id in (
           select message_id from reads_noted order by message_id limit $1 for update skip locked)
         returning message_id
       ), newest as (
         select m.conversation_id, max(e.occurred_at) as read_at
         from noted join messages m on m.id = noted.message_id
         join conversations c on c.id = m.conversation_id and c.state <> 'closed'
         join desk_events e on e.message_id = m.id
         group by m.conversation_id
       )
       insert into read_receipts_due as d (conversation_id, read_at, due_at, due_since)
       select conversation_id, read_at, clock_timestamp(), clock_timestamp() from newest order by conversation_id
       on conflict (conversation_id) do update set read_at = excluded.read_at,
         due_at = coalesce(d.due_at, excluded.due_at), due_since = coalesce(d.due_since, excluded.due_since)
         where d.read_at < excluded.read_at`,
      [limit],
    );
  }

  /** Those that are due, at most `limit`, each put off by a pause; what is not wanted any more is forgotten. */
  async take(limit: number, { pauseMs, maxPauseMs, lifeMs }: ReadReceiptTimes): Promise<DueReadReceipt[]> {
    const { rows } = await this.pool.query<Record<keyof DueReadReceipt, string>>(
      `with due as (
         select conversation_id from read_receipts_due where due_at <= clock_timestamp()
         order by due_at limit $1 for update skip locked
       ), wanted as (
         select d.conversation_id, c.tenant_id, c.desk_conversation_id
         from due join read_receipts_due d using (conversation_id) join conversations c on c.id = d.conversation_id
         join business_numbers n on n.id = c.number_id
         where c.state <> 'closed' and c.desk_conversation_id is not null
           and n.settings ->> 'readReceipts' is distinct from 'false'
           and d.due_since > clock_timestamp() - $4 * interval '1 ms'
       ), put_off as (
         update read_receipts_due d set tries = case when w.conversation_id is null then 0 else d.tries + 1 end,
           due_at = case when w.conversation_id is not null then clock_timestamp()
             + least($3::float8, $2::float8 * 2 ^ least(d.tries, 20)) * interval '1 ms' end,
           due_since = case when w.conversation_id is not null then d.due_since end
         from due left join wanted w using (conversation_id) where d.conversation_id = due.conversation_id
         returning d.conversation_id, d.read_at
       )
       select w.conversation_id as "conversationId", w.tenant_id as "tenantId",
         w.desk_conversation_id as "deskConversationId", p.read_at as "readAt"
       from put_off p join wanted w using (conversation_id)`,
      [limit, pauseMs, maxPauseMs, lifeMs],
    );
    return rows.map((row) => ({ ...row, readAt: Number(row.readAt) }));
  }

  /** Told, or never to be told. What became read meanwhile stays due. */
  async done({ conversationId, readAt }: DueReadReceipt): Promise<void> {
    await this.pool.query(
      `update read_receipts_due set tries = 0,
         due_at = case when read_at > $2 then clock_timestamp() end,
         due_since = case when read_at > $2 then clock_timestamp() end
       where conversation_id = $1`,
      [conversationId, readAt],
    );
  }

  /** Forgets how far closed conversations were read. */
  async forgetClosed(): Promise<void> {
    await this.pool.query(
      `delete from read_receipts_due d using conversations c
       where c.id = d.conversation_id and c.state = 'closed' and d.due_at is null`,
    );
  }
}
