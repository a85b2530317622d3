import { describe, expect, it } from 'vitest';
import { readContactCards } from './contact-cards.js';

const read = (...lines: string[]) =>
  readContactCards(Buffer.from(['BEGIN:VCARD', ...lines, 'END:VCARD'].join('\r\n')));

describe(readContactCards.name, () => {
  it('reads a card as phones send it', () => {
    expect(
      read(
        'VERSION:3.0',
        'N:Lovelace;Ada;;;',
        'FN:Ada Lovelace',
        'item1.TEL;type=CELL;waid=15550123:+1 555 0123',
        'item1.X-ABLabel:Mobile',
        'TEL;VALUE=uri:tel:+15550124',
      ),
    ).toEqual([{ name: 'Ada Lovelace', numbers: ['+1 555 0123', '+15550124'] }]);
  });

  it.each([
    ['a folded name', ['FN:Ada', '  King\\, Countess'], 'Ada King, Countess'],
    ['a name in parts', ['N:Lovelace;Ada;;;'], 'Ada Lovelace'],
    ['an old card', ['FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen=', '=20B'], 'Jürgen B'],
    ['a name with control characters', ['FN:A\u0007\u202eda'], 'A da'],
  ])('reads %s', (_name, lines, name) => {
    expect(read(...lines)).toEqual([{ name, numbers: [] }]);
  });

  it('takes the first of many, and no more of anything than is read', () => {
    const long = 'x'.repeat(1_000);
    const many = `BEGIN:VCARD\nFN:${long}\n${'TEL:1\n'.repeat(50)}END:VCARD\n`.repeat(50);
    const cards = readContactCards(Buffer.from(many));
    expect(cards).toHaveLength(10);
    expect(cards[0]).toEqual({ name: 'x'.repeat(200), numbers: ['1', '1', '1', '1', '1'] });
  });

  it.each(['', 'BEGIN:VCARD', 'FN:nobody', '\xff\xfe::;;', 'BEGIN:VCARD\nFN\nEND'])(
    'finds nobody in "%s"',
    (text) => {
      expect(readContactCards(Buffer.from(text, 'latin1'))).toEqual([]);
    },
  );

  it('finds a card without anything on it', () => {
    expect(read()).toEqual([{ numbers: [] }]);
  });
});
