import { describe, expect, it } from 'vitest';
import type { MessageContent, PartContent } from '#core';
import { renderForAgent } from './render.js';

const card = { contentType: 'Buttons', content: { a: 1 } };

const table: [string, MessageContent, PartContent[]][] = [
  ['a text, verbatim', { type: 'text', text: ' a\r\n\u202e ' }, [{ text: ' a\r\n\u202e ' }]],
  ['a long text, in one', { type: 'text', text: 'x'.repeat(20_000) }, [{ text: 'x'.repeat(20_000) }]],
  ['an empty text', { type: 'text', text: '' }, [{ text: '[empty message]' }]],
  ['a note', { type: 'note', text: 'Not delivered.' }, [{ text: 'Not delivered.' }]],
  ['a choice', { type: 'choice', title: 'Yes', payload: 'y' }, [{ text: 'Yes' }]],
  ['a choice without a title', { type: 'choice', title: '', payload: 'y' }, [{ text: 'y' }]],
  [
    'attachments',
    {
      type: 'attachments',
      text: 'look',
      attachments: [{ url: 'https://x/1', contentType: 'image/jpeg' }, { filename: 'a.pdf' }, {}],
    },
    [
      {
        text: 'look\n[attachment not shown here: image/jpeg]\n[attachment not shown here: a.pdf]\n[attachment not shown here]',
      },
    ],
  ],
  [
    'an attachment alone',
    { type: 'attachments', attachments: [{ contentType: 'audio/ogg' }] },
    [{ text: '[attachment not shown here: audio/ogg]' }],
  ],
  [
    'a contact',
    { type: 'contact', attachments: [{ contentType: 'text/vcard' }] },
    [{ text: '[contact card not shown here: text/vcard]' }],
  ],
  [
    'a location',
    { type: 'location', latitude: '51.5', longitude: '-0.1' },
    [{ text: '[location: 51.5, -0.1]' }],
  ],
  [
    'a location with all its words',
    {
      type: 'location',
      latitude: '51.5',
      longitude: '-0.1',
      label: 'Shop',
      address: '1 High St',
      text: 'here',
    },
    [{ text: 'here\n[location: Shop, 1 High St (51.5, -0.1)]' }],
  ],
  ['a card', { type: 'card', cards: [card] }, [{ cards: [card] }]],
  [
    'a card with more',
    { type: 'card', text: 't', cards: [card], attachments: [{ id: 'a1' }, {}] },
    [{ text: 't', cards: [card], attachmentIds: ['a1'] }],
  ],
  ['a reopening, which is no message', { type: 'reopening', messageIds: ['m1'] }, []],
];

describe('what an agent reads', () => {
  it.each(table)('%s', (_name, content, parts) => {
    expect(renderForAgent(content)).toEqual(parts);
  });
});
