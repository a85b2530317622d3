import { isLanguage, LanguageDetector, type Language } from '#core';
import { chineseScript } from './chinese-script.js';

/** Letters that a text has at least; in scripts whose characters stand for more, fewer say as much. */
const MIN_LETTERS = 12;
const MIN_DENSE_LETTERS = 4;
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]/gu;
/** How far the first language is before the second: near relatives are told apart by no short text. */
const MIN_LEAD = 0.05;

/** Detection by the n-grams of the ELD library, loaded when the first text comes. It knows no Welsh. */
export class EldDetector extends LanguageDetector {
  override async detect(text: string): Promise<Language | undefined> {
    const words = text.replace(/https?:\/\/\S+/g, ' ');
    const letters = words.match(/\p{L}/gu)?.length ?? 0;
    const dense = words.match(DENSE)?.length ?? 0;
    if (letters < MIN_LETTERS && dense < MIN_DENSE_LETTERS) return undefined;
    const { eld } = await import('eld/medium');
    const result = eld.detect(words);
    const [best = 0, second = 0] = Object.values(result.getScores()).toSorted((a, b) => b - a);
    if (!result.isReliable()) return undefined;
    // Its relatives in Cyrillic are never one of ours: whatever comes right behind it is no rival.
    if (best - second < MIN_LEAD && result.language !== 'ru') return undefined;
    if (result.language === 'zh') return chineseScript(words);
    return isLanguage(result.language) ? result.language : undefined;
  }
}
