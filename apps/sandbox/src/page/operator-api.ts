/** The parts of Causeway's operator API that the page reads; shapes as in its OpenAPI document. */
export interface MessageResource {
  id: string;
  threadId: string;
  laneId: string;
  conversationId?: string;
  direction: 'inbound' | 'outbound';
  authorType: string;
  seq: number;
  content: {
    type: string;
    text?: string;
    title?: string;
    attachments?: { contentType?: string }[];
    /** A hand-off's. */
    details?: {
      user?: Record<string, unknown>;
      queueId?: string;
      assignment?: { type: string; id: string };
      history?: unknown[];
    };
  };
  delivery: 'open' | 'sending' | 'uncertain' | 'submitted' | 'held' | 'failed';
  receipt?: string;
  reason?: string;
  providerCode?: string;
  /** The reason in plain words. */
  explanation?: string;
  possibleDuplicate: boolean;
  acceptedAt: string;
  submittedAt?: string;
  parts: {
    n: number;
    attempts: {
      id: string;
      /** Absent: the Chat Gateway (inbound) or Twilio (outbound). */
      destination?: 'bot';
      startedAt: string;
      endedAt?: string;
      outcome: string;
      httpStatus?: number;
      errorClass?: string;
      providerId?: string;
    }[];
  }[];
}

export interface ConversationResource {
  id: string;
  threadId: string;
  numberId: string;
  customer: { addresses: string[]; name?: string };
  state: string;
  chatGatewayConversationId?: string;
  closeReason?: string;
}

export interface LaneResource {
  id: string;
  threadId: string;
  direction: 'inbound' | 'outbound';
  blocked: boolean;
  pausedAt?: string;
  waiting: number;
  failures: number;
  notBefore?: string;
  head?: { messageId: string; seq: number; delivery: string; reason?: string };
}

export interface NumberResource {
  id: string;
  address: string;
  channel: 'sms' | 'whatsapp';
}

export interface ListResource<T> {
  items: T[];
  nextCursor?: string | null;
}

const TIMEOUT_MS = 3000;

/** Reads over HTTP, with the operator's key, what Causeway says of itself. */
export class OperatorApi {
  constructor(
    private readonly baseUrl: string,
    private readonly key: string | undefined,
  ) {}

  /** A page of a list, with the cursor of the next one. */
  async messages(query: Record<string, string>): Promise<ListResource<MessageResource>> {
    return (await this.#get<ListResource<MessageResource>>('messages', query)) ?? { items: [] };
  }

  /** Undefined: nothing has this id. */
  async message(id: string): Promise<MessageResource | undefined> {
    return this.#get<MessageResource>(`messages/${id}`, {});
  }

  async conversation(id: string): Promise<ConversationResource | undefined> {
    return this.#get<ConversationResource>(`conversations/${id}`, {});
  }

  async conversations(query: Record<string, string>): Promise<ConversationResource[]> {
    return this.#list<ConversationResource>('conversations', query);
  }

  async lanes(threadId: string): Promise<LaneResource[]> {
    return this.#list<LaneResource>('lanes', { threadId });
  }

  async numbers(): Promise<NumberResource[]> {
    return this.#list<NumberResource>('numbers', { limit: '100' });
  }

  async #list<T>(path: string, query: Record<string, string>): Promise<T[]> {
    return (await this.#get<{ items: T[] }>(path, query))?.items ?? [];
  }

  async #get<T>(path: string, query: Record<string, string>): Promise<T | undefined> {
    if (this.key === undefined)
      throw new Error('ADMIN_API_KEY is not set, so the bridge cannot be looked into.');
    const search = new URLSearchParams(query).toString();
    const response = await fetch(`${this.baseUrl}/api/v1/${path}${search === '' ? '' : `?${search}`}`, {
      headers: { authorization: `Bearer ${this.key}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new Error('The gateway does not answer.', { cause });
    });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`The gateway answers ${response.status}.`);
    }
    return (await response.json()) as T;
  }
}
