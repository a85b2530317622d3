import type { MessageContent } from '#core';
import type { Pool } from '../database.js';

/** A message whose media the desk has, and the provider should not keep. */
export interface MediaDeletion {
  messageId: string;
  tenantId: string;
  account: string;
  content: MessageContent;
  /** Which of its attachments the desk has. */
  indexes: number[];
}

/** A message that has not reached the desk keeps its media, for it may be replayed: it is looked at again now and then. */
const LONGEST_PAUSE_MS = 3_600_000;

/** Which media are to be deleted at the channel's provider; filled in the statement that stores a message's parts. */
export class MediaDeletions {
  constructor(private readonly pool: Pool) {}

  /** Takes messages that were handed over, each for `leaseMs` and with a growing pause between tries. */
  async take(limit: number, leaseMs: number): Promise<MediaDeletion[]> {
    const { rows } = await this.pool.query<MediaDeletion>(
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
         coalesce((select p.content -> 'attachmentIndexes' from parts p where p.message_id = m.id and p.n = 1), '[]') as indexes
       from taken join messages m on m.id = taken.message_id and m.delivery = 'submitted'
       join threads t on t.id = m.thread_id join business_numbers n on n.id = t.number_id`,
      [limit, leaseMs, LONGEST_PAUSE_MS],
    );
    return rows;
  }

  async done(messageId: string): Promise<void> {
    await this.pool.query('delete from media_deletions where message_id = $1', [messageId]);
  }
}
