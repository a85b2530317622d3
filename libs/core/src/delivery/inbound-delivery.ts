import type { MessageContent, PartContent } from '../content.js';
import { answerTo, mayAnswer } from '../conversation/answers.js';
import { endedBy } from '../conversation/last-words.js';
import { DeliveryError } from '../delivery-error.js';
import type { CallContext, Sent } from '../ports/call.js';
import { BotDelivery } from './bot-delivery.js';
import { ConversationOpening } from './conversation-opening.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import { handedMessage, type HandedMessage } from './handed-over.js';
import { ids, isSent, type HeadDelivery } from './head-delivery.js';
import { InboundMedia } from './inbound-media.js';
import type {
  AttemptEnd,
  ClaimedLane,
  HandOver,
  LaneHead,
  OpenConversation,
  SentToDesk,
} from './lane-store.js';
import { callThrough, isRefusal } from './provider-gate.js';
import { isUnknown, type Verdict } from './uncertain-attempts.js';

/** How long after its create a conversation that has not opened is not believed to be gone. */
const YOUNG_MS = 60_000;
/** How soon a conversation that is to end with another message is looked at again. */
const ENDING_LOOK_MS = 200;

/** To whom a message goes. `both`: to the desk, where the transcript is, and then to the bot, which answers. */
type Route = 'desk' | 'bot' | 'both';

/** Delivers a customer's messages to the desk, opening the conversation where there is none, or to the bot. */
export class InboundDelivery {
  private readonly media: InboundMedia;
  private readonly opening: ConversationOpening;
  private readonly bot: BotDelivery;

  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {
    this.media = new InboundMedia(deps, heads);
    this.opening = new ConversationOpening(deps, heads);
    this.bot = new BotDelivery(deps, this.media);
  }

