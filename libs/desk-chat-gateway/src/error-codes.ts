import { DeliveryError, parseRetryAfter } from '#core';
import type { DeliveryErrorKind, HoldReason, ProviderWords } from '#core';
import { asArray, asObject } from './json.js';

/**
 * What a call was for. `create` and `message` take effect and have no idempotency key, so a doubtful answer to them is
 * `uncertain`; `upload`, `end`, `signal` and `read` can be repeated, so a doubtful answer to them is `not-sent`.
 */
export type Operation = 'create' | 'message' | 'upload' | 'end' | 'signal' | 'read';

/** An answer of the Chat Gateway. */
export interface ChatGatewayAnswer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** The body where it is JSON, else undefined. */
  json: unknown;
}

interface Verdict {
  kind: DeliveryErrorKind;
  code: string;
  hold?: HoldReason;
}

const uncertain = (code: string): Verdict => ({ kind: 'uncertain', code });
const again = (code: string): Verdict => ({ kind: 'not-sent', code });
const failed = (code: string): Verdict => ({ kind: 'failed', code });
const credentials = (code: string): Verdict => ({ kind: 'credentials', code });
const gone: Verdict = { kind: 'gone', code: 'conversation-gone' };
const misconfigured = (code: string): Verdict => ({ kind: 'held', code, hold: 'configuration' });

type Row = Record<Operation, Verdict>;

/** The same verdict for both kinds of call: those that take effect, and those that can be repeated. */
const both = (effectful: Verdict, repeatable: Verdict = effectful): Row => ({
  create: effectful,
  message: effectful,
  upload: repeatable,
  end: repeatable,
  signal: repeatable,
  read: repeatable,
});

/** A refused create says nothing against the customer's text: it waits until somebody has repaired the settings. */
const refused = (code: string): Row => ({ ...both(failed(code)), create: misconfigured(code) });

/**
 * Status → verdict, the exact status before its class. Source: the published OpenAPI document; 409 and 429 are not in
 * it: 409 is read like a 404, and after a 429 or 503 nobody can tell whether the call took effect.
 */
export const BY_STATUS: Readonly<Record<string, Row>> = {
  '400': refused('rejected'),
  '401': both(credentials('unauthorized')),
  '403': both(credentials('forbidden')),
  // A create's path is fixed: what was not found is the channel or the queue it names.
  '404': {
    create: misconfigured('channel-not-found'),
    message: gone,
    upload: gone,
    end: gone,
    signal: gone,
    read: gone,
  },
  '405': refused('not-supported'),
  '408': both(uncertain('request-timeout'), again('request-timeout')),
  '409': {
    create: misconfigured('conflict'),
    message: gone,
    upload: gone,
    end: gone,
    signal: gone,
    read: again('conflict'),
  },
  '410': {
    create: misconfigured('channel-not-found'),
    message: gone,
    upload: gone,
    end: gone,
    signal: gone,
    read: gone,
  },
  // The gateway in front may answer these after it has passed the call on.
  '429': both(uncertain('rate-limited'), again('rate-limited')),
  '501': { ...both(uncertain('not-supported'), again('not-supported')), read: failed('not-supported') },
  '503': both(uncertain('unavailable'), again('unavailable')),
  '1xx': both(uncertain('unexpected-answer'), again('unexpected-answer')),
  '2xx': both(uncertain('garbage-answer'), again('garbage-answer')),
  '3xx': both(uncertain('redirected'), again('redirected')),
  '4xx': refused('rejected'),
  '5xx': both(uncertain('server-error'), again('server-error')),
};

/**
 * The provider's own code → verdict, for answers that refuse (4xx but 401, 403, 408 and 429). Codes that are not here
 * mean what their status means.
 */
