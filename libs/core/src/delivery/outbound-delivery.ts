import { DeliveryError, OPTED_OUT } from '../delivery-error.js';
import type { PartContent } from '../content.js';
import { contentKey } from '../conversation/compare-messages.js';
import type { CallContext, Sent } from '../ports/call.js';
import { withCommand } from '../text/template-command.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import { ids, type HeadDelivery } from './head-delivery.js';
import type { ClaimedLane, LaneHead, StoredAttempt, StoredPart } from './lane-store.js';
import { Offering } from './offering.js';
import { callThrough, type Permit } from './provider-gate.js';
import { OutboundFiles } from './outbound-files.js';
import type { ReplyWindow } from './reply-window.js';
import type { Look, Verdict } from './uncertain-attempts.js';

/** How many of a conversation's newest messages are read to find who wrote one. */
const LIST_LIMIT = 50;
/** The provider's clock may be so far behind ours. */
const CLOCK_MARGIN_MS = 120_000;
/** Failed readings of the desk's list before the next best evidence decides. */
const MAX_LIST_FAILURES = 3;

/** The key of a message that carries nothing by which it could be told from others. */
const EMPTY = contentKey({ type: 'text', text: '' });

/** Delivers agents' messages to the customer. */
export class OutboundDelivery {
  private readonly offering: Offering;
  private readonly files: OutboundFiles;

  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
    private readonly window: ReplyWindow,
  ) {
    this.offering = new Offering(deps, heads);
    this.files = new OutboundFiles(deps, heads);
  }

  async deliver(lane: ClaimedLane, head: LaneHead): Promise<Step> {
    if (head.authorType === 'unknown') return this.resolveAuthor(lane, head);
    const step = await this.heads.settleDoubt(lane, head, (part, attempt, look) =>
      this.lookUp(lane, head, part, attempt, look),
    );
    if (step !== 'clear') return step;
    if (lane.customer.optedOut) throw new DeliveryError('failed', { code: OPTED_OUT });
    const content =
      head.authorType === 'agent' ? withCommand(head.content, lane.number.settings) : head.content;
    const replyWindowMs = this.window.ms(lane);
    const isTemplate = content.type === 'template';
    if (head.behindWindow && head.replyWindow === 'open') return this.window.open(lane);
    // Nobody is asked to write for what nobody wrote, and later it says nothing.
    const isPassing = content.type === 'text' && content.told !== undefined;
    const tooLate = new DeliveryError('failed', { code: 'window-closed' });
    if (replyWindowMs !== undefined && !isTemplate && head.replyWindow !== 'open') {
      if (isPassing) throw tooLate;
      return this.window.closed(lane, head, replyWindowMs);
    }
    const { language } = lane.number;
    const to = { address: lane.customer.address, ...(language !== undefined && { language }) };
    const prepared = await this.files.prepare(lane, head, to);
    if (typeof prepared === 'string') return prepared;
    return this.heads.deliverPart(lane, prepared, {
      prepare: () => this.deps.channel.render(content, to),
      ready: (part) => this.offering.ready(lane, head, part),
      cost: (part) => this.deps.channel.cost?.(part, lane.number),
      ...(head.conversationId && { conversationId: head.conversationId }),
      call: (part, attemptId, context) => this.send(lane, head, part, attemptId, context),
      ...(replyWindowMs !== undefined && {
        onWindow: (attempt) => {
          if (isPassing) return this.heads.fail(lane, head, tooLate, attempt);
          const notApproved = new DeliveryError('failed', { code: 'template-not-approved' });
          return isTemplate
            ? this.heads.fail(lane, head, notApproved, attempt)
            : this.window.refused(lane, head, attempt);
        },
      }),
    });
  }

  private async send(
    lane: ClaimedLane,
    head: LaneHead,
    part: PartContent,
    attemptId: string,
    context: CallContext,
  ): Promise<Sent> {
    const { store, channel, media, options } = this.deps;
    const attempt = { messageId: head.messageId, attemptId };
    const expiresInMs = options.maxAgeMs.outbound - head.ageMs;
    try {
      const { number, customer } = lane;
      const mediaUrls = part.media && (await Promise.all(part.media.map((file) => media.link(file))));
      const request = {
        number,
        to: customer.address,
        part,
        attempt,
        expiresInMs,
        ...(mediaUrls && { mediaUrls }),
      };
      return await this.offering.send(lane, part, () => channel.send(request, context));
    } catch (error) {
      if (error instanceof DeliveryError && error.code === OPTED_OUT) {
        lane.customer.optedOut = true;
        // Should it not be kept, the next call is refused, too.
        await store.optedOut(head.messageId, attemptId).catch(() => undefined);
      }
      throw error;
    }
  }

  private async lookUp(
    lane: ClaimedLane,
    head: LaneHead,
    part: StoredPart,
    attempt: StoredAttempt,
    look: Look,
  ): Promise<Verdict> {
    const { store, channel } = this.deps;
    const since = attempt.startedAt - CLOCK_MARGIN_MS;
    const facts = await store.sentToCustomer(lane, head, part.n, since);
    if (facts.doubtful) return 'impossible';
    const request = {
      number: lane.number,
      to: lane.customer.address,
      part: part.content,
      since,
      known: facts.known,
    };
    const found = await look((context) => channel.findSent(request, context));
    if (found === 'impossible') return 'impossible';
    const ids = found.map(({ providerId }) => providerId);
    const unbound = await store.unbound(ids, attempt.id);
    const sent = found.find(({ providerId }) => unbound.includes(providerId));
    return sent ? { sent } : 'not-found';
  }

  /**
   * The event did not say who wrote it. Ours when it equals something we posted that no announcement
   * accounts for yet; else what the desk's list says; else an agent's where one is or was there; else set aside.
   */
  private async resolveAuthor(lane: ClaimedLane, head: LaneHead): Promise<Step> {
    const { store, observer } = this.deps;
    const { conversationId, messageId, seq } = head;
    if (conversationId === undefined) return this.heads.hold(lane, head, 'quarantine');
    const key = contentKey(head.content);
    if (key !== EMPTY && (await store.unaccountedFor(conversationId, head.content)) > 0) {
      return (await store.dropEcho(lane.lease, messageId, seq, conversationId)) ? 'next' : 'lost';
    }
    const conversation = await store.conversationFacts(conversationId);
    let listed: string | DeliveryError = 'not-listed';
    if (conversation?.deskConversationId) {
      const permit = await this.heads.enter(lane, head, 'look-up', 'desk');
      if (typeof permit === 'string') return permit;
      listed = await this.listedAuthor(lane, permit, conversation.deskConversationId, key);
    }
    if (listed instanceof DeliveryError && lane.failures < MAX_LIST_FAILURES)
      return this.heads.fail(lane, head, listed);
    if (listed === 'user' || listed === 'bot') {
      return (await store.dropEcho(lane.lease, messageId, seq, conversationId)) ? 'next' : 'lost';
    }
    if (listed === 'agent' || conversation?.hadAgent) {
      if (listed !== 'agent') observer.alarm('author-assumed-agent', ids(lane, head));
      return (await store.resolveAuthor(lane.lease, messageId, 'agent')) ? 'next' : 'lost';
    }
    observer.alarm('author-unknown', ids(lane, head));
    return this.heads.hold(lane, head, 'quarantine');
  }

  private async listedAuthor(
    { tenantId }: ClaimedLane,
    permit: Permit,
    deskConversationId: string,
    key: string,
  ): Promise<string | DeliveryError> {
    const { desk, options } = this.deps;
    try {
      const messages = await callThrough(permit, () =>
        desk.listMessages(deskConversationId, LIST_LIMIT, { tenantId, timeoutMs: options.sendTimeoutMs }),
      );
      return messages.find((message) => contentKey(message) === key)?.authorType ?? 'not-listed';
    } catch (error) {
      if (error instanceof DeliveryError) {
        // A reading call has no effect at the far side, so it can simply be made again.
        return new DeliveryError('not-sent', { code: error.code, retryAfterMs: error.retryAfterMs });
      }
      throw error;
    }
  }
}
