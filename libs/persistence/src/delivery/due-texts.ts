import { v7 as uuid } from 'uuid';
import { CustomerTexts, type DueText, type NumberSettings, type TextKind, type WakeUp } from '#core';
import { inTransaction, type Pool } from '../database.js';

/** A text that nobody has written yet. */
export interface PendingText {
  kind: TextKind;
  variables: Record<string, string>;
  /** The number's texts, and the languages to try, the first before the others. */
  texts: NumberSettings['texts'];
  languages: (string | null)[];
}

interface PendingRow extends PendingText {
  tenant_id: string;
  thread_id: string;
  key: string;
  conversation_id: string | null;
}

/** What customers are to be told; a row per thread, kind and key. */
export class DueTexts extends CustomerTexts {
  constructor(private readonly pool: Pool) {
    super();
  }

  override async tell({ threadId, conversationId, kind, key, variables = {} }: DueText): Promise<void> {
    await this.pool.query('select tell_customer($1, $2, $3, $4, $5)', [
      threadId,
      conversationId ?? null,
      kind,
      key,
      JSON.stringify(variables),
    ]);
  }

  /** Puts pending texts into their lanes, at most `limit`; `write` answers nothing where nothing is to be said. */
  async post(limit: number, write: (text: PendingText) => string | undefined): Promise<WakeUp[]> {
    return inTransaction(this.pool, async (client) => {
      const { rows } = await client.query<PendingRow>(
        `select d.tenant_id, d.thread_id, d.kind, d.key, d.conversation_id, d.variables, n.settings -> 'texts' as texts,
           array[c.language, n.language] as languages
         from texts_due d join threads t on t.id = d.thread_id join customers c on c.id = t.customer_id
         join business_numbers n on n.id = t.number_id
         where d.pending order by d.created_at limit $1 for update of d skip locked`,
        [limit],
      );
      if (rows.length === 0) return [];
      await client.query(
        `update texts_due d set pending = false
         from unnest($1::uuid[], $2::text[], $3::text[]) as told (thread_id, kind, key)
         where d.thread_id = told.thread_id and d.kind = told.kind and d.key = told.key`,
        [rows.map((row) => row.thread_id), rows.map(({ kind }) => kind), rows.map(({ key }) => key)],
      );
      const texts = rows
        .map((row) => ({ ...row, text: write(row) }))
        .filter(({ text }) => text !== undefined && text !== '')
        .sort((a, b) => (a.thread_id < b.thread_id ? -1 : a.thread_id > b.thread_id ? 1 : 0));
      if (texts.length === 0) return [];
      const lanes = await client.query<{ lane_id: string }>(
        'select * from append_outbound($1, $2, $3, $4, $5, $6, $7, $8)',
        [
          texts.map(() => uuid()),
          texts.map((row) => row.tenant_id),
          texts.map((row) => row.thread_id),
          texts.map((row) => row.conversation_id),
          texts.map(() => 'bot'),
          texts.map(() => null),
          texts.map(({ text }) => JSON.stringify({ type: 'text', text })),
          texts.map(() => false),
        ],
      );
      return lanes.rows.map((row) => ({ laneId: row.lane_id, direction: 'outbound' }));
    });
  }

  /** Forgets what was told so long ago that it may be told again. */
  async forget(olderThanMs: number): Promise<void> {
    await this.pool.query(
      `delete from texts_due where not pending and created_at < clock_timestamp() - $1 * interval '1 ms'`,
      [olderThanMs],
    );
  }
}
