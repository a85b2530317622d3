import type { Direction, PartContent } from '../content.js';
import { DeliveryError } from '../delivery-error.js';
import type { DeskCallContext, Sent } from '../ports/call.js';
import type { PartCost } from '../ports/channel-port.js';
import { isFailure, RECEIPT_RANK } from '../receipts.js';
import { backOffMs } from './back-off.js';
import { StaleIntentError, StorageError, type DeliveryDependencies, type Step } from './delivery.js';
import type {
  AttemptEnd,
  ClaimedLane,
  LaneHead,
  Settlement,
  StoredAttempt,
  StoredPart,
} from './lane-store.js';
import { callThrough, intended, isRefusal, type Permit, type ProviderCall } from './provider-gate.js';
import { takenAttachments } from './taken-attachments.js';
import { isUnknown, UncertainAttempts, type LookUpPart } from './uncertain-attempts.js';

/** An intent older than this is not acted on: its lease may be somebody else's by the time the bytes leave. */
const INTENT_FRESH_MS = 1_000;
/** An attempt without a known outcome is looked up so soon: what it left usually shows at once. */
const FIRST_LOOK_UP_MS = 1_000;
/** Failed look-ups climb the schedule of pauses up to this step: 15 s as it comes. */
const LONGEST_LOOK_UP_STEP = 5;
/** Probing interval while something at a provider waits for an operator: a sender not registered, a missing channel. */
const CONFIGURATION_WAIT_MS = 300_000;
/** Pauses between tries to write an outcome; together far below a lease, and the fence guards each. */
const SETTLE_PAUSES_MS = [50, 200, 500, 1_000];
/** How long after a part the next one waits for its receipt. */
const LONGEST_RECEIPT_WAIT_MS = 10_000;
/** A receipt wakes the lane; one that comes while somebody works on it does not, and is found so soon. */
const RECEIPT_LOOK_MS = 1_000;
/** Failures of our own code over one item before it is set aside. */
const MAX_OWN_FAILURES = 5;

/** Where and how a direction sends. */
export interface Target {
  /**
   * Makes the message's parts, once, before the first is sent. May fetch and upload; throws `DeliveryError`, and answers a
   * step where the lane waits or the head was decided about already.
   */
  prepare: () => PartContent[] | Promise<PartContent[] | Step>;
  /** Whether the parts as they were made are for where the message goes now; if not, all are made anew before the first is sent. */
  suits?: (parts: PartContent[]) => boolean;
  /** Whether a part as it was made can still be sent; one that cannot is made anew. */
  fits?: (part: PartContent) => boolean;
  conversationId?: string;
  /** What a part is sent as; before each attempt. May make things at the provider; a step where the lane has to wait instead. */
  ready?: (part: StoredPart) => Promise<PartContent | Step>;
  call: (part: PartContent, attemptId: string, context: DeskCallContext) => Promise<Sent>;
  cost?: (part: PartContent) => PartCost | undefined;
  /** Decides about a conversation that the far side says is no more. */
  onGone?: (attempt: AttemptEnd, error: DeliveryError) => Promise<Step>;
  /** Decides where the far side says that its reply window is closed. */
  onWindow?: (attempt: AttemptEnd) => Promise<Step>;
}

/** A call with an effect, and what is stored before it; both under the attempt's id. */
interface Intended<T> {
  kind: 'send' | 'create';
  /** Absent: where the lane leads. */
  destination?: 'bot';
  intent: (id: string) => Promise<boolean>;
  call: (id: string, context: DeskCallContext) => Promise<T>;
  /** Again, without knowing what became of the attempt before. */
  resend?: boolean;
}

/** How it ended. */
type Made<T> = { id: string; result: T } | { id: string; error: unknown };

/** Sends the head's next part: prepare → intent → send → outcome. Shared by both directions. */
export class HeadDelivery {
  private readonly uncertain: UncertainAttempts;
  /** When a call last succeeded, monotonic milliseconds. */
  private readonly succeededAtMs = new Map<Direction, number>();

  constructor(private readonly deps: DeliveryDependencies) {
    this.uncertain = new UncertainAttempts(deps, this);
  }

