import type { Pool } from '#persistence';

/** I8: lanes with work that nobody has held and nothing has delayed for longer than `boundMs`. */
export async function overdue(pool: Pool, boundMs: number): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; ms: number }>(
    `with head as (
       select distinct on (i.lane_id) i.lane_id, i.message_id, i.state, m.accepted_at
       from lane_items i join messages m on m.id = i.message_id order by i.lane_id, i.seq
     ), free as (
       select l.id, greatest(h.accepted_at, l.lease_until, l.not_before,
         (select max(coalesce(a.ended_at, a.started_at)) from attempts a where a.message_id = h.message_id)) as since
       from head h join lanes l on l.id = h.lane_id where h.state <> 'held' and l.paused_at is null
     )
     select id, (extract(epoch from clock_timestamp() - since) * 1000)::float8 as ms from free
     where since < clock_timestamp() - $1 * interval '1 ms'`,
    [boundMs],
  );
  return rows.map(
    ({ id, ms }) => `I8: lane ${id} has work, and nobody has looked at it for ${Math.round(ms)} ms`,
  );
}
