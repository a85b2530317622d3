import type { Choice, Interactive, MessageContent } from '../content.js';

/** Choices that a customer was offered before their message came, within the last day. */
export interface Offer {
  messageId: string;
  choices: Choice[];
  interactive?: Interactive;
  /** Some message since then was taken for a choice out of it. */
  answered: boolean;
}

/** `2`, `2.`, `(2)`, `#2`; full-width and keycap digits are plain ones by then. */
const NUMBER = /^[#(]?\s?(\d{1,2})\s?[.):]?$/;
const MAX_TITLE = 200;

/** Whether it is worth looking for what the customer was offered. */
export function mayAnswer(content: MessageContent): boolean {
  if (content.type === 'choice') return true;
  return content.type === 'text' && content.text.length <= MAX_TITLE && folded(content.text) !== '';
}

/**
 * The choice that a customer's message stands for, out of `offers`, the newest first. What they pressed says itself which it
 * is. A number, or a title to the letter, answers the newest offer only, and that once.
 */
export function answerTo(
  content: MessageContent,
  offers: readonly Offer[],
): (Choice & { offeredBy: string }) | undefined {
  if (content.type === 'choice') {
    for (const offer of offers) {
      const index = offer.interactive?.choices.findIndex(
        ({ id, title }) => id === content.payload && folded(title) === folded(content.title),
      );
      if (index !== undefined && index >= 0) return chosen(offer, index);
    }
    return undefined;
  }
  const [newest] = offers;
  if (content.type !== 'text' || !newest || newest.answered) return undefined;
  const text = folded(content.text);
  const titles = newest.choices.map(({ title }) => folded(title));
  // A title that is itself a number wins: the agent then reads what the customer wrote.
  if (titles.includes(text)) {
    return titles.indexOf(text) === titles.lastIndexOf(text)
      ? chosen(newest, titles.indexOf(text))
      : undefined;
  }
  const number = NUMBER.exec(text)?.[1];
  return number === undefined ? undefined : chosen(newest, Number(number) - 1);
}

function chosen({ messageId, choices }: Offer, index: number): (Choice & { offeredBy: string }) | undefined {
  const choice = choices[index];
  return choice && { ...choice, offeredBy: messageId };
}

function folded(text: string): string {
  return text
    .normalize('NFKC')
    .replaceAll(/[\u{fe0f}\u{20e3}]/gu, '')
    .replaceAll(/\s+/gu, ' ')
    .trim()
    .toLowerCase();
}
