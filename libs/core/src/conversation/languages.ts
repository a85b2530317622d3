/** The languages that the desk can look for an agent in (8x8 Chat Gateway reference, `user.language`). */
export const LANGUAGES = [
  'en',
  'ru',
  'de',
  'ja',
  'es',
  'fr',
  'pt',
  'it',
  'pl',
  'hr',
  'nl',
  'ar',
  'da',
  'ko',
  'no',
  'sv',
  'vi',
  'cy',
  'th',
  'zh-CN',
  'zh-TW',
] as const;
export type Language = (typeof LANGUAGES)[number];

export function isLanguage(code: unknown): code is Language {
  return LANGUAGES.some((known) => known === code);
}

/** Longer ones name nobody's language. */
const MAX_TAG_LENGTH = 35;

/**
 * The one of {@link LANGUAGES} that a language tag (BCP 47) comes to: `en-US` to `en`, `zh-Hant` to `zh-TW`. Undefined where it
 * comes to none, or is no tag.
 */
export function languageOf(tag: unknown): Language | undefined {
  if (isLanguage(tag)) return tag;
  if (typeof tag !== 'string' || tag.length > MAX_TAG_LENGTH) return undefined;
  let language: string;
  let script: string | undefined;
  try {
    ({ language, script } = new Intl.Locale(tag).maximize());
  } catch {
    return undefined;
  }
  if (language === 'zh') return script === 'Hant' ? 'zh-TW' : 'zh-CN';
  const known = language === 'nb' || language === 'nn' ? 'no' : language;
  return isLanguage(known) ? known : undefined;
}

/** Tells the language of a customer's words. */
export abstract class LanguageDetector {
  /** Undefined where it is not certain, or not one of {@link LANGUAGES}. */
  abstract detect(text: string): Promise<Language | undefined>;
}
