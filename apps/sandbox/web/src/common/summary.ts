import type { FileView } from '../../../src/page/state.js';

const FILE_WORDS = { image: 'Picture', audio: 'Recording', video: 'Video', file: 'File' } as const;

interface Summed {
  text: string;
  files: FileView[];
  location?: unknown;
  contact?: { name: string };
  cards?: { lines: string[] }[];
}

/** A message in one line: its words, else what it is. */
export function summaryOf({ text, files, location, contact, cards = [] }: Summed): string {
  const [file] = files;
  if (text) return text;
  if (file) return file.kind === 'file' ? file.name : FILE_WORDS[file.kind];
  if (location) return 'Location';
  if (contact) return `Contact: ${contact.name}`;
  return cards.length > 0 ? (cards[0]?.lines[0] ?? 'Card') : '';
}
