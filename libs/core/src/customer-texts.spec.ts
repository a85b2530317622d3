import { describe, expect, it } from 'vitest';
import { renderText } from './customer-texts.js';

const texts = {
  agentJoined: { en: 'You talk to {{name}}.', de: 'Sie sprechen mit {{ name }}.', 'zh-CN': '{{name}}' },
  closed: { fr: 'Nous sommes fermés.' },
};

describe(renderText.name, () => {
  it('takes the first language that it is there in', () => {
    const say = (...languages: (string | undefined)[]) =>
      renderText(texts, 'agentJoined', languages, { name: 'Ann' });
    expect(say('de', 'en')).toBe('Sie sprechen mit Ann.');
    expect(say('de-CH')).toBe('Sie sprechen mit Ann.');
    expect(say('zh-CN')).toBe('Ann');
    expect(say(undefined, 'de')).toBe('Sie sprechen mit Ann.');
    expect(say('fr')).toBe('You talk to Ann.');
  });

  it('is in whichever language there is, before it is in none', () => {
    expect(renderText(texts, 'closed', ['de'])).toBe('Nous sommes fermés.');
  });

  it('leaves out what it does not know, and puts in what is given as it is', () => {
    expect(renderText(texts, 'agentJoined', ['en'])).toBe('You talk to .');
    expect(renderText(texts, 'agentJoined', ['en'], { name: '$& {{name}}' })).toBe(
      'You talk to $& {{name}}.',
    );
    expect(renderText({ welcome: { en: '{{constructor}}' } }, 'welcome', [])).toBe('');
  });

  it('says nothing where nothing is configured', () => {
    expect(renderText(texts, 'welcome', ['en'])).toBeUndefined();
    expect(renderText({ welcome: {} }, 'welcome', ['en'])).toBeUndefined();
    expect(renderText(undefined, 'welcome', ['en'])).toBeUndefined();
  });
});
