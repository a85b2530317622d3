import { DeliveryError } from '../delivery-error.js';
import { StorageError, type DeliveryDependencies, type Step } from './delivery.js';
import { attemptEnd, type HeadDelivery } from './head-delivery.js';
import type { AttemptEnd, ClaimedLane, LaneHead } from './lane-store.js';
import { callThrough, intended } from './provider-gate.js';

/** Ends of a template's attempt after which it may be tried again: nothing has left. */
const NOT_SENT = new Set(['not-sent', 'credentials']);
/** The provider will not take it: it says so of the template, not of this customer's moment. */
const REFUSED = new Set(['failed', 'held']);

/**
 * Free texts that come too late after the customer's last one: the template of the number, where it has one, asks the customer
 * to write, once; the agent's messages wait for that, and the agent is told.
 */
export class ReplyWindow {
  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {}

  /** Of the lane's channel; undefined where it takes texts at any time. */
  ms(lane: ClaimedLane): number | undefined {
    return lane.direction === 'outbound'
      ? this.deps.channel.capabilities.replyWindowMs[lane.number.channel]
      : undefined;
  }

  /** The window is closed: asks the customer, or holds the head. */
  async closed(lane: ClaimedLane, head: LaneHead, replyWindowMs: number): Promise<Step> {
    const asked = head.attempts.findLast(({ kind }) => kind === 'template');
    const mayAsk = asked ? NOT_SENT.has(asked.outcome) : head.replyWindow === 'closed';
    const { windowTemplate } = lane.number.settings;
    if (windowTemplate && mayAsk) return this.ask(lane, head, windowTemplate);
    const { store, options } = this.deps;
    const delivery = await store.holdForWindow(lane.lease, options.leaseMs, {
      ...head,
      replyWindowMs,
      templateRefused: asked !== undefined && REFUSED.has(asked.outcome),
    });
    if (delivery === undefined) return 'lost';
    return delivery === 'held' ? 'stop' : 'next';
  }

  /** The provider calls the window closed that we thought open: the head is read again, and finds it so. */
  async refused(lane: ClaimedLane, head: LaneHead, attempt: AttemptEnd): Promise<Step> {
    const step = await this.heads.settle(lane, head, {
      delivery: 'open',
      ends: false,
      attempt,
      ...(attempt.providerCode !== undefined && { providerCode: attempt.providerCode }),
      lane: { failures: 0 },
    });
    if (step !== 'next') return step;
    return (await this.deps.store.windowClosed(lane.lease, head.messageId, attempt.id)) ? 'next' : 'lost';
  }

  /**
   * One call, never repeated unless it certainly had no effect: a customer who is asked twice is worse off than one who was
   * perhaps not asked at all, and the agent reads that they wait.
   */
  private async ask(
    lane: ClaimedLane,
    head: LaneHead,
    { contentSid, variables }: { contentSid: string; variables?: Record<string, string> },
  ): Promise<Step> {
    const { store, channel, options, newId, nowMs, crash } = this.deps;
    const permit = await this.heads.enter(lane, head, 'send');
    if (typeof permit === 'string') return permit;
    const id = newId();
    const beforeIntentMs = nowMs();
    const { messageId, seq } = head;
    const intent = store.intentTemplate(lane.lease, options.leaseMs, { id, messageId, seq });
    if (!(await intended(permit, intent)))
      return (await store.renew(lane.lease, options.leaseMs)) ? 'next' : 'lost';
    crash('after-intent');
    const startedMs = nowMs();
    const part = { content: { sid: contentSid, ...(variables && { variables }) } };
    const attempt = { messageId, attemptId: id };
    const request = { number: lane.number, to: lane.customer.address, part, attempt };
    try {
      const { httpStatus, ...sent } = await callThrough(permit, () =>
        channel.send(request, this.heads.callContext(beforeIntentMs)),
      );
      crash('after-response');
      this.heads.observe(lane, head, 'send', undefined, startedMs);
      const end = { id, outcome: 'submitted' as const, httpStatus, ...sent };
      return await this.heads.settle(lane, head, openWith(end));
    } catch (error) {
      if (error instanceof StorageError) throw error;
      this.heads.observe(lane, head, 'send', error, startedMs);
      const end = attemptEnd(id, error);
      if (error instanceof DeliveryError && NOT_SENT.has(error.kind))
        return this.heads.fail(lane, head, error, end);
      const step = await this.heads.settle(lane, head, openWith(end));
      // Refused for good: whoever writes next may find it repaired.
      if (step === 'next' && REFUSED.has(end.outcome))
        return (await store.templateRefused(lane.lease)) ? 'next' : 'lost';
      return step;
    }
  }
}

/** The attempt ends, the head stays where it is and is read again. */
function openWith(attempt: AttemptEnd) {
  return {
    delivery: 'open' as const,
    ends: false,
    attempt,
    ...(attempt.providerCode !== undefined && { providerCode: attempt.providerCode }),
    lane: { failures: 0 },
  };
}
