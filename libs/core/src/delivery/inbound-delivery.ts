import type { MessageContent, PartContent } from '../content.js';
import { answerTo, mayAnswer } from '../conversation/answers.js';
import { endedBy } from '../conversation/last-words.js';
import { DeliveryError } from '../delivery-error.js';
import { ConversationOpening } from './conversation-opening.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import { ids, type HeadDelivery } from './head-delivery.js';
import { InboundMedia } from './inbound-media.js';
import type { AttemptEnd, ClaimedLane, LaneHead, OpenConversation, SentToDesk } from './lane-store.js';
import { callThrough, isRefusal } from './provider-gate.js';
import type { Verdict } from './uncertain-attempts.js';

/** How long after its create a conversation that has not opened is not believed to be gone. */
const YOUNG_MS = 60_000;
/** How soon a conversation that is to end with another message is looked at again. */
const ENDING_LOOK_MS = 200;

/** Delivers a customer's messages to the desk: opens the conversation where there is none. */
export class InboundDelivery {
  private readonly media: InboundMedia;
  private readonly opening: ConversationOpening;

  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {
    this.media = new InboundMedia(deps, heads);
    this.opening = new ConversationOpening(deps, heads);
  }

  async deliver(lane: ClaimedLane, head: LaneHead): Promise<Step> {
    if (carriedByCreate(head)) {
      return this.heads.settle(lane, head, { delivery: 'submitted', ends: true, lane: { failures: 0 } });
    }
    const doubt = await this.settleDoubt(lane, head);
    if (doubt !== 'clear') return doubt;
    if (head.content.type === 'note' && head.conversation?.deskConversationId === undefined) {
      // It opens no conversation of its own: it waits for the next one's history.
      return this.heads.settle(lane, head, {
        delivery: 'held',
        ends: true,
        reason: 'no-conversation',
        lane: { failures: 0 },
      });
    }
    if (head.conversation?.endsAfter !== undefined && head.conversation.endsAfter !== head.messageId)
      return this.end(lane, head.conversation.id);
    const conversation = head.conversation ?? (await this.opening.open(lane, head));
    if (conversation === 'closed') return this.heads.hold(lane, head, 'closed-hours');
    if (conversation === 'limit') return this.heads.hold(lane, head, 'reopening-limit');
    if (!conversation) return 'lost';
    if (conversation.closesInMs !== undefined)
      return this.opening.wait(lane, Math.max(50, conversation.closesInMs), 'closing');
    if (conversation.deskConversationId === undefined) return this.opening.create(lane, head, conversation);
    if (conversation.state === 'opening' && (conversation.readyInMs ?? 0) > 0) {
      return this.opening.wait(lane, conversation.readyInMs ?? 0, 'opening');
    }

    const ends = conversation.endsAfter === undefined && endedBy(head.content, lane.number.settings);
    if (ends) await this.deps.store.endAfter(conversation.id, head.messageId, ends);
    const deskConversationId = conversation.deskConversationId;
    const authorType = authorOf(head);
    return this.heads.deliverPart(lane, head, {
      prepare: () => this.prepare(lane, head, conversation, deskConversationId),
      fits: ({ uploadedTo = deskConversationId }) => uploadedTo === deskConversationId,
      conversationId: conversation.id,
      call: (part, _attemptId, context) =>
        this.deps.desk.send({ deskConversationId, authorType, part }, context),
      onGone: (attempt, error) => this.gone(lane, head, conversation, deskConversationId, attempt, error),
    });
  }

  /** The customer ended the conversation with a message before this one, which opens the next. */
  private async end(lane: ClaimedLane, conversationId: string): Promise<Step> {
    const { store } = this.deps;
    if (await store.endConversation(conversationId)) return 'next';
    return (await store.wait(lane.lease, ENDING_LOOK_MS, 'back-off')) ? 'stop' : 'lost';
  }

  /** What the customer chose out of what they were offered; asked for only where the message looks like that. */
  private async answer({ messageId, content, offered }: LaneHead) {
    if (!offered || !mayAnswer(content)) return undefined;
    return answerTo(content, await this.deps.store.offers(messageId));
  }

