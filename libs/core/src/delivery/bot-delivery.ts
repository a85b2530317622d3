import type { BotPart, MessageContent, PartContent } from '../content.js';
import { DeliveryError } from '../delivery-error.js';
import type { KeptFile, MediaRefusal } from '../media.js';
import type { BotEvent, BotFile } from '../ports/bot-port.js';
import type { DeskCallContext, Sent } from '../ports/call.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import type { InboundMedia } from './inbound-media.js';
import type { ClaimedLane, LaneHead, OpenConversation } from './lane-store.js';

/** Tells the bot what a customer wrote: one part, which says only what the message itself does not. */
export class BotDelivery {
  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly media: InboundMedia,
  ) {}

  async prepare(
    lane: ClaimedLane,
    head: LaneHead,
    answer: PartContent['answer'],
    conversation?: OpenConversation,
  ): Promise<PartContent | Step> {
    const files = await this.media.keep(lane, head);
    if (typeof files === 'string') return files;
    const bot: BotPart = {
      ...(files.length > 0 && { files }),
      ...(conversation && { conversationId: conversation.id }),
    };
    return { bot, ...(answer && { answer }) };
  }

  async send(lane: ClaimedLane, head: LaneHead, part: PartContent, context: DeskCallContext): Promise<Sent> {
    const url = lane.number.settings.bot?.url;
    // Its number has lost its bot while this was under way.
    if (url === undefined) throw new DeliveryError('failed', { code: 'no-bot' });
    return this.deps.bot.deliver({ url, event: await this.eventOf(lane, head, part) }, context);
  }

  private async eventOf(lane: ClaimedLane, head: LaneHead, { bot, answer }: PartContent): Promise<BotEvent> {
    const { id, address, channel } = lane.number;
    const { customer } = lane;
    const { files = [], conversationId } = bot ?? {};
    return {
      id: head.messageId,
      type: 'message.received',
      createdAt: timeOf(head.messageId).toISOString(),
      thread: { id: lane.threadId },
      number: { id, address, channel },
      customer: {
        id: customer.id,
        address: customer.address,
        ...(customer.name !== undefined && { name: customer.name }),
        ...(customer.language !== undefined && { language: customer.language }),
      },
      message: {
        id: head.messageId,
        seq: head.seq,
        content: withoutAddresses(head.content),
        ...(files.length > 0 && { files: await Promise.all(files.map((file) => this.show(file))) }),
        ...(answer && { choice: answer }),
      },
      ...(conversationId !== undefined && { conversation: { id: conversationId, state: 'post-agent' } }),
    };
  }

  private async show(file: KeptFile | MediaRefusal): Promise<BotFile> {
    if ('refused' in file) return file;
    const { contentType, filename, bytes } = file;
    return { url: await this.deps.media.link(file), contentType, filename, bytes };
  }
}

/** The channel's own addresses of files open for nobody else. */
function withoutAddresses(content: MessageContent): MessageContent {
  if (content.type !== 'attachments' && content.type !== 'contact') return content;
  return { ...content, attachments: content.attachments.map(({ url: _, ...file }) => file) };
}

/** UUIDv7: its first 48 bits are milliseconds since 1970. */
function timeOf(id: string): Date {
  return new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16));
}
