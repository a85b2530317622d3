import { keyDigest } from '../accept/keys.js';
import type { Pool } from '../database.js';

/** A configured number, and the span of time that is to be looked at for it. */
export interface NumberSpan {
  tenantId: string;
  numberId: string;
  address: string;
  account: string;
  messagingServiceSid?: string;
  since: Date;
  until: Date;
  /** Failures in a row. */
  failures: number;
}

interface Row {
  id: string;
  tenant_id: string;
  address: string;
  account_sid: string;
  messaging_service_sid: string | null;
  since: Date;
  until: Date;
  failures: number;
}

/** Up to where customers' messages have been compared with the provider's list, per number. */
export class ReceivedMarks {
  constructor(private readonly pool: Pool) {}

  /** Those that were not looked at for longest, at most `limit`; by the database's clock. */
  async spans(
    limit: number,
    times: { afterMs: number; overlapMs: number; lookBackMs: number },
  ): Promise<NumberSpan[]> {
    const { rows } = await this.pool.query<Row>(
      `select s.* from (
         select n.id, n.tenant_id, n.address, n.account_sid, n.messaging_service_sid, coalesce(r.failures, 0) as failures,
           -- Providers keep whole seconds: of the one in which it was configured, all is taken.
           greatest(date_trunc('second', n.configured_at), now() - $2 * interval '1 ms',
             r.reached - $3 * interval '1 ms') as since,
           now() - $4 * interval '1 ms' as until, r.tried_at
         from business_numbers n left join reconcile_marks r on r.name = 'received:' || n.id
         where n.state = 'configured'
       ) s
       where s.since <= s.until order by s.tried_at nulls first, s.id limit $1`,
      [limit, times.lookBackMs, times.overlapMs, times.afterMs],
    );
    return rows.map((row) => ({
      tenantId: row.tenant_id,
      numberId: row.id,
      address: row.address,
      account: row.account_sid,
      ...(row.messaging_service_sid !== null && { messagingServiceSid: row.messaging_service_sid }),
      since: row.since,
      until: row.until,
      failures: row.failures,
    }));
  }

  async reached(numberId: string, until: Date): Promise<void> {
    await this.pool.query(
      `insert into reconcile_marks as r (name, reached) values ('received:' || $1::text, $2)
       on conflict (name) do update set reached = greatest(r.reached, excluded.reached), failures = 0, tried_at = now()`,
      [numberId, until],
    );
  }

  /** What was reached stays; one that never was begins at `since` again. */
  async failed(numberId: string, since: Date): Promise<void> {
    await this.pool.query(
      `insert into reconcile_marks as r (name, reached, failures) values ('received:' || $1::text, $2, 1)
       on conflict (name) do update set failures = r.failures + 1, tried_at = now()`,
      [numberId, since],
    );
  }

  /** Those of these keys that nothing was ever accepted under, in order. */
  async unknown(dedupeKeys: string[]): Promise<Set<string>> {
    if (dedupeKeys.length === 0) return new Set();
    const { rows } = await this.pool.query<{ ord: number }>(
      `select k.ord::int from unnest($1::bytea[]) with ordinality as k (digest, ord)
       left join dedupe_keys d on d.digest = k.digest where d.digest is null`,
      [dedupeKeys.map(keyDigest)],
    );
    return new Set(rows.map(({ ord }) => dedupeKeys[ord - 1] ?? ''));
  }
}
