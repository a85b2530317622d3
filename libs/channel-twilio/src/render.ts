import { splitText } from '#core';
import type { Attachment, Card, MessageContent, PartContent } from '#core';

/** Longest body of one message, on every channel (error 21617 beyond). */
export const MAX_TEXT_LENGTH = 1600;

/** Keys whose strings are what a person reads on a card, whichever vendor's card it is. */
const READABLE_KEYS = new Set(['title', 'subtitle', 'text', 'body', 'label', 'value']);
/** Cards nest a few levels; a deeper one is cut short, not followed. */
const MAX_CARD_DEPTH = 12;

/**
 * Renders a message into the texts of single calls, in order; at least one and none empty, since Twilio refuses
 * empty bodies. Media goes out as a readable line until sending media is built.
 */
export function render(content: MessageContent): PartContent[] {
  if (content.type === 'template') {
    const { contentSid: sid, variables } = content;
    return [{ content: { sid, ...(variables && { variables }) } }];
  }
  const parts = splitText(textOf(content), MAX_TEXT_LENGTH);
  // Nobody misses blank parts beside others, and a refused one would fail the whole message.
  const readable = parts.filter((part) => part.trim() !== '');
  const texts = readable.length > 0 ? readable : parts.slice(0, 1);
  return (texts.length > 0 ? texts : ['[empty message]']).map((text) => ({ text }));
}

function textOf(content: MessageContent): string {
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
    case 'card':
      return lines(
        content.text,
        ...content.cards.map(cardText),
        ...(content.attachments ?? []).map((each) => fileLine('attachment', each)),
      );
    case 'location': {
      const place = [content.label, content.address, `${content.latitude}, ${content.longitude}`];
      return lines(content.text, `[location: ${place.filter(Boolean).join(', ')}]`);
    }
    case 'unknown':
      return content.text ?? '';
    case 'template':
    case 'reopening':
      // A template has no text of ours; a reopening is an item for the desk, and never stands in a lane to the customer.
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

/** What a person would read on the card, line by line, in its own order. */
function cardText(card: Card): string {
  // A set: the titles of answers are often repeated as their values.
  const found = new Set<string>();
  collect(parsed(card.content), found, 0);
  return found.size > 0 ? [...found].join('\n') : '[card]';
}

function collect(value: unknown, found: Set<string>, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > MAX_CARD_DEPTH) return;
  for (const [key, each] of Object.entries(value)) {
    // What a button sends back, not what it shows.
    if (key === 'data' || key === 'payload') continue;
    if (typeof each !== 'string') collect(each, found, depth + 1);
    else if (READABLE_KEYS.has(key) && each.trim() !== '') found.add(each);
  }
}

/** Some senders put the card in as JSON text. */
function parsed(content: unknown): unknown {
  if (typeof content !== 'string') return content;
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === 'object' ? value : { text: content };
  } catch {
    return { text: content };
  }
}
