import type {
  AuthorType,
  Channel,
  Direction,
  MessageContent,
  PartContent,
  HistoryEntry,
} from '../content.js';
import type { Offer } from '../conversation/answers.js';
import type { EndReason } from '../conversation/last-words.js';
import type { OpeningDetails } from '../conversation/opening-details.js';
import type { DeliveryErrorKind, HoldReason } from '../delivery-error.js';
import type { RefusedFile } from '../media.js';
import type { ReceiptStatus } from '../receipts.js';
import type { HandedMessage } from './handed-over.js';
import type { NumberSettings, SurveyLimits } from '../number-settings.js';
import type { PartCost, SenderNumber } from '../ports/channel-port.js';

/** The right to work on a lane: every write carries its fence, and none with an older one takes effect. */
export interface Lease {
  laneId: string;
  fence: number;
}

/** A lane as claimed, with what does not change while it is worked on. */
export interface ClaimedLane {
  lease: Lease;
  direction: Direction;
  tenantId: string;
  threadId: string;
  number: SenderNumber & {
    id: string;
    channel: Channel;
    configured: boolean;
    chatGatewayChannelId?: string;
    queueId?: string;
    language?: string;
    messagesPerSecond?: number;
    settings: NumberSettings;
  };
  /** `optedOut`: they want no messages from this number. Known of outbound lanes only. */
  customer: { id: string; address: string; name?: string; language?: string; optedOut: boolean };
  /** Consecutive attempts at the head that did not succeed. */
  failures: number;
}

