import { takenAttachments, type MessageContent, type PartContent } from '#core';
import type { Pool } from '../database.js';

/** A message whose media the desk has, or a bot from us, and the provider should not keep. */
export interface MediaDeletion {
  messageId: string;
  tenantId: string;
  account: string;
  content: MessageContent;
  /** Which of its attachments were handed over. */
  indexes: number[];
}

/** A message that has not been handed over keeps its media, for it may be replayed: it is looked at again now and then. */
const LONGEST_PAUSE_MS = 3_600_000;

/** Which media are to be deleted at the channel's provider; filled in the statement that stores a message's parts. */
export class MediaDeletions {
  constructor(private readonly pool: Pool) {}

  /** Takes messages that were handed over, each for `leaseMs` and with a growing pause between tries. */
  async take(limit: number, leaseMs: number): Promise<MediaDeletion[]> {
    // Parts are read as they are: what their JSON may hold, SQL cannot look into.
    const { rows } = await this.pool.query<Omit<MediaDeletion, 'indexes'> & { parts: PartContent[] }>(
      `with due as (
         select message_id from media_deletions where not_before <= clock_timestamp()
         order by not_before limit $1 for update skip locked
       ),
       taken as (
         update media_deletions d set tries = tries + 1,
           not_before = clock_timestamp() + greatest($2::float8, least($3::float8, 1000 * 2 ^ least(tries, 20)))
             * interval '1 ms'
         from due where d.message_id = due.message_id returning d.message_id
       )
       select m.id as "messageId", m.tenant_id as "tenantId", n.account_sid as account, m.content,
         coalesce((select json_agg(p.content order by p.n) from parts p where p.message_id = m.id), '[]') as parts
       from taken join messages m on m.id = taken.message_id and m.delivery = 'submitted'
       join threads t on t.id = m.thread_id join business_numbers n on n.id = t.number_id`,
      [limit, leaseMs, LONGEST_PAUSE_MS],
    );
    return rows.map(({ parts, ...row }) => ({ ...row, indexes: takenAttachments(parts) }));
  }

  async done(messageId: string): Promise<void> {
    await this.pool.query('delete from media_deletions where message_id = $1', [messageId]);
  }
}
