import type { Attachment, MessageContent, PartContent } from '../content.js';
import { DeliveryError } from '../delivery-error.js';
import { MediaRefusedError, sizeDetail } from '../media.js';
import type { CarriedMedia, KeptFile, MediaRefusal, MediaStream, StoredFile } from '../media.js';
import { readContactCards } from '../text/contact-cards.js';
import { deskFilename } from '../text/desk-filename.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import { FILE_PATIENCE_MS, isPatienceOver } from './file-patience.js';
import { FileSlots } from './file-slots.js';
import { filesOf, type HandedFile, type HandedMessage } from './handed-over.js';
import type { HeadDelivery } from './head-delivery.js';
import type { ClaimedLane, LaneHead } from './lane-store.js';
import { callThrough, isRefusal, openThrough, type ProviderCall } from './provider-gate.js';

const MEGABYTE = 1_000_000;
/** Of one medium, and of all of one message. */
const MAX_BYTES = 25 * MEGABYTE;
const MAX_MESSAGE_BYTES = 50 * MEGABYTE;
/** One medium's way from the provider to us, or from us to the desk. */
const MEDIA_TIMEOUT_MS = 60_000;

type FetchedFile = StoredFile & { filename?: string };

/** A file on its way to the desk: a customer's at the channel's provider, or one that is handed over. */
type SourceFile = { from: 'channel'; attachment: Attachment } | HandedFile;

/** A medium on its way, by its place among those of its message. */
interface Fetched {
  attachment: Attachment;
  index: number;
  file: FetchedFile;
}

/** A medium that the desk has. */
interface Uploaded {
  attachmentId: string;
  carried: { filename: string; contacts: ReturnType<typeof readContactCards> };
}

/** Makes what an agent gets of a customer's message: its media uploaded, its quote looked up. May be repeated. */
export class InboundMedia {
  private readonly slots: FileSlots;

  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {
    this.slots = new FileSlots(deps.store);
  }

  /** Throws `DeliveryError` where something cannot be had now; answers a step where the lane waits already. */
  async prepare(
    lane: ClaimedLane,
    head: LaneHead,
    deskConversationId: string,
  ): Promise<PartContent[] | Step> {
    const { store, desk } = this.deps;
    const { content } = head;
    const repliedTo = content.context?.repliedTo?.providerMessageId;
    const quoted =
      repliedTo === undefined ? undefined : ((await store.quoted(lane.threadId, repliedTo)) ?? 'unknown');

    const files = attachmentsOf(content).map((attachment) => ({ from: 'channel' as const, attachment }));
    const results = await this.carried(lane, head, { deskConversationId, authorType: 'user' }, files);
    if (typeof results === 'string') return results;
    const media = mediaOf(results);
    // A plain "yes" is one, too, and says nothing to most people.
    const optedIn = content.context?.keyword === 'start' && (await store.liftedOptOut(head.messageId));
    const [part, ...rest] = desk.render(content, {
      ...(optedIn && { optedIn }),
      ...(quoted && { quoted }),
      ...(media.length > 0 && { media }),
    });
    return part ? [{ ...part, ...uploadsOf(results, deskConversationId) }, ...rest] : rest;
  }

  /**
   * The files that a create's history has only named, message by message, as a bot posts them: each part belongs to this
   * conversation alone.
   */
  async prepareFiles(
    lane: ClaimedLane,
    head: LaneHead,
    deskConversationId: string,
    messages: HandedMessage[],
  ): Promise<PartContent[] | Step> {
    const parts: PartContent[] = [];
    for (const message of messages.filter(({ files }) => files.length > 0)) {
      const target = { deskConversationId, authorType: 'bot' as const };
      const results = await this.carried(lane, head, target, message.files);
      if (typeof results === 'string') return results;
      const [part] = this.deps.desk.render(filesOf(message), { media: mediaOf(results) });
      parts.push({ ...part, ...uploadsOf(results, deskConversationId), uploadedTo: deskConversationId });
    }
    return parts;
  }

  /** Earlier messages that no create has carried, as they were. */
  async prepareLate(
    lane: ClaimedLane,
    head: LaneHead,
    deskConversationId: string,
    messages: HandedMessage[],
  ): Promise<PartContent[] | Step> {
    const parts: PartContent[] = [];
    const authorType = head.content.type === 'handoff' ? 'bot' : 'user';
    for (const message of messages) {
      const { text, cards, files } = message;
      const results = await this.carried(lane, head, { deskConversationId, authorType }, files);
      if (typeof results === 'string') return results;
      const refused = results.some((result) => 'refused' in result);
      const [words] = refused ? this.deps.desk.render(filesOf(message), { media: mediaOf(results) }) : [];
      const lines = [text, words?.text].filter(Boolean).join('\n');
      const part = {
        ...(lines !== '' && { text: lines }),
        ...(cards && { cards }),
        ...uploadsOf(results, deskConversationId),
      };
      if (Object.keys(part).length > 0) parts.push(part);
    }
    return parts;
  }

