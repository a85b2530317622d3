import type { QueueFigures } from '../ports/desk-figures.js';

/** What is done for customers who wait in a queue. */
export interface WaitingSettings {
  /** Tell their place once they are queued. Absent: yes. */
  tellOnQueue?: boolean;
  /** And again at such intervals. Absent: not again. */
  tellEveryMinutes?: number;
  /** A longer wait is too long. Absent: none is. */
  maxWaitMinutes?: number;
  /** Where a conversation goes, once, whose wait is too long or whom no agent could be offered. */
  thenQueueId?: string;
}

/** What has been said in a queue beside the customer's place. */
export type WaitWarning = 'waitingLong' | 'noAgent';

/** A conversation that waits for its first agent. */
export interface Wait {
  conversationId: string;
  queueId?: string;
  /** In this queue. */
  waitedMs: number;
  /** How often its customer was told their place, in whatever queue. */
  told: number;
  /** Since they were last told it in this queue; undefined: never. */
  toldAgoMs?: number;
  /** The best place that it was seen at in this queue. */
  position?: number;
  /** What its customer was told in this queue. */
  warned: readonly WaitWarning[];
  /** Since it was put into another queue, or that was tried. */
  movedAgoMs?: number;
}

export interface WaitingStep {
  position?: number;
  tell?: { kind: 'waiting' | WaitWarning; key: string; variables: Readonly<Record<string, string>> };
  moveTo?: string;
}

const MINUTE_MS = 60_000;
/** Another queue shows by an event, some time after it was asked for. */
const MOVING_MS = 30_000;

/**
 * What is to be done about a wait now: at most one thing. Without figures only a wait that is too long is seen.
 *
 * A place is an upper bound. Who joins a queue last has as many places before them as wait in it, and from then on nobody
 * overtakes them, so the place is the smallest number that was seen waiting since.
 */
export function waitingStep(
  wait: Wait,
  settings: WaitingSettings,
  figures: QueueFigures | undefined,
): WaitingStep {
  const position = placeOf(wait, figures);
  const step: WaitingStep = position === undefined ? {} : { position };
  const tooLong =
    settings.maxWaitMinutes !== undefined && wait.waitedMs >= settings.maxWaitMinutes * MINUTE_MS;
  const nobody = figures?.eligibleAgents === 0;
  if (tooLong || nobody) {
    const { thenQueueId } = settings;
    if (thenQueueId !== undefined && thenQueueId !== wait.queueId && wait.movedAgoMs === undefined) {
      return { ...step, moveTo: thenQueueId };
    }
    const warning = tooLong ? 'waitingLong' : 'noAgent';
    const moving = wait.movedAgoMs !== undefined && wait.movedAgoMs < MOVING_MS;
    if (!moving && !wait.warned.includes(warning)) {
      const key = `${wait.conversationId}/${wait.queueId ?? ''}`;
      return { ...step, tell: { kind: warning, key, variables: variablesOf(position, figures) } };
    }
  }
  // A place in a queue that nobody serves is none, and one that was read once is old.
  if (nobody || position === undefined || figures?.waiting === undefined || !isDue(wait, settings))
    return step;
  const key = `${wait.conversationId}/${wait.told + 1}`;
  return { ...step, tell: { kind: 'waiting', key, variables: variablesOf(position, figures) } };
}

function isDue(
  { toldAgoMs, waitedMs }: Wait,
  { tellOnQueue = true, tellEveryMinutes }: WaitingSettings,
): boolean {
  if (toldAgoMs === undefined && tellOnQueue) return true;
  return tellEveryMinutes !== undefined && (toldAgoMs ?? waitedMs) >= tellEveryMinutes * MINUTE_MS;
}

function placeOf({ position }: Wait, figures: QueueFigures | undefined): number | undefined {
  if (figures?.waiting === undefined) return position;
  return Math.min(position ?? Infinity, Math.max(1, Math.round(figures.waiting)));
}

function variablesOf(
  position: number | undefined,
  figures: QueueFigures | undefined,
): Record<string, string> {
  const { averageWaitMs, name } = figures ?? {};
  return {
    ...(position !== undefined && { position: String(position) }),
    ...(averageWaitMs !== undefined && {
      minutes: String(Math.max(1, Math.ceil(averageWaitMs / MINUTE_MS))),
    }),
    ...(name !== undefined && { queue: name }),
  };
}
