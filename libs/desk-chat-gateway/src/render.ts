import type { Attachment, MessageContent, PartContent } from '#core';

/** Stands where a customer sent a message without any text; the desk takes no empty ones. */
const EMPTY = '[empty message]';

/**
 * A customer's message, or a note of ours, as the agent reads it: one part, since the desk documents no limit on
 * length. Texts are passed on verbatim. Attachments are named but not carried.
 */
export function renderForAgent(content: MessageContent): PartContent[] {
  switch (content.type) {
    case 'text':
    case 'note':
      return [lines(content.text)];
    case 'choice':
      return [lines(content.title || content.payload)];
    case 'attachments':
      return [lines(content.text, ...content.attachments.map((one) => notCarried('attachment', one)))];
    case 'contact':
      return [lines(content.text, ...content.attachments.map((one) => notCarried('contact card', one)))];
    case 'location': {
      const place = [content.label, content.address].filter(Boolean).join(', ');
      const coordinates = `${content.latitude}, ${content.longitude}`;
      return [
        lines(content.text, place ? `[location: ${place} (${coordinates})]` : `[location: ${coordinates}]`),
      ];
    }
    case 'card': {
      const ids = (content.attachments ?? []).flatMap(({ id }) => id ?? []);
      return [
        {
          ...(content.text !== undefined && { text: content.text }),
          cards: content.cards,
          ...(ids.length > 0 && { attachmentIds: ids }),
        },
      ];
    }
    case 'unknown':
      return [lines(content.text, `[${content.kind ?? 'a message'} that cannot be shown here]`)];
    case 'template':
    case 'reopening':
      // Its texts travel as the new conversation's history; there is no message to send.
      return [];
  }
}

function lines(...texts: (string | undefined)[]): PartContent {
  return { text: texts.filter((text) => text !== undefined && text !== '').join('\n') || EMPTY };
}

function notCarried(what: string, { contentType, filename }: Attachment): string {
  const name = [contentType, filename].filter(Boolean).join(', ');
  return `[${what} not shown here${name ? `: ${name}` : ''}]`;
}
