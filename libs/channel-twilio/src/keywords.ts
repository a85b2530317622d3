import type { Channel, OptOutKeyword } from '#core';

/**
 * Words that Twilio takes for a customer's wish when they are the whole message, in any case.
 * Source: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
 */
const DEFAULT_KEYWORDS: Readonly<Record<OptOutKeyword, readonly string[]>> = {
  stop: ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'END', 'QUIT', 'CANCEL', 'REVOKE', 'OPTOUT'],
  start: ['START', 'UNSTOP', 'YES'],
  help: ['HELP', 'INFO'],
};

const BY_WORD: ReadonlyMap<string, OptOutKeyword> = new Map(
  (['stop', 'start', 'help'] as const).flatMap((keyword) =>
    DEFAULT_KEYWORDS[keyword].map((word) => [word, keyword] as const),
  ),
);
const LONGEST_WORD = 11;

/**
 * What a message means to Twilio's opt-out. `optOutType` is its own word for it, with Advanced Opt-Out only; without, it looks
 * for the default keywords, on SMS only.
 */
export function keywordOf(
  channel: Channel,
  optOutType: string | undefined,
  body: string | undefined,
): OptOutKeyword | undefined {
  const said = BY_WORD.get(optOutType ?? '');
  if (said !== undefined || channel !== 'sms' || body === undefined) return said;
  const word = body.trim();
  return word.length > LONGEST_WORD ? undefined : BY_WORD.get(word.toUpperCase());
}
