/** What the contact centre says of itself beside its conversations: none of it may ever hold up a message. */

/** A schedule as it was read. */
export interface ScheduleReading {
  /** True also where nobody could tell. */
  open: boolean;
  /** 0 open, -1 closed, 1 to 6 a choice of the tenant's own; undefined where nobody could tell. */
  status?: number;
  /** Since it was read. */
  ageMs: number;
}

export interface OpeningHoursRequest {
  tenantId: string;
  /** Id or name. */
  schedule: string;
  /** The tenant's own choices that count as open. */
  openStatuses?: readonly number[];
}

/** Whether a schedule is open now, known again for a while. Never rejects, and answers within few seconds. */
export abstract class OpeningHours {
  abstract isOpen(request: OpeningHoursRequest): Promise<ScheduleReading>;
}

/** A queue as it is now; what is not known is absent. */
export interface QueueFigures {
  name?: string;
  /** Interactions that wait in it. */
  waiting?: number;
  /** How long those have waited that left it lately. */
  averageWaitMs?: number;
  /** Agents whom its interactions could be offered to. */
  eligibleAgents?: number;
}

/** The figures of a queue, known again for a few seconds. Never rejects; undefined where nobody could tell. */
export abstract class QueueStatistics {
  abstract of(request: { tenantId: string; queueId: string }): Promise<QueueFigures | undefined>;
}

/** How reading went, for figures and logs: names and codes only. */
export abstract class FigureObserver {
  abstract read(event: {
    what: 'schedule' | 'statistics';
    result: 'ok' | 'failed';
    /** Why not, in kebab-case. */
    code?: string;
  }): void;
}
