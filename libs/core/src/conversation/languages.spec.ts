import { describe, expect, it } from 'vitest';
import { LANGUAGES, languageOf } from './languages.js';

describe(languageOf.name, () => {
  it.each([
    ['en-US', 'en'],
    ['EN-gb', 'en'],
    ['fr-CA', 'fr'],
    ['pt-BR', 'pt'],
    ['nb-NO', 'no'],
    ['nn', 'no'],
    ['no-NO', 'no'],
    ['de-Latn-CH-1996', 'de'],
    ['zh', 'zh-CN'],
    ['zh-cn', 'zh-CN'],
    ['zh-Hans', 'zh-CN'],
    ['zh-SG', 'zh-CN'],
    ['zh-Hant', 'zh-TW'],
    ['zh-HK', 'zh-TW'],
    ['zh-Hant-CN', 'zh-TW'],
  ])('takes %s as %s', (tag, language) => {
    expect(languageOf(tag)).toBe(language);
  });

  it('leaves alone what the desk knows', () => {
    expect(LANGUAGES.map(languageOf)).toEqual(LANGUAGES);
  });

  it.each(['fi', 'klingon', 'yue', 'en_US', 'en-', '', '-', `en-${'x-private'.repeat(9)}`, 7, null, ['en']])(
    'finds none in %j',
    (tag) => {
      expect(languageOf(tag)).toBeUndefined();
    },
  );
});
