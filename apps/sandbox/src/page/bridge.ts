import { destinationOf } from './destination.js';
import { carriedBy } from './hand-off.js';
import type {
  ConversationResource,
  LaneResource,
  MessageResource,
  NumberResource,
  OperatorApi,
} from './operator-api.js';
import type { BridgeMessage, BridgeState, DeskConversation } from './state.js';
import { whyItWaits } from './why-it-waits.js';

const MAX_NEWEST = 60;
const MAX_SHOWN = 100;
const MAX_KEPT = 2000;
/** Of what came since the last look. */
const MAX_PAGES = 5;
/** Messages and conversations beyond the newest page that are looked up one by one in a turn. */
const MAX_SINGLE = 20;
/** Lanes are asked for by thread; so many in a turn. */
const MAX_LANE_READS = 30;
/** A receipt that has not come by then may never come. */
const RECEIPT_MS = 60_000;
/** Whose thread it is, is asked for so long after a message was accepted, for so many phones in a turn, so often each. */
const LEARN = { forMs: 60_000, phones: 4, everyMs: 1000 };
const PAGE = '100';
const RECEIPTS_AT_END = new Set(['delivered', 'read', 'undelivered', 'failed']);

/** What a conversation at the desk does not say itself. */
export type KnownConversation = Pick<DeskConversation, 'number' | 'closedBecause'>;

/**
 * What Causeway did with each message, read over its operator API. Kept in memory, the newest {@link MAX_KEPT}; whoever is not at
 * its end is read again in each turn.
 */
export class Bridge {
  readonly #messages = new Map<string, MessageResource>();
  readonly #conversations = new Map<string, ConversationResource>();
  readonly #lanes = new Map<string, LaneResource>();
  /** Whose thread it is, learned from conversations or by asking for a phone's messages. */
  readonly #addresses = new Map<string, string>();
  #numbers = new Map<string, NumberResource>();
  #trouble: string | undefined;
  #refreshing: Promise<void> | undefined;
  #shown: readonly BridgeMessage[] = [];
  /** The state of each thread's open conversation. */
  readonly #openThreads = new Map<string, string>();
  readonly #asked = new Map<string, number>();

  constructor(
    private readonly api: OperatorApi,
    /** Storms would push everything else out of sight. */
    private readonly isStormText: (text: string) => boolean,
  ) {}

