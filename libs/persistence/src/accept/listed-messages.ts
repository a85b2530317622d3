import type { PoolClient } from 'pg';
import { contentKey, type DeskEventReceived, type MessageContent } from '#core';
import { unaccountedFor } from '../delivery/statements.js';
import { deskKey, forCustomer, type DeskRow } from './desk-row.js';
import { announcedDigest } from './keys.js';

interface ListedRow {
  id: string;
  content: MessageContent;
  message_id: string;
}

/**
 * Events that announce what was taken from the desk's list before: nothing is taken again, and each such message is announced
 * once. An event that is younger than the taking speaks of something else: what was listed had been written before. Answers
 * the message of each event that was used up. The caller holds the rows of the desk conversations.
 */
export async function consumeListed(
  db: PoolClient,
  events: DeskEventReceived[],
  desks: ReadonlyMap<string, DeskRow>,
): Promise<Map<DeskEventReceived, string>> {
  const consumed = new Map<DeskEventReceived, string>();
  for (const [key, desk] of desks) {
    if (desk.unannounced === 0) continue;
    const rows = await unannounced(db, desk);
    for (const event of events) {
      if (deskKey(event) !== key || !event.message || !forCustomer(event)) continue;
      const wanted = contentKey(event.message.content);
      const index = rows.findIndex(
        ({ id, content }) => contentKey(content) === wanted && event.occurredAt <= takenAt(id),
      );
      const row = rows[index];
      if (!row || (await mayBeOurs(db, event, desk))) continue;
      rows.splice(index, 1);
      await db.query('update desk_events set announced = true where id = $1', [row.id]);
      desk.unannounced -= 1;
      consumed.set(event, row.message_id);
    }
  }
  return consumed;
}

async function unannounced(db: PoolClient, desk: DeskRow): Promise<ListedRow[]> {
  const { rows } = await db.query<ListedRow>(
    `select id, content, message_id from desk_events
     where tenant_id = $1 and desk_conversation_id = $2 and announced = false order by occurred_at, id`,
    [desk.tenant_id, desk.id],
  );
  return rows;
}

/** An event that names no author may announce something that we posted: then delivery finds out. */
async function mayBeOurs(db: PoolClient, event: DeskEventReceived, desk: DeskRow): Promise<boolean> {
  const content = event.message?.content;
  if (event.message?.authorType !== 'unknown' || !content) return false;
  const { rows } = await db.query<{ n: number }>({
    ...unaccountedFor,
    values: [desk.conversation_id, announcedDigest(content)],
  });
  return (rows[0]?.n ?? 0) > 0;
}

/** When a row of ours was made, by the time in its UUIDv7; epoch milliseconds. */
function takenAt(id: string): number {
  return Number.parseInt(id.replace('-', '').slice(0, 12), 16);
}
