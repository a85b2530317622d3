import type { CallContext, DeskUpload, MediaStream } from '#core';
import { fetchAttachment } from '../attachment.js';
import type { ChatGatewayClient } from '../client.js';
import { asObject, asText } from '../json.js';
import type { JsonObject } from '../json.js';
import { multipartForm } from '../multipart.js';
import type { ExternalAuthor } from './conversations.js';
import { listAll, listPage } from './lists.js';
import type { ListPage, ListQuery } from './lists.js';

export interface AttachmentResource {
  id: string;
  filename?: string;
  sizeInBytes?: number;
  /** ISO 8601. */
  createdAt?: string;
}

/** Files of conversations: put there before a message names them. Every call throws `DeliveryError`. */
export class AttachmentsApi {
  constructor(private readonly client: ChatGatewayClient) {}

  async upload(
    conversationId: string,
    authorType: ExternalAuthor,
    file: DeskUpload['file'],
    context: CallContext,
  ): Promise<AttachmentResource> {
    const form = multipartForm({ authorType }, { name: 'attachment', ...file });
    const path = at(conversationId);
    const answer = await this.client.call({ operation: 'upload', method: 'POST', path, form }, context);
    const attachment = readAttachment(asObject(answer.json));
    if (!attachment) throw this.client.garbage('upload', answer);
    return attachment;
  }

  page(
    conversationId: string,
    query: ListQuery,
    context: CallContext,
  ): Promise<ListPage<AttachmentResource>> {
    return listPage(this.client, at(conversationId), 'attachments', readAttachment, query, context);
  }

  all(conversationId: string, context: CallContext): Promise<AttachmentResource[]> {
    return listAll((query, within) => this.page(conversationId, query, within), {}, context);
  }

  /** Rejects with `gone` where there is none with this id. */
  async get(conversationId: string, attachmentId: string, context: CallContext): Promise<AttachmentResource> {
    const path = at(conversationId, attachmentId);
    const answer = await this.client.call({ operation: 'read', method: 'GET', path }, context);
    const attachment = readAttachment(asObject(answer.json));
    if (!attachment) throw this.client.garbage('read', answer);
    return attachment;
  }

  /** Throws `MediaRefusedError` where it is larger than `maxBytes`; the stream breaks off with either. */
  download(
    conversationId: string,
    attachmentId: string,
    maxBytes: number,
    context: CallContext,
  ): Promise<MediaStream> {
    const attachment = { id: attachmentId };
    return fetchAttachment(
      this.client,
      { deskConversationId: conversationId, attachment, maxBytes },
      context,
    );
  }
}

function at(conversationId: string, ...rest: string[]): string[] {
  return ['conversations', conversationId, 'attachments', ...rest];
}

function readAttachment(entry: JsonObject): AttachmentResource | undefined {
  const id = asText(entry['id']);
  if (id === undefined) return undefined;
  const { filename, sizeInBytes, createdAt } = entry;
  return {
    id,
    ...(typeof filename === 'string' && { filename }),
    ...(typeof sizeInBytes === 'number' && { sizeInBytes }),
    ...(typeof createdAt === 'string' && { createdAt }),
  };
}
