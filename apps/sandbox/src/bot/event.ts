import { isRecord } from '../common/http.js';

/** Of a `message.received` event, what the bot reads. */
export interface CustomerMessage {
  eventId: string;
  threadId: string;
  customer: { name?: string; language?: string };
  /** Empty where the message has no words. */
  text: string;
  /** The conversation that an agent has left: it is the bot's again. */
  afterAgentIn?: string;
}

/** Undefined for an event of another type, which means nothing to this bot. */
export function readEvent(event: unknown): CustomerMessage | undefined {
  const { id, type, thread, customer, message, conversation } = record(event);
  const threadId = record(thread)['id'];
  if (type !== 'message.received' || typeof id !== 'string' || typeof threadId !== 'string') return undefined;
  const { name, language } = record(customer);
  const { text, title } = record(record(message)['content']);
  const { id: conversationId, state } = record(conversation);
  return {
    eventId: id,
    threadId,
    customer: {
      ...(typeof name === 'string' && { name }),
      ...(typeof language === 'string' && { language }),
    },
    text: [text, title].find((words) => typeof words === 'string') ?? '',
    ...(state === 'post-agent' && typeof conversationId === 'string' && { afterAgentIn: conversationId }),
  };
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
