import { DeliveryError } from '../delivery-error.js';
import type { SurveyLimits } from '../number-settings.js';
import { scheduleFor } from '../opening-hours.js';
import type { DeliveryDependencies, LookUpResult, Step } from './delivery.js';
import { attemptEnd, ids, type HeadDelivery } from './head-delivery.js';
import type { AttemptEnd, ClaimedLane, LaneHead, OpenConversation } from './lane-store.js';
import { namesFiles } from './handed-over.js';
import { OpeningSources, settledDetails, type KnownBefore } from './opening-sources.js';
import { callThrough, intended } from './provider-gate.js';

/** How often a conversation whose create has no known outcome is looked for in the desk's list. */
const FIND_INTERVAL_MS = 1_000;
/** Answers of a desk that has no list of conversations, now or ever. */
const NO_LIST: ReadonlySet<number> = new Set([404, 405, 410, 501]);
/** A thread's conversations that may be found gone in ten minutes before an operator is called. */
const MAX_GONE = 3;

/** Opens a thread's conversation, here and at the desk, and finds out about a create whose answer was lost. */
export class ConversationOpening {
  private readonly sources: OpeningSources;

  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {
    this.sources = new OpeningSources(deps);
  }

  /**
   * Makes the thread's conversation, which the desk knows nothing of yet; `limit` where too many were found gone, `closed`
   * where its number opens none now.
   */
  async open(lane: ClaimedLane, head: LaneHead): Promise<OpenConversation | 'limit' | 'closed' | undefined> {
    const { store, observer } = this.deps;
    if (await this.isClosed(lane, head)) return 'closed';
    if ((await store.recentlyGone(lane.threadId)) >= MAX_GONE) {
      observer.alarm('reopening-limit', ids(lane, head));
      return 'limit';
    }
    return store.openConversation(lane);
  }

  /** Whether the lane has to wait for opening hours. What cannot be read is open, and says nothing of what was read before. */
  private async isClosed(lane: ClaimedLane, head: LaneHead): Promise<boolean> {
    const { store, hours } = this.deps;
    const { openingHours } = lane.number.settings;
    if (!hours || !openingHours) return false;
    const assignment = openingHours.queues && (await this.sources.assignment(lane, head));
    const schedule = scheduleFor(openingHours, assignment?.type === 'queue' ? assignment.id : undefined);
    const { openStatuses } = openingHours;
    const { open, status, ageMs } = await this.heads.keepingLease(lane, () =>
      hours.isOpen({ tenantId: lane.tenantId, schedule, ...(openStatuses && { openStatuses }) }),
    );
    if (status === undefined) return false;
    const noted = await store.noteHours(lane, { schedule, open, ageMs });
    return noted === 'closed' && openingHours.whenClosed !== 'open';
  }

  /** The lane waits for so long, or until what it waits for has happened. */
  async wait(lane: ClaimedLane, ms: number, waitingFor: 'opening' | 'closing'): Promise<Step> {
    return (await this.deps.store.wait(lane.lease, ms, waitingFor)) ? 'stop' : 'lost';
  }

  /** Creates the conversation at the desk, or finds out about a create whose answer was lost. */
  async create(lane: ClaimedLane, head: LaneHead, conversation: OpenConversation): Promise<Step> {
    const { create } = conversation;
    if (create?.outcome === 'sending' || create?.outcome === 'uncertain') {
      const step = await this.adopt(lane, head, conversation.id, create);
      if (step !== 'make-again') return step;
    }
    const channelId = lane.number.chatGatewayChannelId;
    if (channelId === undefined) return this.heads.hold(lane, head, 'unconfigured');
    const known = await this.heads.keepingLease(lane, () => this.sources.gather(lane, head));
    return this.make(lane, head, conversation.id, { channelId, known, withIds: true });
  }

  private async make(
    lane: ClaimedLane,
    head: LaneHead,
    conversationId: string,
    { channelId, known, withIds }: { channelId: string; known: KnownBefore; withIds: boolean },
  ): Promise<Step> {
    const { store, desk, options, observer } = this.deps;
    const { user = {}, assignment, history = [] } = settledDetails(known, withIds);
    const survey = surveyOf(lane, known);
    const referenceOf = (attemptId: string) => ({ conversationId, attemptId });
    const made = await this.heads.attempt(lane, head, {
      kind: 'create',
      intent: (id) =>
        store.intentCreate(lane.lease, options.leaseMs, {
          ...referenceOf(id),
          messageId: head.messageId,
          reopenings: known.reopenings.map(({ messageId }) => messageId),
          details: { user, ...(assignment && { assignment }) },
          history,
          ...(survey && { survey }),
        }),
      call: (id, context) => {
        const request = {
          channelId,
          user,
          ...(assignment && { assignment }),
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
    const end = attemptEnd(made.id, error);
    // Whether a history may name files at all is documented nowhere: without their ids it says the same in words.
    if (isRefused(error) && namesFiles(history)) {
      const ended = await store.endCreate(lane.lease, conversationId, head.messageId, end);
      return ended ? this.make(lane, head, conversationId, { channelId, known, withIds: false }) : 'lost';
    }
    const elsewhere = isUnknownQueue(error) && withoutHandedQueue(known);
    if (elsewhere) {
      // Whoever handed over is long gone, and the customer must not wait for them: the number's queue takes them.
      observer.alarm('handoff-queue-unknown', ids(lane, head));
      const ended = await store.endCreate(lane.lease, conversationId, head.messageId, end);
      return ended ? this.make(lane, head, conversationId, { channelId, known: elsewhere, withIds }) : 'lost';
    }
    return this.createFailed(lane, head, conversationId, end, error);
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
        desk.findConversation(request, { tenantId: lane.tenantId, timeoutMs: options.sendTimeoutMs }),
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
}

/** The desk has no such list: then it is no bonus, and the event alone decides. */
function isNoList({ httpStatus }: DeliveryError): boolean {
  return httpStatus !== undefined && NO_LIST.has(httpStatus);
}

/** The desk does not take what the create says. */
function isRefused(error: unknown): boolean {
  return error instanceof DeliveryError && error.kind === 'held' && error.httpStatus === 400;
}

/** Whether, and for how long, the bot gets the customer back after the agents. */
function surveyOf({ number }: ClaimedLane, { reopenings }: KnownBefore): SurveyLimits | undefined {
  const { bot } = number.settings;
  const wished = reopenings.findLast(({ survey }) => survey)?.survey;
  return bot && (wished ?? bot.survey);
}

function isUnknownQueue(error: unknown): boolean {
  return error instanceof DeliveryError && error.code === 'invalid-queue';
}

/** The same without the assignments that hand-offs ask for; undefined where none does. */
function withoutHandedQueue(known: KnownBefore): KnownBefore | undefined {
  const asks = ({ details }: KnownBefore['reopenings'][number]) =>
    details.queueId !== undefined || details.assignment !== undefined;
  if (!known.reopenings.some(asks)) return undefined;
  const reopenings = known.reopenings.map(({ details, ...rest }) => {
    const { queueId: _, assignment: __, ...others } = details;
    return { ...rest, details: others };
  });
  return { ...known, reopenings };
}
