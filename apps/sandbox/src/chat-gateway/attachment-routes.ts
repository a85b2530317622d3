import { type Answer, type Call, fileAnswer } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import { partsOf } from '../common/uploads.js';
import { type Attachment, attachmentResource, type Attachments, PRE_SIGNED_PATH } from './attachments.js';
import type { Conversation } from './conversation.js';
import type { WithConversation } from './conversation-routes.js';
import type { Desk } from './desk.js';
import { halList, halResource } from './lists.js';
import { generalError, notFound } from './problems.js';

export interface AttachmentSettings {
  /** Of one file; a larger one is refused with 413. */
  attachmentMaxBytes: number;
  /** So many uploads are answered 500, and nothing is kept. */
  attachmentFailures: number;
  /** How long a link of a message lives. */
  preSignedUrlLifeMs: number;
}

interface AttachmentContext {
  desk: Desk;
  attachments: Attachments;
  settings: () => AttachmentSettings;
  /** Keeps the count of failures that are left. */
  useUpFailure: () => boolean;
}

const BASE = '/chat-gateway/v1/conversations/:conversationId/attachments';
const RULES = {
  sortFields: ['id', 'createdAt'],
  defaultSort: 'id:asc',
  filterFields: ['id', 'filename'],
  plural: 'attachments',
};

/** Files of a conversation: put there before a message names them, read by id, or fetched by a pre-signed link. */
export function registerAttachmentRoutes(
  server: SimulatorServer,
  context: AttachmentContext,
  found: WithConversation,
): void {
  const { attachments } = context;
  /** Runs the handler with the attachment of the path, which has to be of the conversation of the path. */
  const named = (handle: (attachment: Attachment) => Answer): ((call: Call) => Answer | Promise<Answer>) =>
    found((call, conversation) => {
      const id = call.params['attachmentId'] ?? '';
      const attachment = attachments.get(id);
      return attachment?.conversationId === conversation.id ? handle(attachment) : notFound('Attachment', id);
    });

  server.operation(
    'attachments.create',
    'POST',
    BASE,
    found(async (call, conversation) => upload(call, conversation, context)),
  );
  server.operation(
    'attachments.list',
    'GET',
    BASE,
    found((call, conversation) =>
      halList(call, attachments.of(conversation.id).map(attachmentResource), RULES),
    ),
  );
  server.operation(
    'attachments.get',
    'GET',
    `${BASE}/:attachmentId`,
    named((attachment) => halResource(200, attachmentResource(attachment))),
  );
  server.operation(
    'attachments.content',
    'GET',
    `${BASE}/:attachmentId/content`,
    named(({ fileName, bytes }) => fileAnswer('application/octet-stream', fileName, bytes)),
  );
  server.operation('attachments.pre-signed', 'GET', `${PRE_SIGNED_PATH}/:attachmentId`, (call) => {
    const attachment = attachments.byLink(call.params['attachmentId'] ?? '', call.query);
    if (attachment === undefined)
      return generalError(403, 'access_denied', 'The link is not valid any more.');
    return fileAnswer(attachment.contentType, attachment.fileName, attachment.bytes);
  });
}

async function upload(call: Call, conversation: Conversation, context: AttachmentContext): Promise<Answer> {
  const { desk, attachments, settings, useUpFailure } = context;
  if (call.upload === undefined) {
    return generalError(400, 'invalid_parameter', 'The body is not multipart/form-data.');
  }
  const tooLarge = (): Answer =>
    generalError(413, 'attachment_too_large', `At most ${settings().attachmentMaxBytes} bytes.`);
  if (call.upload === 'too-large') return tooLarge();
  const parts = await partsOf(call.upload);
  const file = parts?.get('attachment');
  if (!(file instanceof File)) return generalError(400, 'invalid_parameter', 'attachment must be a file.');
  const authorType = parts?.get('authorType') ?? 'user';
  if (authorType !== 'user' && authorType !== 'bot') {
    return generalError(400, 'invalid_parameter', 'Invalid authorType, has to be one of user, bot');
  }
  if (file.size > settings().attachmentMaxBytes) return tooLarge();
  if (useUpFailure()) return generalError(500, 'internal_error', 'The attachment could not be stored.');
  const attachment = attachments.add(conversation.id, {
    fileName: file.name,
    contentType: file.type === '' ? 'application/octet-stream' : file.type,
    bytes: Buffer.from(await file.arrayBuffer()),
  });
  desk.noteAttachment(conversation, attachment, authorType);
  return halResource(200, attachmentResource(attachment));
}
