import type { AcceptResult, ReceiptReceived } from '#core';
import type { Queryable } from '../database.js';
import { keyDigest } from './keys.js';
import type { Accepted } from './messages.js';

const ACCEPT_RECEIPTS = {
  name: 'accept-receipts',
  text: 'select * from accept_receipts($1, $2, $3, $4, $5, $6, $7)',
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
  for (const row of rows) results[row.ord - 1] = 'accepted';
  const lanes = new Set(rows.map((row) => row.lane_id).filter((laneId) => laneId !== null));
  return {
    results,
    wakeUps: [...lanes].map((laneId) => ({ laneId, direction: 'outbound' })),
    unmatched: rows.filter((row) => !row.matched).length,
  };
}