export const BY_CODE: Readonly<Record<string, Partial<Row>>> = {
  // Somebody has to repair the number's settings; the customer's texts wait for that.
  invalid_queue: { create: misconfigured('invalid-queue'), message: misconfigured('invalid-queue') },
  invalid_channel: { create: misconfigured('invalid-channel') },
  invalid_parameter: refused('invalid-parameter'),
  invalid_json_object: refused('invalid-json-object'),
  resource_not_found: {
    create: misconfigured('channel-not-found'),
    message: gone,
    upload: gone,
    end: gone,
    signal: gone,
    read: gone,
  },
  access_denied: both(credentials('access-denied')),
};

/** What the verdicts mean. */
const WORDS: Readonly<Record<string, string>> = {
  rejected: 'It refused the call.',
  unauthorized: 'Our API key was refused.',
  forbidden: 'Our API key may not do this.',
  'access-denied': 'Our API key may not do this.',
  'channel-not-found': 'The channel or the queue of the number does not exist there.',
  'conversation-gone': 'The conversation does not take messages any more.',
  'not-supported': 'It does not offer this call.',
  'request-timeout': 'Something between us and it gave up waiting for the request.',
  conflict: 'The call does not fit the state of the conversation.',
  'rate-limited': 'Too many calls at once.',
  unavailable: 'It is not available.',
  'unexpected-answer': 'It answered with a status that means nothing here.',
  'garbage-answer': 'It took the call, and its answer could not be read.',
  redirected: 'It sent us elsewhere: CHAT_GATEWAY_BASE_URL may be wrong.',
  'server-error': 'It had an internal error.',
  'invalid-queue': 'It does not know the queue of the number.',
  'invalid-channel': 'It does not know the channel of the number.',
  'invalid-parameter': 'It does not accept a field of the call.',
  'invalid-json-object': 'It could not read the call.',
  'unknown-tenant': 'No credentials are configured for this tenant any more: TENANTS lacks it.',
  'conversation-id-known': 'It answered with the id of another conversation of ours.',
};

/** The Chat Gateway's answers in sentences for operators. */
export const chatGatewayWords: ProviderWords = {
  name: 'Chat Gateway',
  reason: (code) => (Object.hasOwn(WORDS, code) ? WORDS[code] : undefined),
  providerCode: (code) => {
    const verdict = verdictByCode(code, 'create') ?? verdictByCode(code, 'message');
    return verdict && WORDS[verdict.code];
  },
};

const OWN_MEANING = new Set([401, 403, 408, 429]);

/** The error for an answer that is not the one hoped for. Carries the provider's code, never its words. */
export function answerError(operation: Operation, answer: ChatGatewayAnswer, nowMs: number): DeliveryError {
  const { status, headers, json } = answer;
  const codes = providerCodes(json);
  const refuses = status >= 400 && status < 500 && !OWN_MEANING.has(status);
  const known = refuses ? codes.find((code) => verdictByCode(code, operation)) : undefined;
  const verdict =
    (known === undefined ? undefined : verdictByCode(known, operation)) ??
    (BY_STATUS[String(status)] ?? BY_STATUS[`${Math.trunc(status / 100)}xx`])?.[operation] ??
    uncertain('unexpected-answer');
  return new DeliveryError(verdict.kind, {
    code: verdict.code,
    hold: verdict.hold,
    httpStatus: status,
    providerCode: known ?? codes[0],
    retryAfterMs: parseRetryAfter(headers['retry-after'], nowMs),
  });
}

/**
 * The codes in an error body. `errors` comes as a list of objects, a list of sentences or one object; `validations`
 * may hold codes too; old errors are plain text. Only what looks like a code is one: sentences can repeat what we sent.
 */
export function providerCodes(json: unknown): string[] {
  const { errors, validations } = asObject(json);
  return [...asArray(errors), ...asArray(validations), errors]
    .map((entry) => asObject(entry)['code'])
    .filter(
      (code): code is string => typeof code === 'string' && /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(code),
    );
}

function verdictByCode(code: string, operation: Operation): Verdict | undefined {
  return Object.hasOwn(BY_CODE, code) ? BY_CODE[code]?.[operation] : undefined;
}
