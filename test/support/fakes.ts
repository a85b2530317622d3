import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  BotPort,
  ChannelPort,
  DeliveryError,
  DeskPort,
  MediaKeeper,
  MediaRefusedError,
  sizeDetail,
  splitText,
  type BotEvent,
  type CarriedFile,
  type KeptFile,
  type MediaCapabilities,
  type CallContext,
  type CardSubmission,
  type ChannelCapabilities,
  type CreateConversation,
  type DeliveryErrorKind,
  type DeliveryErrorOptions,
  type DeskUpload,
  type FetchedReceipt,
  type FindSent,
  type InboundMessageReceived,
  type Interactive,
  type ListedInbound,
  type ListedMessage,
  type ListedSpan,
  type MediaStream,
  type LookUp,
  type MessageContent,
  type PartContent,
  type Participant,
  type Sent,
  type SentCandidate,
  type ShownWith,
} from '#core';

/** What a fake does with one call. Without a scripted one it accepts and answers. */
export interface Outcome {
  /** False where the call never gets as far as the far side; `throws` says so. */
  connects?: false;
  /** Whether the far side takes the call's effect; without a word it does. */
  accepts?: boolean;
  /** Thrown after that: a refusal, or an answer that never arrived. */
  throws?: unknown;
  /** Runs after the effect and before the answer: an event that overtakes it, a worker's death. */
  meanwhile?: () => Promise<void> | void;
  /** Part of the answer. */
  sent?: Partial<Sent>;
}

/** The far side refuses: no effect. */
export function refuses(kind: DeliveryErrorKind, options: Partial<DeliveryErrorOptions> = {}): Outcome {
  return { accepts: false, throws: new DeliveryError(kind, { code: `test-${kind}`, ...options }) };
}

/** The far side took it, and the answer was lost. */
export function losesAnswer(): Outcome {
  return { accepts: true, throws: new DeliveryError('uncertain', { code: 'deadline' }) };
}

/** The request was lost, and nobody can tell. */
export function losesRequest(): Outcome {
  return { accepts: false, throws: new DeliveryError('uncertain', { code: 'deadline' }) };
}

/** Outcomes in the order of the calls; what is beyond the script is accepted. */
export class Script {
  /** Calls that have reached the far side. */
  played = 0;
  private readonly outcomes: Outcome[] = [];

  next(...outcomes: Outcome[]): this {
    this.outcomes.push(...outcomes);
    return this;
  }

  always(outcome: Outcome): this {
    this.rest = outcome;
    return this;
  }

  private rest: Outcome = {};

  async play<T>(context: CallContext, effect: () => T): Promise<{ result: T | undefined; outcome: Outcome }> {
    const outcome = this.outcomes.shift() ?? this.rest;
    if (outcome.connects === false) throw outcome.throws;
    try {
      context.beforeFirstByte?.();
    } catch (cause) {
      throw new DeliveryError('not-sent', { code: 'stale-intent', cause });
    }
    this.played += 1;
    const result = outcome.accepts === false ? undefined : effect();
    await outcome.meanwhile?.();
    if (outcome.throws !== undefined) throw outcome.throws;
    return { result, outcome };
  }
}

/** Texts are cut to `partLength`; everything else is one part. */
function renderParts(content: MessageContent, partLength: number): PartContent[] {
  if (content.type === 'template') {
    const { contentSid: sid, variables } = content;
    return [{ content: { sid, ...(variables && { variables }) } }];
  }
  const text = 'text' in content ? (content.text ?? '') : content.type === 'choice' ? content.title : '';
  return text === '' ? [{}] : splitText(text, partLength).map((part) => ({ text: part }));
}

/** What the channel's provider accepted, in order. */
export interface AcceptedPart {
  to: string;
  text: string;
  content?: PartContent['content'];
  mediaUrls?: string[];
  messageId: string;
  attemptId: string;
  providerId: string;
}

