import { scheduleFor, type OpeningHours, type WakeUps } from '#core';
import type { ClosedHours, ClosedNumber } from '#persistence';

export interface OpeningOptions {
  closed: ClosedHours;
  hours: OpeningHours;
  wakeUps: WakeUps;
}

/** Looks whether numbers that are closed have opened, and lets what waited for that go on. */
export class Opening {
  constructor(private readonly options: OpeningOptions) {}

  async run(): Promise<void> {
    for (const number of await this.options.closed.numbers()) {
      if (await this.isOpen(number)) this.options.wakeUps.wake(await this.options.closed.release(number.id));
    }
  }

  /** Also where nobody can tell, and where it need not wait any more. */
  private async isOpen({ id, tenantId, queueId, openingHours }: ClosedNumber): Promise<boolean> {
    const { closed, hours } = this.options;
    const schedule = openingHours && scheduleFor(openingHours, queueId);
    await closed.forgetOthers(id, schedule);
    if (!openingHours || schedule === undefined) return true;
    const { openStatuses, whenClosed } = openingHours;
    const reading = await hours.isOpen({ tenantId, schedule, ...(openStatuses && { openStatuses }) });
    if (reading.status === undefined) return true;
    return (await closed.note(id, schedule, reading.open, reading.ageMs)) || whenClosed === 'open';
  }
}
