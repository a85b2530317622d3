import { v7 as uuid } from 'uuid';
import {
  CustomerTexts,
  textsOf,
  type DueText,
  type MessageContent,
  type NumberSettings,
  type OpeningDetails,
  type TextKind,
  type TextTemplates,
  type WakeUp,
} from '#core';
import { inTransaction, type Pool } from '../database.js';

/** A text that nobody has written yet. */
export interface PendingText {
  kind: TextKind;
  variables: Record<string, string>;
  /** The number's texts, and the languages to try, the first before the others. */
  texts: TextTemplates;
  languages: (string | null)[];
  /** Since it was taken down. */
  ageMs: number;
}

/** What is said; nothing where nothing is to be; `later` where that cannot be said yet. */
export type WriteText = (text: PendingText) => { text: string } | 'later' | undefined;

interface PendingRow {
  tenant_id: string;
  thread_id: string;
  lane_thread_id: string;
  kind: TextKind;
  key: string;
  conversation_id: string | null;
  variables: Record<string, string>;
  settings: NumberSettings;
  customer_language: string | null;
  /** Whole: what a build before has kept, SQL may fail to look into. */
  details: OpeningDetails | null;
  number_language: string | null;
  number_address: string;
  agent_name: string | null;
  opted_out: boolean;
  age_ms: number;
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

  /** Puts pending texts into their lanes, at most `limit`. Nothing is said to customers who want no messages. */
  async post(limit: number, write: WriteText): Promise<WakeUp[]> {
    return inTransaction(this.pool, async (client) => {
      const { rows } = await client.query<PendingRow>(
        `select d.tenant_id, d.thread_id, t.id as lane_thread_id, d.kind, d.key, d.conversation_id, d.variables, n.settings,
           c.language as customer_language, case when c.language is null then v.details end as details, n.language as number_language, n.address as number_address,
           desk.facts -> 'agents' -> (d.variables ->> 'agentId') ->> 'name' as agent_name,
           is_opted_out(d.tenant_id, n.account_sid, n.address, n.messaging_service_sid, c.id) as opted_out,
           (extract(epoch from clock_timestamp() - d.created_at) * 1000)::float8 as age_ms
         from texts_due d join threads own on own.id = d.thread_id
         join threads t on t.id = coalesce(own.continues_in, own.id)
         join customers c on c.id = t.customer_id join business_numbers n on n.id = t.number_id
         left join conversations v on v.id = d.conversation_id
         left join desk_conversations desk on desk.tenant_id = v.tenant_id and desk.id = v.desk_conversation_id
         where d.pending order by d.created_at limit $1 for update of d skip locked`,
        [limit],
      );
      const written = rows.map((row) => ({ ...row, said: row.opted_out ? undefined : write(pending(row)) }));
      const done = written.filter(({ said }) => said !== 'later');
      if (done.length === 0) return [];
      await client.query(
        `update texts_due d set pending = false
         from unnest($1::uuid[], $2::text[], $3::text[]) as told (thread_id, kind, key)
         where d.thread_id = told.thread_id and d.kind = told.kind and d.key = told.key`,
        [done.map((row) => row.thread_id), done.map(({ kind }) => kind), done.map(({ key }) => key)],
      );
      const texts = done
        .flatMap(({ said, ...row }) => (said === undefined || said === 'later' ? [] : [{ ...row, ...said }]))
        .sort((a, b) =>
          a.lane_thread_id < b.lane_thread_id ? -1 : a.lane_thread_id > b.lane_thread_id ? 1 : 0,
        );
      if (texts.length === 0) return [];
      const lanes = await client.query<{ lane_id: string }>(
        'select * from append_outbound($1, $2, $3, $4, $5, $6, $7, $8)',
        [
          texts.map(() => uuid()),
          texts.map((row) => row.tenant_id),
          texts.map((row) => row.lane_thread_id),
          texts.map((row) => row.conversation_id),
          texts.map(() => 'bot'),
          texts.map(() => null),
          texts.map(({ text, kind }) =>
            JSON.stringify({ type: 'text', text, told: kind } satisfies MessageContent),
          ),
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

function pending(row: PendingRow): PendingText {
  const { agentId: _, ...variables } = row.variables;
  return {
    kind: row.kind,
    variables: {
      number: row.number_address.replace(/^whatsapp:/, ''),
      ...(row.agent_name !== null && { name: row.agent_name }),
      ...variables,
    },
    texts: textsOf(row.settings, row.number_language),
    languages: [row.customer_language ?? row.details?.user?.language ?? null, row.number_language],
    ageMs: row.age_ms,
  };
}
