import type { Attachment, Card, MessageContent } from '#core';
import { asArray, asObject, asText } from './json.js';
import type { JsonObject } from './json.js';

/**
 * What a desk message carries: `text`, `attachments`, `cards` as in events and in the message list. Undefined when it
 * carries none of them, so that there is nothing to pass on.
 */
export function messageContent(data: JsonObject): MessageContent | undefined {
  const text = asText(data['text']);
  const attachments = readAttachments(data['attachments']);
  const cards = asArray(data['cards']).map(readCard);
  const withText = text === undefined ? {} : { text };
  if (cards.length > 0) {
    return { type: 'card', ...withText, cards, ...(attachments.length > 0 && { attachments }) };
  }
  if (attachments.length > 0) return { type: 'attachments', ...withText, attachments };
  return text === undefined ? undefined : { type: 'text', text };
}

/** Attachments of an event (`preSignedUrl`, `fileName`) or of the message list (`id` alone). */
export function readAttachments(value: unknown): Attachment[] {
  return asArray(value).map((entry) => {
    const { id, preSignedUrl, type, fileName } = asObject(entry);
    const attachment: Attachment = {};
    const names = { id, url: preSignedUrl, contentType: type, filename: fileName };
    for (const [name, given] of Object.entries(names)) {
      const text = asText(given);
      // `contentType` is the desk's own kind here: image, video, audio, file.
      if (text !== undefined) attachment[name as keyof typeof names] = text;
    }
    return attachment;
  });
}

function readCard(value: unknown): Card {
  const { contentType, content } = asObject(value);
  return { ...(typeof contentType === 'string' && { contentType }), content: content ?? {} };
}
