import type { Attachment, MessageContent, PartContent } from '../content.js';
import { DeliveryError } from '../delivery-error.js';
import { MediaRefusedError, sizeDetail } from '../media.js';
import type { CarriedMedia, MediaRefusal, StoredFile } from '../media.js';
import { readContactCards } from '../text/contact-cards.js';
import { deskFilename } from '../text/desk-filename.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import { FILE_PATIENCE_MS, isPatienceOver } from './file-patience.js';
import { FileSlots } from './file-slots.js';
import type { HeadDelivery } from './head-delivery.js';
import type { ClaimedLane, LaneHead } from './lane-store.js';
import { callThrough, isRefusal, openThrough, type Permit } from './provider-gate.js';

const MEGABYTE = 1_000_000;
/** Of one medium, and of all of one message. */
const MAX_BYTES = 25 * MEGABYTE;
const MAX_MESSAGE_BYTES = 50 * MEGABYTE;
/** One medium's way from the provider to us, or from us to the desk. */
const MEDIA_TIMEOUT_MS = 60_000;

type FetchedFile = StoredFile & { filename?: string };

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

    const attachments = attachmentsOf(content);
    const carry = () => this.carry(lane, head, deskConversationId, attachments);
    const results = attachments.length > 0 ? await this.slots.hold(lane, carry) : [];
    if (typeof results === 'string') return results;
    const media = results.map((result): CarriedMedia => ('refused' in result ? result : result.carried));
    // A plain "yes" is one, too, and says nothing to most people.
    const optedIn = content.context?.keyword === 'start' && (await store.liftedOptOut(head.messageId));
    const [part, ...rest] = desk.render(content, {
      ...(optedIn && { optedIn }),
      ...(quoted && { quoted }),
      ...(media.length > 0 && { media }),
    });
    const uploads = results.flatMap((result, index) => ('refused' in result ? [] : [{ ...result, index }]));
    if (!part || uploads.length === 0) return part ? [part, ...rest] : rest;
    const carrying: PartContent = {
      ...part,
      attachmentIds: uploads.map(({ attachmentId }) => attachmentId),
      attachmentNames: uploads.map(({ carried }) => carried.filename),
      attachmentIndexes: uploads.map(({ index }) => index),
      uploadedTo: deskConversationId,
    };
    return [carrying, ...rest];
  }

  /** What became of each attachment, in order. */
  private async carry(
    lane: ClaimedLane,
    head: LaneHead,
    deskConversationId: string,
    attachments: Attachment[],
  ): Promise<(Uploaded | MediaRefusal)[] | Step> {
    // A desk that takes no calls now takes no files either: they are not fetched in vain.
    const permit = await this.heads.enter(lane, head, 'look-up');
    if (typeof permit === 'string') return permit;
    permit.unused();
    const fetched: { attachment: Attachment; file: FetchedFile | MediaRefusal }[] = [];
    try {
      // All before the first upload: one that has to be waited for does not leave the others at the desk on every try.
      let bytesLeft = MAX_MESSAGE_BYTES;
      for (const attachment of attachments) {
        const file = await this.fetch(lane, head, attachment, Math.min(MAX_BYTES, bytesLeft));
        if (typeof file === 'string') return file;
        fetched.push({ attachment, file });
        if (!('refused' in file)) bytesLeft -= file.bytes;
      }
      const results: (Uploaded | MediaRefusal)[] = [];
      for (const [index, { attachment, file }] of fetched.entries()) {
        const result =
          'refused' in file
            ? file
            : await this.upload(lane, head, deskConversationId, { attachment, index, file });
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
    { url, contentType, filename }: Attachment,
    maxBytes: number,
  ): Promise<FetchedFile | MediaRefusal | Step> {
    if (url === undefined) return { refused: 'not-found' };
    if (maxBytes <= 0) return { refused: 'too-large', detail: sizeDetail(undefined, MAX_MESSAGE_BYTES) };
    const { gate, store } = this.deps;
    const call = {
      provider: 'channel',
      kind: 'look-up',
      tenantId: lane.tenantId,
      number: lane.number,
    } as const;
    const permit = await gate.enter(call);
    if (isRefusal(permit)) {
      // It says nothing of the medium; only where the text would soon be too old itself, that goes alone.
      if (this.isNearlyTooOld(head)) return { refused: 'unreachable' };
      return (await store.wait(lane.lease, permit.waitMs, 'back-off')) ? 'stop' : 'lost';
    }
    try {
      const request = { account: lane.number.account, url, ageMs: head.ageMs, maxBytes };
      const file = await this.take(permit, request, contentType);
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

  private async take(
    permit: Permit,
    request: { account: string; url: string; ageMs: number; maxBytes: number },
    announced: string | undefined,
  ): Promise<FetchedFile | MediaRefusal> {
    const { maxBytes } = request;
    const stream = await openThrough(permit, () =>
      this.deps.channel.fetchMedia(request, { timeoutMs: MEDIA_TIMEOUT_MS }),
    );
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
    deskConversationId: string,
    { attachment, index, file }: { attachment: Attachment; index: number; file: FetchedFile },
  ): Promise<Uploaded | MediaRefusal | Step> {
    try {
      const permit = await this.heads.enter(lane, head, 'look-up');
      if (typeof permit === 'string') return permit;
      const contacts = file.contentType === 'text/vcard' ? readContactCards(file.head) : [];
      const wished = contacts[0]?.name ?? file.filename;
      const filename = deskFilename(wished, nameOf(attachment, file.contentType, index), file.extension);
      const { contentType, bytes } = file;
      const request = {
        deskConversationId,
        authorType: 'user' as const,
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

/** Where nobody has named it. */
function nameOf({ kind }: Attachment, contentType: string, index: number): string {
  if (kind === 'sticker' && contentType.startsWith('image/')) return 'sticker';
  if (kind === 'voice' && contentType.startsWith('audio/')) return 'voice-message';
  if (contentType === 'text/vcard') return `contact-${index + 1}`;
  const words: Readonly<Record<string, string>> = { image: 'photo', video: 'video', audio: 'audio' };
  return `${words[contentType.split('/', 1)[0] ?? ''] ?? 'file'}-${index + 1}`;
}
