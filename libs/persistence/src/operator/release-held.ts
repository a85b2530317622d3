import type { Direction, WakeUp } from '#core';

/** Reasons that a configured number takes away. */
export const CONFIGURABLE_REASONS = ['unconfigured', 'configuration', 'closed-hours'] as const;

interface LaneRow {
  id: string;
  direction: Direction;
}

/**
 * Opens the heads that are held for want of (right) configuration or for closed hours, of one number or of all that are configured,
 * without the pause until the next look, and answers the lanes to wake. Lanes are locked first, in order, as everywhere.
 *
 * Also fit for a sweep over all numbers: a worker that claimed a lane just before its number was configured may hold
 * the head just after, and a process may die between the two.
 */
export async function releaseHeld(
  query: (text: string, values: unknown[]) => Promise<LaneRow[]>,
  reasons: readonly (typeof CONFIGURABLE_REASONS)[number][],
  numberId?: string,
): Promise<WakeUp[]> {
  const rows = await query(
    `with lane as materialized (
       select l.id, l.direction from lanes l
       where l.id in (
         select i.lane_id from lane_items i join lanes x on x.id = i.lane_id join threads t on t.id = x.thread_id
         join business_numbers n on n.id = t.number_id
         where i.state = 'held' and i.reason = any ($1::text[]) and n.state = 'configured'
           and ($2::uuid is null or n.id = $2)
       )
       order by l.thread_id, l.direction for update of l
     ), item as (
       update lane_items i set state = 'open', reason = null from lane
       where i.lane_id = lane.id and i.state = 'held' and i.reason = any ($1::text[])
       returning i.lane_id, i.message_id
     ), due as (
       update lanes l set not_before = null, waiting_for = null from item
       where l.id = item.lane_id and l.waiting_for = 'back-off'
     ), message as (
       update messages m set delivery = 'open', reason = null from item where m.id = item.message_id
     )
     select distinct lane.id, lane.direction from lane join item on item.lane_id = lane.id`,
    [reasons, numberId ?? null],
  );
  return rows.map((row) => ({ laneId: row.id, direction: row.direction }));
}
