import { describe, expect, it } from 'vitest';
import { answerTo, mayAnswer, type Offer } from './answers.js';

const COLOURS: Offer = {
  messageId: 'm1',
  answered: false,
  choices: [
    { title: 'Red', payload: 'r' },
    { title: 'Dark  Blue' },
    { title: 'Any colour at all that you like', payload: 'x' },
  ],
  interactive: {
    kind: 'list',
    language: 'en',
    body: 'Which?',
    choices: [
      { id: 'c1', title: 'Red' },
      { id: 'c2', title: 'Dark Blue' },
      { id: 'c3', title: 'Any colour at all that…' },
    ],
  },
};
const text = (words: string) => ({ type: 'text' as const, text: words });
const RED = { title: 'Red', payload: 'r', offeredBy: 'm1' };

describe(answerTo.name, () => {
  it.each([
    '1',
    '1.',
    '1)',
    '(1)',
    '#1',
    '# 1',
    ' 1 \n',
    '01',
    '1:',
    '１',
    '（１）',
    '1️⃣',
    '①',
    'Red',
    ' rEd ',
    'ＲＥＤ',
  ])('takes %j for the first choice', (words) => {
    expect(mayAnswer(text(words))).toBe(true);
    expect(answerTo(text(words), [COLOURS])).toEqual(RED);
  });

  it('takes a title whatever its white space, and a choice without a payload', () => {
    expect(answerTo(text('dark blue'), [COLOURS])).toEqual({ title: 'Dark  Blue', offeredBy: 'm1' });
  });

  it.each([
    '',
    '0',
    '4',
    '7',
    '100',
    '1 2',
    '1st',
    'one',
    'b',
    '1.5',
    '-1',
    '+1',
    '1?',
    'Red.',
    'not red',
    '#',
    '1 please',
  ])('leaves %j as it is', (words) => {
    expect(answerTo(text(words), [COLOURS])).toBeUndefined();
  });

  it('asks for no offer where there is nothing to answer with', () => {
    expect(mayAnswer(text(' '))).toBe(false);
    expect(mayAnswer(text('x'.repeat(201)))).toBe(false);
    expect(mayAnswer({ type: 'attachments', text: '1', attachments: [] })).toBe(false);
    expect(answerTo({ type: 'attachments', text: '1', attachments: [] }, [COLOURS])).toBeUndefined();
  });

  it('answers the newest offer only, and that once', () => {
    const older = { ...COLOURS, messageId: 'm0' };
    const newer = { ...COLOURS, messageId: 'm2', choices: [{ title: 'Yes' }] };
    expect(answerTo(text('1'), [newer, older])).toEqual({ title: 'Yes', offeredBy: 'm2' });
    expect(answerTo(text('2'), [newer, older])).toBeUndefined();
    expect(answerTo(text('1'), [{ ...newer, answered: true }, older])).toBeUndefined();
    expect(answerTo(text('1'), [])).toBeUndefined();
  });

  it('takes a number that is a title for that title', () => {
    const stars = { ...COLOURS, choices: ['5', '4', '3', '2', '1'].map((title) => ({ title })) };
    expect(answerTo(text('5'), [stars])).toEqual({ title: '5', offeredBy: 'm1' });
  });

  it('tells equal titles apart by number only', () => {
    const equal = {
      ...COLOURS,
      choices: [
        { title: 'Yes', payload: 'a' },
        { title: 'yes', payload: 'b' },
      ],
    };
    expect(answerTo(text('yes'), [equal])).toBeUndefined();
    expect(answerTo(text('2'), [equal])).toMatchObject({ payload: 'b' });
  });

  describe('for what was pressed', () => {
    const pressed = (title: string, payload?: string) => ({
      type: 'choice' as const,
      title,
      ...(payload !== undefined && { payload }),
    });

    it('says the title in full, with what it means at the desk', () => {
      expect(answerTo(pressed('Any colour at all that…', 'c3'), [COLOURS])).toEqual({
        title: 'Any colour at all that you like',
        payload: 'x',
        offeredBy: 'm1',
      });
    });

    it('finds the offer that showed it, however old, and as often as it is pressed', () => {
      const newer: Offer = { messageId: 'm2', choices: [{ title: 'Yes' }], answered: false };
      expect(answerTo(pressed('Red', 'c1'), [newer, { ...COLOURS, answered: true }])).toEqual(RED);
    });

    it.each([
      ['another title', 'Green', 'c1'],
      ['another id', 'Red', 'c2'],
      ['no id', 'Red', undefined],
    ])('knows nothing of %s', (_name, title, payload) => {
      expect(answerTo(pressed(title, payload), [COLOURS])).toBeUndefined();
    });
  });
});
