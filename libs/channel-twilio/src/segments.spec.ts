import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segmentsOf } from './segments.js';

describe('the segments of an SMS', () => {
  it.each([
    ['a'.repeat(160), 'GSM-7', 1],
    ['a'.repeat(161), 'GSM-7', 2],
    ['a'.repeat(306), 'GSM-7', 2],
    ['a'.repeat(307), 'GSM-7', 3],
    ['€'.repeat(80), 'GSM-7', 1],
    ['€'.repeat(81), 'GSM-7', 2],
    ['я'.repeat(70), 'UCS-2', 1],
    ['я'.repeat(71), 'UCS-2', 2],
    ['Hello 👋', 'UCS-2', 1],
  ])('%j: %s, %d', (text, encoding, segments) => {
    expect(segmentsOf(text, true)).toEqual({ encoding, segments });
  });

  it('are fewer where typographic characters are replaced', () => {
    const text = `“${'a'.repeat(100)}” – it’s here…`;
    expect(segmentsOf(text, true)).toEqual({ encoding: 'GSM-7', segments: 1 });
    expect(segmentsOf(text, false)).toEqual({ encoding: 'UCS-2', segments: 2 });
  });

  it('are at least one for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1_600 }),
        fc.boolean(),
        (text, smart) => {
          expect(segmentsOf(text, smart).segments).toBeGreaterThanOrEqual(1);
        },
      ),
    );
  });
});
