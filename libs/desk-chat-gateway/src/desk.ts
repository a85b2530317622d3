import { DeskPort, DeliveryError, MediaRefusedError } from '#core';
import type {
  CallContext,
  CardSubmission,
  ConversationChange,
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
import { ChatGatewayApi } from './api/api.js';
import type { ConversationResource } from './api/conversations.js';
import { deadline } from './api/deadline.js';
import type { ListPage, ListQuery } from './api/lists.js';
import { readMessage } from './api/messages.js';
import { fetchAttachment, type AttachmentRequest } from './attachment.js';
import { submitCard } from './cards.js';
import type { ChatGatewayClient } from './client.js';
import { asText, type JsonObject } from './json.js';
import { historyBody, userBody } from './create-body.js';
import { referenceOf } from './reference.js';
import { POST_AGENT } from './parser.js';
import { renderForAgent } from './render.js';
import { updateConversation } from './update.js';

const PAGE_SIZE = 100;
/** How much of the conversation list one look-up reads: it knows no sorting by date, so this is a bonus only. */
const MAX_PAGES = 10;
const MAX_READS = 20;
/** Messages among which a card is looked for, the newest: choices are taken for a day. */
const MAX_CARD_MESSAGES = 500;
/** Messages of one conversation that are read to count those of one content. */
const MAX_COUNTED = 2_000;
/** Answers of what has no such list, now or ever. */
const NO_LOOK_UP: ReadonlySet<number> = new Set([404, 405, 410, 501]);

/** Why the desk takes a file not, where its status says so. */
const REFUSED_FILES: Readonly<Record<number, MediaRefusalReason>> = { 413: 'too-large', 415: 'wrong-type' };

/** The 8x8 Chat Gateway as a desk. Source: the published OpenAPI document, operations on conversations. */
export class ChatGatewayDesk extends DeskPort {
  private readonly api: ChatGatewayApi;

  constructor(private readonly client: ChatGatewayClient) {
    super();
    this.api = new ChatGatewayApi(client);
  }

  override render(content: MessageContent, shownWith?: ShownWith): PartContent[] {
    return renderForAgent(content, shownWith);
  }

  override async upload(request: DeskUpload, context: CallContext): Promise<{ attachmentId: string }> {
    const { deskConversationId, authorType, file } = request;
    try {
      const { id } = await this.api.attachments.upload(deskConversationId, authorType, file, context);
      return { attachmentId: id };
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
    const { channelId, user, assignment, history = [], reference } = request;
    const conversation = {
      channelId,
      user: userBody(user, reference),
      ...(assignment && { assignment }),
      ...historyBody(history),
    };
    const deskConversationId = await this.api.conversations.create(conversation, context);
    return { deskConversationId };
  }

  /** The list may lack what it holds: only so many pages are read. Finding is certain, not finding is a hint. */
  override async findConversation(
    request: { channelId: string; reference: CreateReference; createdAfter: number },
    context: CallContext,
  ): Promise<{ deskConversationId: string } | undefined> {
    const within = deadline(context);
    const filter = { filter: `channelId==${request.channelId}` };
    const first = await this.page({ ...filter, page: 0 }, within()).catch((error: unknown) => {
      // Which fields the filter knows is documented nowhere.
      if (error instanceof DeliveryError && error.httpStatus === 400) return undefined;
      throw error;
    });
    const query = first ? filter : {};
    const page = first ?? (await this.page({ ...query, page: 0 }, within()));
    const seen = new Set<string>();
    let readsLeft = MAX_READS;
    for (const number of pageOrder(page.totalPages)) {
      const { items } = number === 0 ? page : await this.page({ ...query, page: number }, within());
      for (const { id, state, ...entry } of items) {
        if (seen.has(id)) continue;
        seen.add(id);
        let { user } = entry;
        // A list of short entries: read those that may be young.
        if (user === undefined && state !== 'idle' && readsLeft > 0) {
          readsLeft -= 1;
          user = (await this.read(id, within()))?.user;
        }
        if (isSame(referenceOf(user), request.reference)) return { deskConversationId: id };
      }
    }
    return undefined;
  }

  override async readConversation(
    deskConversationId: string,
    context: CallContext,
  ): Promise<{ state: 'created' | 'active' | 'idle' | 'gone'; queueId?: string; botHasIt?: true }> {
    const conversation = await this.read(deskConversationId, context);
    if (!conversation) return { state: 'gone' };
    const { state, assignment } = conversation;
    if (!state) throw new DeliveryError('not-sent', { code: 'garbage-answer', httpStatus: 200 });
    return {
      state,
      ...(assignment?.type === 'queue' && { queueId: assignment.id }),
      ...(assignment && POST_AGENT.has(assignment.type) && { botHasIt: true }),
    };
  }

  override updateConversation(request: ConversationChange, context: CallContext): Promise<void> {
    return updateConversation(this.api.conversations, request, context);
  }

  override listParticipants(deskConversationId: string, context: CallContext): Promise<Participant[]> {
    return this.api.conversations.participants(deskConversationId, context);
  }

  override async endConversation(deskConversationId: string, context: CallContext): Promise<void> {
    try {
      await this.api.conversations.leave(deskConversationId, context);
    } catch (error) {
      if (!(error instanceof DeliveryError && error.kind === 'gone')) throw error;
    }
  }

  override async handBack(
    { deskConversationId, webhookId, limits }: Parameters<DeskPort['handBack']>[0],
    context: CallContext,
  ): Promise<void> {
    // Our channel's webhook is told of everything anyway.
    const assignment = { webhookId, notifyChannelWebhook: false, ...limits };
    await this.api.conversations.assignPostAgent(deskConversationId, assignment, context);
  }

  override async thinking(
    { deskConversationId, seconds }: { deskConversationId: string; seconds: number },
    context: CallContext,
  ): Promise<void> {
    await this.api.conversations.thinking(deskConversationId, context, seconds);
  }

  override async readReceipt(
    request: { deskConversationId: string; readAt: number },
    context: CallContext,
  ): Promise<void> {
    const { deskConversationId, readAt } = request;
    await this.api.conversations.readReceipt(deskConversationId, 'user', readAt, context);
  }

  override submitCard(
    submission: CardSubmission,
    context: CallContext,
  ): Promise<'submitted' | 'already' | 'no-card'> {
    const within = deadline(context);
    const messages = () => this.messageEntries(submission.deskConversationId, MAX_CARD_MESSAGES, within);
    return submitCard(this.api.messages, messages, submission, within);
  }

  override async listMessages(
    deskConversationId: string,
    limit: number,
    context: CallContext,
  ): Promise<ListedMessage[]> {
    const entries = await this.messageEntries(deskConversationId, limit, deadline(context));
    const messages = entries.map(readMessage);
    return messages.sort((a, b) => b.createdAt - a.createdAt).slice(0, limit);
  }

  private async messageEntries(
    deskConversationId: string,
    limit: number,
    within: () => CallContext,
  ): Promise<JsonObject[]> {
    const size = Math.min(limit, PAGE_SIZE);
    const messages = new Map<string, JsonObject>();
    for (let page = 0; page * size < limit; page += 1) {
      const query = { sort: 'createdAt:desc', size, page };
      const read = () => this.api.messages.entries(deskConversationId, query, within());
      // Once the first page has come, the far side is there: a long list must not begin anew for each page that fails.
      const { items } = await (page === 0 ? read() : read().catch(read));
      // Pages shift when a message arrives between two of them: an id counts once.
      for (const [index, entry] of items.entries()) {
        messages.set(asText(entry['id']) ?? `${page}/${index}`, entry);
      }
      if (items.length < size) break;
    }
    return [...messages.values()];
  }

  override fetchAttachment(request: AttachmentRequest, context: CallContext): Promise<MediaStream> {
    return fetchAttachment(this.client, request, context);
  }

  override async send(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: CallContext,
  ): Promise<Sent> {
    const { text, attachmentIds, cards } = request.part;
    const message = {
      authorType: request.authorType,
      ...(text !== undefined && { text }),
      ...(attachmentIds && { attachments: attachmentIds.map((id) => ({ id })) }),
      ...(cards && { cards }),
    };
    return { httpStatus: await this.api.messages.send(request.deskConversationId, message, context) };
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

  private async read(id: string, context: CallContext): Promise<ConversationResource | undefined> {
    try {
      return await this.api.conversations.get(id, context);
    } catch (error) {
      if (error instanceof DeliveryError && error.kind === 'gone') return undefined;
      throw error;
    }
  }

  private page(query: ListQuery, context: CallContext): Promise<ListPage<ConversationResource>> {
    return this.api.conversations.page({ ...query, size: PAGE_SIZE }, context);
  }
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
