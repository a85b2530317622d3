import type { Direction } from '#core';

/** One queue per direction, so that one provider's outage cannot occupy the other's slots. */
export const queueNames = { inbound: 'inbound', outbound: 'outbound' } as const satisfies Record<
  Direction,
  string
>;

export type QueueName = (typeof queueNames)[Direction];

export const directions = ['inbound', 'outbound'] as const satisfies readonly Direction[];

/** All that a job carries: jobs are clear text in Redis, so ids only. */
export interface LaneJob {
  laneId: string;
}

/** The one name of our jobs. */
export const LANE_JOB = 'lane';

/** Signals have a queue of their own: they are worth less than any wake-up. */
export const SIGNALS_QUEUE = 'signals';

/** An agent types in a conversation of the desk. */
export interface TypingJob {
  tenantId: string;
  deskConversationId: string;
}

export const TYPING_JOB = 'typing';

/** A bot is at work on an answer to a thread. */
export interface ThinkingJob {
  tenantId: string;
  threadId: string;
  seconds: number;
}

export const THINKING_JOB = 'thinking';

export type SignalJob = TypingJob | ThinkingJob;

/** Schema of BullMQ's own tables where it runs on Postgres. */
export const QUEUE_SCHEMA = 'bullmq';
