import type { AcceptResult, ReceiptReceived } from '#core';
import type { Queryable } from '../database.js';
import { keyDigest } from './keys.js';
import type { Accepted } from './messages.js';

/**
 * A lane that waits for one of these receipts goes on. Its row is skipped where somebody holds it: it is being worked on then,
 * and nobody waits for two locks in the wrong order.
 */
const ACCEPT_RECEIPTS = {
  name: 'accept-receipts-and-wake',
  text: `
    with accepted as materialized (select * from accept_receipts($1, $2, $3, $4, $5, $6, $7)),
    come as (
      delete from receipt_waits w using unnest($6::uuid[], $3::text[]) as r (attempt_id, status)
      where w.attempt_id = r.attempt_id
        and (receipt_rank(r.status) >= w.rank or r.status in ('failed', 'undelivered'))
      returning w.lane_id
    ),
    woken as (
      update lanes set not_before = null, waiting_for = null
      where id in (
        select l.id from lanes l join come on come.lane_id = l.id
        where l.waiting_for = 'back-off' order by l.id for update of l skip locked)
      returning id
    )
    select ord, matched, lane_id from accepted
    union all select 0, true, id from woken`,
};

/** Commits receipts in one round trip. No key may stand twice in `events`. */
export async function acceptReceipts(
  db: Queryable,
  events: ReceiptReceived[],
): Promise<Accepted & { unmatched: number }> {
  const { rows } = await db.query<{ ord: number; matched: boolean; lane_id: string | null }>({
    ...ACCEPT_RECEIPTS,
    values: [
      events.map((event) => keyDigest(event.dedupeKey)),
      events.map((event) => event.providerMessageId),
      events.map((event) => event.status),
      events.map((event) => event.providerCode ?? null),
      events.map((event) => event.attempt?.messageId ?? null),
      events.map((event) => event.attempt?.attemptId ?? null),
      events.map((event) => event.late ?? null),
    ],
  });
  for (const { optedOut, attempt, providerMessageId } of events) {
    if (!optedOut) continue;
    await db.query('select record_refusal($1, $2, $3)', [
      attempt?.messageId ?? null,
      attempt?.attemptId ?? null,
      providerMessageId,
    ]);
  }
  const results = events.map((): AcceptResult => 'duplicate');
  for (const row of rows) if (row.ord > 0) results[row.ord - 1] = 'accepted';
  const lanes = new Set(rows.map((row) => row.lane_id).filter((laneId) => laneId !== null));
  return {
    results,
    wakeUps: [...lanes].map((laneId) => ({ laneId, direction: 'outbound' })),
    unmatched: rows.filter((row) => !row.matched).length,
  };
}
