import { isScheduleOf, type OpeningHours, type WakeUps } from '#core';
import type { ClosedHours, ClosedSchedule } from '#persistence';

export interface OpeningOptions {
  closed: ClosedHours;
  hours: OpeningHours;
  wakeUps: WakeUps;
}

/** Looks whether what is closed has opened, and lets what waited for that go on. */
export class Opening {
  constructor(private readonly options: OpeningOptions) {}

  async run(): Promise<void> {
    const { closed, wakeUps } = this.options;
    for (const one of await closed.schedules()) {
      if (await this.isOpen(one)) wakeUps.wake(await closed.release(one.numberId, one.schedule));
    }
  }

  /** Also where nobody can tell, and where it need not wait any more. */
  private async isOpen({ numberId, tenantId, schedule, openingHours }: ClosedSchedule): Promise<boolean> {
    const { closed, hours } = this.options;
    if (!openingHours || !isScheduleOf(openingHours, schedule)) {
      await closed.forget(numberId, schedule);
      return true;
    }
    const { openStatuses, whenClosed } = openingHours;
    const reading = await hours.isOpen({ tenantId, schedule, ...(openStatuses && { openStatuses }) });
    if (reading.status === undefined) return true;
    return (await closed.note(numberId, schedule, reading.open, reading.ageMs)) || whenClosed === 'open';
  }
}