/** Where the provider in memory keeps customers' files. */
export const FAKE_MEDIA_URL = 'https://api.twilio.example/';

function isOwnMedia(url: string): boolean {
  return url.startsWith(FAKE_MEDIA_URL) && new URL(url).href === url;
}

/** As a list has it: how many files there are, and nothing of them. */
function asListed(event: InboundMessageReceived): ListedInbound {
  const { content } = event;
  if (!('attachments' in content) || !content.attachments) return { event, attachments: 0 };
  const attachments = content.attachments.map(() => ({}));
  return { event: { ...event, content: { ...content, attachments } }, attachments: attachments.length };
}

/** A messaging provider in memory. */
export class FakeChannel extends ChannelPort {
  readonly capabilities: ChannelCapabilities = {
    maxTextLength: 1_600,
    replyWindowMs: {},
    receipts: true,
    typing: true,
  };
  readonly sends = new Script();
  readonly finds = new Script();
  /** Whether there is a list of what was sent. */
  lists = true;
  readonly accepted: AcceptedPart[] = [];
  private readonly acceptedAt = new Map<string, number>();
  partLength = 1_600;
  /** Whether the answer to a call says how far the message is. */
  givesReceipt = true;
  renders?: (content: MessageContent) => PartContent[];
  override cost: NonNullable<ChannelPort['cost']> = () => undefined;

  render(content: MessageContent): PartContent[] {
    if (this.renders) return this.renders(content);
    const parts = renderParts(content, this.partLength);
    // A message of nothing but files is one of words here.
    return Object.keys(parts[0] ?? {}).length === 0 ? [{ text: `[${content.type}]` }] : parts;
  }

  readonly creates = new Script();
  /** What was made beforehand; its id is `content-` and its place here. */
  readonly contents: Interactive[] = [];

  override contentDigest(interactive: Interactive): string {
    return createHash('sha256').update(JSON.stringify(interactive)).digest('hex');
  }

  override async createContent(
    { interactive }: { interactive: Interactive },
    context: CallContext,
  ): Promise<string> {
    const { result } = await this.creates.play(context, () => this.contents.push(interactive));
    return `content-${result ?? 0}`;
  }

  mediaLimits: MediaCapabilities = {
    maxPerPart: 1,
    maxBytesPerPart: 1_000,
    maxCaptionLength: 100,
    scaledImageBytes: 1_000,
    rules: [{ types: ['image/png'], maxBytes: 1_000, caption: true }],
  };

  mediaCapabilities(): MediaCapabilities {
    return this.mediaLimits;
  }

  attach(parts: PartContent[], files: CarriedFile[]): PartContent[] {
    return [
      ...parts,
      ...files.map((file) => ('media' in file ? { media: [file.media] } : { text: file.link })),
    ];
  }

  async send(request: Parameters<ChannelPort['send']>[0], context: CallContext): Promise<Sent> {
    const providerId = `SM-${request.attempt.attemptId}`;
    const { outcome } = await this.sends.play(context, () => {
      this.acceptedAt.set(providerId, Date.now());
      this.accepted.push({
        to: request.to,
        text: request.part.text ?? '',
        ...(request.part.content && { content: request.part.content }),
        ...(request.mediaUrls && { mediaUrls: request.mediaUrls }),
        messageId: request.attempt.messageId,
        attemptId: request.attempt.attemptId,
        providerId,
      });
    });
    return {
      httpStatus: 201,
      providerId,
      ...(this.givesReceipt && { receipt: 'queued' }),
      ...outcome.sent,
    };
  }

