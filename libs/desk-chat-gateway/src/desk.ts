import { DeskPort, DeliveryError, MediaRefusedError } from '#core';
import type {
  CallContext,
  CreateConversation,
  CreateReference,
  DeskUpload,
  ListedMessage,
  LookUp,
  MediaStream,
  MediaRefusalReason,
  MessageContent,
  PartContent,
  Participant,
  Sent,
  ShownWith,
} from '#core';
import { fetchAttachment, type AttachmentRequest } from './attachment.js';
import type { ChatGatewayClient } from './client.js';
import { asArray, asObject, asText } from './json.js';
import type { JsonObject } from './json.js';
import { messageContent, readAttachments } from './message-content.js';
import { multipartForm } from './multipart.js';
import { referenceOf, referenceProperty } from './reference.js';
import { renderForAgent } from './render.js';

const PAGE_SIZE = 100;
/** How much of the conversation list one look-up reads: it knows no sorting by date, so this is a bonus only. */
const MAX_PAGES = 10;
const MAX_READS = 20;
/** Messages of one conversation that are read to count those of one content. */
const MAX_COUNTED = 2_000;
/** Answers of what has no such list, now or ever. */
const NO_LOOK_UP: ReadonlySet<number> = new Set([404, 405, 410, 501]);
/** The far side takes no more history than this. */
const MAX_HISTORY = 200;

/** Why the desk takes a file not, where its status says so. */
const REFUSED_FILES: Readonly<Record<number, MediaRefusalReason>> = { 413: 'too-large', 415: 'wrong-type' };

const STATES = ['created', 'active', 'idle'] as const;
const AUTHORS = ['agent', 'user', 'bot'] as const;

/** The 8x8 Chat Gateway as a desk. Source: the published OpenAPI document, operations on conversations. */
export class ChatGatewayDesk extends DeskPort {
  constructor(private readonly client: ChatGatewayClient) {
    super();
  }

  override render(content: MessageContent, shownWith?: ShownWith): PartContent[] {
    return renderForAgent(content, shownWith);
  }

  override async upload(request: DeskUpload, context: CallContext): Promise<{ attachmentId: string }> {
    const { deskConversationId, authorType, file } = request;
    const path = ['conversations', deskConversationId, 'attachments'];
    const form = multipartForm({ authorType }, { name: 'attachment', ...file });
    try {
      const answer = await this.client.call({ operation: 'upload', method: 'POST', path, form }, context);
      const attachmentId = asText(asObject(answer.json)['id']);
      if (attachmentId === undefined) throw this.client.garbage('upload', answer);
      return { attachmentId };
    } catch (error) {
      const refused = error instanceof DeliveryError && error.kind === 'failed' ? error : undefined;
      if (!refused) throw error;
      throw new MediaRefusedError({ refused: REFUSED_FILES[refused.httpStatus ?? 0] ?? 'not-taken' });
    }
  }

  override async createConversation(
    request: CreateConversation,
    context: CallContext,
  ): Promise<{ deskConversationId: string }> {
    const { channelId, user, queueId, history = [], reference } = request;
    const body = {
      channelId,
      user: { ...user, additionalProperties: [referenceProperty(reference)] },
      ...(queueId !== undefined && { assignment: { type: 'queue', id: queueId } }),
      ...(history.length > 0 && { history: { messages: history.slice(-MAX_HISTORY) } }),
    };
    const answer = await this.client.call(
      { operation: 'create', method: 'POST', path: ['conversations'], body },
      context,
    );
    const deskConversationId = asText(asObject(answer.json)['conversationId']);
    // It was taken, but under which id? Only its reference can tell.
    if (deskConversationId === undefined) throw this.client.garbage('create', answer);
    return { deskConversationId };
  }

  /** The list may lack what it holds: only so many pages are read. Finding is certain, not finding is a hint. */
  override async findConversation(
    request: { channelId: string; reference: CreateReference; createdAfter: number },
    context: CallContext,
  ): Promise<{ deskConversationId: string } | undefined> {
    const within = deadline(context);
    const filter = { filter: `channelId==${request.channelId}` };
    const first = await this.listPage(0, filter, within()).catch((error: unknown) => {
      // Which fields the filter knows is documented nowhere.
      if (error instanceof DeliveryError && error.httpStatus === 400) return undefined;
      throw error;
    });
    const query: Record<string, string> = first ? filter : {};
    const page = first ?? (await this.listPage(0, query, within()));
    const seen = new Set<string>();
    let readsLeft = MAX_READS;
    for (const number of pageOrder(page.totalPages)) {
      const { entries } = number === 0 ? page : await this.listPage(number, query, within());
      for (const entry of entries) {
        const id = asText(entry['id']);
        if (id === undefined || seen.has(id)) continue;
        seen.add(id);
        let user = entry['user'];
        // A list of short entries: read those that may be young.
        if (user === undefined && entry['state'] !== 'idle' && readsLeft > 0) {
          readsLeft -= 1;
          user = (await this.read(id, within()))?.['user'];
        }
        if (isSame(referenceOf(user), request.reference)) return { deskConversationId: id };
      }
    }
    return undefined;
  }

