import { ControlError } from '../common/control.js';
import type { Desk } from './desk.js';
import type { Staff } from './staff.js';

/** What a schedule says now: 0 open, -1 closed, 1 to 6 a choice of the tenant's own. */
export interface ScheduleState {
  status: number;
}

/** Waits in seconds. */
export interface QueueStatistics {
  waiting: number;
  longestWaitSeconds: number;
  /** Of the last quarter of an hour. */
  averageWaitSeconds: number;
  eligibleAgents: number;
}

/** What the contact centre says of itself beside its conversations; what stands here wins over what is so. */
export interface DeskSettings {
  /** By id or name. */
  schedules: Map<string, ScheduleState>;
  /** By queue: the figures that are given out instead of the computed ones. */
  statistics: Map<string, Partial<QueueStatistics>>;
}

export const STATISTICS = ['waiting', 'longestWaitSeconds', 'averageWaitSeconds', 'eligibleAgents'] as const;

const AVERAGE_OVER_MS = 15 * 60_000;

/** One schedule, `Main`, which is open; every figure is computed. */
export function newDeskSettings(): DeskSettings {
  const settings = { schedules: new Map<string, ScheduleState>(), statistics: new Map() };
  resetDeskSettings(settings);
  return settings;
}

/** In place: whoever holds the settings sees it. */
export function resetDeskSettings({ schedules, statistics }: DeskSettings): void {
  schedules.clear();
  schedules.set('Main', { status: 0 });
  statistics.clear();
}

export function setSchedule(settings: DeskSettings, id: string, status: number | undefined): ScheduleState {
  if (id === '') throw new ControlError(400, 'a schedule needs an id');
  if (status === undefined || !Number.isInteger(status) || status < -1 || status > 6) {
    throw new ControlError(400, 'status must be 0 (open), -1 (closed) or 1 to 6');
  }
  const schedule = { status };
  settings.schedules.set(id, schedule);
  return schedule;
}

/** Gives out these figures from now on; those that are left out are computed. */
export function setStatistics(
  settings: DeskSettings,
  queueId: string,
  figures: Partial<QueueStatistics>,
): void {
  const wrong = STATISTICS.find((name) => {
    const figure = figures[name];
    return figure !== undefined && !(Number.isInteger(figure) && figure >= 0);
  });
  if (wrong !== undefined) throw new ControlError(400, `${wrong} must be a whole number from 0`);
  if (Object.keys(figures).length === 0) settings.statistics.delete(queueId);
  else settings.statistics.set(queueId, { ...figures });
}

/** The figures of a queue: as they were set, else as they are. */
export function statisticsOf(
  queueId: string,
  world: { settings: DeskSettings; desk: Desk; staff: Staff },
): QueueStatistics {
  const { settings, desk, staff } = world;
  const now = Date.now();
  const waits = desk.waitingSince(queueId).map((since) => seconds(now - since));
  const ended = desk.waits.filter(
    (wait) => wait.queueId === queueId && now - wait.endedAtMs < AVERAGE_OVER_MS,
  );
  const total = ended.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return {
    waiting: waits.length,
    longestWaitSeconds: Math.max(0, ...waits),
    averageWaitSeconds: ended.length === 0 ? 0 : seconds(total / ended.length),
    eligibleAgents: staff.eligible(queueId).length,
    ...settings.statistics.get(queueId),
  };
}

function seconds(durationMs: number): number {
  return Math.round(durationMs / 1000);
}
