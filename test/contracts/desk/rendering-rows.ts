import { expect } from 'vitest';
import type { MessageContent, ShownWith } from '#core';
import { frozen, sends, served, shown, type Row } from './world.js';

/** A message of every kind that can stand in a lane to a desk, and odd ones of each; a text that has to be read in it. */
const CONTENTS: readonly [name: string, content: MessageContent, seen?: string][] = [
  ['a text', { type: 'text', text: 'Hello' }, 'Hello'],
  ['an empty text', { type: 'text', text: '' }],
  ['20,000 characters', { type: 'text', text: 'word and '.repeat(2_222) }],
  ['lone surrogates', { type: 'text', text: `\ud83d${'y'.repeat(100)}` }],
  ['a note', { type: 'note', text: 'Not delivered' }, 'Not delivered'],
  [
    'an attachment that was not carried',
    { type: 'attachments', attachments: [{ contentType: 'image/png' }] },
  ],
  ['a location', { type: 'location', latitude: '52.5', longitude: '13.4', label: 'Dock' }, 'Dock'],
  ['a contact', { type: 'contact', attachments: [{ contentType: 'text/vcard' }] }],
  ['a choice', { type: 'choice', title: 'Yes', payload: 'y' }, 'Yes'],
  ['a choice without a title', { type: 'choice', title: '', payload: 'y-1' }, 'y-1'],
  ['something unknown', { type: 'unknown', kind: 'poll' }, 'poll'],
  [
    'a text out of an advertisement',
    { type: 'text', text: 'Hi', context: { referral: { headline: 'Summer sale', sourceType: 'ad' } } },
    'Summer sale',
  ],
];

/** What stands beside a message, and what has to be read of it. */
const BESIDE: readonly [name: string, content: MessageContent, shownWith: ShownWith, seen: string][] = [
  [
    'the message it answers',
    { type: 'text', text: 'Yes' },
    { quoted: { type: 'text', text: 'Shall I?' } },
    'Shall I?',
  ],
  [
    'why a file is missing',
    { type: 'attachments', attachments: [{ contentType: 'image/png' }] },
    { media: [{ refused: 'too-large', detail: '30 MB' }] },
    '30 MB',
  ],
  [
    'the contacts of a card that was uploaded',
    { type: 'contact', attachments: [{ contentType: 'text/vcard' }] },
    { media: [{ filename: 'ada.vcf', contacts: [{ name: 'Ada Lovelace', numbers: ['+15550123'] }] }] },
    'Ada Lovelace',
  ],
];

export const RENDERING: readonly Row[] = [
  ...CONTENTS.map(([name, content, seen]): Row => ({
    name: `renders ${name} as parts that an agent can read, and its desk takes them`,
    check: async (world) => {
      const parts = world.desk.render(frozen(content));
      expect(parts.length, 'parts').toBeGreaterThan(0);
      const id = await served(world);
      for (const part of parts) {
        expect(part.text ?? '', 'a part is empty').not.toBe('');
        await sends(world, id, part);
      }
      const texts = shown(world, id).messages.map(({ text }) => text);
      expect(texts).toHaveLength(parts.length);
      if (seen !== undefined) expect(texts.join('\n')).toContain(seen);
    },
  })),
  {
    name: 'renders a text to the letter',
    check: async ({ desk }) => {
      const text = ' a\r\n<b>& {{1}} ';
      expect(desk.render({ type: 'text', text }).map((part) => part.text)).toEqual([text]);
    },
  },
  {
    name: 'renders the same in the same way each time',
    check: async ({ desk }) => {
      for (const [, content] of CONTENTS) expect(desk.render(content)).toEqual(desk.render(content));
    },
  },
  ...BESIDE.map(([name, content, shownWith, seen]): Row => ({
    name: `shows ${name}`,
    check: async ({ desk }) => {
      const texts = desk.render(frozen(content), frozen(shownWith)).map(({ text }) => text);
      expect(texts.join('\n')).toContain(seen);
    },
  })),
];