  /** The part to send next, made and stored before its first attempt; `lost` when the fence is not ours. */
  private async nextPart(
    lane: ClaimedLane,
    head: LaneHead,
    { prepare, suits = () => true, fits = () => true }: Target,
  ): Promise<{ part: StoredPart; last: boolean } | 'all-sent' | Step> {
    const { store } = this.deps;
    let parts = head.parts;
    const isBegun = parts.some((part) => isSent(head.attempts, part.n));
    const isMisled = parts.length > 0 && !isBegun && !suits(parts.map(({ content }) => content));
    if (parts.length === 0 || isMisled) {
      const contents = await this.keepingLease(lane, prepare);
      if (typeof contents === 'string') return contents;
      const deletesMedia =
        lane.number.settings.deleteMedia === true &&
        'attachments' in head.content &&
        takenAttachments(contents).length > 0;
      const isStored = isMisled
        ? await store.replaceParts(lane.lease, head.messageId, contents, { deletesMedia })
        : await store.storeParts(lane.lease, head.messageId, contents, { deletesMedia });
      if (!isStored) return 'lost';
      parts = contents.map((content, index) => ({ n: index + 1, content }));
    }
    const pending = parts.filter((part) => !isSent(head.attempts, part.n));
    let [part] = pending;
    if (!part) return 'all-sent';
    if (!fits(part.content)) {
      const contents = await this.keepingLease(lane, prepare);
      if (typeof contents === 'string') return contents;
      const content = contents[part.n - 1] ?? part.content;
      if (!(await store.replacePart(lane.lease, head.messageId, part.n, content))) return 'lost';
      part = { n: part.n, content };
    }
    return { part, last: pending.length === 1 };
  }

  /** Does what may take longer than a lease, and renews that meanwhile. A lease that is lost shows at the next write. */
  async keepingLease<T>(lane: ClaimedLane, work: () => T | Promise<T>): Promise<T> {
    const { store, options } = this.deps;
    const renewing = setInterval(() => {
      store.renew(lane.lease, options.leaseMs).catch(() => undefined);
    }, options.leaseMs / 3);
    try {
      return await work();
    } finally {
      clearInterval(renewing);
    }
  }

  /**
   * Finds out about an attempt of the head's next part that has no known outcome. `clear`: none is in doubt, or the part was
   * given up to be sent again.
   */
  async settleDoubt(lane: ClaimedLane, head: LaneHead, lookUp: LookUpPart): Promise<Step | 'clear'> {
    const [part, ...later] = head.parts.filter(({ n }) => !isSent(head.attempts, n));
    if (!part) return 'clear';
    const last = later.length === 0;
    const named = doubtfulAttempts(head, part.n).find(({ providerId }) => providerId !== undefined);
    if (named) {
      // A callback has named this attempt: it took effect, whatever was tried beside it.
      const others = doubtfulAttempts(head, part.n).length > 1;
      return this.submitted(lane, head, last, { id: named.id, outcome: 'submitted' }, others);
    }
    return this.uncertain.resolve(lane, head, { part, last }, lookUp);
  }

  /** Delivers the head's next part. */
  async deliverPart(lane: ClaimedLane, head: LaneHead, target: Target): Promise<Step> {
    const next = await this.nextPart(lane, head, target);
    if (next === 'all-sent') {
      return this.settle(lane, head, { delivery: 'submitted', ends: true, lane: { failures: 0 } });
    }
    if (typeof next === 'string') return next;
    const waiting = await this.waitForPartBefore(lane, head, next.part.n);
    if (waiting) return waiting;
    // A bot knows what it has had.
    const resend = !next.part.content.bot && doubtfulAttempts(head, next.part.n).length > 0;
    return this.send(lane, head, { ...target, ...next, resend });
  }

  /** A number may want a part to have arrived before the next one goes; a receipt that does not come is not waited for for long. */
  private async waitForPartBefore(lane: ClaimedLane, head: LaneHead, n: number): Promise<Step | undefined> {
    const { partsWaitFor = 'submitted' } = lane.number.settings;
    if (n === 1 || lane.direction === 'inbound' || partsWaitFor === 'submitted') return undefined;
    const before = head.attempts.findLast(
      ({ kind, partN, outcome }) => kind === 'send' && partN === n - 1 && outcome === 'submitted',
    );
    if (!before) return undefined;
    const { id, receipt, endedAgoMs = before.startedAgoMs } = before;
    const waitMs = LONGEST_RECEIPT_WAIT_MS - endedAgoMs;
    if (waitMs <= 0 || (receipt && RECEIPT_RANK[receipt] >= RECEIPT_RANK[partsWaitFor])) return undefined;
    const waits = await this.deps.store.waitForReceipt(lane.lease, Math.min(waitMs, RECEIPT_LOOK_MS), {
      attemptId: id,
      receipt: partsWaitFor,
    });
    return waits ? 'stop' : 'lost';
  }

