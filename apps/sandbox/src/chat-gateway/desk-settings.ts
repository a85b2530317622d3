import { ControlError, type ControlInput } from '../common/control.js';
import type { SimulatorServer } from '../common/server.js';
import { isWaiting, type Desk } from './desk.js';

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

const STATISTICS = ['waiting', 'longestWaitSeconds', 'averageWaitSeconds', 'eligibleAgents'] as const;

/** One schedule, `Main`, which is open; every figure is computed. */
export function newDeskSettings(): DeskSettings {
  const settings: DeskSettings = { schedules: new Map(), statistics: new Map() };
  resetDeskSettings(settings);
  return settings;
}

/** In place: whoever holds the settings sees it. */
export function resetDeskSettings({ schedules, statistics }: DeskSettings): void {
  schedules.clear();
  schedules.set('Main', { status: 0 });
  statistics.clear();
}

/** The figures of a queue: as they were set, else as they are. */
export function statisticsOf(
  queueId: string,
  { settings, desk, agents }: { settings: DeskSettings; desk: Desk; agents: number },
): QueueStatistics {
  const waits = desk.conversations
    .filter((conversation) => isWaiting(conversation) && conversation.queueId === queueId)
    .map(({ createdAtMs }) => Math.round((Date.now() - createdAtMs) / 1000));
  return {
    waiting: waits.length,
    longestWaitSeconds: Math.max(0, ...waits),
    averageWaitSeconds: 0,
    eligibleAgents: agents,
    ...settings.statistics.get(queueId),
  };
}

/** Control calls for hours and figures. */
export function registerDeskSettingsControls(
  server: SimulatorServer,
  { schedules, statistics }: DeskSettings,
  figuresOf: (queueId: string) => QueueStatistics,
): void {
  const id = ({ params }: ControlInput): string => params['id'] ?? '';
  server.control('GET', '/schedules', () => ({
    items: [...schedules].map(([schedule, { status }]) => ({ id: schedule, status })),
  }));
  server.control('PUT', '/schedules/:id', (input) => {
    const status = input.optionalNumber('status') ?? Number.NaN;
    if (!Number.isInteger(status) || status < -1 || status > 6) {
      throw new ControlError(400, 'status must be 0 (open), -1 (closed) or 1 to 6');
    }
    schedules.set(id(input), { status });
    return { status };
  });
  server.control('PUT', '/queues/:id/statistics', (input) => {
    const figures = STATISTICS.flatMap((name) => {
      const figure = input.optionalNumber(name);
      return figure === undefined ? [] : [[name, figure] as const];
    });
    statistics.set(id(input), Object.fromEntries(figures));
    return figuresOf(id(input));
  });
}