  /** A customer's media as files of ours, which a bot can fetch. */
  async keep(lane: ClaimedLane, head: LaneHead): Promise<(KeptFile | MediaRefusal)[] | Step> {
    const files = attachmentsOf(head.content).map((attachment) => ({ from: 'channel' as const, attachment }));
    if (files.length === 0) return [];
    return this.slots.hold(lane, () =>
      this.carry(lane, head, files, async ({ attachment, index, file }) => {
        const filename = deskFilename(
          file.filename,
          nameOf(attachment, file.contentType, index),
          file.extension,
        );
        try {
          return await this.deps.media.keepWhole({ body: file.open(), filename });
        } catch (error) {
          if (error instanceof MediaRefusedError) return error.refusal;
          throw error;
        }
      }),
    );
  }

  private async carried(
    lane: ClaimedLane,
    head: LaneHead,
    target: { deskConversationId: string; authorType: 'user' | 'bot' },
    files: SourceFile[],
  ): Promise<(Uploaded | MediaRefusal)[] | Step> {
    if (files.length === 0) return [];
    return this.slots.hold(lane, async () => {
      // A desk that takes no calls now takes no files either: they are not fetched in vain.
      const permit = await this.heads.enter(lane, head, 'look-up');
      if (typeof permit === 'string') return permit;
      permit.unused();
      return this.carry(lane, head, files, (fetched) => this.upload(lane, head, target, fetched));
    });
  }

  /** What became of each attachment, in order. */
  private async carry<T extends object>(
    lane: ClaimedLane,
    head: LaneHead,
    files: SourceFile[],
    passOn: (fetched: Fetched) => Promise<T | MediaRefusal | Step>,
  ): Promise<(T | MediaRefusal)[] | Step> {
    const fetched: { attachment: Attachment; file: FetchedFile | MediaRefusal }[] = [];
    try {
      // All before the first is passed on: one that has to be waited for does not leave the others there on every try.
      let bytesLeft = MAX_MESSAGE_BYTES;
      for (const source of files) {
        const file = await this.fetch(lane, head, source, Math.min(MAX_BYTES, bytesLeft));
        if (typeof file === 'string') return file;
        fetched.push({ attachment: source.attachment, file });
        if (!('refused' in file)) bytesLeft -= file.bytes;
      }
      const results: (T | MediaRefusal)[] = [];
      for (const [index, { attachment, file }] of fetched.entries()) {
        const result = 'refused' in file ? file : await passOn({ attachment, index, file });
        if (typeof result === 'string') return result;
        results.push(result);
      }
      return results;
    } finally {
      for (const { file } of fetched) if (!('refused' in file)) await file.remove();
    }
  }

  /** The medium as a file of ours, or why it will not be carried. */
  private async fetch(
    lane: ClaimedLane,
    head: LaneHead,
    source: SourceFile,
    maxBytes: number,
  ): Promise<FetchedFile | MediaRefusal | Step> {
    const { contentType, filename } = source.attachment;
    const opened = this.opener(lane, head, source, maxBytes);
    if ('refused' in opened) return opened;
    if (maxBytes <= 0) return { refused: 'too-large', detail: sizeDetail(undefined, MAX_MESSAGE_BYTES) };
    const { gate, store } = this.deps;
    const { provider, open } = opened;
    const { tenantId, number } = lane;
    const permit = provider && (await gate.enter({ provider, kind: 'look-up', tenantId, number }));
    if (permit && isRefusal(permit)) {
      // It says nothing of the medium; only where the text would soon be too old itself, that goes alone.
      if (this.isNearlyTooOld(head)) return { refused: 'unreachable' };
      return (await store.wait(lane.lease, permit.waitMs, 'back-off')) ? 'stop' : 'lost';
    }
    try {
      const file = await this.take(permit ? () => openThrough(permit, open) : open, maxBytes, contentType);
      return 'refused' in file || file.filename !== undefined || filename === undefined
        ? file
        : { ...file, filename };
    } catch (error) {
      if (error instanceof MediaRefusedError) return error.refusal;
      if (!(error instanceof DeliveryError)) throw error;
      if (isPatienceOver(lane, head)) return { refused: 'unreachable' };
      // Refused credentials, too: the customer's words must not wait until somebody has repaired them.
      throw new DeliveryError('not-sent', {
        code: 'media-not-fetched',
        retryAfterMs: error.retryAfterMs,
        cause: error,
      });
    }
  }

