import type { Attachment, MessageContent, PartContent } from '#core';
import { renderCards, textParts, type Recipient } from './render-card.js';

export { MAX_TEXT_LENGTH } from './render-card.js';

/**
 * Renders a message into what single calls carry, in order; at least one, and none with an empty body, since Twilio refuses
 * that. Files become lines: what is carried of an agent's files has been taken out before, and is put to the parts by `attach`.
 */
export function render(content: MessageContent, recipient: Recipient = { channel: 'sms' }): PartContent[] {
  if (content.type === 'template') {
    const { contentSid: sid, variables } = content;
    return [{ content: { sid, ...(variables && { variables }) } }];
  }
  if (content.type === 'card') {
    const files = (content.attachments ?? []).map((each) => fileLine('attachment', each));
    return renderCards(content, files, recipient);
  }
  const parts = textParts(textOf(content));
  return parts.length > 0 ? parts : [{ text: '[empty message]' }];
}

function textOf(content: Exclude<MessageContent, { type: 'card' }>): string {
  switch (content.type) {
    case 'text':
    case 'note':
      return content.text;
    case 'choice':
      return content.title;
    case 'attachments':
      return lines(content.text, ...content.attachments.map((each) => fileLine('attachment', each)));
    case 'contact':
      return lines(content.text, ...content.attachments.map((each) => fileLine('contact', each)));
    case 'location': {
      const place = [content.label, content.address, `${content.latitude}, ${content.longitude}`];
      return lines(content.text, `[location: ${place.filter(Boolean).join(', ')}]`);
    }
    case 'unknown':
      return content.text ?? '';
    case 'template':
    case 'reopening':
    case 'handoff':
      // A template has no text of ours; the others are items for the desk, and never stand in a lane to the customer.
      return '';
  }
}

function lines(...texts: (string | undefined)[]): string {
  return texts.filter(Boolean).join('\n');
}

function fileLine(kind: 'attachment' | 'contact', { filename, contentType }: Attachment): string {
  const name = filename || contentType;
  return name ? `[${kind}: ${name}]` : `[${kind}]`;
}
