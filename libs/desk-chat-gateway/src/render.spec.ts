import { describe, expect, it } from 'vitest';
import type { Attachment, CarriedMedia, MessageContent, MessageContext, PartContent } from '#core';
import { renderForAgent } from './render.js';

const card = { contentType: 'Buttons', content: { a: 1 } };

const text = (context: MessageContext): MessageContent => ({ type: 'text', text: 'hi', context });

const table: [string, MessageContent, PartContent[]][] = [
  ['a text, verbatim', { type: 'text', text: ' a\r\n\u202e ' }, [{ text: ' a\r\n\u202e ' }]],
  ['a long text, in one', { type: 'text', text: 'x'.repeat(20_000) }, [{ text: 'x'.repeat(20_000) }]],
  ['an empty text', { type: 'text', text: '' }, [{ text: '[empty message]' }]],
  ['a note', { type: 'note', text: 'Not delivered.' }, [{ text: 'Not delivered.' }]],
  ['a choice', { type: 'choice', title: 'Yes', payload: 'y' }, [{ text: 'Yes' }]],
  ['a choice without a title', { type: 'choice', title: '', payload: 'y' }, [{ text: 'y' }]],
  [
    'attachments that nothing is said of',
    {
      type: 'attachments',
      text: 'look',
      attachments: [{ url: 'https://x/1', contentType: 'image/jpeg' }, { filename: 'a.pdf' }, {}],
    },
    [{ text: 'look\n[picture not shown here]\n[file not shown here]\n[file not shown here]' }],
  ],
  [
    'a location',
    { type: 'location', latitude: '51.5', longitude: '-0.1' },
    [{ text: '[location: 51.5, -0.1]\nhttps://maps.google.com/?q=51.5,-0.1' }],
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
    [{ text: 'here\n[location: Shop, 1 High St (51.5, -0.1)]\nhttps://maps.google.com/?q=51.5,-0.1' }],
  ],
  [
    'a location that is none',
    { type: 'location', latitude: '1&x=<b>', longitude: '2' },
    [{ text: '[location: 1&x=<b>, 2]' }],
  ],
  [
    'a location that is not on Earth',
    { type: 'location', latitude: '91', longitude: '181' },
    [{ text: '[location: 91, 181]' }],
  ],
  [
    'a kind that nobody knows',
    { type: 'unknown', kind: 'reaction' },
    [{ text: '[reaction that cannot be shown here]' }],
  ],
  ['a kind without a name', { type: 'unknown' }, [{ text: '[a message that cannot be shown here]' }]],
  ['a forwarded text', text({ forwarded: 'once' }), [{ text: '[forwarded]\nhi' }]],
  ['one forwarded often', text({ forwarded: 'often' }), [{ text: '[forwarded many times]\nhi' }]],
  [
    'a text that came from an advertisement',
    text({ referral: { headline: 'Sale', url: 'https://x/1', sourceType: 'ad' } }),
    [{ text: '[came from an ad: Sale (https://x/1)]\nhi' }],
  ],
  [
    'a text that came from a post without words',
    text({ referral: { sourceType: 'post', sourceId: '7' } }),
    [{ text: '[came from a post]\nhi' }],
  ],
  [
    'an opt-out',
    text({ keyword: 'stop' }),
    [{ text: 'hi\n[the customer has opted out: nothing reaches them any more until they text START]' }],
  ],
  ['a START that lifts nothing', text({ keyword: 'start' }), [{ text: 'hi' }]],
  ['a call for help, without more', text({ keyword: 'help' }), [{ text: 'hi' }]],
  [
    'nothing, forwarded',
    { type: 'text', text: '', context: { forwarded: 'once' } },
    [{ text: '[forwarded]\n[empty message]' }],
  ],
  ['a template, which no customer writes', { type: 'template', contentSid: 'HX1' }, []],
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

const files: [string, Attachment, CarriedMedia, string | undefined][] = [
  ['a picture that was uploaded', {}, { filename: 'photo-1.jpg', contacts: [] }, undefined],
  [
    'a contact',
    { contentType: 'text/vcard' },
    {
      filename: 'Ada.vcf',
      contacts: [{ name: 'Ada', numbers: ['+15550123', '+15550124'] }, { numbers: [] }],
    },
    '[contact: Ada, +15550123, +15550124]\n[contact]',
  ],
  [
    'one that is too large',
    { contentType: 'image/jpeg' },
    { refused: 'too-large', detail: '31 MB of at most 25 MB' },
    '[picture not shown here: it is too large, 31 MB of at most 25 MB]',
  ],
  [
    'one of another type',
    { contentType: 'application/x-msdownload' },
    { refused: 'wrong-type' },
    '[file not shown here: files of this type are not passed on]',
  ],
  [
    'one that is gone',
    { kind: 'voice', contentType: 'audio/ogg' },
    { refused: 'not-found' },
    '[voice message not shown here: it is not there any more]',
  ],
  [
    'one that cannot be had',
    { contentType: 'video/mp4' },
    { refused: 'unreachable' },
    '[video not shown here: it could not be fetched in time]',
  ],
  [
    'one that is elsewhere',
    { kind: 'sticker' },
    { refused: 'unsafe-address' },
    '[sticker not shown here: its address is not one of the provider]',
  ],
  [
    'one that is compressed',
    { contentType: 'audio/mpeg' },
    { refused: 'unreadable' },
    '[recording not shown here: it could not be read]',
  ],
  [
    'an empty one',
    { contentType: 'text/x-vcard' },
    { refused: 'empty' },
    '[contact card not shown here: it is empty]',
  ],
  [
    'one that the desk refuses',
    { contentType: 'application/pdf' },
    { refused: 'not-taken' },
    '[file not shown here: the contact centre does not take it]',
  ],
];

describe('what an agent reads of a file', () => {
  it.each(files)('%s', (_name, attachment, carried, expected) => {
    const content: MessageContent = { type: 'attachments', attachments: [attachment] };
    expect(renderForAgent(content, { media: [carried] })).toEqual([expected ? { text: expected } : {}]);
    expect(renderForAgent({ ...content, text: 'look' }, { media: [carried] })).toEqual([
      { text: ['look', expected].filter(Boolean).join('\n') },
    ]);
  });
});

it('says that a START has lifted an opt-out', () => {
  expect(renderForAgent(text({ keyword: 'start' }), { optedIn: true })).toEqual([
    { text: 'hi\n[the customer has opted in again]' },
  ]);
});

const quotes: [string, MessageContent | 'unknown', string][] = [
  ['a text', { type: 'text', text: 'We open\nat  nine.' }, '> We open at nine.'],
  ['a long text', { type: 'text', text: '🙂'.repeat(130) }, `> ${'🙂'.repeat(120)}…`],
  ['nothing that we know', 'unknown', '> [an earlier message]'],
  ['a picture', { type: 'attachments', attachments: [{ contentType: 'image/png' }] }, '> [picture]'],
  ['a place', { type: 'location', latitude: '1', longitude: '2', label: 'Dock' }, '> [location: Dock]'],
  ['a choice', { type: 'choice', title: 'Yes' }, '> Yes'],
  ['a card', { type: 'card', cards: [card] }, '> [card]'],
  ['a kind that nobody knows', { type: 'unknown', kind: 'order' }, '> [order]'],
  ['a template', { type: 'template', contentSid: 'HX1' }, '> [an earlier message]'],
];

describe('what an agent reads of what is answered', () => {
  it.each(quotes)('%s', (_name, quoted, expected) => {
    expect(renderForAgent({ type: 'text', text: 'ok' }, { quoted })).toEqual([{ text: `${expected}\nok` }]);
  });
});
