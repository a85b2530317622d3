export * from './bull-wake-ups.js';
export { LaneHandler } from './lane-processor.js';
export * from './lane-processors.js';
export * from './migrate-queues.js';
export * from './queue-names.js';
export * from './queue-observer.js';
export * from './queueing.module.js';
export type { QueueingSettings } from './connections.js';
