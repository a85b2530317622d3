import { describe, expect, it } from 'vitest';
import { DeliveryError, StaleIntentError, type DeliveryErrorKind } from '#core';
import { verdictOf } from './verdict.js';

function error(kind: DeliveryErrorKind, httpStatus?: number, cause?: unknown): DeliveryError {
  return new DeliveryError(kind, { code: 'test', httpStatus, cause });
}

describe(verdictOf, () => {
  it.each([
    ['a call that succeeded', undefined, 'answered'],
    ['a refused connection', error('not-sent'), 'failed'],
    ['a look-up that failed with a 500', error('not-sent', 500), 'failed'],
    ['a look-up that a proxy gave up', error('not-sent', 408), 'failed'],
    ['a look-up with a garbage answer', error('not-sent', 200), 'failed'],
    ['a deadline', error('uncertain'), 'failed'],
    ['a 503', error('uncertain', 503), 'failed'],
    ['a message that is refused for good', error('failed', 400), 'answered'],
    ['a message that is held', error('held', 400), 'answered'],
    ['a conversation that is gone', error('gone', 404), 'answered'],
    ['a full queue at the provider', error('not-sent', 400), 'answered'],
    ['a 429 that is certain', error('not-sent', 429), 'nothing'],
    ['a 429 that is not', error('uncertain', 429), 'nothing'],
    ['a 401', error('credentials', 401), 'unauthorized'],
    ['a 403', error('credentials', 403), 'forbidden'],
    ['a refusal of our own', error('held'), 'nothing'],
    ['an intent that was too old', error('not-sent', undefined, new StaleIntentError()), 'nothing'],
    ['an exception of our own', new TypeError('x is undefined'), 'nothing'],
  ] as const)('%s', (_, ended, verdict) => {
    expect(verdictOf(ended)).toBe(verdict);
  });
});
