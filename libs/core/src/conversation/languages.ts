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

/** Tells the language of a customer's words. */
export abstract class LanguageDetector {
  /** Undefined where it is not certain, or not one of {@link LANGUAGES}. */
  abstract detect(text: string): Promise<Language | undefined>;
}
