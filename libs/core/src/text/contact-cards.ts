import type { ContactCard } from '../media.js';

const MAX_CARDS = 10;
const MAX_NUMBERS = 5;
const MAX_LENGTH = 200;

/**
 * Names and numbers on contact cards (vCard 2.1 to 4.0), as far as `head` goes: the first of many, and cut where they are
 * long. Never throws. Source: RFC 6350; quoted-printable values are of version 2.1.
 */
export function readContactCards(head: Buffer): ContactCard[] {
  const cards: ContactCard[] = [];
  let card: (ContactCard & { structured?: string }) | undefined;
  for (const line of unfolded(head.toString('utf8'))) {
    const { name, parameters, value } = property(line);
    if (name === 'BEGIN' && value.toUpperCase() === 'VCARD') card = { numbers: [] };
    if (!card) continue;
    const text = () =>
      shortened(parameters.includes('QUOTED-PRINTABLE') ? fromQuotedPrintable(value) : value);
    if (name === 'FN') card.name ??= text();
    if (name === 'N') card.structured ??= text().split(';').slice(0, 2).reverse().join(' ').trim();
    if (name === 'TEL' && card.numbers.length < MAX_NUMBERS) card.numbers.push(text().replace(/^tel:/i, ''));
    if (name !== 'END') continue;
    const shownName = card.name || card.structured;
    cards.push({ ...(shownName && { name: shownName }), numbers: card.numbers.filter(Boolean) });
    card = undefined;
    if (cards.length === MAX_CARDS) break;
  }
  return cards;
}

/** A line that begins with a blank goes on with the one before; so does one that ends in `=`, in version 2.1. */
function unfolded(text: string): string[] {
  return text
    .replace(/=\r?\n(?=[^\r\n]*)/g, '=\n')
    .replace(/\r?\n[ \t]/g, '')
    .replace(/=\n/g, '')
    .split(/\r?\n/);
}

function property(line: string): { name: string; parameters: string; value: string } {
  const colon = line.indexOf(':');
  if (colon === -1) return { name: '', parameters: '', value: '' };
  const [full = '', ...parameters] = line.slice(0, colon).toUpperCase().split(';');
  // `item1.TEL` is a TEL of a group.
  const name = full.slice(full.lastIndexOf('.') + 1).trim();
  return { name, parameters: parameters.join(';'), value: line.slice(colon + 1).trim() };
}

function fromQuotedPrintable(value: string): string {
  const bytes = value.replace(/=([0-9A-F]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** One line without escapes and control characters. */
function shortened(value: string): string {
  return value
    .replace(/\\n/gi, ' ')
    .replace(/\\([,;\\])/g, '$1')
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, MAX_LENGTH)
    .toWellFormed();
}
