import type { MessageContent, PartContent } from '../content.js';
import { answerTo, mayAnswer } from '../conversation/answers.js';
import { DeliveryError } from '../delivery-error.js';
import type { DeliveryDependencies, LookUpResult, Step } from './delivery.js';
import { attemptEnd, ids, type HeadDelivery } from './head-delivery.js';
import { InboundMedia } from './inbound-media.js';
import type { AttemptEnd, ClaimedLane, LaneHead, OpenConversation, SentToDesk } from './lane-store.js';
import { callThrough, intended, isRefusal } from './provider-gate.js';
import type { Verdict } from './uncertain-attempts.js';

/** How often a conversation whose create has no known outcome is looked for in the desk's list. */
const FIND_INTERVAL_MS = 1_000;
/** How long after its create a conversation that has not opened is not believed to be gone. */
const YOUNG_MS = 60_000;
/** Answers of a desk that has no list of conversations, now or ever. */
const NO_LIST: ReadonlySet<number> = new Set([404, 405, 410, 501]);
/** A thread's conversations that may be found gone in ten minutes before an operator is called. */
const MAX_GONE = 3;

/** Delivers a customer's messages to the desk: opens the conversation where there is none. */
export class InboundDelivery {
  private readonly media: InboundMedia;

  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {
    this.media = new InboundMedia(deps, heads);
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
    const conversation = head.conversation ?? (await this.open(lane, head));
    if (conversation === 'limit') return this.heads.hold(lane, head, 'reopening-limit');
    if (!conversation) return 'lost';
    if (conversation.closesInMs !== undefined)
      return this.wait(lane, Math.max(50, conversation.closesInMs), 'closing');
    if (conversation.deskConversationId === undefined) return this.create(lane, head, conversation);
    if (conversation.state === 'opening' && (conversation.readyInMs ?? 0) > 0) {
      return this.wait(lane, conversation.readyInMs ?? 0, 'opening');
    }

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

  private async open(lane: ClaimedLane, head: LaneHead): Promise<OpenConversation | 'limit' | undefined> {
    const { store, observer } = this.deps;
    if ((await store.recentlyGone(lane.threadId)) >= MAX_GONE) {
      observer.alarm('reopening-limit', ids(lane, head));
      return 'limit';
    }
    return store.openConversation(lane);
  }

  private async wait(lane: ClaimedLane, ms: number, waitingFor: 'opening' | 'closing'): Promise<Step> {
    return (await this.deps.store.wait(lane.lease, ms, waitingFor)) ? 'stop' : 'lost';
  }

  /** Creates the conversation at the desk, or finds out about a create whose answer was lost. */
  private async create(lane: ClaimedLane, head: LaneHead, conversation: OpenConversation): Promise<Step> {
    const { create } = conversation;
    if (create?.outcome === 'sending' || create?.outcome === 'uncertain') {
      const step = await this.adopt(lane, head, conversation.id, create);
      if (step !== 'make-again') return step;
    }
    const { store, desk, options } = this.deps;
    const channelId = lane.number.chatGatewayChannelId;
    if (channelId === undefined) return this.heads.hold(lane, head, 'unconfigured');

    const reopenings = await store.reopenings(lane.lease.laneId);
    const history = reopenings.flatMap((reopening) => reopening.history);
    const referenceOf = (attemptId: string) => ({ conversationId: conversation.id, attemptId });
    const made = await this.heads.attempt(lane, head, {
      kind: 'create',
      intent: (id) =>
        store.intentCreate(lane.lease, options.leaseMs, {
          ...referenceOf(id),
          messageId: head.messageId,
          reopenings: reopenings.map(({ messageId }) => messageId),
        }),
      call: (id, context) => {
        const request = {
          channelId,
          user: {
            ...(lane.customer.name && { name: lane.customer.name }),
            ...phoneOf(lane.customer.address),
            ...(lane.number.language && { language: lane.number.language }),
          },
          ...(lane.number.queueId && { queueId: lane.number.queueId }),
          ...(history.length > 0 && { history }),
          reference: referenceOf(id),
        };
        return desk.createConversation(request, context);
      },
    });
    if (typeof made === 'string') return made;
    let error: unknown;
    if ('error' in made) ({ error } = made);
    else {
      const { deskConversationId } = made.result;
      const bound = await store.bind(lane.tenantId, deskConversationId, referenceOf(made.id));
      if (bound !== 'foreign') return this.created(lane, head);
      error = new DeliveryError('held', { code: 'conversation-id-known', hold: 'configuration' });
    }
    return this.createFailed(lane, head, conversation.id, attemptEnd(made.id, error), error);
  }

  /** What failed before there was a conversation does not count against the message or its files. */
  private async created(lane: ClaimedLane, head: LaneHead): Promise<Step> {
    if (lane.failures === 0) return 'next';
    return this.heads.settle(lane, head, { delivery: 'open', ends: false, lane: { failures: 0 } });
  }

  private async createFailed(
    lane: ClaimedLane,
    head: LaneHead,
    conversationId: string,
    end: AttemptEnd,
    error: unknown,
  ): Promise<Step> {
    if (!(await this.deps.store.endCreate(lane.lease, conversationId, head.messageId, end))) return 'lost';
    if (end.outcome === 'uncertain' && error instanceof DeliveryError) {
      return this.wait(lane, Math.min(FIND_INTERVAL_MS, this.deps.options.uncertainSettleMs), 'opening');
    }
    return this.heads.fail(lane, head, error);
  }

  /**
   * A create without a known outcome is never simply repeated: it may show by an event (which binds it without us) or in
   * the desk's list until the settle time has passed. Made again only then; one that shows later still is ended.
   */
  private async adopt(
    lane: ClaimedLane,
    head: LaneHead,
    conversationId: string,
    create: NonNullable<OpenConversation['create']>,
  ): Promise<Step | 'make-again'> {
    const { store, desk, options } = this.deps;
    const reference = { conversationId, attemptId: create.attemptId };
    const sinceEndMs = create.endedAgoMs ?? create.startedAgoMs - options.sendTimeoutMs;
    const permit = await this.heads.enter(lane, head, 'look-up');
    if (typeof permit === 'string') return permit;
    if (!(await intended(permit, store.renew(lane.lease, options.leaseMs)))) return 'lost';
    let result: LookUpResult = sinceEndMs >= options.uncertainSettleMs ? 'not-there' : 'not-yet';
    try {
      const request = {
        channelId: lane.number.chatGatewayChannelId ?? '',
        reference,
        createdAfter: create.startedAt - 120_000,
      };
      const found = await callThrough(permit, () =>
        desk.findConversation(request, { timeoutMs: options.sendTimeoutMs }),
      );
      if (found) {
        this.lookedUp(lane, head, 'found');
        await store.bind(lane.tenantId, found.deskConversationId, reference);
        return this.created(lane, head);
      }
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (error.kind === 'credentials') return this.heads.fail(lane, head, error);
      if (!isNoList(error) && !this.isHopeless(lane, sinceEndMs)) return this.findFailed(lane, head, error);
      result = sinceEndMs >= options.uncertainSettleMs ? 'impossible' : 'not-yet';
    }
    this.lookedUp(lane, head, result);
    if (sinceEndMs >= options.uncertainSettleMs) return 'make-again';
    return this.wait(lane, Math.min(FIND_INTERVAL_MS, options.uncertainSettleMs - sinceEndMs), 'opening');
  }

  /** Nothing is made again while looking fails; an event that binds the conversation ends the wait. */
  private findFailed(lane: ClaimedLane, head: LaneHead, error: DeliveryError): Promise<Step> {
    this.lookedUp(lane, head, 'failed');
    const failures = lane.failures + 1;
    return this.heads.settle(lane, head, {
      delivery: 'open',
      ends: false,
      reason: 'look-up-failed',
      lane: { failures, notBeforeMs: this.heads.lookUpBackOff(failures, error), waitingFor: 'opening' },
    });
  }

  private isHopeless(lane: ClaimedLane, sinceEndMs: number): boolean {
    const patienceMs = this.deps.options.lookUpPatienceMs;
    return sinceEndMs >= patienceMs && this.heads.hasSucceededWithin(lane.direction, patienceMs);
  }

  private lookedUp(lane: ClaimedLane, head: LaneHead, result: LookUpResult): void {
    this.deps.observer.lookedUp({
      direction: lane.direction,
      kind: 'create',
      result,
      ...ids(lane, head),
    });
  }

  /** False also where that cannot be found out now. */
  private async isOver(lane: ClaimedLane, deskConversationId: string): Promise<boolean> {
    const { desk, gate, options } = this.deps;
    const { tenantId, number } = lane;
    const permit = await gate.enter({ provider: 'desk', kind: 'look-up', tenantId, number });
    if (isRefusal(permit)) return false;
    try {
      const { state } = await callThrough(permit, () =>
        desk.readConversation(deskConversationId, { timeoutMs: options.sendTimeoutMs }),
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

/** The desk has no such list: then it is no bonus, and the event alone decides. */
function isNoList({ httpStatus }: DeliveryError): boolean {
  return httpStatus !== undefined && NO_LIST.has(httpStatus);
}

/** A conversation whose interaction is still being made: the desk may not know it everywhere yet. */
function isYoung({ state, create }: OpenConversation): boolean {
  return state === 'opening' && create !== undefined && create.startedAgoMs < YOUNG_MS;
}

/** The number to show an agent: a business-scoped id is none. */
function phoneOf(address: string): { phone?: string } {
  const number = address.replace(/^whatsapp:/, '');
  return number.startsWith('+') ? { phone: number } : {};
}
