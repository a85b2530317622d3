import { isRecord } from '../common/http.js';
import type { RenderedContent } from '../twilio/content.js';
import type { Medium, MediaStore } from '../twilio/media.js';
import type { StoredMessage } from '../twilio/messages.js';
import { fileView, type StoredFile } from './files.js';
import type { ChoiceOption, Choices, FileView, PhoneMessage } from './state.js';
import type { OptOutReply } from './twilio-log.js';

/** A message as the phone shows it; what the webhook answered is for the caller to know. */
export function showMessage(
  message: StoredMessage,
  media: MediaStore,
  answered: PhoneMessage['status'],
): PhoneMessage {
  const { sid, direction, beside = {}, content, errorCode } = message;
  const inbound = direction === 'inbound';
  const choices = content && choicesOf(content);
  const { location, contact, repliedTo, forwarded } = beside;
  return {
    id: sid,
    author: inbound ? 'customer' : 'business',
    number: (inbound ? message.to : message.from) ?? '',
    text: message.body,
    at: new Date(message.createdAtMs).toISOString(),
    status: inbound ? answered : statusOf(message),
    ...(errorCode !== null && { errorCode }),
    files: filesOf(message, media),
    ...(location && { location }),
    ...(contact && { contact }),
    ...(repliedTo !== undefined && { repliedTo }),
    ...(forwarded !== undefined && { forwarded: true }),
    ...(choices && { choices }),
  };
}

/** Twilio's own words, as a text from the business number. */
export function showReply({ sid, from, body, at }: OptOutReply): PhoneMessage {
  return { id: sid, author: 'business', number: from, text: body, at, status: 'delivered', files: [] };
}

/** The address of the customer whose phone has the message. */
export function customerOf({ direction, from, to }: StoredMessage): string {
  return direction === 'inbound' ? (from ?? '') : to;
}

export function fileOf({ sid, contentType, fileName, bytes }: Medium): StoredFile {
  return { contentType, fileName: fileName ?? sid, bytes };
}

/** A contact has a place of its own. */
function filesOf(message: StoredMessage, media: MediaStore): FileView[] {
  const sids = message.media.map(({ uri }) => uri.split('/').at(-1) ?? '');
  const phone = encodeURIComponent(customerOf(message));
  return sids.flatMap((sid) => {
    const medium = media.get(sid);
    if (medium === undefined || (message.beside?.contact && medium.contentType === 'text/vcard')) return [];
    return fileView(sid, `/api/phones/${phone}/media/${sid}`, fileOf(medium));
  });
}

function choicesOf({ buttons, items, listButton }: RenderedContent): Choices | undefined {
  const kind = items.length > 0 ? 'list' : 'buttons';
  const options = (kind === 'list' ? items : buttons).filter(isRecord).map(optionOf);
  if (options.length === 0) return undefined;
  return { kind, ...(listButton !== null && { opener: listButton }), options };
}

function optionOf(part: Record<string, unknown>): ChoiceOption {
  const text = (name: string): string => (typeof part[name] === 'string' ? part[name] : '');
  const title = text('title') || text('item');
  const link = text('url') || (text('phone') && `tel:${text('phone')}`);
  return {
    id: text('id') || title,
    title,
    ...(text('description') && { description: text('description') }),
    ...(/^(https?|tel):/.test(link) && { link }),
  };
}

function statusOf({ status }: StoredMessage): PhoneMessage['status'] {
  if (status === 'accepted' || status === 'received') return 'queued';
  return status === 'sending' ? 'sent' : status;
}
