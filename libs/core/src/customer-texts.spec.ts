import { describe, expect, it } from 'vitest';
import {
  chooseText,
  fillText,
  textsOf,
  textsProblem,
  usesVariable,
  type TextKind,
} from './customer-texts.js';

const texts = {
  agentJoined: { en: 'You talk to {{name}}.', de: 'Sie sprechen mit {{ name }}.', 'zh-CN': '{{name}}' },
  closed: { fr: 'Nous sommes fermés.' },
};

describe(chooseText.name, () => {
  it.each([
    [['de', 'en'], 'de'],
    [['de-CH'], 'de'],
    [['DE'], 'de'],
    [['zh-cn'], 'zh-CN'],
    [['zh-TW', 'de'], 'zh-CN'],
    [[undefined, 'de'], 'de'],
    [['fr'], 'en'],
  ] as const)('takes the first language that it is there in: %j', (languages, taken) => {
    expect(chooseText(texts, 'agentJoined', languages)).toBe(texts.agentJoined[taken]);
  });

  it('is in whichever language there is, before it is in none', () => {
    expect(chooseText(texts, 'closed', ['de'])).toBe('Nous sommes fermés.');
  });

  it('finds nothing where nothing is configured', () => {
    expect(chooseText(texts, 'welcome', ['en'])).toBeUndefined();
    expect(chooseText({ welcome: {} }, 'welcome', ['en'])).toBeUndefined();
    expect(chooseText(undefined, 'welcome', ['en'])).toBeUndefined();
  });
});

describe(fillText.name, () => {
  it('puts in what is given as it is', () => {
    expect(fillText('You talk to {{ name }}.', { name: '$& {{name}}' })).toBe('You talk to $& {{name}}.');
  });

  it('says other words where a value is not known, and nothing where there are none', () => {
    const named = 'You talk to {{ name | one of us }}.';
    expect(fillText(named)).toBe('You talk to one of us.');
    expect(fillText(named, { name: '' })).toBe('You talk to one of us.');
    expect(fillText(named, { name: 'Ann' })).toBe('You talk to Ann.');
    expect(fillText('Hello{{name|}}.')).toBe('Hello.');
    expect(fillText('You talk to {{name}}.')).toBeUndefined();
    expect(fillText('{{constructor}}')).toBeUndefined();
  });
});

describe(textsOf.name, () => {
  it("takes the text about failures for the one in the number's own language", () => {
    const settings = { failedText: 'Leider nein.', texts: { failed: { fr: 'Non.' } } };
    const failed = (language: string) => chooseText(textsOf(settings, 'de'), 'failed', [language, 'de']);
    expect([failed('fr'), failed('de'), failed('it')]).toEqual(['Non.', 'Leider nein.', 'Leider nein.']);
    expect(textsOf({ failedText: 'No.' }, undefined)).toEqual({ failed: { en: 'No.' } });
    expect(textsOf({ failedText: 'No.', texts: { failed: { en: 'Sorry.' } } }, 'en').failed?.en).toBe(
      'Sorry.',
    );
  });
});

describe(usesVariable.name, () => {
  it('finds a variable, with or without other words', () => {
    expect(usesVariable('{{name}}', 'name')).toBe(true);
    expect(usesVariable('{{ name |us}}', 'name')).toBe(true);
    expect(usesVariable('name {{number}}', 'name')).toBe(false);
  });
});

describe(textsProblem.name, () => {
  it.each<[TextKind, unknown]>([
    ['welcome', { en: 'Hello from {{number}}!' }],
    ['agentJoined', { en: '{{name|Somebody}} is here', 'zh-CN': '{{ name }}' }],
    ['waiting', { en: '{{position}} {{minutes}} {{queue|us}}' }],
    ['silent', { en: `{ "a": { "b": 1 } } {{minutes}}` }],
    ['closed', { en: 'x'.repeat(1600) }],
  ])('finds none in %s %j', (kind, byLanguage) => {
    expect(textsProblem(kind, byLanguage)).toBeUndefined();
  });

  const many = Object.fromEntries(Array.from({ length: 26 }, (_, n) => [`en-${100 + n}`, 'x']));
  it.each<[TextKind, unknown, string]>([
    ['welcome', 'Hello', 'object of texts by language'],
    ['welcome', [], 'object of texts by language'],
    ['welcome', {}, '1 to 25 languages'],
    ['welcome', many, '1 to 25 languages'],
    ['welcome', { english_: 'Hello' }, 'language tags'],
    ['welcome', { 'zh-CN': 'a', 'zh-cn': 'b' }, 'one text for each language'],
    ['welcome', { en: '' }, '1 to 1600 characters'],
    ['welcome', { en: ' \n' }, '1 to 1600 characters'],
    ['welcome', { en: 'x'.repeat(1601) }, '1 to 1600 characters'],
    ['welcome', { en: 'a\0b' }, 'NUL'],
    ['welcome', { en: 'Hello', de: 3 }, '1 to 1600 characters that are not blank (de)'],
    ['welcome', { en: 'I am {{name}}' }, 'no other variables than {{number}}, not {{name}}'],
    ['agentLeft', { en: '{{minutes}}' }, 'no other variables than {{number}}, {{name}}, not {{minutes}}'],
    ['welcome', { en: 'Hello {{number' }, 'braces'],
    ['welcome', { en: 'Hello {{}}' }, 'braces'],
    ['welcome', { en: 'Hello {{first name}}' }, 'braces'],
  ])('finds what is wrong with %s %j', (kind, byLanguage, problem) => {
    expect(textsProblem(kind, byLanguage)).toContain(problem);
  });
});
