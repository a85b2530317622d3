import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Card, PartContent } from '#core';
import { readCards } from './read-card.js';
import { MAX_TEXT_LENGTH, renderCards, type Recipient } from './render-card.js';

const SMS: Recipient = { channel: 'sms' };
const WHATSAPP: Recipient = { channel: 'whatsapp' };
const ADAPTIVE = 'application/vnd.microsoft.card.adaptive';
const QUICK_REPLIES = 'application/8x8.quick.replies';
const REPLY = 'Reply with the number of your choice.';

const on = (recipient: Recipient, content: unknown, text?: string): PartContent[] =>
  renderCards({ ...(text !== undefined && { text }), cards: [{ content }] }, [], recipient);
const adaptive = (...body: unknown[]) => ({ type: 'AdaptiveCard', version: '1.6', body });
const quickReplies = (...titles: string[]) => ({
  options: titles.map((title, index) => ({ title, data: { postback: `p${index + 1}` } })),
});
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `Choice ${index + 1}`);

describe('what a card says', () => {
  it.each<[string, unknown, string]>([
    ['TextBlock', adaptive({ type: 'TextBlock', text: ' Your **order** ' }), 'Your **order**'],
    [
      'RichTextBlock',
      adaptive({
        type: 'RichTextBlock',
        inlines: ['Pay ', { type: 'TextRun', text: '12 €' }, { type: 'TextRun' }],
      }),
      'Pay 12 €',
    ],
    [
      'FactSet',
      adaptive({
        type: 'FactSet',
        facts: [{ title: 'Total', value: '12 €' }, { title: 'Items', value: 2 }, {}],
      }),
      'Total: 12 €\nItems: 2',
    ],
    [
      'Container, ColumnSet, Table and ActionSet, in reading order',
      adaptive(
        { type: 'Container', items: [{ type: 'TextBlock', text: 'a' }] },
        {
          type: 'ColumnSet',
          columns: [
            { type: 'Column', items: [{ type: 'TextBlock', text: 'b' }] },
            { type: 'Column', items: [{ type: 'TextBlock', text: 'c' }] },
          ],
        },
        {
          type: 'Table',
          rows: [
            { type: 'TableRow', cells: [{ type: 'TableCell', items: [{ type: 'TextBlock', text: 'd' }] }] },
          ],
        },
        { type: 'ActionSet', actions: [{ type: 'Action.OpenUrl', title: 'e', url: 'https://e.example' }] },
      ),
      'a\nb\nc\nd\ne: https://e.example',
    ],
    [
      'Image, ImageSet and Media, as links',
      adaptive(
        { type: 'Image', url: 'https://a.example/1.png', altText: 'A plan' },
        { type: 'Image', url: 'data:image/png;base64,AAAA', altText: 'A logo' },
        { type: 'ImageSet', images: [{ type: 'Image', url: 'https://a.example/2.png' }] },
        {
          type: 'Media',
          altText: 'A film',
          sources: [{ mimeType: 'video/mp4', url: 'https://a.example/3.mp4' }],
        },
      ),
      'A plan: https://a.example/1.png\nA logo\nhttps://a.example/2.png\nA film: https://a.example/3.mp4',
    ],
    [
      'Action.ShowCard, with what it shows',
      {
        ...adaptive(),
        actions: [
          { type: 'Action.ShowCard', title: 'More', card: adaptive({ type: 'TextBlock', text: 'x' }) },
        ],
      },
      'More\nx',
    ],
    ['Input.Toggle', adaptive({ type: 'Input.Toggle', title: 'I agree', value: 'false' }), 'I agree'],
    [
      'Action.ToggleVisibility',
      { ...adaptive(), actions: [{ type: 'Action.ToggleVisibility', title: 'x' }] },
      '[card]',
    ],
    ['what is hidden', adaptive({ type: 'TextBlock', text: 'x', isVisible: false }), '[card]'],
    ['a card of its fallback text alone', { type: 'AdaptiveCard', fallbackText: 'Too new' }, 'Too new'],
    ['an element of a later version', adaptive({ type: 'Badge', text: 'New' }), 'New'],
    ['JSON as text', JSON.stringify(adaptive({ type: 'TextBlock', text: 'Hi' })), 'Hi'],
    ['plain words', 'Hello', 'Hello'],
    ['a number as text', '12', '12'],
    ['nothing', null, '[card]'],
    ['nothing that can be read', { a: 1, b: [{}] }, '[card]'],
    [
      'buttons that lead somewhere',
      {
        title: 'Help',
        buttons: [
          { title: 'Site', url: 'https://a.example' },
          { title: 'Call', phoneNumber: '+15550100' },
        ],
      },
      'Help\nSite: https://a.example\nCall: +15550100',
    ],
    [
      'Carousel',
      {
        cards: [
          { title: 'One', description: 'first', imageUrl: 'https://a.example/1.png' },
          { title: 'Two', media: { contentInfo: { fileUrl: 'https://a.example/2.png' } } },
        ],
      },
      'One\nfirst\nhttps://a.example/1.png\nTwo\nhttps://a.example/2.png',
    ],
    [
      'Template',
      {
        name: 'order_update',
        language: { code: 'en' },
        components: [{ type: 'body', parameters: [{ type: 'text', text: 'Ada' }] }],
      },
      'Ada',
    ],
    [
      'Location',
      { latitude: 52.5, longitude: '13.4', name: 'Dock', address: 'Quay 1' },
      'Dock, Quay 1: https://maps.google.com/?q=52.5,13.4',
    ],
    ['a place that is none', { latitude: 95, longitude: 'x', name: 'n', text: 'Here' }, 'Here'],
  ])('%s', (_name, content, text) => {
    expect(on(SMS, content)).toEqual([{ text }]);
  });

  it.each<[string, unknown, { title: string; payload?: string }[]]>([
    [
      'quick replies',
      quickReplies('Red', 'Blue'),
      [
        { title: 'Red', payload: 'p1' },
        { title: 'Blue', payload: 'p2' },
      ],
    ],
    [
      'Action.Submit and Action.Execute',
      {
        ...adaptive(),
        actions: [
          { type: 'Action.Submit', title: 'Pay', data: { order: 7 } },
          { type: 'Action.Submit', title: 'Wait' },
          { type: 'Action.Execute', title: 'Leave', verb: 'leave' },
        ],
      },
      [{ title: 'Pay', payload: '{"order":7}' }, { title: 'Wait' }, { title: 'Leave', payload: 'leave' }],
    ],
    [
      'Input.ChoiceSet',
      adaptive({ type: 'Input.ChoiceSet', id: 'c', choices: [{ title: 'Red', value: 'r' }, { value: 'b' }] }),
      [
        { title: 'Red', payload: 'r' },
        { title: 'b', payload: 'b' },
      ],
    ],
    [
      'Buttons',
      { text: 'Colour?', buttons: ['Red', { title: 'Blue', payload: 'b' }, { label: 'Any', value: 'x' }] },
      [
        { title: 'Red', payload: 'Red' },
        { title: 'Blue', payload: 'b' },
        { title: 'Any', payload: 'x' },
      ],
    ],
    [
      'Suggestions',
      {
        suggestions: [
          { reply: { text: 'Yes', postbackData: 'y' } },
          { action: { text: 'Map', openUrlAction: { url: 'https://m' } } },
        ],
      },
      [{ title: 'Yes', payload: 'y' }],
    ],
    [
      'Interactive buttons',
      {
        type: 'button',
        body: { text: 'Sure?' },
        action: { buttons: [{ type: 'reply', reply: { id: 'y', title: 'Yes' } }] },
      },
      [{ title: 'Yes', payload: 'y' }],
    ],
    [
      'Interactive lists',
      {
        type: 'list',
        body: { text: 'When?' },
        action: {
          button: 'Times',
          sections: [{ title: 'Today', rows: [{ id: 'm', title: 'Morning', description: 'until noon' }] }],
        },
      },
      [{ title: 'Morning', payload: 'm' }],
    ],
  ])('%s as choices', (_name, content, choices) => {
    const shown = on(SMS, content)
      .at(-1)
      ?.choices?.map(({ cardAction: _, ...choice }) => choice);
    expect(shown).toEqual(choices);
  });
});

