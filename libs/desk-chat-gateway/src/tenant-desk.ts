import { DeliveryError, DeskPort } from '#core';
import type {
  CreateConversation,
  CreateReference,
  DeskCallContext,
  DeskUpload,
  ListedMessage,
  LookUp,
  MediaStream,
  MessageContent,
  PartContent,
  Participant,
  Sent,
  ShownWith,
} from '#core';
import type { AttachmentRequest } from './attachment.js';
import type { ChatGatewayDesk } from './desk.js';
import { renderForAgent } from './render.js';

/**
 * All tenants' desks as one: each call goes out with the credentials of the tenant that its context names. For a tenant
 * that this process does not know it fails like a refused key: that tenant alone is paused, and goes on where it is known.
 */
export class TenantDesk extends DeskPort {
  constructor(private readonly desks: ReadonlyMap<string, ChatGatewayDesk>) {
    super();
  }

  override render(content: MessageContent, shownWith?: ShownWith): PartContent[] {
    return renderForAgent(content, shownWith);
  }

  override async upload(request: DeskUpload, context: DeskCallContext): Promise<{ attachmentId: string }> {
    return this.of(context).upload(request, context);
  }

  override async createConversation(
    request: CreateConversation,
    context: DeskCallContext,
  ): Promise<{ deskConversationId: string }> {
    return this.of(context).createConversation(request, context);
  }

  override async findConversation(
    request: { channelId: string; reference: CreateReference; createdAfter: number },
    context: DeskCallContext,
  ): Promise<{ deskConversationId: string } | undefined> {
    return this.of(context).findConversation(request, context);
  }

  override async readConversation(
    deskConversationId: string,
    context: DeskCallContext,
  ): ReturnType<DeskPort['readConversation']> {
    return this.of(context).readConversation(deskConversationId, context);
  }

  override async updateConversation(
    request: { deskConversationId: string; queueId: string },
    context: DeskCallContext,
  ): Promise<void> {
    return this.of(context).updateConversation(request, context);
  }

  override async listParticipants(
    deskConversationId: string,
    context: DeskCallContext,
  ): Promise<Participant[]> {
    return this.of(context).listParticipants(deskConversationId, context);
  }

  override async endConversation(deskConversationId: string, context: DeskCallContext): Promise<void> {
    return this.of(context).endConversation(deskConversationId, context);
  }

  override async readReceipt(
    request: { deskConversationId: string; readAt: number },
    context: DeskCallContext,
  ): Promise<void> {
    return this.of(context).readReceipt(request, context);
  }

  override async listMessages(
    deskConversationId: string,
    limit: number,
    context: DeskCallContext,
  ): Promise<ListedMessage[]> {
    return this.of(context).listMessages(deskConversationId, limit, context);
  }

  override async fetchAttachment(request: AttachmentRequest, context: DeskCallContext): Promise<MediaStream> {
    return this.of(context).fetchAttachment(request, context);
  }

  override async send(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: DeskCallContext,
  ): Promise<Sent> {
    return this.of(context).send(request, context);
  }

  override async countSent(
    request: { deskConversationId: string; authorType: 'user' | 'bot'; part: PartContent },
    context: DeskCallContext,
  ): Promise<LookUp<number>> {
    return this.of(context).countSent(request, context);
  }

  private of({ tenantId }: DeskCallContext): ChatGatewayDesk {
    const desk = this.desks.get(tenantId);
    if (!desk) throw new DeliveryError('credentials', { code: 'unknown-tenant' });
    return desk;
  }
}
