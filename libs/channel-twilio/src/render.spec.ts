import { describe, expect, it } from 'vitest';
import type { MessageContent } from '#core';
import { MAX_TEXT_LENGTH, render } from './render.js';

const rendered = (content: MessageContent) => render(content).map(({ text }) => text);

describe(render.name, () => {
  it.each<[string, MessageContent, string]>([
    ['a text to the letter', { type: 'text', text: ' a\r\n<b>\u202e ' }, ' a\r\n<b>\u202e '],
    ['a note', { type: 'note', text: 'n' }, 'n'],
    ['a choice', { type: 'choice', title: 'Yes', payload: 'p' }, 'Yes'],
    [
      'attachments',
      {
        type: 'attachments',
        text: 'Here',
        attachments: [{ filename: 'invoice.pdf' }, { contentType: 'image/png' }, {}],
      },
      'Here\n[attachment: invoice.pdf]\n[attachment: image/png]\n[attachment]',
    ],
    [
      'an attachment alone',
      { type: 'attachments', text: '', attachments: [{ filename: 'a.pdf' }] },
      '[attachment: a.pdf]',
    ],
    ['a contact', { type: 'contact', attachments: [{ filename: 'ada.vcf' }] }, '[contact: ada.vcf]'],
    [
      'a location',
      { type: 'location', latitude: '52.5', longitude: '13.4', label: 'Dock' },
      '[location: Dock, 52.5, 13.4]',
    ],
    ['a card', { type: 'card', text: 'Look', cards: [{ content: { text: 'Hello' } }] }, 'Look\nHello'],
    [
      'a card with files',
      { type: 'card', cards: [{ content: {} }], attachments: [{ filename: 'a.pdf' }] },
      '[attachment: a.pdf]',
    ],
    ['an empty text', { type: 'text', text: '' }, '[empty message]'],
    ['blanks as they are', { type: 'text', text: '  ' }, '  '],
  ])('shows %s', (_name, content, text) => {
    expect(rendered(content)).toEqual([text]);
  });

  it('splits a long text into ordered parts without loss', () => {
    const text = Array.from({ length: 900 }, (_, n) => `word${n}`).join(' ');
    const parts = rendered({ type: 'text', text });
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.join('')).toBe(text);
    expect(parts.every((part) => (part ?? '').length <= MAX_TEXT_LENGTH)).toBe(true);
  });

  it('drops a blank part beside others, which Twilio would refuse', () => {
    expect(rendered({ type: 'text', text: 'x'.repeat(MAX_TEXT_LENGTH) + '\n\n' })).toEqual([
      'x'.repeat(MAX_TEXT_LENGTH),
    ]);
  });
});