  async deliver(lane: ClaimedLane, head: LaneHead): Promise<Step> {
    if (carriedByCreate(head) && !(await this.hasFilesToCarry(head))) {
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
    const route = await this.route(lane, head);
    if (route === 'bot' && !lane.number.settings.bot) {
      // Its number has lost its bot since the desk got it.
      return this.heads.settle(lane, head, { delivery: 'submitted', ends: true, lane: { failures: 0 } });
    }
    if (route === 'bot') return this.toBot(lane, head);
    const conversation = head.conversation ?? (await this.opening.open(lane, head));
    if (conversation === 'closed') return this.heads.hold(lane, head, 'closed-hours');
    if (conversation === 'limit') return this.heads.hold(lane, head, 'reopening-limit');
    if (!conversation) return 'lost';
    if (conversation.closesInMs !== undefined)
      return this.opening.wait(lane, Math.max(50, conversation.closesInMs), 'closing');
    if (conversation.deskConversationId === undefined) return this.opening.create(lane, head, conversation);
    if (conversation.state === 'post-agent' && (await this.wantsAgents(lane, head))) {
      // The customer wants an agent after all: the survey is over.
      await this.deps.store.giveUpConversation(conversation.id, 'handed-over');
      return 'next';
    }
    if (conversation.state === 'opening' && (conversation.readyInMs ?? 0) > 0) {
      return this.opening.wait(lane, conversation.readyInMs ?? 0, 'opening');
    }

    const ends = conversation.endsAfter === undefined && endedBy(head.content, lane.number.settings);
    if (ends) await this.deps.store.endAfter(conversation.id, head.messageId, ends);
    const deskConversationId = conversation.deskConversationId;
    const authorType = authorOf(head);
    return this.heads.deliverPart(lane, head, {
      prepare: () => this.prepareRoute(lane, head, route, conversation, deskConversationId),
      suits: (parts) => suits(route, parts),
      fits: ({ uploadedTo = deskConversationId }) => uploadedTo === deskConversationId,
      conversationId: conversation.id,
      call: (part, _attemptId, context) =>
        part.bot
          ? this.bot.send(lane, head, part, context)
          : this.deps.desk.send({ deskConversationId, authorType, part }, context),
      onGone: (attempt, error) => this.gone(lane, head, conversation, deskConversationId, attempt, error),
    });
  }

  /** The customer ended the conversation with a message before this one, which opens the next. */
  private async end(lane: ClaimedLane, conversationId: string): Promise<Step> {
    const { store } = this.deps;
    if (await store.endConversation(conversationId)) return 'next';
    return (await store.wait(lane.lease, ENDING_LOOK_MS, 'back-off')) ? 'stop' : 'lost';
  }

  /** Decided anew for each head: its number may have been changed while it waited. What has begun stays where it began. */
  private async route(lane: ClaimedLane, head: LaneHead): Promise<Route> {
    const { store } = this.deps;
    const { conversation, parts, attempts } = head;
    const { mode, bot } = lane.number.settings;
    if (head.authorType !== 'user') return 'desk';
    if (parts.some(({ n }) => isSent(attempts, n))) {
      return parts.find(({ n }) => !isSent(attempts, n))?.content.bot ? 'bot' : 'desk';
    }
    if (!bot) return 'desk';
    if (conversation && isUnderWay(conversation)) {
      return conversation.state === 'post-agent' && conversation.closesInMs === undefined ? 'both' : 'desk';
    }
    if (mode !== 'bot' || (await store.hasHandOver(lane.lease.laneId, handOvers(head)))) return 'desk';
    // It was to be opened by somebody who has given that up.
    if (conversation) await store.giveUpConversation(conversation.id, 'not-opened');
    return 'bot';
  }

  /** A hand-off, or what nobody has had and a hand-off follows: the bot has let go of its customer already. */
  private async wantsAgents(lane: ClaimedLane, head: LaneHead): Promise<boolean> {
    if (head.content.type === 'handoff') return true;
    if (head.authorType !== 'user' || head.parts.some(({ n }) => isSent(head.attempts, n))) return false;
    return handOvers(head).includes('handoff') && this.deps.store.hasHandOver(lane.lease.laneId, ['handoff']);
  }

  private toBot(lane: ClaimedLane, head: LaneHead): Promise<Step> {
    const { conversation } = head;
    const call = (part: PartContent, _attemptId: string, context: CallContext): Promise<Sent> =>
      this.bot.send(lane, head, part, context);
    return this.heads.deliverPart(lane, head, {
      prepare: async () => alone(await this.bot.prepare(lane, head, await this.answer(head))),
      suits: (parts) => suits('bot', parts),
      ...(conversation?.state === 'post-agent' && { conversationId: conversation.id }),
      call,
    });
  }

  private async prepareRoute(
    lane: ClaimedLane,
    head: LaneHead,
    route: Route,
    conversation: OpenConversation,
    deskConversationId: string,
  ): Promise<PartContent[] | Step> {
    const parts = await this.prepare(lane, head, conversation, deskConversationId);
    if (route !== 'both' || typeof parts === 'string') return parts;
    const answer = parts.find((part) => part.answer)?.answer;
    const part = await this.bot.prepare(lane, head, answer, conversation);
    return typeof part === 'string' ? part : [...parts, part];
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
    try {
      if (isHandOver(head)) {
        const messages = await this.handedOver(head);
        // What comes too late for the create's history is posted whole, like new messages.
        return await (carriedByCreate(head)
          ? this.media.prepareFiles(lane, head, deskConversationId, messages)
          : this.media.prepareLate(lane, head, deskConversationId, messages));
      }
      const answer = await this.answer(head);
      if (!answer) return await this.media.prepare(lane, head, deskConversationId);
      // A choice out of what the customer was offered is shown by its title, whichever way they made it.
      const { offeredBy: _, cardAction: __, ...choice } = answer;
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

  /** What a hand-over hands over. */
  private async handedOver({ content }: LaneHead): Promise<HandedMessage[]> {
    if (content.type === 'reopening') return this.deps.store.handedOver(content.messageIds);
    return content.type === 'handoff' ? (content.details.history ?? []).map(handedMessage) : [];
  }

  /** The create's history has only named them. What was made to be posted late has been carried by it whole. */
  private async hasFilesToCarry(head: LaneHead): Promise<boolean> {
    if (head.parts.length > 0) return head.parts.every(({ content }) => content.uploadedTo !== undefined);
    return (await this.handedOver(head)).some(({ files }) => files.length > 0);
  }

  /** Looks where the attempt went, which may be a conversation that has closed since. */
  private async settleDoubt(lane: ClaimedLane, head: LaneHead): Promise<Step | 'clear'> {
    const { store, desk } = this.deps;
    const atBot = head.attempts.find((attempt) => isUnknown(attempt) && attempt.destination === 'bot');
    if (atBot) {
      // There is nothing to look up: the bot knows by the message's id whether it had it, and is told again.
      return this.heads.settle(lane, head, {
        delivery: 'open',
        ends: false,
        attempt: { id: atBot.id, outcome: 'abandoned' },
        lane: { failures: lane.failures },
      });
    }
    let closed: string | undefined;
    const step = await this.heads.settleDoubt(lane, head, async (part, attempt, look) => {
      const facts = await store.sentToDesk(head.messageId, part.n, attempt.id);
      if (!facts || facts.doubtful) return 'impossible';
      const { deskConversationId, authorType } = facts;
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

/** What has a text go to the agents where it waits behind it: a hand-off only what was never on its way to the bot. */
function handOvers({ attempts }: LaneHead): HandOver[] {
  return attempts.some(({ destination }) => destination === 'bot') ? ['reopening'] : ['reopening', 'handoff'];
}

/** What hands over earlier messages. */
function isHandOver({ content }: LaneHead): boolean {
  return content.type === 'reopening' || content.type === 'handoff';
}

/** A reopening is a bot's item; its texts are the customer's, and so are its files where they are posted with them. */
function authorOf(head: LaneHead): 'user' | 'bot' {
  if (head.content.type === 'reopening' && !carriedByCreate(head)) return 'user';
  return head.authorType === 'bot' ? 'bot' : 'user';
}

/** A hand-over whose texts the open conversation was created with. */
function carriedByCreate(head: LaneHead): boolean {
  const { conversation, messageId } = head;
  if (!isHandOver(head) || conversation?.deskConversationId === undefined) return false;
  return conversation.create?.history.includes(messageId) === true;
}

/** Whether the parts are for those whom the message goes to now. */
function suits(route: Route, parts: PartContent[]): boolean {
  const forBot = parts.filter(({ bot }) => bot).length;
  if (route === 'desk') return forBot === 0;
  return forBot > 0 && (route === 'both') === forBot < parts.length;
}

function alone(part: PartContent | Step): PartContent[] | Step {
  return typeof part === 'string' ? part : [part];
}

/** The desk has it, or may have. */
function isUnderWay({ deskConversationId, create }: OpenConversation): boolean {
  return deskConversationId !== undefined || create?.outcome === 'sending' || create?.outcome === 'uncertain';
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