describe('how choices are offered', () => {
  it.each<[string, Recipient, unknown, string, 'quick-reply' | 'list' | undefined]>([
    ['up to three on WhatsApp as buttons', WHATSAPP, quickReplies(...numbered(3)), 'Which?', 'quick-reply'],
    ['one on WhatsApp as a button', WHATSAPP, quickReplies('Go on'), 'Ready?', 'quick-reply'],
    ['up to ten on WhatsApp as a list', WHATSAPP, quickReplies(...numbered(10)), 'Which?', 'list'],
    ['more on WhatsApp by number', WHATSAPP, quickReplies(...numbered(11)), 'Which?', undefined],
    ['titles of 20 characters as buttons', WHATSAPP, quickReplies('x'.repeat(20)), 'Which?', 'quick-reply'],
    ['longer ones as a list', WHATSAPP, quickReplies('x'.repeat(72), 'y'), 'Which?', 'list'],
    ['those that no list shows whole by number', WHATSAPP, quickReplies('x'.repeat(73)), 'Which?', undefined],
    ['equal titles by number', WHATSAPP, quickReplies('Red', 'red'), 'Which?', undefined],
    [
      'titles equal once cut by number',
      WHATSAPP,
      quickReplies('x'.repeat(30), 'x'.repeat(31)),
      'Which?',
      undefined,
    ],
    [
      'under a text of 1,024 characters as buttons',
      WHATSAPP,
      quickReplies('Red'),
      'x'.repeat(1_024),
      'quick-reply',
    ],
    ['under a longer one by number', WHATSAPP, quickReplies('Red'), 'x'.repeat(1_025), undefined],
    ['under what looks like a variable by number', WHATSAPP, quickReplies('Red'), 'Hello {{1}}', undefined],
    ['by SMS by number', SMS, quickReplies('Red', 'Blue'), 'Which?', undefined],
  ])('%s', (_name, recipient, content, text, kind) => {
    const [part, ...more] = on(recipient, content, text);
    expect(more).toEqual([]);
    expect(part?.interactive?.kind).toBe(kind);
    const titles = part?.choices?.map(({ title }, index) => `${index + 1}. ${title}`) ?? [];
    expect(part?.text).toBe([text, ...titles, REPLY].join('\n'));
  });

  it('shows buttons with the desk’s payloads as their ids', () => {
    expect(on(WHATSAPP, quickReplies('Red', 'Blue'), 'Which?')).toEqual([
      {
        text: `Which?\n1. Red\n2. Blue\n${REPLY}`,
        choices: [
          { title: 'Red', payload: 'p1' },
          { title: 'Blue', payload: 'p2' },
        ],
        interactive: {
          kind: 'quick-reply',
          language: 'en',
          body: 'Which?',
          choices: [
            { id: 'p1', title: 'Red' },
            { id: 'p2', title: 'Blue' },
          ],
        },
      },
    ]);
  });

  it('says in full below a title what does not fit into it', () => {
    const [part] = on(WHATSAPP, quickReplies('A title that is too long for a list', 'Short'), 'Which?');
    expect(part?.interactive).toMatchObject({
      kind: 'list',
      button: 'Choose',
      choices: [
        { title: 'A title that is too lon…', description: 'A title that is too long for a list' },
        { title: 'Short' },
      ],
    });
  });

  it.each([
    ['missing', [undefined, 'b']],
    ['equal', ['a', 'a']],
    ['too long', ['a', 'x'.repeat(201)]],
    ['variables', ['a', '{{1}}']],
  ])('numbers the ids where payloads are %s', (_name, payloads) => {
    const buttons = payloads.map((payload, index) => ({ title: `Choice ${index}`, payload }));
    const [part] = on(WHATSAPP, { text: 'Which?', buttons });
    expect(part?.interactive?.choices.map(({ id }) => id)).toEqual(['c1', 'c2']);
  });

  it('introduces choices that nothing introduces', () => {
    const [part] = on(WHATSAPP, quickReplies('Red'));
    expect(part).toMatchObject({ text: `1. Red\n${REPLY}`, interactive: { body: 'Please choose:' } });
  });

  it.each([
    ['de', 'de', 'Antworten Sie mit der Nummer Ihrer Wahl.'],
    ['fr', 'fr', 'Répondez par le numéro de votre choix.'],
    ['es', 'es', 'Responda con el número de su elección.'],
    ['pt', 'pt', 'Responda com o número da sua escolha.'],
    ['it', 'it', 'Risponda con il numero della Sua scelta.'],
    ['nl', 'nl', 'Antwoord met het nummer van uw keuze.'],
    ['de-AT', 'de', 'Antworten Sie mit der Nummer Ihrer Wahl.'],
    ['zh-CN', 'en', REPLY],
    ['constructor', 'en', REPLY],
  ])('speaks %s', (language, known, reply) => {
    const [part] = on({ channel: 'whatsapp', language }, quickReplies(...numbered(4)), '?');
    expect(part?.text?.split('\n').at(-1)).toBe(reply);
    expect(part?.interactive?.language).toBe(known);
    expect(part?.interactive?.button?.length).toBeLessThanOrEqual(20);
  });

  it('puts the choices of a long text on its last part', () => {
    const parts = on(WHATSAPP, quickReplies('Red'), 'word '.repeat(400));
    expect(parts.map(({ choices }) => choices?.length)).toEqual([undefined, 1]);
    expect(parts.at(-1)?.text).toContain(`1. Red\n${REPLY}`);
  });

  it('reads several cards as one, and says nothing twice in a row', () => {
    const cards = [
      adaptive({ type: 'TextBlock', text: 'Which?' }),
      quickReplies('Red'),
      quickReplies('Blue'),
    ];
    expect(
      renderCards({ text: 'Which?', cards: cards.map((content) => ({ content })) }, ['more'], SMS),
    ).toMatchObject([{ text: `Which?\nmore\n1. Red\n2. Blue\n${REPLY}` }]);
  });
});