  /** One provider call for one part, with everything around it. */
  private async send(
    lane: ClaimedLane,
    head: LaneHead,
    target: Target & { part: StoredPart; last: boolean; resend: boolean },
  ): Promise<Step> {
    const { store, options } = this.deps;
    const { ready, part, last, resend, conversationId } = target;
    const content = ready ? await this.keepingLease(lane, () => ready(part)) : part.content;
    if (typeof content === 'string') return content;
    const cost = target.cost?.(content);
    const destination = content.bot && { destination: 'bot' as const };
    const made = await this.attempt(lane, head, {
      kind: 'send',
      resend,
      ...destination,
      intent: (id) =>
        store.intent(lane.lease, options.leaseMs, {
          id,
          ...destination,
          ...(cost && { cost }),
          messageId: head.messageId,
          seq: head.seq,
          partN: part.n,
          ...(conversationId && { conversationId }),
        }),
      call: (id, context) => target.call(content, id, context),
    });
    if (typeof made === 'string') return made;
    if ('error' in made) return this.failed(lane, head, target, made.id, made.error);
    return this.submitted(lane, head, last, submittedEnd(made.id, made.result), resend);
  }

  /**
   * One call that has an effect: asked for, its intent stored, and made while that is fresh. A step where the lane has to wait,
   * or where the intent was not taken.
   */
  async attempt<T>(
    lane: ClaimedLane,
    head: LaneHead,
    { kind, destination, intent, call, resend = false }: Intended<T>,
  ): Promise<Made<T> | Step> {
    const { store, options, crash, newId, nowMs } = this.deps;
    const permit = await this.enter(lane, head, kind, destination);
    if (typeof permit === 'string') return permit;
    const id = newId();
    const beforeIntentMs = nowMs();
    // A late report or an event may have changed things meanwhile: the head is read again, if the lane is still ours.
    if (!(await intended(permit, intent(id))))
      return (await store.renew(lane.lease, options.leaseMs)) ? 'next' : 'lost';
    crash('after-intent');

    const startedMs = nowMs();
    let result: T;
    try {
      result = await callThrough(permit, () => call(id, this.callContext(lane, beforeIntentMs)));
    } catch (error) {
      if (error instanceof StorageError) throw error;
      this.observe(lane, head, { kind, destination, resend, startedMs, error });
      return { id, error };
    }
    crash('after-response');
    this.observe(lane, head, { kind, destination, resend, startedMs });
    return { id, result };
  }

  /** Asks for one call to a provider, its own by default; answers a step where the lane has to wait instead. */
  async enter(
    lane: ClaimedLane,
    head: LaneHead,
    kind: ProviderCall['kind'],
    provider: ProviderCall['provider'] = lane.direction === 'inbound' ? 'desk' : 'channel',
  ): Promise<Permit | Step> {
    const { gate, store } = this.deps;
    const { tenantId, number } = lane;
    const botUrl = provider === 'bot' ? number.settings.bot?.url : undefined;
    const answer = await gate.enter({
      provider,
      kind,
      tenantId,
      number,
      ...(botUrl !== undefined && { botUrl }),
    });
    if (!isRefusal(answer)) return answer;
    if (answer.why === 'credentials') {
      return this.settle(lane, head, {
        delivery: 'held',
        ends: false,
        reason: 'credentials',
        lane: { failures: lane.failures, notBeforeMs: answer.waitMs, waitingFor: 'back-off' },
      });
    }
    return (await store.wait(lane.lease, answer.waitMs, 'back-off')) ? 'stop' : 'lost';
  }

  /** Limits of one call: the deadline, and the freshness of its intent right before the first byte. */
  private callContext({ tenantId }: ClaimedLane, beforeIntentMs: number): DeskCallContext {
    const { options, crash, nowMs } = this.deps;
    return {
      tenantId,
      timeoutMs: options.sendTimeoutMs,
      beforeFirstByte: () => {
        if (nowMs() - beforeIntentMs > INTENT_FRESH_MS) throw new StaleIntentError();
        setImmediate(() => crash('mid-request'));
      },
    };
  }

