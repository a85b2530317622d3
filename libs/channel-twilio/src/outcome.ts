import { DeliveryError, parseRetryAfter } from '#core';
import type { DeliveryErrorKind, HoldReason, ProviderWords, Remedy } from '#core';
import { meaningOf, TWILIO_ERRORS } from './error-codes.js';

/** Twilio's general codes for account, authentication and API; an unknown one with a 403 concerns every call. */
const GENERAL_CODE = /^20\d{3}$/;

interface Refusal {
  kind: DeliveryErrorKind;
  code: string;
  hold?: HoldReason;
}

/** Answers without a code that the table knows. A status that stands nowhere refuses the message for good. */
export const BY_STATUS: Readonly<Record<number, Refusal>> = {
  401: { kind: 'credentials', code: 'credentials-refused' },
  404: { kind: 'held', hold: 'configuration', code: 'resource-not-found' },
  405: { kind: 'held', hold: 'configuration', code: 'not-the-api' },
  407: { kind: 'held', hold: 'configuration', code: 'not-the-api' },
  // From something between us and Twilio: what became of the request there is anybody's guess.
  408: { kind: 'uncertain', code: 'request-timeout' },
  425: { kind: 'uncertain', code: 'too-early' },
};

/** What the short names mean that stand for no code of Twilio's. */
const WORDS: Readonly<Record<string, string>> = {
  'credentials-refused': 'Our credentials were refused.',
  'resource-not-found': 'The account or the path of the call is not known.',
  'not-the-api': 'Whoever answers at TWILIO_API_BASE_URL is not its API.',
  'request-timeout': 'Something between us and it gave up waiting for the request.',
  'too-early': 'Something between us and it put the request off.',
  'provider-error': 'It had an internal error.',
  'rate-limited': 'Too many calls at once; nothing was sent.',
  'rejected-unknown': 'It refused the message without saying why.',
  'other-account': 'The number belongs to no account in TWILIO_ACCOUNT_SID or TWILIO_SUBACCOUNTS.',
  'list-incomplete': 'The list of its messages lacks some that it certainly took.',
  'list-too-long': 'The list of its messages is too long to be read in time.',
  'content-refused': 'It will not have these choices as content; they go out as text.',
  'content-unknown':
    'It does not know the choices any more that it was given as content; they are made anew.',
  'media-not-ready': 'A file that the customer sent is not there yet.',
  'media-unavailable': 'A file that the customer sent cannot be had now.',
  'unreadable-answer': 'It took the call, and its answer could not be read.',
};

const TEXT_BY_NAME: ReadonlyMap<string, string> = new Map(
  [...TWILIO_ERRORS.values()].toReversed().map(({ name, text }) => [name, text]),
);

const REMEDY_BY_NAME: ReadonlyMap<string, Remedy> = new Map(
  [...TWILIO_ERRORS.values()].toReversed().flatMap(({ name, remedy }) => (remedy ? [[name, remedy]] : [])),
);

/** Twilio's answers in sentences for operators. */
export const twilioWords: ProviderWords = {
  name: 'Twilio',
  reason: (code) => (Object.hasOwn(WORDS, code) ? WORDS[code] : TEXT_BY_NAME.get(code)),
  providerCode: (code) => meaningOf(code)?.text,
  remedy: (code) => meaningOf(code)?.remedy ?? REMEDY_BY_NAME.get(code),
};

/**
 * What an answer other than 2xx means. Nothing of its body but the code is kept: Twilio's messages quote addresses.
 */
export function refusal(
  status: number,
  headers: Readonly<Record<string, string>>,
  providerCode: string | undefined,
): DeliveryError {
  const { kind, code, hold } = classify(status, providerCode);
  return new DeliveryError(kind, {
    code,
    hold,
    providerCode,
    httpStatus: status,
    retryAfterMs: parseRetryAfter(headers['retry-after'], Date.now()),
  });
}

function classify(status: number, providerCode: string | undefined): Refusal {
  // A 5xx says nothing about the message, whatever code stands beside it.
  if (status >= 500) return { kind: 'uncertain', code: 'provider-error' };
  // A redirect or something stranger: whoever answers there is not the API.
  if (status < 400) return { kind: 'held', hold: 'configuration', code: 'not-the-api' };

  const meaning = meaningOf(providerCode);
  // Never processed, so always safe to repeat; the code only gives it a better name.
  if (status === 429) {
    return { kind: 'not-sent', code: meaning?.sync.kind === 'not-sent' ? meaning.name : 'rate-limited' };
  }
  if (meaning) return { ...meaning.sync, code: meaning.name };
  if (status === 403 && (providerCode === undefined || GENERAL_CODE.test(providerCode))) {
    return { kind: 'credentials', code: 'credentials-refused' };
  }
  return BY_STATUS[status] ?? { kind: 'failed', code: 'rejected-unknown' };
}