  async findSent(request: FindSent, context: CallContext): Promise<LookUp<SentCandidate[]>> {
    const { result } = await this.finds.play(context, () =>
      this.accepted.filter(
        ({ to, providerId }) => to === request.to && (this.acceptedAt.get(providerId) ?? 0) >= request.since,
      ),
    );
    if (!this.lists) return 'impossible';
    const sids = new Set(result?.map(({ providerId }) => providerId));
    if (!request.known.every((id) => sids.has(id))) {
      throw new DeliveryError('not-sent', { code: 'list-incomplete' });
    }
    return (result ?? [])
      .filter(({ text }) => text === (request.part.text ?? ''))
      .filter(({ mediaUrls = [] }) => mediaUrls.length === (request.part.media?.length ?? 0))
      .map(({ providerId }) => ({ providerId }));
  }

  readonly typings = new Script();
  /** The messages whose writers were shown that somebody types. */
  readonly typedTo: string[] = [];

  async typing(request: Parameters<ChannelPort['typing']>[0], context: CallContext): Promise<void> {
    await this.typings.play(context, () => this.typedTo.push(request.providerMessageId));
  }

  readonly spans = new Script();
  readonly received: { event: InboundMessageReceived; at: Date }[] = [];
  readonly receipts = new Map<string, FetchedReceipt>();

  async listReceived(
    request: Parameters<ChannelPort['listReceived']>[0],
    context: CallContext,
  ): Promise<ListedSpan> {
    const { number, since, until } = request;
    const { result = [] } = await this.spans.play(context, () =>
      this.received.filter(({ event, at }) => event.to === number.address && at >= since && at <= until),
    );
    return { messages: result.map(({ event }) => asListed(event)), complete: true };
  }

  readListed({ event }: ListedInbound): Promise<InboundMessageReceived> {
    const whole = this.received.find((one) => one.event.dedupeKey === event.dedupeKey);
    return Promise.resolve(whole?.event ?? event);
  }

  readonly asks = new Script();

  async fetchReceipt(
    { providerId }: { providerId: string },
    context: CallContext,
  ): Promise<FetchedReceipt | undefined> {
    const { result } = await this.asks.play(context, () => this.receipts.get(providerId));
    return result;
  }

  readonly fetches = new Script();
  readonly deletes = new Script();
  /** How old a message is before a file of it that is not there is gone. */
  mediaLateMs = 60_000;
  /** How a file's bytes come. */
  bodies: (bytes: Buffer) => Iterable<Buffer> | AsyncIterable<Buffer> = (bytes) => [bytes];
  /** What the provider keeps, by its address. */
  readonly media = new Map<string, { bytes: Buffer; contentType?: string; filename?: string }>();

  async fetchMedia(
    { url, ageMs, maxBytes }: Parameters<ChannelPort['fetchMedia']>[0],
    context: CallContext,
  ): Promise<MediaStream> {
    if (!isOwnMedia(url)) throw new MediaRefusedError({ refused: 'unsafe-address' });
    await this.fetches.play(context, () => undefined);
    const medium = this.media.get(url);
    if (!medium) {
      if (ageMs < this.mediaLateMs) throw new DeliveryError('not-sent', { code: 'media-not-ready' });
      throw new MediaRefusedError({ refused: 'not-found' });
    }
    const { bytes, contentType, filename } = medium;
    if (bytes.length > maxBytes) {
      throw new MediaRefusedError({ refused: 'too-large', detail: sizeDetail(bytes.length, maxBytes) });
    }
    return {
      body: Readable.from(this.bodies(bytes), { objectMode: false }),
      length: bytes.length,
      ...(contentType !== undefined && { contentType }),
      ...(filename !== undefined && { filename }),
    };
  }

  async deleteMedia({ url }: { url: string }, context: CallContext): Promise<void> {
    if (isOwnMedia(url)) await this.deletes.play(context, () => this.media.delete(url));
  }

  texts(to?: string): string[] {
    return this.accepted.filter((part) => to === undefined || part.to === to).map(({ text }) => text);
  }
}

/** Keeps whatever it is given, under the file's own name. */
export class FakeKeeper extends MediaKeeper {
  readonly keeps = new Script();
  readonly kept = new Map<string, Buffer>();

