import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitText } from './split-text.js';

const graphemes = (text: string): string[] =>
  [...new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(text)].map(({ segment }) => segment);

/** Texts full of what is easily cut wrongly: flags, families, accents, Hangul, Devanagari, lone surrogates. */
const trickyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '👩‍👩‍👧‍👦',
        '🇩🇪',
        '🇫🇷',
        'e\u0301',
        'क्षि',
        '각',
        '👍🏽',
        ' ',
        '\n',
        '\r\n',
        '\u0600',
        '\u200d',
        '\ud83d',
        '\ude00',
        'word',
        '\u00a0',
        '\u0301'.repeat(9),
        '\u0000',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({ maxLength: 6 }),
    ),
    { maxLength: 60 },
  )
  .map((pieces) => pieces.join(''));

describe(splitText.name, () => {
  it.each([
    ['', 10, []],
    ['short', 10, ['short']],
    ['exactly 10', 10, ['exactly 10']],
    ['one two three', 8, ['one two ', 'three']],
    ['one  two', 4, ['one ', ' two']],
    ['abcdefghij', 4, ['abcd', 'efgh', 'ij']],
    ['ab 0123456789', 5, ['ab ', '01234', '56789']],
    ['🇩🇪🇫🇷🇮🇹', 9, ['🇩🇪🇫🇷', '🇮🇹']],
    ['a👩‍👩‍👧', 8, ['a', '👩‍👩‍👧']],
    ['😀😀', 3, ['😀', '😀']],
    ['e\u0301\u0301\u0301\u0301', 2, ['e\u0301', '\u0301\u0301', '\u0301']],
    ['line\r\nnext', 6, ['line\r\n', 'next']],
  ])('splits %j at %d', (text, maxLength, parts) => {
    expect(splitText(text, maxLength)).toEqual(parts);
  });

  it('loses nothing, makes no part empty or too long, and cuts no surrogate pair', () => {
    fc.assert(
      fc.property(trickyText, fc.integer({ min: 2, max: 40 }), (text, maxLength) => {
        const parts = splitText(text, maxLength);
        expect(parts.join('')).toBe(text);
        for (const [n, part] of parts.entries()) {
          expect(part.length).toBeGreaterThan(0);
          expect(part.length).toBeLessThanOrEqual(maxLength);
          const next = parts[n + 1];
          if (next !== undefined)
            expect(/[\ud800-\udbff]$/.test(part) && /^[\udc00-\udfff]/.test(next)).toBe(false);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('cuts a grapheme only when it is longer than a part', () => {
    fc.assert(
      fc.property(trickyText, fc.integer({ min: 2, max: 40 }), (text, maxLength) => {
        const boundaries = new Set([0]);
        let at = 0;
        for (const grapheme of graphemes(text)) {
          // Inside a grapheme longer than a part every code point may be a cut.
          if (grapheme.length > maxLength) for (let i = 1; i < grapheme.length; i++) boundaries.add(at + i);
          boundaries.add((at += grapheme.length));
        }
        let cut = 0;
        for (const part of splitText(text, maxLength)) expect(boundaries).toContain((cut += part.length));
      }),
      { numRuns: 1000 },
    );
  });

  it('cuts no word that fits into a part', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(words, fc.integer({ min: 13, max: 40 }), (list, maxLength) => {
        const found = splitText(list.join(' '), maxLength).flatMap((part) => part.split(' ').filter(Boolean));
        expect(found).toEqual(list);
      }),
    );
  });

  it.each([
    ['words', 'lorem ipsum '.repeat(90_000)],
    ['one word', 'x'.repeat(1_000_000)],
    ['one grapheme', 'e' + '\u0301'.repeat(1_000_000)],
    ['flags', '🇩🇪'.repeat(250_000)],
    ['spaces', ' '.repeat(1_000_000)],
  ])('takes a megabyte of %s in its stride', (_name, text) => {
    const parts = splitText(text, 1600);
    expect(parts.join('')).toBe(text);
    expect(parts.every((part) => part.length <= 1600)).toBe(true);
  });

  it('refuses a limit that cannot hold one code point', () => {
    expect(() => splitText('abc', 1)).toThrow(RangeError);
  });
});
