import { DeliveryError } from '../delivery-error.js';
import type { DeskCallContext } from '../ports/call.js';
import type { SentCandidate } from '../ports/channel-port.js';
import type { DeliveryDependencies, LookUpResult, Step } from './delivery.js';
import type { HeadDelivery } from './head-delivery.js';
import type { ClaimedLane, LaneHead, StoredAttempt, StoredPart } from './lane-store.js';
import { callThrough, intended } from './provider-gate.js';

/** What a successful look-up says, or that there can be none. */
export type Verdict = { sent: Partial<SentCandidate> } | 'not-found' | 'impossible';

/** Makes the one call of a look-up. */
export type Look = <T>(call: (context: DeskCallContext) => Promise<T>) => Promise<T>;

/** Looks for what an attempt of a part left at the provider. */
export type LookUpPart = (part: StoredPart, attempt: StoredAttempt, look: Look) => Promise<Verdict>;

/**
 * Finds out about attempts without a known outcome: their worker died, or the call broke off after writing. Nothing is
 * repeated until a look-up has answered, or can never answer.
 */
export class UncertainAttempts {
  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {}

  /** `clear`: no attempt of the part is in doubt, it may be sent. */
  async resolve(
    lane: ClaimedLane,
    head: LaneHead,
    { part, last }: { part: StoredPart; last: boolean },
    lookUp: LookUpPart,
  ): Promise<Step | 'clear'> {
    const { store, options } = this.deps;
    const unknown = head.attempts.filter((attempt) => isUnknown(attempt) && attempt.partN === part.n);
    const [first] = unknown;
    const attempt = unknown.at(-1);
    if (!first || !attempt) return 'clear';
    const permit = await this.heads.enter(lane, head, 'look-up');
    if (typeof permit === 'string') return permit;
    if (!(await intended(permit, store.renew(lane.lease, options.leaseMs)))) return 'lost';

    // Taken before the look-up: it proves the absence only of what had its time to show.
    const sinceEndMs = attempt.endedAgoMs ?? attempt.startedAgoMs - options.sendTimeoutMs;
    let verdict: Verdict;
    try {
      verdict = await lookUp(part, first, (call) =>
        callThrough(permit, () => call({ tenantId: lane.tenantId, timeoutMs: options.sendTimeoutMs })),
      );
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (!this.isHopeless(lane, attempt)) return this.lookUpFailed(lane, head, attempt, error);
      verdict = 'impossible';
    } finally {
      permit.unused();
    }
    if (typeof verdict === 'object') {
      this.observe(lane, head, 'found');
      const end = { id: attempt.id, outcome: 'submitted' as const, ...verdict.sent };
      return this.heads.submitted(lane, head, last, end, unknown.length > 1);
    }
    const settlesInMs = options.uncertainSettleMs - sinceEndMs;
    if (settlesInMs > 0) {
      this.observe(lane, head, 'not-yet');
      return (await store.wait(lane.lease, settlesInMs, 'back-off')) ? 'stop' : 'lost';
    }
    if (verdict === 'impossible') return this.giveUp(lane, head, attempt);
    this.observe(lane, head, 'not-there');
    const backOffMs = lane.failures === 0 ? 0 : this.heads.backOff(lane.failures) - sinceEndMs;
    return this.heads.settle(lane, head, {
      delivery: 'open',
      ends: false,
      attempt: { id: attempt.id, outcome: 'not-sent' },
      lane: {
        failures: lane.failures,
        ...(backOffMs > 0 && { notBeforeMs: backOffMs, waitingFor: 'back-off' as const }),
      },
    });
  }

  /** A look-up that failed concludes nothing; the message's age is what ends this. */
  private lookUpFailed(
    lane: ClaimedLane,
    head: LaneHead,
    attempt: StoredAttempt,
    error: DeliveryError,
  ): Promise<Step> {
    this.observe(lane, head, 'failed');
    if (error.kind === 'credentials') return this.heads.fail(lane, head, error);
    const failed = { id: attempt.id, outcome: 'uncertain' as const, lookUpFailed: true };
    if (this.heads.isTooOld(lane, head)) {
      return this.heads.settle(lane, head, {
        delivery: 'failed',
        ends: true,
        reason: 'outcome-unknown',
        attempt: failed,
        lane: { failures: 0 },
      });
    }
    const failures = lane.failures + 1;
    return this.heads.settle(lane, head, {
      delivery: 'uncertain',
      ends: false,
      reason: 'look-up-failed',
      attempt: failed,
      lane: { failures, notBeforeMs: this.heads.lookUpBackOff(failures, error), waitingFor: 'back-off' },
    });
  }

  /** Look-ups have failed for long, and it is not the provider as a whole that is away. */
  private isHopeless(lane: ClaimedLane, { lookUpFailingMs }: StoredAttempt): boolean {
    const patienceMs = this.deps.options.lookUpPatienceMs;
    return (lookUpFailingMs ?? 0) >= patienceMs && this.heads.hasSucceededWithin(lane.direction, patienceMs);
  }

  /** Nobody will ever know: the configured policy decides. */
  private giveUp(lane: ClaimedLane, head: LaneHead, attempt: StoredAttempt): Promise<Step> {
    this.observe(lane, head, 'impossible');
    if (this.deps.options.uncertainPolicy === 'hold') {
      return this.heads.settle(lane, head, {
        delivery: 'held',
        ends: false,
        reason: 'uncertain',
        attempt: { id: attempt.id, outcome: 'uncertain' },
        lane: { failures: 0 },
      });
    }
    return this.heads.settle(lane, head, {
      delivery: 'open',
      ends: false,
      attempt: { id: attempt.id, outcome: 'abandoned' },
      lane: { failures: lane.failures },
    });
  }

  private observe(lane: ClaimedLane, head: LaneHead, result: LookUpResult): void {
    this.deps.observer.lookedUp({
      direction: lane.direction,
      kind: 'send',
      result,
      messageId: head.messageId,
      laneId: lane.lease.laneId,
    });
  }
}

/** May have taken effect without our knowing. */
export function isUnknown({ kind, outcome }: StoredAttempt): boolean {
  return kind === 'send' && (outcome === 'sending' || outcome === 'uncertain');
}