  async keep({ body, filename = 'file' }: MediaStream): Promise<CarriedFile> {
    const bytes = await buffer(body);
    const { result } = await this.keeps.play({ timeoutMs: 0 }, () => {
      this.kept.set(`key-${filename}`, bytes);
      return { media: { key: `key-${filename}`, contentType: 'image/png', bytes: bytes.length, filename } };
    });
    return result ?? { link: `https://links/${filename}`, filename };
  }

  async keepWhole({ body, filename = 'file' }: MediaStream): Promise<KeptFile> {
    const { length } = await buffer(body);
    await this.keeps.play({ timeoutMs: 0 }, () => undefined);
    return { key: `key-${filename}`, contentType: 'image/png', bytes: length, filename };
  }

  open({ key, contentType, filename }: KeptFile): Promise<MediaStream> {
    const bytes = this.kept.get(key);
    if (!bytes) return Promise.reject(new MediaRefusedError({ refused: 'not-found' }));
    return Promise.resolve({ body: Readable.from([bytes]), contentType, filename });
  }

  link({ key }: KeptFile): Promise<string> {
    return Promise.resolve(`https://media/${key}`);
  }
}

/** A conversation as the desk in memory holds it. */
export interface FakeConversation {
  id: string;
  request: CreateConversation;
  state: 'created' | 'active' | 'idle' | 'gone';
  createdAt: number;
  messages: (Pick<ListedMessage, 'text' | 'authorType'> &
    Partial<Pick<ListedMessage, 'id' | 'createdAt' | 'content'>> & { attachmentIds?: string[] })[];
  /** Whether our side asked for its end. */
  ended: boolean;
  participants?: Participant[];
  /** Where it waits, once the desk has said so. */
  queueId?: string;
  /** Up to when the customer has read. */
  readAt?: number;
}

let desks = 0;

/** A contact centre in memory. */
export class FakeDesk extends DeskPort {
  readonly creates = new Script();
  readonly sends = new Script();
  readonly finds = new Script();
  readonly reads = new Script();
  readonly lists = new Script();
  readonly counts = new Script();
  /** Whether messages of a conversation can be counted. */
  counting = true;
  readonly conversations: FakeConversation[] = [];
  partLength = 10_000;
  /** Whether the list shows conversations by their reference. */
  listShows = true;
  renders?: (content: MessageContent, shownWith?: ShownWith) => PartContent[];
  private readonly name = `desk-${process.pid}-${(desks += 1)}`;

  /** Agents' files by their ids. */
  readonly agentFiles = new Map<string, Buffer>();

  readonly fetches = new Script();

  async fetchAttachment(
    { deskConversationId, attachment, maxBytes }: Parameters<DeskPort['fetchAttachment']>[0],
    context: CallContext,
  ): Promise<MediaStream> {
    await this.fetches.play(context, () => undefined);
    const uploaded = this.files.find(
      ({ id, ...one }) => id === attachment.id && one.deskConversationId === deskConversationId,
    );
    const file = uploaded?.bytes ?? this.agentFiles.get(attachment.id ?? '');
    if (!file) throw new DeliveryError('not-sent', { code: 'attachment-not-found', httpStatus: 404 });
    if (file.length > maxBytes) {
      throw new MediaRefusedError({ refused: 'too-large', detail: sizeDetail(file.length, maxBytes) });
    }
    return {
      body: Readable.from([file]),
      ...(attachment.filename !== undefined && { filename: attachment.filename }),
    };
  }

  render(content: MessageContent, shownWith?: ShownWith): PartContent[] {
    return this.renders ? this.renders(content, shownWith) : renderParts(content, this.partLength);
  }

  readonly ends = new Script();
  readonly uploads = new Script();
  readonly files: { id: string; deskConversationId: string; filename: string; bytes: Buffer }[] = [];

