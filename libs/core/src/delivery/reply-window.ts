import { DeliveryError } from '../delivery-error.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import { attemptEnd, submittedEnd, type HeadDelivery } from './head-delivery.js';
import type { AttemptEnd, ClaimedLane, LaneHead } from './lane-store.js';

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

  /** The customer has written, and what waits before the head has not heard of it. */
  async open(lane: ClaimedLane): Promise<Step> {
    return (await this.deps.store.openWindow(lane.lease)) ? 'next' : 'lost';
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
      told: head.behindWindow ?? false,
    });
    // What comes after it may be a template, which needs no word of theirs.
    return delivery === undefined ? 'lost' : 'next';
  }

  /** The provider calls the window closed that we thought open: the head is read again, and finds it so. */
  async refused(lane: ClaimedLane, head: LaneHead, attempt: AttemptEnd): Promise<Step> {
    const step = await this.heads.settle(lane, head, openWith(attempt));
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
    const { store, channel, options } = this.deps;
    const { messageId, seq } = head;
    const { number, customer } = lane;
    const part = { content: { sid: contentSid, ...(variables && { variables }) } };
    const made = await this.heads.attempt(lane, head, {
      kind: 'send',
      intent: (id) => store.intentTemplate(lane.lease, options.leaseMs, { id, messageId, seq }),
      call: (id, context) => {
        const attempt = { messageId, attemptId: id };
        return channel.send({ number, to: customer.address, part, attempt }, context);
      },
    });
    if (typeof made === 'string') return made;
    if ('result' in made) return this.heads.settle(lane, head, openWith(submittedEnd(made.id, made.result)));
    const { error } = made;
    const end = attemptEnd(made.id, error);
    if (error instanceof DeliveryError && NOT_SENT.has(error.kind))
      return this.heads.fail(lane, head, error, end);
    const step = await this.heads.settle(lane, head, openWith(end));
    // Refused for good: whoever writes next may find it repaired.
    if (step === 'next' && REFUSED.has(end.outcome))
      return (await store.templateRefused(lane.lease)) ? 'next' : 'lost';
    return step;
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
