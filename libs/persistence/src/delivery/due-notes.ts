import type { Direction, MessageContent, RefusedFile, WakeUp } from '#core';
import { inTransaction, type Pool } from '../database.js';

/** Something that whoever wrote a message is to be told. */
export interface DueNote {
  id: string;
  /** `window…`: an agent's message waits for the customer, who was asked to write, or not, or that was refused. */
  kind: 'failed' | 'recovered' | 'window' | 'window-asked' | 'window-refused' | 'media-refused';
  /** The message's. */
  direction: Direction;
  content: MessageContent;
  reason: string | null;
  /** The names of the number's templates. */
  templates: string[];
  providerCode: string | null;
  /** Files that were left out. */
  refused: RefusedFile[] | null;
}

/** What an agent is told; `customer` where the message's customer is told with a text of the number's. */
export type WriteNote = (note: DueNote) => { text: string } | 'customer' | undefined;

/** Failures and recoveries that nobody has been told of yet; filled in the transactions that make them true. */
export class DueNotes {
  constructor(private readonly pool: Pool) {}

  /** Puts notes into their lanes, at most `limit`; `write` answers nothing where nobody is to be told. */
  async post(limit: number, write: WriteNote): Promise<WakeUp[]> {
    return inTransaction(this.pool, async (client) => {
      const { rows } = await client.query<DueNote & { thread_id: string; conversation_id: string | null }>(
        `select d.id, d.kind, m.direction, m.content, m.refused, m.thread_id, m.conversation_id,
           array(select jsonb_object_keys(coalesce(n.settings -> 'templates', '{}')) order by 1) as templates,
           case d.kind when 'window-refused' then asked.error_code else m.reason end as reason,
           case d.kind when 'window-refused' then coalesce(asked.receipt_code, asked.provider_code)
             else m.provider_code end as "providerCode"
         from notes_due d join messages m on m.id = d.message_id join threads t on t.id = m.thread_id
         join business_numbers n on n.id = t.number_id
         left join lateral (
           select a.error_code, a.provider_code, a.receipt_code from attempts a
           where d.kind = 'window-refused' and a.message_id = m.id and a.kind = 'template' order by a.id desc limit 1
         ) asked on true
         order by d.id limit $1 for update of d skip locked`,
        [limit],
      );
      if (rows.length === 0) return [];
      const notes = rows.map((row) => ({ ...row, said: write(row) }));
      const { rows: lanes } = await client.query<{ lane_id: string; direction: Direction }>(
        'select * from post_notes($1::uuid[], $2::text[])',
        [rows.map(({ id }) => id), notes.map(({ said }) => (typeof said === 'object' ? said.text : null))],
      );
      // After the lanes are locked, so that of two workers the second one sees what the first one has told.
      for (const { id, said, ...note } of notes) {
        if (said !== 'customer') continue;
        await client.query('select tell_customer_of_failure($1, $2, $3)', [
          note.thread_id,
          note.conversation_id,
          id,
        ]);
      }
      return lanes.map((lane) => ({ laneId: lane.lane_id, direction: lane.direction }));
    });
  }
}