  async upload(
    { deskConversationId, file }: DeskUpload,
    context: CallContext,
  ): Promise<{ attachmentId: string }> {
    const bytes = await buffer(file.open());
    const { result } = await this.uploads.play(context, () => {
      const id = `file-${this.files.length + 1}`;
      this.files.push({ id, deskConversationId, filename: file.filename, bytes });
      return id;
    });
    return { attachmentId: result ?? '' };
  }

  async createConversation(
    request: CreateConversation,
    context: CallContext,
  ): Promise<{ deskConversationId: string }> {
    const { result } = await this.creates.play(context, () => {
      const id = `${this.name}-${this.conversations.length + 1}`;
      this.conversations.push({
        id,
        request,
        state: 'created',
        createdAt: Date.now(),
        messages: [],
        ended: false,
      });
      return id;
    });
    return { deskConversationId: result ?? '' };
  }

  async findConversation(
    request: Parameters<DeskPort['findConversation']>[0],
    context: CallContext,
  ): Promise<{ deskConversationId: string } | undefined> {
    const { result } = await this.finds.play(context, () =>
      this.conversations.find(
        (one) =>
          one.request.channelId === request.channelId &&
          one.createdAt >= request.createdAfter &&
          one.request.reference.attemptId === request.reference.attemptId &&
          one.request.reference.conversationId === request.reference.conversationId,
      ),
    );
    return result && this.listShows ? { deskConversationId: result.id } : undefined;
  }

  async readConversation(
    deskConversationId: string,
    context: CallContext,
  ): Promise<{ state: FakeConversation['state']; queueId?: string }> {
    const { result } = await this.reads.play(context, () => this.conversation(deskConversationId));
    const { state = 'gone', queueId } = result ?? {};
    return { state, ...(queueId !== undefined && { queueId }) };
  }

  readonly updates = new Script();
  readonly updated: Parameters<DeskPort['updateConversation']>[0][] = [];
  /** Into other queues. */
  readonly moves: { deskConversationId: string; queueId: string }[] = [];

  async updateConversation(
    request: Parameters<DeskPort['updateConversation']>[0],
    context: CallContext,
  ): Promise<void> {
    const { deskConversationId, user, assignment } = request;
    await this.updates.play(context, () => {
      this.updated.push(request);
      if (assignment) this.moves.push({ deskConversationId, queueId: assignment.id });
      const conversation = this.conversation(deskConversationId);
      if (!conversation) throw new DeliveryError('gone', { code: 'conversation-gone' });
      if (user) conversation.request = { ...conversation.request, user };
      if (assignment?.type === 'queue') conversation.queueId = assignment.id;
    });
  }

  readonly rolls = new Script();

  async listParticipants(deskConversationId: string, context: CallContext): Promise<Participant[]> {
    const { result } = await this.rolls.play(
      context,
      () => this.conversation(deskConversationId)?.participants,
    );
    return result ?? [];
  }

  readonly handBacks = new Script();
  readonly handedBack: Parameters<DeskPort['handBack']>[0][] = [];

  async handBack(request: Parameters<DeskPort['handBack']>[0], context: CallContext): Promise<void> {
    await this.handBacks.play(context, () => this.handedBack.push(request));
  }

  readonly thinkings = new Script();
  readonly thoughts: Parameters<DeskPort['thinking']>[0][] = [];

  async thinking(request: Parameters<DeskPort['thinking']>[0], context: CallContext): Promise<void> {
    await this.thinkings.play(context, () => this.thoughts.push(request));
  }

  readonly receipts = new Script();
  readonly read: { deskConversationId: string; readAt: number }[] = [];

  async readReceipt(request: Parameters<DeskPort['readReceipt']>[0], context: CallContext): Promise<void> {
    const { deskConversationId, readAt } = request;
    await this.receipts.play(context, () => {
      this.read.push({ deskConversationId, readAt });
      const conversation = this.conversation(deskConversationId);
      if (conversation) conversation.readAt = Math.max(readAt, conversation.readAt ?? 0);
    });
  }