  override async readConversation(
    deskConversationId: string,
    context: CallContext,
  ): Promise<{ state: 'created' | 'active' | 'idle' | 'gone'; queueId?: string }> {
    const conversation = await this.read(deskConversationId, context);
    if (!conversation) return { state: 'gone' };
    const state = STATES.find((known) => known === conversation['state']);
    if (!state) throw new DeliveryError('not-sent', { code: 'garbage-answer', httpStatus: 200 });
    const { type, id } = asObject(conversation['assignment']);
    const queueId = type === 'queue' ? asText(id) : undefined;
    return { state, ...(queueId !== undefined && { queueId }) };
  }

  override async updateConversation(
    request: { deskConversationId: string; queueId: string },
    context: CallContext,
  ): Promise<void> {
    const { deskConversationId, queueId } = request;
    const path = ['conversations', deskConversationId];
    const body = { assignment: { type: 'queue', id: queueId } };
    await this.client.call({ operation: 'end', method: 'PATCH', path, body }, context);
  }

  override async listParticipants(deskConversationId: string, context: CallContext): Promise<Participant[]> {
    const within = deadline(context);
    const path = ['conversations', deskConversationId, 'participants'];
    // The published document gives this list no parameters: it comes whole.
    const answer = await this.client.call({ operation: 'read', method: 'GET', path }, within());
    return this.embedded(answer, 'participants').flatMap((entry) => {
      const id = asText(entry['id']);
      const type = authorOf(entry['type']);
      return id === undefined ? [] : [{ id, type, present: entry['removed'] !== true }];
    });
  }

  override async endConversation(deskConversationId: string, context: CallContext): Promise<void> {
    const path = ['conversations', deskConversationId, 'participants', 'user'];
    try {
      await this.client.call({ operation: 'end', method: 'PATCH', path, body: { removed: true } }, context);
    } catch (error) {
      if (!(error instanceof DeliveryError && error.kind === 'gone')) throw error;
    }
  }

  override async readReceipt(
    request: { deskConversationId: string; readAt: number },
    context: CallContext,
  ): Promise<void> {
    const path = ['conversations', request.deskConversationId, 'read-receipt'];
    const body = { authorType: 'user', readAt: request.readAt };
    await this.client.call({ operation: 'signal', method: 'POST', path, body }, context);
  }

  override async listMessages(
    deskConversationId: string,
    limit: number,
    context: CallContext,
  ): Promise<ListedMessage[]> {
    const within = deadline(context);
    const path = ['conversations', deskConversationId, 'messages'];
    const size = Math.min(limit, PAGE_SIZE);
    const messages = new Map<string, ListedMessage>();
    for (let page = 0; page * size < limit; page += 1) {
      const query = { sort: 'createdAt:desc', size: String(size), page: String(page) };
      const read = () =>
        this.client
          .call({ operation: 'read', method: 'GET', path, query }, within())
          .then((answer) => this.embedded(answer, 'messages'));
      // Once the first page has come, the far side is there: a long list must not begin anew for each page that fails.
      const entries = await (page === 0 ? read() : read().catch(read));
      // Pages shift when a message arrives between two of them: an id counts once.
      for (const [index, entry] of entries.entries()) {
        messages.set(asText(entry['id']) ?? `${page}/${index}`, readMessage(entry));
      }
      if (entries.length < size) break;
    }
    return [...messages.values()].sort((a, b) => b.createdAt - a.createdAt).slice(0, limit);
  }

  override fetchAttachment(request: AttachmentRequest, context: CallContext): Promise<MediaStream> {
    return fetchAttachment(this.client, request, context);
  }

  override async send(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: CallContext,
  ): Promise<Sent> {
    const { text, attachmentIds, cards } = request.part;
    const body = {
      authorType: request.authorType,
      ...(text !== undefined && { text }),
      ...(attachmentIds && { attachments: attachmentIds.map((id) => ({ id })) }),
      ...(cards && { cards }),
    };
    const path = ['conversations', request.deskConversationId, 'messages'];
    // 202 without a body: the far side names no message id.
    const { status } = await this.client.call({ operation: 'message', method: 'POST', path, body }, context);
    return { httpStatus: status };
  }

