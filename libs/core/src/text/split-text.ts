const GRAPHEMES = new Intl.Segmenter('und', { granularity: 'grapheme' });
const SPACE = /\s/u;

/**
 * Splits a text into ordered parts of at most `maxLength` UTF-16 code units. The parts put together are the text,
 * character for character: white space at a cut stays at the end of the earlier part. Cuts after the last white
 * space that fits, else between graphemes; only a grapheme longer than a whole part is cut itself, between code
 * points. No part is empty, so the empty text has none. Linear in the length of the text.
 */
export function splitText(text: string, maxLength: number): string[] {
  // Two code units, so that the longest code point always fits.
  if (!Number.isInteger(maxLength) || maxLength < 2) throw new RangeError('maxLength must be 2 or more.');
  if (text.length <= maxLength) return text === '' ? [] : [text];

  const parts: string[] = [];
  let start = 0;
  /** Where the part may end without cutting a word; `start` when nowhere yet. */
  let wordEnd = 0;
  const cutAt = (end: number): void => {
    parts.push(text.slice(start, end));
    start = end;
    wordEnd = Math.max(wordEnd, start);
  };

  for (const { segment, index } of GRAPHEMES.segment(text)) {
    const end = index + segment.length;
    // At most two rounds: after a word's cut the rest of the word, with this grapheme, may still be too long.
    while (end - start > maxLength && start < index) cutAt(wordEnd > start ? wordEnd : index);
    while (end - start > maxLength) cutAt(codePointBoundary(text, start + maxLength));
    if (SPACE.test(segment)) wordEnd = end;
  }
  if (start < text.length) parts.push(text.slice(start));
  return parts;
}

/** `index`, or the one before it where `index` stands inside a surrogate pair. */
function codePointBoundary(text: string, index: number): number {
  return (text.codePointAt(index - 1) ?? 0) > 0xffff ? index - 1 : index;
}
