import type { OptOutKeyword } from '#core';
import { senderKind } from './sender-kind.js';

/**
 * Words that Twilio takes for a customer's wish when they are the whole message, in any case.
 * Source: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
 */
const DEFAULT_KEYWORDS: Readonly<Record<OptOutKeyword, readonly string[]>> = {
  stop: ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'END', 'QUIT', 'CANCEL', 'REVOKE', 'OPTOUT'],
  start: ['START', 'UNSTOP', 'YES'],
  help: ['HELP', 'INFO'],
};

/**
 * Keywords of others: of Canada's carriers (https://www.txt.ca), of Twilio's Proxy, and those that services with Advanced Opt-Out
 * usually add.
 */
const OTHER_KEYWORDS: ReadonlySet<string> = new Set(
  'ARRET ARRETT ARRETE UNSUB REMOVE PARAR ALTO BAJA OPTIN SUBSCRIBE DEBUT AIDE AYUDA'.split(' '),
);

const BY_WORD: ReadonlyMap<string, OptOutKeyword> = new Map(
  (['stop', 'start', 'help'] as const).flatMap((keyword) =>
    DEFAULT_KEYWORDS[keyword].map((word) => [word, keyword] as const),
  ),
);
/** Toll-free numbers are muted by the network, which knows these only. */
const TOLL_FREE_WORDS: ReadonlySet<string> = new Set(['STOP', 'START', 'UNSTOP', 'HELP', 'INFO']);
const LONGEST_WORD = 11;

/** Whether a word is anybody's keyword for an opt-out, an opt-in or help, in whatever case and spelling (`Opt-out`, `STOP.`). */
export function isReservedWord(word: string): boolean {
  const letters = word
    .normalize('NFKD')
    .toUpperCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
  return BY_WORD.has(letters) || OTHER_KEYWORDS.has(letters);
}

/**
 * What a message means to Twilio's opt-out. `optOutType` is its own word for it, with Advanced Opt-Out only; without, it looks
 * for the default keywords, on SMS only.
 */
export function keywordOf(
  to: string,
  optOutType: string | undefined,
  body: string | undefined,
): OptOutKeyword | undefined {
  const said = BY_WORD.get(optOutType ?? '');
  const kind = senderKind(to);
  if (said !== undefined || kind === 'whatsapp' || body === undefined) return said;
  const word = body.trim().toUpperCase();
  if (word.length > LONGEST_WORD || (kind === 'toll-free' && !TOLL_FREE_WORDS.has(word))) return undefined;
  return BY_WORD.get(word);
}
