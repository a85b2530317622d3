/** When a number's conversations may be opened. */
export interface OpeningHoursSettings {
  /** Id or name of the tenant's schedule. */
  schedule: string;
  /** The tenant's own choices of a schedule (1 to 6) that count as open. Absent: none. */
  openStatuses?: number[];
  /** What becomes of a text that would open a conversation while it is closed. Absent: `hold`. */
  whenClosed?: 'hold' | 'open';
  /** Other schedules, by the queue that the conversation would go to. */
  queues?: Record<string, string>;
}

/** The schedule that counts for conversations that go to this queue. */
export function scheduleFor(
  { schedule, queues = {} }: OpeningHoursSettings,
  queueId: string | undefined,
): string {
  return queueId !== undefined && Object.hasOwn(queues, queueId) ? (queues[queueId] ?? schedule) : schedule;
}

/** Whether the schedule counts for any of the number's conversations. */
export function isScheduleOf(
  { schedule: usual, queues = {} }: OpeningHoursSettings,
  schedule: string,
): boolean {
  return schedule === usual || Object.values(queues).includes(schedule);
}

/** Whether a schedule that says this is open: 0 is, -1 is not, a choice of the tenant's own where it was said to be. */
export function isOpenStatus(status: number, openStatuses: readonly number[] = []): boolean {
  return status === 0 || (status > 0 && openStatuses.includes(status));
}