  /** Reads the whole conversation: one page more than it may have is no answer. */
  override async countSent(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: CallContext,
  ): Promise<LookUp<number>> {
    const { deskConversationId, authorType, part } = request;
    let messages: ListedMessage[];
    try {
      messages = await this.listMessages(deskConversationId, MAX_COUNTED, context);
    } catch (error) {
      if (error instanceof DeliveryError && NO_LOOK_UP.has(error.httpStatus ?? 0)) return 'impossible';
      throw error;
    }
    if (messages.length >= MAX_COUNTED) return 'impossible';
    const same = messages.filter((message) => isSameContent(message, part));
    // Who wrote a message decides whether it can be ours.
    if (same.some((message) => message.authorType === 'unknown')) return 'impossible';
    return same.filter((message) => message.authorType === authorType).length;
  }

  private async read(id: string, context: CallContext): Promise<JsonObject | undefined> {
    try {
      const path = ['conversations', id];
      const { json } = await this.client.call({ operation: 'read', method: 'GET', path }, context);
      return asObject(json);
    } catch (error) {
      if (error instanceof DeliveryError && error.kind === 'gone') return undefined;
      throw error;
    }
  }

  private async listPage(
    page: number,
    query: Record<string, string>,
    context: CallContext,
  ): Promise<{ entries: JsonObject[]; totalPages: number }> {
    const answer = await this.client.call(
      {
        operation: 'read',
        method: 'GET',
        path: ['conversations'],
        query: { ...query, size: String(PAGE_SIZE), page: String(page) },
      },
      context,
    );
    const totalPages = asObject(asObject(answer.json)['page'])['totalPages'];
    return {
      entries: this.embedded(answer, 'conversations'),
      totalPages: typeof totalPages === 'number' && Number.isSafeInteger(totalPages) ? totalPages : 1,
    };
  }

  /** The entries of a list; an empty one may lack `_embedded`. Throws when the answer is no list at all. */
  private embedded(
    answer: { status: number; headers: Record<string, string>; json: unknown },
    name: string,
  ): JsonObject[] {
    const list = asObject(answer.json);
    if (!('_embedded' in list || 'page' in list)) throw this.client.garbage('read', answer);
    return asArray(asObject(list['_embedded'])[name]).map(asObject);
  }
}

/** Hands out what is left of one deadline to each of several calls. */
function deadline(context: CallContext): () => CallContext {
  const endsAt = performance.now() + context.timeoutMs;
  return () => {
    const timeoutMs = Math.floor(endsAt - performance.now());
    if (timeoutMs <= 0) throw new DeliveryError('not-sent', { code: 'deadline' });
    return { ...context, timeoutMs };
  };
}

/** The first page, then from the last one backwards: where ids grow with time, the newest stand last. */
function pageOrder(totalPages: number): number[] {
  const more = Math.max(0, Math.min(MAX_PAGES, totalPages) - 1);
  const rest = Array.from({ length: more }, (_, i) => totalPages - 1 - i);
  return [0, ...rest];
}

function isSame(a: CreateReference | undefined, b: CreateReference): boolean {
  return a?.conversationId === b.conversationId && a.attemptId === b.attemptId;
}

/** Verbatim: an equal text is the only sign that a message is ours. */
function isSameContent(message: ListedMessage, { text = '', attachmentIds = [] }: PartContent): boolean {
  const ids = message.attachments.map(({ id }) => id);
  return (
    message.text === text &&
    ids.length === attachmentIds.length &&
    attachmentIds.every((id) => ids.includes(id))
  );
}

function readMessage(entry: JsonObject): ListedMessage {
  const author = asObject(entry['author']);
  const createdAt = Date.parse(asText(entry['createdAt']) ?? '');
  const authorId = asText(author['id']);
  const content = messageContent(entry);
  return {
    id: asText(entry['id']) ?? '',
    text: asText(entry['text']) ?? '',
    createdAt: Number.isNaN(createdAt) ? 0 : createdAt,
    authorType: authorOf(author['type']),
    ...(authorId !== undefined && { authorId }),
    attachments: readAttachments(entry['attachments']),
    ...(content && { content }),
  };
}

function authorOf(type: unknown): Participant['type'] {
  return AUTHORS.find((known) => known === type) ?? 'unknown';
}
