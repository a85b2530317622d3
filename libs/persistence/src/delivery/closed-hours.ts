import type { OpeningHoursSettings, WakeUp } from '#core';
import type { Pool } from '../database.js';
import { releaseHeld } from '../operator/release-held.js';

/** A number that is closed, as far as anybody knows, or whose lanes wait for its opening. */
export interface ClosedNumber {
  id: string;
  tenantId: string;
  queueId?: string;
  /** Absent: it has no hours any more. */
  openingHours?: OpeningHoursSettings;
}

/** The other side of a lane's waiting for opening hours: whoever finds that it is open lets it go on. */
export class ClosedHours {
  constructor(private readonly pool: Pool) {}

  async numbers(): Promise<ClosedNumber[]> {
    const { rows } = await this.pool.query<{
      id: string;
      tenant_id: string;
      queue_id: string | null;
      opening_hours: OpeningHoursSettings | null;
    }>(
      `select n.id, n.tenant_id, n.queue_id, n.settings -> 'openingHours' as opening_hours from business_numbers n
       where n.id in (
         select number_id from opening_hours where closed_since is not null
         union all
         select t.number_id from lane_items i join lanes l on l.id = i.lane_id join threads t on t.id = l.thread_id
         where i.state = 'held' and i.reason = 'closed-hours')`,
    );
    return rows.map((row) => ({
      id: row.id,
      tenantId: row.tenant_id,
      ...(row.queue_id !== null && { queueId: row.queue_id }),
      ...(row.opening_hours && { openingHours: row.opening_hours }),
    }));
  }

  /** Answers whether it is open, by this reading or by a younger one. */
  async note(numberId: string, schedule: string, open: boolean, ageMs: number): Promise<boolean> {
    const { rows } = await this.pool.query<{ open: boolean }>(
      'select note_hours($1, $2, $3, $4) is null as open',
      [numberId, schedule, open, ageMs],
    );
    return rows[0]?.open === true;
  }

  /** Forgets periods of schedules that do not count for the number any more. */
  async forgetOthers(numberId: string, schedule: string | undefined): Promise<void> {
    await this.pool.query(
      'delete from opening_hours where number_id = $1 and schedule is distinct from $2::text',
      [numberId, schedule ?? null],
    );
  }

  /** Opens what waits for this number's opening, and answers the lanes to wake. */
  release(numberId: string): Promise<WakeUp[]> {
    return releaseHeld(
      async (text, values) =>
        (await this.pool.query<{ id: string; direction: WakeUp['direction'] }>(text, values)).rows,
      ['closed-hours'],
      numberId,
    );
  }
}