  private async prepare(
    lane: ClaimedLane,
    head: LaneHead,
    conversation: OpenConversation,
    deskConversationId: string,
  ): Promise<PartContent[] | Step> {
    if (head.content.type === 'reopening') {
      // A hand-over that came too late for the create's history: its texts are posted like new ones.
      const late = await this.deps.store.history(head.content.messageIds);
      return late.map(({ text }) => ({ text }));
    }
    try {
      const answer = await this.answer(head);
      if (!answer) return await this.media.prepare(lane, head, deskConversationId);
      // A choice out of what the customer was offered is shown by its title, whichever way they made it.
      const { offeredBy: _, ...choice } = answer;
      const { context } = head.content;
      const content: MessageContent = { type: 'choice', ...choice, ...(context && { context }) };
      const parts = await this.media.prepare(lane, { ...head, content }, deskConversationId);
      return typeof parts === 'string'
        ? parts
        : parts.map((part, n) => (n === 0 ? { ...part, answer } : part));
    } catch (error) {
      if (!(error instanceof DeliveryError && error.kind === 'gone')) throw error;
      return this.gone(lane, head, conversation, deskConversationId, undefined, error);
    }
  }

  /** Looks where the attempt went, which may be a conversation that has closed since. */
  private async settleDoubt(lane: ClaimedLane, head: LaneHead): Promise<Step | 'clear'> {
    const { store, desk } = this.deps;
    let closed: string | undefined;
    const step = await this.heads.settleDoubt(lane, head, async (part, attempt, look) => {
      const authorType = authorOf(head);
      const facts = await store.sentToDesk(head.messageId, part.n, attempt.id, authorType);
      if (!facts || facts.doubtful) return 'impossible';
      const { deskConversationId } = facts;
      const request = { deskConversationId, authorType, part: part.content };
      const count = await look((context) => desk.countSent(request, context));
      const verdict = count === 'impossible' ? count : compare(count, facts);
      if (typeof verdict === 'object' && facts.closed) closed = facts.conversationId;
      return verdict;
    });
    // It arrived in a conversation that has ended: perhaps after its last reader had left.
    if (closed !== undefined && step !== 'lost') await store.handOverLate(closed);
    return step;
  }

  /** False also where that cannot be found out now. */
  private async isOver(lane: ClaimedLane, deskConversationId: string): Promise<boolean> {
    const { desk, gate, options } = this.deps;
    const { tenantId, number } = lane;
    const permit = await gate.enter({ provider: 'desk', kind: 'look-up', tenantId, number });
    if (isRefusal(permit)) return false;
    try {
      const { state } = await callThrough(permit, () =>
        desk.readConversation(deskConversationId, { tenantId, timeoutMs: options.sendTimeoutMs }),
      );
      return state === 'gone' || state === 'idle';
    } catch (failure) {
      if (!(failure instanceof DeliveryError)) throw failure;
      return false;
    }
  }

  /** The desk refused a message, or a file for it, as if its conversation were no more: believed only after reading the conversation. */
  private async gone(
    lane: ClaimedLane,
    head: LaneHead,
    conversation: OpenConversation,
    deskConversationId: string,
    attempt: AttemptEnd | undefined,
    error: DeliveryError,
  ): Promise<Step> {
    const { store, observer } = this.deps;
    if (isYoung(conversation) || !(await this.isOver(lane, deskConversationId)))
      return this.heads.fail(lane, head, error, attempt && { ...attempt, outcome: 'not-sent' });
    await store.conversationGone(conversation.id);
    if (head.attempts.some(({ outcome }) => outcome === 'gone')) {
      observer.alarm('reopening-limit', ids(lane, head));
      return this.heads.hold(lane, head, 'reopening-limit', { ...(attempt && { attempt }) });
    }
    return this.heads.settle(lane, head, {
      delivery: 'open',
      ends: false,
      ...(attempt && { attempt }),
      lane: { failures: 0 },
    });
  }
}

/** A hand-over is a bot's item, its texts are the customer's. */
function authorOf({ authorType, content }: LaneHead): 'user' | 'bot' {
  return authorType === 'bot' && content.type !== 'reopening' ? 'bot' : 'user';
}

/** A hand-over whose texts the open conversation was created with. */
function carriedByCreate({ content, conversation, messageId }: LaneHead): boolean {
  if (content.type !== 'reopening' || conversation?.deskConversationId === undefined) return false;
  return conversation.create?.history.includes(messageId) === true;
}

/** More of this content than we certainly left there, by messages or by history, is what the attempt left. */
function compare(count: number, { certain, inHistory }: SentToDesk): Verdict {
  // A list that lacks what is certainly there is none.
  if (count < certain) throw new DeliveryError('not-sent', { code: 'list-incomplete' });
  if (count > certain + inHistory) return { sent: {} };
  // Whether the desk lists its history is not known.
  return count === certain ? 'not-found' : 'impossible';
}

/** A conversation whose interaction is still being made: the desk may not know it everywhere yet. */
function isYoung({ state, create }: OpenConversation): boolean {
  return state === 'opening' && create !== undefined && create.startedAgoMs < YOUNG_MS;
}
