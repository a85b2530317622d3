import type { Attachment, MessageContent } from '../content.js';
import { DeliveryError } from '../delivery-error.js';
import { MediaRefusedError, type CarriedFile, type MediaRefusal, type RefusedFile } from '../media.js';
import type { Addressee } from '../ports/channel-port.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import { isPatienceOver } from './file-patience.js';
import { FileSlots } from './file-slots.js';
import type { HeadDelivery } from './head-delivery.js';
import type { ClaimedLane, LaneHead } from './lane-store.js';
import { openThrough } from './provider-gate.js';

/** The largest file that is looked at at all, bytes. */
export const MAX_FILE_BYTES = 100 * 1024 * 1024;

/** Prepares messages of agents that carry files: fetched, kept, made to fit, or left out with a word to the agent. */
export class OutboundFiles {
  private readonly slots: FileSlots;

  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {
    this.slots = new FileSlots(deps.store);
  }

  /** The head with its parts stored, where it carries files; a step where it cannot be sent now, or never. */
  async prepare(lane: ClaimedLane, head: LaneHead, to: Addressee): Promise<LaneHead | Step> {
    const files = filesOf(head.content);
    if (files.length === 0 || head.parts.length > 0) return head;
    return this.slots.hold(lane, () =>
      this.heads.keepingLease(lane, () => this.prepareFiles(lane, head, files, to)),
    );
  }

  private async prepareFiles(
    lane: ClaimedLane,
    head: LaneHead,
    files: Attachment[],
    to: Addressee,
  ): Promise<LaneHead | Step> {
    const { store, channel } = this.deps;
    const carried: CarriedFile[] = [];
    const refused: RefusedFile[] = [];
    const deskConversationId = await this.deskConversation(head);
    for (const file of files) {
      const result = await this.carry(lane, head, file, deskConversationId);
      if (typeof result === 'string') return result;
      if ('refused' in result) {
        refused.push({ ...result, ...(file.filename !== undefined && { filename: file.filename }) });
      } else carried.push(result);
    }
    const rest = withoutFiles(head.content);
    const parts = channel.attach(rest ? channel.render(rest, to) : [], carried, lane.number);
    if (!(await store.storeParts(lane.lease, head.messageId, parts, { refused }))) return 'lost';
    if (parts.length > 0) {
      return { ...head, parts: parts.map((content, index) => ({ n: index + 1, content })) };
    }
    return this.heads.fail(lane, head, new DeliveryError('failed', { code: 'media-refused' }));
  }

  private async deskConversation({ conversationId }: LaneHead): Promise<string | undefined> {
    if (conversationId === undefined) return undefined;
    return (await this.deps.store.conversationFacts(conversationId))?.deskConversationId;
  }

  /** Throws what may pass while there is patience; then the file is refused for it. */
  private async carry(
    lane: ClaimedLane,
    head: LaneHead,
    attachment: Attachment,
    deskConversationId = '',
  ): Promise<CarriedFile | MediaRefusal | Step> {
    const { desk, channel, media, options } = this.deps;
    const permit = await this.heads.enter(lane, head, 'look-up', 'desk');
    if (typeof permit === 'string') return permit;
    try {
      const file = await openThrough(permit, () =>
        desk.fetchAttachment(
          { deskConversationId, attachment, maxBytes: MAX_FILE_BYTES },
          { tenantId: lane.tenantId, timeoutMs: options.sendTimeoutMs },
        ),
      );
      return await media.keep(file, channel.mediaCapabilities(lane.number));
    } catch (error) {
      if (error instanceof MediaRefusedError) return error.refusal;
      const mayPass =
        error instanceof DeliveryError && error.kind === 'not-sent' && error.code !== 'media-store';
      if (!mayPass || !isPatienceOver(lane, head)) throw error;
      return { refused: error.code === 'attachment-not-found' ? 'not-found' : 'unreachable' };
    }
  }
}

function filesOf(content: MessageContent): Attachment[] {
  return 'attachments' in content ? (content.attachments ?? []) : [];
}

/** What the message says beside its files; undefined where that is nothing. */
function withoutFiles(content: MessageContent): MessageContent | undefined {
  if (content.type === 'card') {
    const { attachments: _, ...card } = content;
    return card;
  }
  const text = 'text' in content ? (content.text ?? '') : '';
  return text.trim() === '' ? undefined : { type: 'text', text };
}