  get state(): BridgeState {
    const all = this.#shown;
    const waiting = all.filter(({ waits }) => waits !== undefined);
    const calm = all.filter(({ text }) => !this.isStormText(text));
    const shown = new Set([
      ...all.slice(0, MAX_NEWEST),
      ...calm.slice(0, MAX_SHOWN),
      ...waiting.slice(0, MAX_SHOWN),
    ]);
    return {
      ...(this.#trouble !== undefined && { trouble: this.#trouble }),
      waiting: waiting.length,
      messages: all.filter((message) => shown.has(message)),
    };
  }

  /** What Causeway knows of the desk's conversations, by the Chat Gateway's id. */
  conversations(): Map<string, KnownConversation> {
    const known = new Map<string, KnownConversation>();
    for (const {
      state,
      chatGatewayConversationId: id,
      closeReason,
      numberId,
    } of this.#conversations.values()) {
      if (id === undefined) continue;
      const number = this.#numbers.get(numberId)?.address;
      const closedBecause = state === 'closed' ? (closeReason ?? 'closed') : undefined;
      known.set(id, defined({ number, closedBecause }));
    }
    return known;
  }

  /** Everything kept, newest first. */
  get messages(): readonly BridgeMessage[] {
    return this.#shown;
  }

  /**
   * Reads what is new; calls that come while one is under way wait for it. What fails becomes `trouble`.
   *
   * @param phones addresses whose threads may be unknown yet
   */
  refresh(phones: readonly string[]): Promise<void> {
    this.#refreshing ??= this.#read(phones)
      .then(
        () => (this.#trouble = undefined),
        (cause: unknown) => (this.#trouble = cause instanceof Error ? cause.message : String(cause)),
      )
      .then(() => {
        this.#shown = this.#show();
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  async #read(phones: readonly string[]): Promise<void> {
    // Where it starts with old data, what still waits may be older than the newest page.
    const first = this.#messages.size === 0;
    const [newest, waiting, conversations] = await Promise.all([
      this.#readNewest(),
      first ? this.api.messages({ delivery: 'open', limit: PAGE }) : { items: [] },
      this.api.conversations({ limit: PAGE }),
    ]);
    for (const message of [...waiting.items, ...newest.toReversed()]) this.#messages.set(message.id, message);
    if (conversations.some(({ numberId }) => !this.#numbers.has(numberId))) await this.#readNumbers();
    for (const one of conversations) this.#keepConversation(one);
    await this.#readAgain(new Set(newest.map(({ id }) => id)));
    await this.#readConversationsAgain(new Set(conversations.map(({ id }) => id)));
    await this.#learn(phones);
    await this.#readLanes();
    this.#forgetOldest();
  }

  /** The newest page, and more of them until one reaches what is known. */
  async #readNewest(): Promise<MessageResource[]> {
    const newest: MessageResource[] = [];
    let cursor: string | null | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const { items, nextCursor } = await this.api.messages({ limit: PAGE, ...(cursor && { cursor }) });
      newest.push(...items);
      cursor = nextCursor;
      const isKnown = items.some(({ id }) => this.#messages.has(id));
      if (isKnown || this.#messages.size === 0 || !cursor) break;
    }
    return newest;
  }

  async #readNumbers(): Promise<void> {
    this.#numbers = new Map((await this.api.numbers()).map((number) => [number.id, number]));
  }

  /** Those that may have changed since they left the newest page. */
  async #readAgain(fresh: ReadonlySet<string>): Promise<void> {
    const stale = [...this.#messages.values()].filter((one) => !fresh.has(one.id) && mayChange(one));
    const read = await Promise.all(stale.slice(0, MAX_SINGLE).map(({ id }) => this.api.message(id)));
    for (const message of read) {
      if (!message) continue;
      // To the end of the line, so that the next turn reads others.
      this.#messages.delete(message.id);
      this.#messages.set(message.id, message);
    }
  }

  /** Conversations of unfinished messages that have left the newest page. */
  async #readConversationsAgain(fresh: ReadonlySet<string>): Promise<void> {
    const wanted = new Set<string>();
    for (const message of this.#messages.values()) {
      const { conversationId } = message;
      if (conversationId === undefined || fresh.has(conversationId)) continue;
      if (!isAtEnd(message) || !this.#conversations.has(conversationId)) wanted.add(conversationId);
    }
    const read = await Promise.all([...wanted].slice(0, MAX_SINGLE).map((id) => this.api.conversation(id)));
    for (const conversation of read) if (conversation) this.#keepConversation(conversation);
  }

  /** A thread without a conversation has no name yet: its customer is one of these. */
  async #learn(phones: readonly string[]): Promise<void> {
    const now = Date.now();
    const isUnknown = [...this.#messages.values()].some(
      ({ threadId, direction, acceptedAt, content }) =>
        direction === 'inbound' &&
        !this.#addresses.has(threadId) &&
        now - Date.parse(acceptedAt) < LEARN.forMs &&
        !this.isStormText(content.text ?? ''),
    );
    if (!isUnknown) return;
    const due = phones.filter((address) => now - (this.#asked.get(address) ?? 0) >= LEARN.everyMs);
    due.sort((a, b) => (this.#asked.get(a) ?? 0) - (this.#asked.get(b) ?? 0));
    await Promise.all(
      due.slice(0, LEARN.phones).map(async (address) => {
        this.#asked.set(address, now);
        const { items } = await this.api.messages({ address, limit: '20' });
        for (const { threadId } of items) {
          if (!this.#addresses.has(threadId)) this.#addresses.set(threadId, address);
        }
      }),
    );
  }

  async #readLanes(): Promise<void> {
    const threads = new Set(
      [...this.#messages.values()].filter((one) => !isAtEnd(one)).map(({ threadId }) => threadId),
    );
    this.#lanes.clear();
    const read = await Promise.all([...threads].slice(0, MAX_LANE_READS).map((id) => this.api.lanes(id)));
    for (const lane of read.flat()) this.#lanes.set(lane.id, lane);
  }

  #keepConversation(conversation: ConversationResource): void {
    this.#conversations.set(conversation.id, conversation);
    const { threadId, numberId, customer } = conversation;
    const whatsApp = this.#numbers.get(numberId)?.channel === 'whatsapp';
    const address = customer.addresses.find((one) => one.startsWith('whatsapp:') === whatsApp);
    if (address !== undefined) this.#addresses.set(threadId, address);
  }

  #forgetOldest(): void {
    const ids = [...this.#messages.keys()].sort();
    for (const id of ids.slice(0, Math.max(0, ids.length - MAX_KEPT))) this.#messages.delete(id);
    const kept = [...this.#messages.values()];
    forgetOthers(this.#conversations, new Set(kept.map(({ conversationId }) => conversationId)));
    forgetOthers(this.#addresses, new Set(kept.map(({ threadId }) => threadId)));
  }

  #show(): BridgeMessage[] {
    this.#openThreads.clear();
    for (const { threadId, state } of this.#conversations.values()) {
      if (state !== 'closed') this.#openThreads.set(threadId, state);
    }
    return [...this.#messages.values()]
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .map((message) => this.#showMessage(message));
  }

  #showMessage(message: MessageResource): BridgeMessage {
    const { id, direction, authorType, seq, content, delivery, possibleDuplicate, acceptedAt, parts } =
      message;
    const conversation =
      message.conversationId === undefined ? undefined : this.#conversations.get(message.conversationId);
    const state = conversation?.state ?? this.#openThreads.get(message.threadId);
    const waits = whyItWaits(message, this.#lanes.get(message.laneId), state);
    return defined({
      id,
      direction,
      address: this.#addresses.get(message.threadId),
      customerName: conversation?.customer.name,
      authorType,
      destination: destinationOf(message),
      carries: carriedBy(content),
      seq,
      text: content.text ?? content.title ?? '',
      kind: content.type,
      files: (content.attachments ?? []).map(({ contentType }) => contentType ?? ''),
      delivery,
      receipt: message.receipt,
      reason: message.reason,
      explanation: message.explanation,
      providerCode: message.providerCode,
      possibleDuplicate,
      acceptedAt,
      submittedAt: message.submittedAt,
      conversation: conversation && showConversation(conversation),
      attempts: parts.flatMap(({ n, attempts }) => attempts.map((attempt) => ({ ...attempt, part: n }))),
      parts: parts.length,
      waits,
    });
  }
}

function showConversation(one: ConversationResource): NonNullable<BridgeMessage['conversation']> {
  return defined({
    id: one.id,
    state: one.state,
    chatGatewayId: one.chatGatewayConversationId,
    closeReason: one.closeReason,
  });
}

function isAtEnd({ delivery }: MessageResource): boolean {
  return delivery === 'submitted' || delivery === 'failed';
}

function mayChange(message: MessageResource): boolean {
  if (!isAtEnd(message)) return true;
  if (message.direction === 'inbound' || message.delivery === 'failed') return false;
  const isRecent = Date.now() - Date.parse(message.submittedAt ?? message.acceptedAt) < RECEIPT_MS;
  return isRecent && !RECEIPTS_AT_END.has(message.receipt ?? '');
}

/** Once it has grown well beyond what is kept. */
function forgetOthers(map: Map<string, unknown>, wanted: ReadonlySet<string | undefined>): void {
  if (map.size <= 2 * MAX_KEPT) return;
  for (const key of map.keys()) if (!wanted.has(key)) map.delete(key);
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the fields that are undefined, as JSON has it. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}