  /** Decides about the head after a failed call or a failed preparation. */
  async fail(
    lane: ClaimedLane,
    head: LaneHead,
    error: unknown,
    attempt?: AttemptEnd,
    resend = false,
  ): Promise<Step> {
    const possibleDuplicate = resend && { possibleDuplicate: true };
    const common = { ...(attempt && { attempt }), ...possibleDuplicate };
    if (!(error instanceof DeliveryError)) return this.ownFailure(lane, head, error, common);
    const why = {
      reason: error.code,
      ...(error.providerCode !== undefined && { providerCode: error.providerCode }),
    };
    const failures = lane.failures + 1;
    switch (error.kind) {
      case 'gone':
      case 'not-sent':
        return this.settle(lane, head, {
          ...common,
          ...why,
          delivery: 'open',
          ends: false,
          lane: { failures, notBeforeMs: this.backOff(failures, error), waitingFor: 'back-off' },
        });
      case 'uncertain':
        return this.settle(lane, head, {
          ...common,
          ...why,
          delivery: 'uncertain',
          ends: false,
          lane: {
            failures,
            notBeforeMs: Math.min(this.deps.options.uncertainSettleMs, FIRST_LOOK_UP_MS),
            waitingFor: 'back-off',
          },
        });
      case 'failed':
        return this.settle(lane, head, {
          ...common,
          ...why,
          delivery: 'failed',
          ends: true,
          lane: { failures: 0 },
        });
      case 'held':
        return this.hold(lane, head, error.hold ?? 'configuration', { ...common, ...why });
      case 'credentials':
        return this.settle(lane, head, {
          ...common,
          ...why,
          delivery: 'held',
          ends: false,
          reason: 'credentials',
          lane: { failures, notBeforeMs: this.deps.options.credentialsWaitMs, waitingFor: 'back-off' },
        });
    }
  }

  hold(lane: ClaimedLane, head: LaneHead, reason: string, rest: Partial<Settlement> = {}): Promise<Step> {
    const probed = reason === 'configuration' && {
      notBeforeMs: CONFIGURATION_WAIT_MS,
      waitingFor: 'back-off' as const,
    };
    const lease = { failures: 0, ...probed };
    return this.settle(lane, head, {
      ...rest,
      delivery: 'held',
      ends: reason === 'quarantine',
      reason,
      lane: lease,
    });
  }

  /** Writes what became of the head; the step follows from it. */
  async settle(
    lane: ClaimedLane,
    head: LaneHead,
    settlement: Omit<Settlement, 'messageId' | 'seq'>,
  ): Promise<Step> {
    const delivery = await this.write({ ...settlement, messageId: head.messageId, seq: head.seq }, lane);
    if (delivery === undefined) return 'lost';
    lane.failures = settlement.lane.failures;
    const goesOn =
      settlement.ends || (settlement.delivery === 'open' && settlement.lane.notBeforeMs === undefined);
    return goesOn ? 'next' : 'stop';
  }