describe('places', () => {
  const place = { location: { latitude: '52.5', longitude: '13.4', name: 'Dock' } };

  it('stand on a map on WhatsApp, after what is said', () => {
    const location = { latitude: '52.5', longitude: '13.4', label: 'Dock' };
    expect(on(WHATSAPP, place)).toEqual([{ text: 'Dock', location }]);
    expect(on(WHATSAPP, place, 'Meet me here')).toEqual([
      { text: 'Meet me here' },
      { text: 'Dock', location },
    ]);
  });

  it('are named by their coordinates where they have no name', () => {
    expect(on(WHATSAPP, { lat: -1, lng: 2 })).toEqual([
      { text: '-1, 2', location: { latitude: '-1', longitude: '2' } },
    ]);
  });
});

describe('any card', () => {
  it('is not followed for ever', () => {
    let content: unknown = { text: 'deep' };
    for (let n = 0; n < 10_000; n += 1) content = { items: [content] };
    expect(on(SMS, content)).toEqual([{ text: '[card]' }]);
    expect(on(SMS, { title: 'Go', buttons: [{ title: 'Go', data: content }] })).toMatchObject([
      { choices: [{ title: 'Go' }] },
    ]);
  });

  it('offers no more than two digits can name, and still says the rest', () => {
    const [part] = on(SMS, quickReplies(...numbered(101))).slice(-1);
    expect(part?.choices).toHaveLength(99);
    expect(on(SMS, quickReplies(...numbered(101)))[0]?.text).toContain(
      'Choice 100\nChoice 101\n1. Choice 1\n',
    );
  });

  const names = [
    'type',
    'text',
    'title',
    'body',
    'items',
    'actions',
    'buttons',
    'options',
    'choices',
    'data',
    'url',
    'latitude',
    'longitude',
    'reply',
  ];
  const words = [
    'AdaptiveCard',
    'TextBlock',
    'FactSet',
    'Input.ChoiceSet',
    'Action.Submit',
    'Image',
    '__proto__',
    '{{1}}',
    '',
    ' ',
    '\ud83d',
  ];
  const json = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom<unknown>(...words, null, 1, true),
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(tie('any'), { maxLength: 12 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 3 })), tie('any'), {
        maxKeys: 6,
      }),
    ),
  })).any;

  it('yields parts with a text, and forms within the limits of their channel', () => {
    const card: fc.Arbitrary<Card> = fc.record({
      contentType: fc.constantFrom(ADAPTIVE, QUICK_REPLIES),
      content: json,
    });
    fc.assert(
      fc.property(fc.array(card, { maxLength: 3 }), fc.constantFrom(SMS, WHATSAPP), (cards, recipient) => {
        const parts = renderCards({ cards }, [], recipient);
        expect(parts.length).toBeGreaterThan(0);
        for (const { text = '', choices = [], interactive } of parts) {
          expect(text.trim()).not.toBe('');
          expect(text.length).toBeLessThanOrEqual(MAX_TEXT_LENGTH);
          expect(choices.every(({ title }) => title.trim() !== '')).toBe(true);
          if (!interactive) continue;
          const [count, length] = interactive.kind === 'list' ? [10, 24] : [3, 20];
          expect(recipient).toBe(WHATSAPP);
          expect(interactive.body.length).toBeGreaterThan(0);
          expect(interactive.body.length).toBeLessThanOrEqual(1_024);
          expect(interactive.choices.length).toBe(choices.length);
          expect(interactive.choices.length).toBeLessThanOrEqual(count ?? 0);
          expect(new Set(interactive.choices.map(({ id }) => id)).size).toBe(choices.length);
          expect(new Set(interactive.choices.map(({ title }) => title)).size).toBe(choices.length);
          for (const { id, title, description = '' } of interactive.choices) {
            expect([title.length <= (length ?? 0), description.length <= 72, id.length <= 200]).toEqual([
              true,
              true,
              true,
            ]);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('what a choice tells its card', () => {
  const submit = (title: string, data?: unknown) => ({ type: 'Action.Submit', title, data });
  const colours = {
    type: 'Input.ChoiceSet',
    id: 'colour',
    choices: [
      { title: 'Red', value: 'r' },
      { title: 'Blue', value: 'b' },
    ],
  };
  const card = (body: unknown[], ...actions: unknown[]) => ({ type: 'AdaptiveCard', body, actions });
  const actionsOf = (...contents: unknown[]) =>
    readCards(contents.map((content) => ({ content }))).choices.map(({ cardAction }) => cardAction);

  it.each<[string, unknown, unknown[]]>([
    [
      'buttons, each with its data',
      card([], submit('Yes', { ok: true }), submit('No')),
      [
        { card: 0, action: 'submit', data: { ok: true } },
        { card: 0, action: 'submit', data: {} },
      ],
    ],
    [
      'data that is a text or a list',
      card([], submit('Yes', 'y'), submit('No', ['n'])),
      [
        { card: 0, action: 'submit', data: { data: 'y' } },
        { card: 0, action: 'submit', data: { data: ['n'] } },
      ],
    ],
    [
      'an executed verb',
      card([], { type: 'Action.Execute', title: 'Pay', verb: 'pay', data: { sum: 3 } }),
      [{ card: 0, action: 'execute', data: { verb: 'pay', sum: 3 } }],
    ],
    [
      'a value of the only input, by the only button',
      card([colours], submit('OK', { form: 1 })),
      [
        { card: 0, action: 'submit', data: { form: 1, colour: 'r' } },
        { card: 0, action: 'submit', data: { form: 1, colour: 'b' } },
        undefined,
      ],
    ],
    ['inputs that no button sends', card([colours]), [undefined, undefined]],
    [
      'an input that several buttons send',
      card([colours], submit('A'), submit('B')),
      [undefined, undefined, undefined, undefined],
    ],
    [
      'half a form',
      card([colours, { type: 'Input.Text', id: 'name' }], submit('OK')),
      [undefined, undefined, undefined],
    ],
    ['a form that has to be written', card([{ type: 'Input.Text', id: 'name' }], submit('OK')), [undefined]],
    ['data without end', card([], submit('Yes', { x: 'x'.repeat(2_000) })), [undefined]],
    ['a link', card([], { type: 'Action.OpenUrl', title: 'Go', url: 'https://a.example' }), []],
  ])('%s', (_name, content, expected) => {
    expect(actionsOf(content)).toEqual(expected);
  });

  it('says which card it is, and tells others than adaptive ones nothing', () => {
    expect(actionsOf({ options: [{ title: 'x' }] }, card([colours]), card([], submit('Yes')))).toEqual([
      undefined,
      undefined,
      undefined,
      { card: 2, action: 'submit', data: {} },
    ]);
    const buttons = { contentType: 'Buttons', content: card([], submit('Yes')) };
    expect(readCards([buttons]).choices).toEqual([{ title: 'Yes' }]);
  });
});
