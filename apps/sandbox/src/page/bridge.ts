import type {
  ConversationResource,
  LaneResource,
  MessageResource,
  NumberResource,
  OperatorApi,
} from './operator-api.js';
import type { BridgeMessage, BridgeState } from './state.js';
import { whyItWaits } from './why-it-waits.js';

const MAX_SHOWN = 100;
const MAX_KEPT = 2000;
/** Messages beyond the newest page that are looked up one by one in a turn. */
const MAX_SINGLE = 25;
/** Lanes are asked for by thread; so many in a turn. */
const MAX_LANE_READS = 10;
const PAGE = '100';
const RECEIPTS_AT_END = new Set(['delivered', 'read', 'undelivered', 'failed']);

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

  constructor(private readonly api: OperatorApi) {}

  get state(): BridgeState {
    const shown = this.#shown;
    return {
      ...(this.#trouble !== undefined && { trouble: this.#trouble }),
      waiting: shown.filter(({ waits }) => waits !== undefined).length,
      messages: shown.slice(0, MAX_SHOWN),
    };
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
    if (this.#numbers.size === 0) {
      this.#numbers = new Map((await this.api.numbers()).map((number) => [number.id, number]));
    }
    // Where it starts with old data, what still waits may be older than the newest page.
    const first = this.#messages.size === 0;
    const [newest, waiting, conversations] = await Promise.all([
      this.api.messages({ limit: PAGE }),
      first ? this.api.messages({ delivery: 'open', limit: PAGE }) : [],
      this.api.conversations({ limit: PAGE }),
    ]);
    for (const one of conversations) this.#keepConversation(one);
    for (const message of [...waiting, ...newest.toReversed()]) this.#messages.set(message.id, message);
    await this.#readAgain(new Set(newest.map(({ id }) => id)));
    await this.#learn(phones);
    await this.#readLanes();
    this.#forgetOldest();
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

  /** A thread without a conversation has no name yet: its customer is one of these. */
  async #learn(phones: readonly string[]): Promise<void> {
    const isUnknown = [...this.#messages.values()].some(
      ({ threadId, direction }) => direction === 'inbound' && !this.#addresses.has(threadId),
    );
    if (!isUnknown) return;
    await Promise.all(
      phones.map(async (address) => {
        for (const message of await this.api.messages({ address, limit: '20' })) {
          if (!this.#addresses.has(message.threadId)) this.#addresses.set(message.threadId, address);
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
  }

  #show(): BridgeMessage[] {
    return [...this.#messages.values()]
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .map((message) => this.#showMessage(message));
  }

  #showMessage(message: MessageResource): BridgeMessage {
    const { id, direction, authorType, seq, content, delivery, possibleDuplicate, acceptedAt, parts } =
      message;
    const conversation =
      message.conversationId === undefined ? undefined : this.#conversations.get(message.conversationId);
    const waits = whyItWaits(message, this.#lanes.get(message.laneId), conversation?.state);
    return defined({
      id,
      direction,
      address: this.#addresses.get(message.threadId),
      customerName: conversation?.customer.name,
      authorType,
      seq,
      text: content.text ?? `(${content.type})`,
      delivery,
      receipt: message.receipt,
      reason: message.reason,
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
  const awaitsReceipt = message.direction === 'outbound' && message.delivery === 'submitted';
  return awaitsReceipt && !RECEIPTS_AT_END.has(message.receipt ?? '');
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the fields that are undefined, as JSON has it. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}
