import type { Direction } from '../content.js';
import type { FileStore, MediaKeeper } from '../media.js';
import type { ChannelPort } from '../ports/channel-port.js';
import type { OpeningHours } from '../ports/desk-figures.js';
import type { DeskPort } from '../ports/desk-port.js';
import type { RetrySchedule } from './back-off.js';
import type { ContentTemplates } from './content-templates.js';
import type { LaneStore } from './lane-store.js';
import type { ProviderGate } from './provider-gate.js';
import type { WakeUps } from './wake-ups.js';

/** Storage did not do its part: nothing is concluded, the lease runs out and the sweeper comes back to the lane. */
export class StorageError extends Error {
  constructor(cause: unknown) {
    super('Storage did not answer.', { cause });
    this.name = 'StorageError';
  }
}

/** The intent is too old for its lease to be trusted: nothing was sent. */
export class StaleIntentError extends Error {
  constructor() {
    super('The intent is older than its freshness limit.');
    this.name = 'StaleIntentError';
  }
}

/** Places at which a fault test may kill the process; a no-op everywhere else. */
export type CrashPoint =
  'before-claim' | 'after-claim' | 'after-intent' | 'mid-request' | 'after-response' | 'before-release';

export interface DeliveryOptions {
  leaseMs: number;
  /** The one deadline of a provider call; less than half a lease. */
  sendTimeoutMs: number;
  /** How long after an attempt's end its effect may still show. */
  uncertainSettleMs: number;
  uncertainPolicy: 'retry' | 'hold';
  retry: RetrySchedule;
  /** When a lane whose call was refused for our credentials asks again. */
  credentialsWaitMs: number;
  /** How long look-ups may fail, while other calls to the provider succeed, before looking counts as impossible. */
  lookUpPatienceMs: number;
  /** Older messages fail, whatever they waited for; what stands still does not grow older. */
  maxAgeMs: Record<Direction, number>;
  /** A drain gives its slot back after so many items, or after so long. */
  maxItems: number;
  maxDrainMs: number;
}

/** `not-yet`: nothing was found, and it may still show. */
export type LookUpResult = 'found' | 'not-there' | 'not-yet' | 'impossible' | 'failed';

/** What happened, for metrics, logs and alarms. Carries ids and codes only. */
export interface DeliveryObserver {
  attempted(event: {
    direction: Direction;
    kind: 'send' | 'create';
    outcome: string;
    code?: string;
    seconds: number;
    /** A part sent again without knowing what became of the attempt before. */
    possibleDuplicate?: boolean;
    messageId: string;
    laneId: string;
  }): void;
  /** An attempt without a known outcome was looked up at its provider. */
  lookedUp(event: {
    direction: Direction;
    kind: 'send' | 'create';
    result: LookUpResult;
    messageId: string;
    laneId: string;
  }): void;
  alarm(
    name: string,
    ids: { messageId?: string; laneId?: string; conversationId?: string },
    error?: unknown,
  ): void;
}

export interface DeliveryDependencies {
  store: LaneStore;
  channel: ChannelPort;
  desk: DeskPort;
  /** Without it choices go out in plain words. */
  templates?: ContentTemplates;
  /** Without it every number is always open. */
  hours?: OpeningHours;
  media: MediaKeeper;
  files: FileStore;
  gate: ProviderGate;
  wakeUps: WakeUps;
  options: DeliveryOptions;
  observer: DeliveryObserver;
  crash: (point: CrashPoint) => void;
  newId: () => string;
  /** Monotonic milliseconds. */
  nowMs: () => number;
  random: () => number;
}

/** What a step did: go on with the next head, stop here (the lane waits or is blocked), or the lease is not ours. */
export type Step = 'next' | 'stop' | 'lost';
