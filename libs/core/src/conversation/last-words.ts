import type { MessageContent } from '../content.js';
import type { NumberSettings } from '../number-settings.js';

/** Why a conversation ends with a message of its customer's. */
export type EndReason = 'opt-out' | 'customer';

/** Whether a conversation ends with this message: an opt-out, or a text that is one of the number's closing words and no more. */
export function endedBy(content: MessageContent, { closing }: NumberSettings): EndReason | undefined {
  if (content.context?.keyword === 'stop') return 'opt-out';
  if (content.type !== 'text' || content.context?.keyword !== undefined) return undefined;
  const said = folded(content.text);
  return closing?.words?.some((word) => folded(word) === said) ? 'customer' : undefined;
}

/** A word as it compares: whatever its case, its width and what blanks stand around it. */
function folded(word: string): string {
  return word.normalize('NFKC').trim().toUpperCase().toLowerCase();
}
