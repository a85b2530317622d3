/** What a customer of the contact centre may speak: `user.language` of the published document. */
export const LANGUAGES: ReadonlySet<string> = new Set(
  'en ru de ja es fr pt it pl hr nl ar da ko no sv vi cy th zh-CN zh-TW'.split(' '),
);

/** Of a customer for whom none is given. */
const DEFAULT_LANGUAGE = 'en';

export function languageOf(user: Record<string, unknown>): string {
  const { language } = user;
  return typeof language === 'string' ? language : DEFAULT_LANGUAGE;
}
