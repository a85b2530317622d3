import type { OpeningHoursSettings, WakeUp } from '#core';
import type { Pool } from '../database.js';
import { releaseHeld } from '../operator/release-held.js';

/** A schedule of a number that is closed, as far as anybody knows, or whose opening lanes wait for. */
export interface ClosedSchedule {
  numberId: string;
  tenantId: string;
  schedule: string;
  /** Of the number; absent: it has none any more. */
  openingHours?: OpeningHoursSettings;
}

/** The other side of a lane's waiting for opening hours: whoever finds that it is open lets it go on. */
export class ClosedHours {
  constructor(private readonly pool: Pool) {}

  async schedules(): Promise<ClosedSchedule[]> {
    const { rows } = await this.pool.query<{
      id: string;
      tenant_id: string;
      schedule: string;
      opening_hours: OpeningHoursSettings | null;
    }>(
      `select n.id, n.tenant_id, closed.schedule, n.settings -> 'openingHours' as opening_hours
       from business_numbers n join (
         select number_id, schedule from opening_hours where closed_since is not null
         union
         select t.number_id, l.awaits_schedule from lane_items i join lanes l on l.id = i.lane_id join threads t on t.id = l.thread_id
         where i.state = 'held' and i.reason = 'closed-hours' and l.awaits_schedule is not null
       ) closed on closed.number_id = n.id
       order by n.id, closed.schedule`,
    );
    return rows.map((row) => ({
      numberId: row.id,
      tenantId: row.tenant_id,
      schedule: row.schedule,
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

  /** Forgets the period of a schedule that does not count for the number any more. */
  async forget(numberId: string, schedule: string): Promise<void> {
    await this.pool.query('delete from opening_hours where number_id = $1 and schedule = $2', [
      numberId,
      schedule,
    ]);
  }

  /** Opens what waits for the opening of this schedule of the number, and answers the lanes to wake. */
  release(numberId: string, schedule: string): Promise<WakeUp[]> {
    return releaseHeld(
      async (text, values) =>
        (await this.pool.query<{ id: string; direction: WakeUp['direction'] }>(text, values)).rows,
      ['closed-hours'],
      numberId,
      schedule,
    );
  }
}