  readonly submissions = new Script();
  readonly submitted: CardSubmission[] = [];

  async submitCard(
    submission: CardSubmission,
    context: CallContext,
  ): Promise<'submitted' | 'already' | 'no-card'> {
    const isSame = ({ card }: CardSubmission) => JSON.stringify(card) === JSON.stringify(submission.card);
    const was = this.submitted.some(isSame);
    await this.submissions.play(context, () => was || this.submitted.push(submission));
    return was ? 'already' : 'submitted';
  }

  async endConversation(deskConversationId: string, context: CallContext): Promise<void> {
    await this.ends.play(context, () => {
      const conversation = this.conversation(deskConversationId);
      if (conversation) Object.assign(conversation, { ended: true, state: 'idle' });
    });
  }

  async listMessages(
    deskConversationId: string,
    limit: number,
    context: CallContext,
  ): Promise<ListedMessage[]> {
    const { result } = await this.lists.play(context, () => this.conversation(deskConversationId)?.messages);
    return (result ?? [])
      .map((message, n) => ({
        id: String(n),
        createdAt: n,
        ...message,
        attachments: (message.attachmentIds ?? []).map((id) => ({ id })),
        content: message.content ?? { type: 'text' as const, text: message.text },
      }))
      .reverse()
      .slice(0, limit);
  }

  async send(request: Parameters<DeskPort['send']>[0], context: CallContext): Promise<Sent> {
    const conversation = this.conversation(request.deskConversationId);
    const { outcome } = await this.sends.play(context, () =>
      conversation?.messages.push({
        text: request.part.text ?? '',
        authorType: request.authorType,
        ...(request.part.attachmentIds && { attachmentIds: request.part.attachmentIds }),
      }),
    );
    return { httpStatus: 202, ...outcome.sent };
  }

  async countSent(
    request: Parameters<DeskPort['countSent']>[0],
    context: CallContext,
  ): Promise<LookUp<number>> {
    const { result } = await this.counts.play(
      context,
      () =>
        this.listed(request.deskConversationId)?.filter(
          ({ text = '', authorType, attachmentIds = [] }) =>
            authorType === request.authorType &&
            text === (request.part.text ?? '') &&
            attachmentIds.join() === (request.part.attachmentIds ?? []).join(),
        ).length,
    );
    return this.counting && result !== undefined ? result : 'impossible';
  }

  /** Whether the list of messages shows those of the create's history. */
  listsHistory = false;

  private listed(id: string): { text?: string; authorType: string; attachmentIds?: string[] }[] | undefined {
    const conversation = this.conversation(id);
    const history = this.listsHistory ? conversation?.request.history : undefined;
    return conversation && [...(history ?? []), ...conversation.messages];
  }

  conversation(id: string): FakeConversation | undefined {
    return this.conversations.find((one) => one.id === id);
  }

  /** Texts of every conversation, in order of arrival per conversation. */
  texts(): string[][] {
    return this.conversations.map(({ messages }) => messages.map(({ text }) => text));
  }
}

/** A bot in memory: what it was told, by the ids that it had not seen before. */
export class FakeBot extends BotPort {
  readonly calls = new Script();
  readonly told: { url: string; event: BotEvent }[] = [];

  async deliver(request: { url: string; event: BotEvent }, context: CallContext): Promise<Sent> {
    const { outcome } = await this.calls.play(context, () => this.told.push(request));
    return { httpStatus: 200, ...outcome.sent };
  }

  /** Each event once, as a bot that keeps to the contract has it. */
  get events(): BotEvent[] {
    return [...new Map(this.told.map(({ event }) => [event.id, event])).values()];
  }

  texts(address?: string): string[] {
    return this.events
      .filter(({ customer }) => address === undefined || customer.address === address)
      .map(({ message: { content } }) => ('text' in content ? (content.text ?? '') : `(${content.type})`));
  }
}
