import type { Pool } from '#persistence';
import { keyDigest } from '../../libs/persistence/src/accept/keys.js';
import { CANARIES } from './canaries.js';
import type { System } from './system.js';

/** A webhook that was answered 2xx. */
export interface Answered {
  what: string;
  /** Epoch milliseconds, at the provider. */
  answeredAt: number;
  /** When its transaction was committed; undefined when nothing of it is stored. */
  committedAt: number | undefined;
}

/** I6: nobody is told that something is taken before it is committed. */
export function answeredTooEarly(answers: readonly Answered[]): string[] {
  return answers.flatMap(({ what, answeredAt, committedAt }) => {
    if (committedAt === undefined) return [`I6: ${what} was answered 2xx and is not stored`];
    // Postgres counts microseconds, the providers' logs milliseconds.
    if (committedAt < answeredAt + 1) return [];
    return [`I6: ${what} was answered 2xx ${Math.round(committedAt - answeredAt)} ms before its commit`];
  });
}

/** Every webhook of both providers that was answered 2xx, with the commit of its key. */
export async function readAnswers({ pool, twilio, desk }: System): Promise<Answered[]> {
  const commits = await readCommits(pool);
  const answered = (what: string, key: string, at: string): Answered => ({
    what,
    answeredAt: Date.parse(at),
    committedAt: commits.get(keyDigest(key).toString('hex')),
  });
  return [
    ...twilio.webhooks
      .filter(({ kind, status }) => kind === 'inbound' && isTaken(status))
      .map(({ messageSid, at }) =>
        answered(`text ${messageSid}`, `twilio:message:${CANARIES.accountSid}:${messageSid}`, at),
      ),
    ...desk.webhooks
      .filter(({ status }) => isTaken(status))
      .map(({ eventId, eventType, at }) =>
        answered(`${eventType} ${eventId}`, `chat-gateway:event:default:${eventId}`, at),
      ),
  ];
}

async function readCommits(pool: Pool): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ digest: string; at: number }>(
    `select encode(digest, 'hex') as digest, case when current_setting('track_commit_timestamp') = 'on'
       then (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000)::float8 else 0 end as at
     from dedupe_keys`,
  );
  return new Map(rows.map(({ digest, at }) => [digest, at]));
}

/** How many rows each table of ours has. */
export async function countRows(pool: Pool): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ table: string; n: number }>(
    `select c.relname as table, (xpath('/row/n/text()',
         query_to_xml(format('select count(*) as n from %I', c.relname), false, true, '')))[1]::text::int as n
     from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and not c.relispartition and c.relname not in ('duties', 'queue_tap')`,
  );
  return Object.fromEntries(rows.map(({ table, n }) => [table, n]));
}

/** I9: what was refused leaves nothing but a counter, and is nobody's failure. */
export function leftBehind(
  before: Record<string, number>,
  after: Record<string, number>,
  statuses: readonly number[],
): string[] {
  const tables = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [
    ...[...tables]
      .filter((table) => before[table] !== after[table])
      .map((table) => `I9: ${table} had ${before[table]} rows and has ${after[table]}`),
    ...[...new Set(statuses)]
      .filter((status) => status >= 500 && status !== 503)
      .map((status) => `I9: malformed input was answered ${status}`),
    ...[...new Set(statuses)]
      .filter((status) => status < 400)
      .map((status) => `I9: forged input was answered ${status}`),
  ];
}

function isTaken(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}
