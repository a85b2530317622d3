import { describe, expect, it } from 'vitest';
import { showCard } from './cards.js';

const CASES = [
  {
    kind: 'quick replies',
    card: {
      contentType: 'application/8x8.quick.replies',
      content: { options: [{ title: 'Yes', data: { postback: 'y' } }, { title: 'No' }] },
    },
    shown: { lines: [], options: [{ title: 'Yes' }, { title: 'No' }] },
  },
  {
    kind: 'an adaptive card',
    card: {
      contentType: 'application/vnd.microsoft.card.adaptive',
      content: {
        type: 'AdaptiveCard',
        body: [
          { type: 'TextBlock', text: 'When?' },
          { type: 'Input.ChoiceSet', label: 'Day', choices: [{ title: 'Monday', value: 'mon' }] },
        ],
        actions: [{ type: 'Action.Submit', title: 'Send', data: { text: 'not shown' } }],
      },
    },
    shown: { lines: ['When?', 'Day'], options: [{ title: 'Monday' }, { title: 'Send' }] },
  },
  {
    kind: 'a list',
    card: {
      contentType: 'Interactive',
      content: {
        type: 'list',
        body: { text: 'Choose' },
        action: { sections: [{ title: 'Food', rows: [{ id: '1', title: 'Soup', description: 'warm' }] }] },
      },
    },
    shown: { lines: ['Choose', 'Food'], options: [{ title: 'Soup', description: 'warm' }] },
  },
  {
    kind: 'a place',
    card: { contentType: 'Location', content: { latitude: '47.37', longitude: 8.54, name: 'Shop' } },
    shown: { lines: [], options: [], location: { latitude: 47.37, longitude: 8.54, label: 'Shop' } },
  },
  {
    kind: 'a card in JSON text',
    card: { contentType: 'Buttons', content: '{"text":"Hi","buttons":[{"reply":{"title":"Call me"}}]}' },
    shown: { lines: ['Hi'], options: [{ title: 'Call me' }] },
  },
  { kind: 'anything else', card: 17, shown: { contentType: '', lines: [], options: [] } },
];

describe('a card at the desk', () => {
  it.each(CASES)('shows $kind as a person reads it', ({ card, shown }) => {
    expect(showCard(card)).toEqual({
      contentType: typeof card === 'object' ? card.contentType : '',
      ...shown,
    });
  });

  it('does not follow what nests without end', () => {
    const content: Record<string, unknown> = { text: 'top' };
    content['body'] = content;
    expect(showCard({ content }).lines.length).toBeLessThan(60);
  });
});
