import { type Answer, isRecord } from '../common/http.js';
import type { Attachment } from './attachments.js';
import { type Assignment, type DeskMessage, newDeskId } from './conversation.js';
import { LANGUAGES } from './languages.js';
import { generalError, invalidField, invalidMessage } from './problems.js';

const MAX_PROPERTIES = 30;
const MAX_HISTORY = 200;

/** A JSON object, or undefined. */
export function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Of the attachments that a message may name, the one with this id. */
export type AttachmentOf = (id: string) => Attachment | undefined;

export interface CreateRequest {
  channelId: string;
  user: Record<string, unknown>;
  assignment: Assignment | undefined;
  history: DeskMessage[];
  historyAsSent: unknown[];
}

/** A create's body, or the answer that refuses it. Whether channel and queue exist is for the caller to see. */
export function readCreate(text: string, attachmentOf: AttachmentOf): CreateRequest | Answer {
  const body = parseJson(text);
  if (body === undefined) return generalError(400, 'invalid_json_object', 'The body is not a JSON object.');
  const { channelId, history } = body;
  if (typeof channelId !== 'string' || channelId === '') {
    return invalidField('channelId', channelId, 'invalid_parameter', 'channelId is required.');
  }
  const user = readUser(body['user']);
  if (isAnswer(user)) return user;
  const assignment = readAssignment(body['assignment']);
  if (isAnswer(assignment)) return assignment;
  const sent = history === undefined ? [] : isRecord(history) ? history['messages'] : undefined;
  if (!Array.isArray(sent) || sent.length > MAX_HISTORY) {
    return invalidField('history.messages', '', 'invalid_parameter', `At most ${MAX_HISTORY} messages.`);
  }
  const messages: DeskMessage[] = [];
  for (const item of sent) {
    const message = readMessage(item, attachmentOf);
    if (isAnswer(message))
      return generalError(400, 'invalid_parameter', 'A message of the history is invalid.');
    messages.push({ ...message, history: true });
  }
  return { channelId, user, assignment, history: messages, historyAsSent: sent };
}

/** At most 30 additional properties, each with key and value. */
export function readUser(user: unknown): Record<string, unknown> | Answer {
  if (!isRecord(user)) return invalidField('user', user, 'invalid_parameter', 'user is required.');
  const { language, additionalProperties = [] } = user;
  if (language !== undefined && !(typeof language === 'string' && LANGUAGES.has(language))) {
    return invalidField('user.language', language, 'invalid_parameter', 'The language is not known.');
  }
  for (const field of ['name', 'userId', 'email', 'phone', 'company', 'caseId']) {
    const value = user[field];
    if (value !== undefined && typeof value !== 'string') {
      return invalidField(`user.${field}`, value, 'invalid_parameter', `${field} must be a string.`);
    }
  }
  const field = 'user.additionalProperties';
  if (!Array.isArray(additionalProperties) || additionalProperties.length > MAX_PROPERTIES) {
    return invalidField(field, '', 'invalid_parameter', `At most ${MAX_PROPERTIES} additional properties.`);
  }
  const complete = additionalProperties.every(
    (item) => isRecord(item) && typeof item['key'] === 'string' && typeof item['value'] === 'string',
  );
  if (!complete)
    return invalidField(field, '', 'invalid_parameter', 'Each property needs a key and a value.');
  return user;
}

export function readAssignment(assignment: unknown): Assignment | undefined | Answer {
  if (assignment === undefined) return undefined;
  if (!isRecord(assignment) || typeof assignment['id'] !== 'string') {
    return invalidField('assignment', assignment, 'invalid_parameter', 'assignment needs an id.');
  }
  const type = assignment['type'] ?? 'queue';
  if (type !== 'queue' && type !== 'script') {
    return invalidField('assignment.type', type, 'invalid_parameter', 'type must be queue or script.');
  }
  return { type, id: assignment['id'] };
}

/** A message as it is posted or stands in a history: an author and at least one of text, attachments, cards. */
export function readMessage(body: unknown, attachmentOf: AttachmentOf): DeskMessage | Answer {
  if (!isRecord(body)) return invalidMessage('The body is not a JSON object.');
  const { authorType, text = '', attachments = [], cards = [] } = body;
  if (authorType !== 'user' && authorType !== 'bot') {
    return invalidMessage(`Invalid authorType=${String(authorType)}, has to be one of user, bot`);
  }
  if (typeof text !== 'string') return invalidMessage('text must be a string');
  if (!Array.isArray(attachments) || !Array.isArray(cards) || !cards.every(isRecord)) {
    return invalidMessage('attachments and cards must be arrays');
  }
  if (text === '' && attachments.length === 0 && cards.length === 0) {
    return invalidMessage('One of text, attachments and cards is required');
  }
  const named: Attachment[] = [];
  for (const item of attachments) {
    const attachment =
      isRecord(item) && typeof item['id'] === 'string' ? attachmentOf(item['id']) : undefined;
    if (attachment === undefined) return invalidMessage('An attachment is not one of the conversation');
    named.push(attachment);
  }
  const createdAtMs = Date.now();
  const author = { authorType, authorId: authorType } as const;
  return { id: newDeskId(), ...author, text, createdAtMs, attachments: named, cards, history: false };
}

export function isAnswer(value: unknown): value is Answer {
  return isRecord(value) && typeof value['status'] === 'number' && isRecord(value['headers']);
}
