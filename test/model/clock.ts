import type { Pool } from '#persistence';

const LANES = 'select id from lanes where tenant_id = $1';
const MESSAGES = `select id from messages where lane_id in (${LANES})`;
/** Whose rows are a sequence's, where there is no tenant, or no index on it. */
const OWN: Record<string, string> = {
  messages: `lane_id in (${LANES})`,
  attempts: `message_id in (${MESSAGES})`,
  lane_items: `lane_id in (${LANES})`,
  notes_due: `message_id in (${MESSAGES})`,
};
/** Nothing waits for these times. */
const IGNORED = ['business_numbers', 'duties', 'audit'];

const statements = new WeakMap<Pool, Promise<string>>();

/** Time passes for one tenant: every instant that is stored moves into the past. */
export async function timePasses(pool: Pool, tenantId: string, ms: number): Promise<void> {
  let statement = statements.get(pool);
  if (!statement) statements.set(pool, (statement = shift(pool)));
  await pool.query({ name: 'model-time', text: await statement, values: [tenantId, ms] });
}

/** One update for each table that holds instants, found in the schema so that no new one is forgotten. */
async function shift(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ name: string; columns: string[]; tenant: boolean }>(`
    select c.relname as name, array_agg(a.attname::text order by a.attnum)
        filter (where a.atttypid = 'timestamptz'::regtype and a.attname <> 'created_at') as columns,
      bool_or(a.attname = 'tenant_id') as tenant
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    group by c.relname`);
  const updates = rows
    .filter(
      ({ name, columns, tenant }) => columns !== null && !IGNORED.includes(name) && (tenant || name in OWN),
    )
    .map(({ name, columns }) => {
      const set = columns.map((column) => `${column} = ${column} - $2::float8 * interval '1 ms'`).join(', ');
      return `${name}_moved as (update ${name} set ${set} where ${OWN[name] ?? 'tenant_id = $1'})`;
    });
  return `with ${updates.join(', ')} select 1`;
}
