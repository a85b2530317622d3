import type { Pool } from '#persistence';

/** What is watched: column by table. */
const WATCHED = { messages: 'delivery', attempts: 'outcome', conversations: 'state' } as const;

export type Watched = keyof typeof WATCHED;

/**
 * The legal changes of state (I4), from each state to others; `new` is where a row begins. What stands nowhere is illegal.
 */
export const LEGAL: Record<Watched, Record<string, readonly string[]>> = {
  messages: {
    new: ['open'],
    // Without an attempt of its own: carried by a create's history, refused with the create, held before it could be sent.
    open: ['sending', 'submitted', 'held', 'failed'],
    sending: ['open', 'submitted', 'uncertain', 'held', 'failed'],
    uncertain: ['open', 'sending', 'submitted', 'held', 'failed'],
    held: ['open', 'sending', 'uncertain', 'submitted', 'failed'],
    // A late report of the provider.
    submitted: ['open', 'held', 'failed'],
    // A replay, of what is in doubt or not; a late report of arrival.
    failed: ['open', 'uncertain', 'submitted'],
  },
  attempts: {
    new: ['sending'],
    sending: ['submitted', 'not-sent', 'failed', 'held', 'uncertain', 'gone', 'credentials', 'abandoned'],
    uncertain: ['submitted', 'not-sent', 'abandoned'],
    // The provider speaks of them after all.
    'not-sent': ['submitted'],
    abandoned: ['submitted'],
  },
  conversations: {
    new: ['opening'],
    opening: ['queued', 'active', 'closed'],
    queued: ['active', 'closed'],
    active: ['queued', 'post-agent', 'closed'],
    'post-agent': ['queued', 'active', 'closed'],
  },
};

export interface Change {
  what: Watched;
  id: string;
  before: string;
  after: string;
}

/** Makes the database record every change of a watched column. */
export async function recordChanges(pool: Pool): Promise<void> {
  const triggers = Object.entries(WATCHED).map(
    ([table, column]) => `
      create trigger recorded_insert after insert on ${table} for each row execute function record_change('${column}');
      create trigger recorded_update after update of ${column} on ${table} for each row
        when (old.${column} is distinct from new.${column}) execute function record_change('${column}');`,
  );
  await pool.query(`
    create table recorded_changes (n bigserial, what text, id uuid, before text, after text);
    create function record_change() returns trigger language plpgsql as $$
    begin
      insert into recorded_changes (what, id, before, after) values (
        (select coalesce(p.inhparent, tg_relid)::regclass::text from (select 1) one
          left join pg_inherits p on p.inhrelid = tg_relid),
        new.id, case when tg_op = 'UPDATE' then to_jsonb(old) ->> tg_argv[0] else 'new' end,
        to_jsonb(new) ->> tg_argv[0]);
      return null;
    end $$;
    ${triggers.join('')}`);
}

/** What changed since the last call. */
export async function takeChanges(pool: Pool): Promise<Change[]> {
  const { rows } = await pool.query<Change>(
    `with taken as (delete from recorded_changes returning *) select what, id, before, after from taken order by n`,
  );
  return rows;
}

export function illegal(changes: Change[]): string[] {
  return changes
    .filter(({ what, before, after }) => !LEGAL[what][before]?.includes(after))
    .map(({ what, id, before, after }) => `I4: ${before} → ${after} in ${what} (${id})`);
}
