import type { ReceiptStatus } from '#core';
import type { Pool } from '../database.js';

/** A part that was sent, and of which nobody has heard for a while how far it came. */
export interface ReceiptCheck {
  tenantId: string;
  messageId: string;
  attemptId: string;
  account: string;
  outcome: string;
  providerId?: string;
  receipt?: ReceiptStatus;
  /** It is too old to be asked for again. */
  last: boolean;
}

interface Row {
  tenant_id: string;
  message_id: string;
  attempt_id: string;
  account_sid: string;
  outcome: string;
  provider_id: string | null;
  receipt: ReceiptStatus | null;
  last: boolean;
}

export interface ReceiptTimes {
  /** From sending to the first question, and the first pause between two; milliseconds. */
  afterMs: number;
  maxPauseMs: number;
  /** How long after sending it is asked for. */
  lifeMs: number;
}

/** Sent parts whose receipt stands still. */
export class ReceiptChecks {
  constructor(private readonly pool: Pool) {}

  /** Looks at the attempts of the next `spanMs`. Answers whether it has reached the present. */
  async note({ afterMs, lifeMs }: ReceiptTimes, spanMs: number): Promise<boolean> {
    const { rows } = await this.pool.query<{ reached: boolean }>(
      'select note_silent_receipts($1, $2, $3) as reached',
      [afterMs, lifeMs, spanMs],
    );
    return rows[0]?.reached === true;
  }

  /** Those that are due, at most `limit`, each put off by a pause that doubles. */
  async take(limit: number, { afterMs, maxPauseMs, lifeMs }: ReceiptTimes): Promise<ReceiptCheck[]> {
    const { rows } = await this.pool.query<Row>(
      `with due as (
         select message_id, attempt_id from receipt_checks where due_at <= clock_timestamp()
         order by due_at limit $1 for update skip locked
       ), taken as (
         update receipt_checks k set tries = k.tries + 1,
           due_at = clock_timestamp() + least($3::float8, $2::float8 * 2 ^ least(k.tries, 20)) * interval '1 ms'
         from due where k.message_id = due.message_id and k.attempt_id = due.attempt_id
         returning k.message_id, k.attempt_id
       )
       select m.tenant_id, taken.message_id, taken.attempt_id, n.account_sid, a.outcome, a.provider_id, a.receipt,
         a.started_at <= clock_timestamp() - $4 * interval '1 ms' as last
       from taken join attempts a on a.message_id = taken.message_id and a.id = taken.attempt_id
       join messages m on m.id = taken.message_id join threads t on t.id = m.thread_id
       join business_numbers n on n.id = t.number_id`,
      [limit, afterMs, maxPauseMs, lifeMs],
    );
    return rows.map((row) => ({
      tenantId: row.tenant_id,
      messageId: row.message_id,
      attemptId: row.attempt_id,
      account: row.account_sid,
      outcome: row.outcome,
      last: row.last,
      ...(row.provider_id !== null && { providerId: row.provider_id }),
      ...(row.receipt !== null && { receipt: row.receipt }),
    }));
  }

  async done(check: ReceiptCheck): Promise<void> {
    await this.pool.query('delete from receipt_checks where message_id = $1 and attempt_id = $2', [
      check.messageId,
      check.attemptId,
    ]);
  }
}
