import { createHash } from 'node:crypto';
import { Signals, type BotThinking, type DeskConversationId } from '#core';
import { bounded } from './bounded.js';
import { ADD_TIMEOUT_MS } from './connections.js';
import { ErrorLog } from './error-log.js';
import { THINKING_JOB, TYPING_JOB, type SignalJob } from './queue-names.js';
import { WakeUpThrottle } from './wake-up-throttle.js';

/** What signals need of a queue. */
export interface SignalQueue {
  add(name: string, data: SignalJob, options: { jobId: string }): Promise<unknown>;
}

/** The desk says again and again that somebody types; workers show it far less often. */
const INTERVAL_MS = 3_000;
const MAX_CONVERSATIONS = 10_000;
/** Adds under way. A queue that is away or frozen loses the rest. */
const MAX_IN_FLIGHT = 20;

const log = new ErrorLog('Signals');

/** Signals as BullMQ jobs: at most one per conversation waits, and what cannot be queued at once is lost. */
export class BullSignals extends Signals {
  private readonly throttle = new WakeUpThrottle<never>(INTERVAL_MS, MAX_CONVERSATIONS);
  private inFlight = 0;

  constructor(private readonly queue: SignalQueue) {
    super();
  }

  override typing({ tenantId, deskConversationId }: DeskConversationId): void {
    this.send(TYPING_JOB, `${tenantId}\n${deskConversationId}`, { tenantId, deskConversationId });
  }

  override thinking({ tenantId, threadId, seconds }: BotThinking): void {
    this.send(THINKING_JOB, `${tenantId}\n${threadId}`, { tenantId, threadId, seconds });
  }

  private send(name: string, whose: string, data: SignalJob): void {
    const now = performance.now();
    const jobId = jobIdOf(name, whose);
    // Nothing trails here: this only forgets what is past.
    this.throttle.takeDue(now);
    if (this.inFlight >= MAX_IN_FLIGHT || !this.throttle.admit(jobId, now)) return;
    void this.add(name, data, jobId);
  }

  private async add(name: string, data: SignalJob, jobId: string): Promise<void> {
    this.inFlight += 1;
    try {
      // A lost wake-up would cost time, so those have no job ids; a lost signal costs nothing, and jobs that pile up would.
      await bounded(this.queue.add(name, data, { jobId }), ADD_TIMEOUT_MS);
    } catch (error) {
      log.error('A signal could not be queued; it is lost.', error);
    } finally {
      this.inFlight -= 1;
    }
  }
}

/** The desk's ids hold what they like; BullMQ's may neither be a number nor hold a colon. */
function jobIdOf(name: string, whose: string): string {
  return `${name}-${createHash('sha256').update(whose).digest('hex').slice(0, 32)}`;
}
