import { PROBED_HOLDS } from '../delivery-error.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import { StorageError } from './delivery.js';
import { HeadDelivery } from './head-delivery.js';
import { InboundDelivery } from './inbound-delivery.js';
import type { ClaimedLane, LaneHead } from './lane-store.js';
import { OutboundDelivery } from './outbound-delivery.js';
import { ReplyWindow } from './reply-window.js';
import { isUnknown } from './uncertain-attempts.js';

/**
 * Works on one lane: claim → head → prepare → intent → send → outcome → next head → release → look again.
 * The lane's lease makes this process the only one that sends for it; the fence makes late writes harmless.
 */
export class LaneDrain {
  private readonly heads: HeadDelivery;
  private readonly inbound: InboundDelivery;
  private readonly outbound: OutboundDelivery;
  private readonly window: ReplyWindow;
  private stopping = false;

  constructor(private readonly deps: DeliveryDependencies) {
    this.heads = new HeadDelivery(deps);
    this.inbound = new InboundDelivery(deps, this.heads);
    this.window = new ReplyWindow(deps, this.heads);
    this.outbound = new OutboundDelivery(deps, this.heads, this.window);
  }

  /** Running drains finish the item they are at and give their lanes back. */
  stop(): void {
    this.stopping = true;
  }

  /** Drains a lane up to its share. Throws nothing but StorageError; the sweeper comes back to whatever is left. */
  async drain(laneId: string): Promise<void> {
    const { store, options, crash, nowMs, wakeUps } = this.deps;
    if (this.stopping) return;
    crash('before-claim');
    const lane = await store.claim(laneId, options.leaseMs);
    if (!lane) return;
    crash('after-claim');

    const startedMs = nowMs();
    let step: Step = 'next';
    for (let items = 0; step === 'next' && !this.stopping; items += 1) {
      if (items >= options.maxItems || nowMs() - startedMs > options.maxDrainMs) break;
      const head = await store.head(lane, this.window.ms(lane));
      if (!head) break;
      step = await this.deliver(lane, head);
    }
    if (step === 'lost') return;

    crash('before-release');
    await store.release(lane.lease);
    const dueMs = await store.lookAgain(laneId);
    if (dueMs !== undefined) {
      wakeUps.wake([{ laneId, direction: lane.direction, ...(dueMs > 0 && { delayMs: dueMs }) }]);
    }
  }

  private async deliver(lane: ClaimedLane, head: LaneHead): Promise<Step> {
    // Every hold that is not probed waits for whoever can end it.
    if (head.state === 'held' && !PROBED_HOLDS.includes(head.reason)) return 'stop';
    try {
      if (!lane.number.configured) return await this.heads.hold(lane, head, 'unconfigured');
      // What is held before it goes on standing still.
      if (head.stoodStill && head.state !== 'held' && !head.behindWindow) {
        return (await this.deps.store.endStandstill(lane.lease)) ? 'next' : 'lost';
      }
      // What is in doubt is looked up before anything is said of it.
      if (head.state === 'open' && !head.attempts.some(isUnknown) && this.heads.isTooOld(lane, head)) {
        return await this.heads.settle(lane, head, {
          delivery: 'failed',
          ends: true,
          reason: 'too-old',
          lane: { failures: 0 },
        });
      }
      return await (lane.direction === 'inbound' ? this.inbound : this.outbound).deliver(lane, head);
    } catch (error) {
      if (error instanceof StorageError) throw error;
      return this.heads.fail(lane, head, error);
    }
  }
}
