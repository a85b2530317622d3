import { describe, expect, it } from 'vitest';
import { segmentsOf, smartEncode } from './body.js';

describe(segmentsOf.name, () => {
  it.each([
    { what: 'one full GSM-7 segment', body: 'a'.repeat(160), segments: 1 },
    { what: 'one character more', body: 'a'.repeat(161), segments: 2 },
    { what: 'extended characters count twice', body: '€'.repeat(81), segments: 2 },
    { what: 'one curly quote makes it UCS-2', body: `${'a'.repeat(70)}’`, segments: 2 },
    { what: 'one full UCS-2 segment', body: 'я'.repeat(70), segments: 1 },
    { what: 'an emoji is two units', body: '👋'.repeat(36), segments: 2 },
  ])('$what: $segments', ({ body, segments }) => {
    expect(segmentsOf(body)).toBe(segments);
  });

  it('smart encoding saves a segment', () => {
    expect(segmentsOf(smartEncode(`${'a'.repeat(70)}’`))).toBe(1);
  });
});