/** `abandoned`: nobody will ever know what became of it; its part was sent again blind, and its message is marked. */
export const ATTEMPT_OUTCOMES = [
  'sending',
  'submitted',
  'not-sent',
  'failed',
  'held',
  'uncertain',
  'gone',
  'credentials',
  'abandoned',
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** One provider call as stored. */
export interface StoredAttempt {
  id: string;
  partN: number;
  /** `template`: it asked the customer to write, before their window opens again. */
  kind: 'send' | 'create' | 'template';
  /** Absent: where its lane leads. */
  destination?: 'bot';
  outcome: AttemptOutcome;
  /** Since it started and since it ended, by the database's clock, milliseconds. */
  startedAgoMs: number;
  endedAgoMs?: number;
  /** Epoch milliseconds, by the database's clock. */
  startedAt: number;
  /** Set by the call's answer, or by a callback that named this attempt. */
  providerId?: string;
  receipt?: ReceiptStatus;
  errorCode?: string;
  /** For how long every look-up of it has failed; absent when none was tried, or the last one gave an answer. */
  lookUpFailingMs?: number;
}

export interface StoredPart {
  n: number;
  content: PartContent;
}

/** The thread's one conversation that is not closed. */
export interface OpenConversation {
  id: string;
  state: 'opening' | 'queued' | 'active' | 'post-agent';
  deskConversationId?: string;
  create?: {
    attemptId: string;
    outcome: 'sending' | 'uncertain' | 'not-sent' | 'created';
    /** The reopening items whose texts it carried. */
    history: string[];
    startedAgoMs: number;
    endedAgoMs?: number;
    /** Epoch milliseconds, by the database's clock. */
    startedAt: number;
  };
  /** Positive while texts wait for the interaction to exist. */
  readyInMs?: number;
  /** The customer's message with which it ends. */
  endsAfter?: string;
  /** Set while the grace after the last agent's leaving runs (zero or less: it is over, closing is under way). */
  closesInMs?: number;
}

/** Kinds of items that hand something to the agents. */
export type HandOver = 'reopening' | 'handoff';

/** An item that hands what is known, and earlier messages, to the next conversation. */
export interface Reopening {
  messageId: string;
  details: OpeningDetails;
  /** What a hand-off wishes to follow the agents. */
  survey?: SurveyLimits;
}

/** A create as it is about to be made. */
export interface CreateIntent {
  attemptId: string;
  messageId: string;
  conversationId: string;
  /** The items whose history it carries. */
  reopenings?: string[];
  /** What it says of the user, and where it waits: kept for later changes. */
  details?: OpeningDetails;
  history?: HistoryEntry[];
  /** It is to be handed back to the bot when the last agent leaves. */
  survey?: SurveyLimits;
}

/** The item at the head of a lane: lowest `seq` that blocks. */
export interface LaneHead {
  messageId: string;
  seq: number;
  state: 'open' | 'sending' | 'uncertain' | 'held';
  reason?: HoldReason;
  /** How often our own code failed over it. */
  tries: number;
  content: MessageContent;
  authorType: AuthorType;
  authorId?: string;
  conversationId?: string;
  /** Since its acceptance, less the time for which its lane stood still. */
  ageMs: number;
  /** Its lane has stood still until now, by a hold or a pause: {@link LaneStore.endStandstill}. */
  stoodStill: boolean;
  parts: StoredPart[];
  attempts: StoredAttempt[];
  /** Inbound only. */
  conversation?: OpenConversation;
  /**
   * Where the channel takes free texts only for so long after the customer's last one; `asked`: it is closed, and they were
   * sent the template that asks them to write.
   */
  replyWindow?: 'open' | 'closed' | 'asked';
  /** Messages before it wait for the reply window. */
  behindWindow?: boolean;
  /** Inbound only: its thread was offered choices within the last day before it, or since. */
  offered?: boolean;
}

/** A head that waits for the customer to write. */
export interface HeldForWindow {
  messageId: string;
  seq: number;
  replyWindowMs: number;
  /** The provider would not have the template that asks them to. */
  templateRefused: boolean;
  /** Its author knows already, by a message before it. */
  told: boolean;
}

/** A call that is about to be made for a part. */
export interface Intent {
  id: string;
  messageId: string;
  seq: number;
  partN: number;
  conversationId?: string;
  /** Absent: where its lane leads. */
  destination?: 'bot';
  cost?: PartCost;
}

/** How an attempt ended, for its row. */
export interface AttemptEnd {
  id: string;
  outcome: AttemptOutcome;
  providerId?: string;
  receipt?: ReceiptStatus;
  httpStatus?: number;
  errorClass?: DeliveryErrorKind | 'bug';
  errorCode?: string;
  providerCode?: string;
  /** It was looked up, and the look-up failed. */
  lookUpFailed?: boolean;
}

/** What the channel's provider must show beside an attempt that is looked up. */
export interface SentToCustomer {
  /** Its ids of what it certainly took in this lane since then. */
  known: string[];
  /** Another attempt with this content may have left something there, too, and nobody could tell which is which. */
  doubtful: boolean;
}

/** What the desk must show beside an attempt that is looked up, in the conversation where that went. */
export interface SentToDesk {
  /** As whom it was posted there. */
  authorType: 'user' | 'bot';
  conversationId: string;
  closed: boolean;
  deskConversationId: string;
  /** How often it certainly holds this content by our doing, its history aside. */
  certain: number;
  /** How often the history given at its creation holds it. */
  inHistory: number;
  /** Another attempt with this content may have left something there, too: counting says nothing. */
  doubtful: boolean;
}

/** What becomes of the head: one statement, guarded by the fence, writes all of it. */
export interface Settlement {
  messageId: string;
  seq: number;
  delivery: 'open' | 'sending' | 'uncertain' | 'submitted' | 'held' | 'failed';
  /** Whether the item goes from the lane. */
  ends: boolean;
  reason?: string;
  providerCode?: string;
  possibleDuplicate?: boolean;
  /** Counts a failure of our own code. */
  ownFailure?: boolean;
  attempt?: AttemptEnd;
  lane: { failures: number; notBeforeMs?: number; waitingFor?: 'opening' | 'closing' | 'back-off' };
}

/** What delivery needs from storage. Every write answers false (or undefined) when the fence is not ours any more. */
export abstract class LaneStore {
  abstract claim(laneId: string, leaseMs: number): Promise<ClaimedLane | undefined>;
  /** `replyWindowMs`: of an outbound lane's channel, where it has a window. */
  abstract head(lane: ClaimedLane, replyWindowMs?: number): Promise<LaneHead | undefined>;
  abstract renew(lease: Lease, leaseMs: number): Promise<boolean>;
  /**
   * `refused`: files that are left out, kept with the message and told to the agent where anything of it goes out.
   * `deletesMedia`: those of the message's media that its parts carry, to the desk or to a bot, are to be deleted at the
   * channel's provider once it is submitted.
   */
  abstract storeParts(
    lease: Lease,
    messageId: string,
    parts: PartContent[],
    also?: { refused?: RefusedFile[]; deletesMedia?: boolean },
  ): Promise<boolean>;
  /** Puts another content in the place of a part that was not sent. */
  abstract replacePart(lease: Lease, messageId: string, n: number, content: PartContent): Promise<boolean>;
  /** Puts other parts in the place of all parts of a customer's message none of which was sent. `deletesMedia` as above. */
  abstract replaceParts(
    lease: Lease,
    messageId: string,
    parts: PartContent[],
    also?: { deletesMedia?: boolean },
  ): Promise<boolean>;
  /** What was said in this thread under the channel's id of it; undefined where that is not known. */
  abstract quoted(threadId: string, providerMessageId: string): Promise<MessageContent | undefined>;
  /** Renews the lease and stores the attempt as `sending`, in one statement. */
  abstract intent(lease: Lease, leaseMs: number, attempt: Intent): Promise<boolean>;
  /**
   * Ends an attempt and decides about the head. Answers the final delivery: a failure that a callback reported before
   * the call returned outranks `submitted`.
   */
  abstract settle(
    lease: Lease,
    leaseMs: number,
    settlement: Settlement,
  ): Promise<Settlement['delivery'] | undefined>;
  /** The same for a template that asks the customer to write. None is asked twice before they have. */
  abstract intentTemplate(
    lease: Lease,
    leaseMs: number,
    attempt: { id: string; messageId: string; seq: number },
  ): Promise<boolean>;
  /** Holds the head until the customer writes, and has its author told. Answers what it is then: `open` if they just did. */
  abstract holdForWindow(
    lease: Lease,
    leaseMs: number,
    head: HeldForWindow,
  ): Promise<Settlement['delivery'] | undefined>;
  /** The window is open: what waited for it goes on, in its order. */
  abstract openWindow(lease: Lease): Promise<boolean>;
  /** Whether this START of a customer's has lifted an opt-out. */
  abstract liftedOptOut(messageId: string): Promise<boolean>;
  /** The template that asks customers to write is none that the provider takes: nobody was asked. */
  abstract templateRefused(lease: Lease): Promise<boolean>;
  /** The provider refused this attempt because the window is closed, whatever we knew. */
  abstract windowClosed(lease: Lease, messageId: string, attemptId: string): Promise<boolean>;
  /** The provider refused this attempt because the customer has opted out. */
  abstract optedOut(messageId: string, attemptId: string): Promise<void>;
  /** Lets the lane wait without touching its head. */
  abstract wait(lease: Lease, ms: number, waitingFor: 'opening' | 'closing' | 'back-off'): Promise<boolean>;
  /** The same until the attempt's receipt has come at least so far, or a failure is reported; then the lane is woken. */
  abstract waitForReceipt(
    lease: Lease,
    ms: number,
    awaited: { attemptId: string; receipt: ReceiptStatus },
  ): Promise<boolean>;
  /** Adds a standstill that is over to the ages of what waits in the lane. */
  abstract endStandstill(lease: Lease): Promise<boolean>;
  abstract release(lease: Lease): Promise<void>;
  /** After a release: milliseconds until the lane has work, 0 for now, undefined for none. */
  abstract lookAgain(laneId: string): Promise<number | undefined>;

  /** `since`: epoch milliseconds. */
  abstract sentToCustomer(
    lane: ClaimedLane,
    head: LaneHead,
    partN: number,
    since: number,
  ): Promise<SentToCustomer>;
  abstract sentToDesk(messageId: string, partN: number, attemptId: string): Promise<SentToDesk | undefined>;
  /** Those of a provider's ids that no other attempt is known by. A callback may have named this one just now. */
  abstract unbound(providerIds: string[], attemptId: string): Promise<string[]>;

  /**
   * Notes what a schedule said. Closed, the customer is told so, once until it was seen open again. Answers whether it is
   * closed, by this reading or by a younger one.
   */
  abstract noteHours(
    lane: ClaimedLane,
    reading: { schedule: string; open: boolean; ageMs: number },
  ): Promise<'open' | 'closed'>;
  /** Makes the conversation's row, state `opening`. Undefined when the fence is not ours any more. */
  abstract openConversation(lane: ClaimedLane): Promise<OpenConversation | undefined>;
  /** Renews the lease and stores the create as under way, in one statement; false also when it is bound or closed by now. */
  abstract intentCreate(lease: Lease, leaseMs: number, create: CreateIntent): Promise<boolean>;
  /** Ends a create that gave no conversation. */
  abstract endCreate(
    lease: Lease,
    conversationId: string,
    messageId: string,
    end: AttemptEnd,
  ): Promise<boolean>;
  /**
   * Binds what a create answered, or what the list showed. `orphan`: another is bound, or ours has closed; it will be
   * ended. `foreign`: it belongs to another conversation; left alone.
   */
  abstract bind(
    tenantId: string,
    deskConversationId: string,
    create: { conversationId: string; attemptId: string },
  ): Promise<'bound' | 'orphan' | 'foreign'>;
  /** What the next create carries: items that hand over what a closing left unheard, or a bot knows, and waiting notes. */
  abstract reopenings(laneId: string): Promise<Reopening[]>;
  /** Whether such an item waits in the lane: texts that a closing left unheard, or a bot's hand-off. */
  abstract hasHandOver(laneId: string, types: HandOver[]): Promise<boolean>;
  /** Closes a conversation that gives way to something else, and ends it at the desk where that has one. */
  abstract giveUpConversation(conversationId: string, reason: string): Promise<void>;
  /** These messages of the customer as they were posted, in order. */
  abstract handedOver(messageIds: string[]): Promise<HandedMessage[]>;
  /**
   * What was said in the last conversation of a message's thread, and in which queue, where that ended at most so long before
   * the message came: the newest `limit` messages of both sides that no item hands over.
   */
  abstract recentHistory(
    messageId: string,
    recent: { withinMinutes: number; limit: number },
  ): Promise<OpeningDetails | undefined>;
  /** The conversation is gone at the desk: closes ours. */
  abstract conversationGone(conversationId: string): Promise<void>;
  /** The conversation is to end with this message of its customer's; not where that is an opt-out which stands no more. */
  abstract endAfter(conversationId: string, messageId: string, reason: EndReason): Promise<void>;
  /** Closes the conversation if the message that it ends with has come to its end; false where it has not, or is none. */
  abstract endConversation(conversationId: string): Promise<boolean>;
  /** How many conversations of the thread were closed as gone in the last ten minutes. */
  abstract recentlyGone(threadId: string): Promise<number>;

  /** Of the messages with this content that the desk announced: how many of ours are not accounted for yet. */
  abstract unaccountedFor(conversationId: string, content: MessageContent): Promise<number>;
  /** The head is an announcement of our own message: the item goes without a trace in the customer's thread. */
  abstract dropEcho(lease: Lease, messageId: string, seq: number, conversationId: string): Promise<boolean>;
  /** Hands over what arrived in a closed conversation after its last agent had left. */
  abstract handOverLate(conversationId: string): Promise<void>;
  /** Choices are about to be offered in the thread. */
  abstract offered(threadId: string): Promise<void>;
  /** What a customer was offered within a day before this message of theirs, the newest first. */
  abstract offers(messageId: string): Promise<Offer[]>;
  abstract resolveAuthor(lease: Lease, messageId: string, authorType: AuthorType): Promise<boolean>;
  abstract conversationFacts(
    conversationId: string,
  ): Promise<{ deskConversationId?: string; hadAgent: boolean } | undefined>;
}