  /** How it is opened, and by whose leave. */
  private opener(
    lane: ClaimedLane,
    head: LaneHead,
    source: SourceFile,
    maxBytes: number,
  ): { provider?: ProviderCall['provider']; open: () => Promise<MediaStream> } | MediaRefusal {
    const { channel, desk, media, web } = this.deps;
    const context = { tenantId: lane.tenantId, timeoutMs: MEDIA_TIMEOUT_MS };
    const { url } = source.attachment;
    if (source.from === 'store') return { open: () => media.open(source.kept) };
    if (source.from === 'desk') {
      const { deskConversationId, attachment } = source;
      const request = { deskConversationId, attachment, maxBytes };
      return { provider: 'desk', open: () => desk.fetchAttachment(request, context) };
    }
    if (url === undefined) return { refused: 'not-found' };
    if (source.from === 'web') {
      return web ? { open: () => web.open({ url, maxBytes }, context) } : { refused: 'not-taken' };
    }
    const request = { account: lane.number.account, url, ageMs: head.ageMs, maxBytes };
    return { provider: 'channel', open: () => channel.fetchMedia(request, context) };
  }

  private async take(
    open: () => Promise<MediaStream>,
    maxBytes: number,
    announced: string | undefined,
  ): Promise<FetchedFile | MediaRefusal> {
    const stream = await open();
    const file = await this.deps.files.take(stream.body, {
      maxBytes,
      announced: stream.contentType ?? announced,
    });
    if (!('refused' in file)) {
      return { ...file, ...(stream.filename !== undefined && { filename: stream.filename }) };
    }
    const isTooLarge = file.refused === 'too-large';
    return { refused: file.refused, ...(isTooLarge && { detail: sizeDetail(stream.length, maxBytes) }) };
  }

  private async upload(
    lane: ClaimedLane,
    head: LaneHead,
    target: { deskConversationId: string; authorType: 'user' | 'bot' },
    { attachment, index, file }: Fetched,
  ): Promise<Uploaded | MediaRefusal | Step> {
    try {
      const permit = await this.heads.enter(lane, head, 'look-up');
      if (typeof permit === 'string') return permit;
      const contacts = file.contentType === 'text/vcard' ? readContactCards(file.head) : [];
      const wished = contacts[0]?.name ?? file.filename;
      const filename = deskFilename(wished, nameOf(attachment, file.contentType, index), file.extension);
      const { contentType, bytes } = file;
      const request = {
        ...target,
        file: { filename, contentType, bytes, open: () => file.open() },
      };
      const { attachmentId } = await callThrough(permit, () =>
        this.deps.desk.upload(request, { tenantId: lane.tenantId, timeoutMs: MEDIA_TIMEOUT_MS }),
      );
      return { attachmentId, carried: { filename, contacts } };
    } catch (error) {
      if (error instanceof MediaRefusedError) return error.refusal;
      if (error instanceof DeliveryError && error.kind === 'not-sent' && this.isHopeless(lane, head)) {
        return { refused: 'not-taken' };
      }
      throw error;
    }
  }

  /** The desk takes everything but this, or nobody can tell and the text would soon be too old itself. */
  private isHopeless(lane: ClaimedLane, head: LaneHead): boolean {
    if (!isPatienceOver(lane, head)) return false;
    return this.heads.hasSucceededWithin('inbound', FILE_PATIENCE_MS) || this.isNearlyTooOld(head);
  }

  private isNearlyTooOld({ ageMs }: LaneHead): boolean {
    return ageMs > this.deps.options.maxAgeMs.inbound / 2;
  }
}

/** What a customer's message carries beside its text. */
export function attachmentsOf(content: MessageContent): Attachment[] {
  return content.type === 'attachments' || content.type === 'contact' ? content.attachments : [];
}

function mediaOf(results: (Uploaded | MediaRefusal)[]): CarriedMedia[] {
  return results.map((result) => ('refused' in result ? result : result.carried));
}

/** What a part says of the files that the desk has. */
function uploadsOf(results: (Uploaded | MediaRefusal)[], deskConversationId: string): Partial<PartContent> {
  const uploads = results.flatMap((result, index) => ('refused' in result ? [] : [{ ...result, index }]));
  if (uploads.length === 0) return {};
  return {
    attachmentIds: uploads.map(({ attachmentId }) => attachmentId),
    attachmentNames: uploads.map(({ carried }) => carried.filename),
    attachmentIndexes: uploads.map(({ index }) => index),
    uploadedTo: deskConversationId,
  };
}

/** Where nobody has named it. */
function nameOf({ kind }: Attachment, contentType: string, index: number): string {
  if (kind === 'sticker' && contentType.startsWith('image/')) return 'sticker';
  if (kind === 'voice' && contentType.startsWith('audio/')) return 'voice-message';
  if (contentType === 'text/vcard') return `contact-${index + 1}`;
  const words: Readonly<Record<string, string>> = { image: 'photo', video: 'video', audio: 'audio' };
  return `${words[contentType.split('/', 1)[0] ?? ''] ?? 'file'}-${index + 1}`;
}