  /** An outcome that is not written is an attempt nobody knows of, so a short trouble of storage is sat out. */
  private async write(
    settlement: Settlement,
    lane: ClaimedLane,
  ): Promise<Settlement['delivery'] | undefined> {
    for (const pauseMs of [...SETTLE_PAUSES_MS, undefined]) {
      try {
        return await this.deps.store.settle(lane.lease, this.deps.options.leaseMs, settlement);
      } catch (error) {
        if (!(error instanceof StorageError) || pauseMs === undefined) throw error;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
    return undefined;
  }

  private observe(
    lane: ClaimedLane,
    head: LaneHead,
    attempt: {
      kind: 'send' | 'create';
      destination: 'bot' | undefined;
      resend: boolean;
      startedMs: number;
      error?: unknown;
    },
  ): void {
    const { kind, destination, resend, startedMs, error } = attempt;
    if (error === undefined && !destination) this.succeededAtMs.set(lane.direction, this.deps.nowMs());
    this.deps.observer.attempted({
      direction: lane.direction,
      kind,
      ...(destination && { destination }),
      outcome: error === undefined ? 'submitted' : error instanceof DeliveryError ? error.kind : 'bug',
      ...(error instanceof DeliveryError && { code: error.code }),
      ...(resend && { possibleDuplicate: true }),
      seconds: (this.deps.nowMs() - startedMs) / 1000,
      messageId: head.messageId,
      laneId: lane.lease.laneId,
    });
  }

  submitted(
    lane: ClaimedLane,
    head: LaneHead,
    last: boolean,
    attempt: AttemptEnd,
    resend = false,
  ): Promise<Step> {
    return this.settle(lane, head, {
      delivery: last ? 'submitted' : 'open',
      ends: last,
      attempt,
      ...(resend && { possibleDuplicate: true }),
      lane: { failures: 0 },
    });
  }

  private failed(
    lane: ClaimedLane,
    head: LaneHead,
    target: Pick<Target, 'onGone' | 'onWindow'> & { resend: boolean },
    attemptId: string,
    error: unknown,
  ): Promise<Step> {
    const attempt = attemptEnd(attemptId, error);
    if (error instanceof DeliveryError && error.kind === 'gone' && target.onGone)
      return target.onGone(attempt, error);
    if (error instanceof DeliveryError && error.hold === 'window' && target.onWindow)
      return target.onWindow(attempt);
    return this.fail(lane, head, error, attempt, target.resend);
  }

  /** An exception of our own: after the intent anything may have left, so the attempt counts as uncertain. */
  private ownFailure(
    lane: ClaimedLane,
    head: LaneHead,
    error: unknown,
    common: Partial<Settlement>,
  ): Promise<Step> {
    this.deps.observer.alarm('own-failure', ids(lane, head), error);
    if (head.tries + 1 >= MAX_OWN_FAILURES) return this.hold(lane, head, 'quarantine', common);
    const failures = lane.failures + 1;
    return this.settle(lane, head, {
      ...common,
      delivery: common.attempt ? 'uncertain' : 'open',
      ends: false,
      ownFailure: true,
      reason: 'own-failure',
      lane: { failures, notBeforeMs: this.backOff(failures), waitingFor: 'back-off' },
    });
  }

  backOff(failures: number, error?: DeliveryError): number {
    return backOffMs(this.deps.options.retry, failures, error?.retryAfterMs, this.deps.random);
  }

  /**
   * The pause after a look-up that failed. It stays short, for a provider that is away is called by its probes only, and
   * whoever wrote waits for as long as nobody knows.
   */
  lookUpBackOff(failures: number, error: DeliveryError): number {
    return this.backOff(Math.min(failures, LONGEST_LOOK_UP_STEP), error);
  }

  isTooOld(lane: ClaimedLane, head: LaneHead): boolean {
    return head.ageMs > this.deps.options.maxAgeMs[lane.direction];
  }

  /** Whether a call of this process to the direction's provider has succeeded lately. */
  hasSucceededWithin(direction: Direction, ms: number): boolean {
    const atMs = this.succeededAtMs.get(direction);
    return atMs !== undefined && this.deps.nowMs() - atMs <= ms;
  }
}

/** Ids that a log line or an alarm may carry. */
export function ids(lane: ClaimedLane, head: LaneHead): { messageId: string; laneId: string } {
  return { messageId: head.messageId, laneId: lane.lease.laneId };
}

/** How an attempt ended that the provider took. */
export function submittedEnd(id: string, { httpStatus, providerId, receipt }: Sent): AttemptEnd {
  return {
    id,
    outcome: 'submitted',
    httpStatus,
    ...(providerId !== undefined && { providerId }),
    ...(receipt !== undefined && { receipt }),
  };
}

/** How an attempt ended that threw. */
export function attemptEnd(id: string, error: unknown): AttemptEnd {
  if (!(error instanceof DeliveryError)) return { id, outcome: 'uncertain', errorClass: 'bug' };
  return {
    id,
    outcome: error.kind,
    errorClass: error.kind,
    errorCode: error.code,
    ...(error.httpStatus !== undefined && { httpStatus: error.httpStatus }),
    ...(error.providerCode !== undefined && { providerCode: error.providerCode }),
  };
}

/** A part is done when an attempt of it was submitted and the provider has not reported that one as failed. */
export function isSent(attempts: StoredAttempt[], partN: number): boolean {
  return attempts.some(
    ({ kind, partN: n, outcome, receipt }) =>
      kind === 'send' && n === partN && outcome === 'submitted' && !(receipt && isFailure(receipt)),
  );
}

/** Attempts of the part that may have taken effect without our knowing: sending again may double it. */
function doubtfulAttempts(head: LaneHead, partN: number): StoredAttempt[] {
  return head.attempts.filter(
    (attempt) => attempt.partN === partN && (isUnknown(attempt) || attempt.outcome === 'abandoned'),
  );
}
