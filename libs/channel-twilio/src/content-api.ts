import { createHash } from 'node:crypto';
import { CONTENT_UNKNOWN, DeliveryError } from '#core';
import type { Interactive, PartContent } from '#core';

export const CONTENT_SID = /^HX[0-9a-fA-F]{32}$/;

/** Answers that pass by themselves; every other 4xx says that Twilio will not have this content, or not from us. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
/** What sending says of content that is not there: an invalid id, a resource not found. */
const UNKNOWN_CODES: ReadonlySet<string | undefined> = new Set(['21655', '20404']);

/** Tells choices from all others by what is shown: equal ones are made once. */
export function contentDigest(interactive: Interactive): string {
  return createHash('sha256')
    .update(JSON.stringify(typesOf(interactive)))
    .digest('hex');
}

/**
 * The body of a create. Its name holds the digest, so that content can be told from what others made in the account.
 * Source: https://www.twilio.com/docs/content/content-api-resources
 */
export function contentRequest(interactive: Interactive) {
  return {
    friendly_name: `causeway-${contentDigest(interactive).slice(0, 32)}`,
    language: interactive.language,
    types: typesOf(interactive),
  };
}

function typesOf({ kind, body, button, choices }: Interactive) {
  return kind === 'quick-reply'
    ? {
        'twilio/quick-reply': {
          body,
          actions: choices.map(({ id, title }) => ({ type: 'QUICK_REPLY', title, id })),
        },
      }
    : {
        'twilio/list-picker': {
          body,
          button,
          items: choices.map(({ id, title, description }) => ({
            item: title,
            id,
            ...(description !== undefined && { description }),
          })),
        },
      };
}

/** A create that failed. Nothing it may have left is ever sent, so whatever may pass is simply made again. */
export function createFailure(error: unknown): unknown {
  if (!(error instanceof DeliveryError) || error.httpStatus === 401) return error;
  const { httpStatus, code, providerCode, retryAfterMs } = error;
  const refused =
    httpStatus !== undefined && httpStatus >= 400 && httpStatus < 500 && !PASSING.has(httpStatus);
  return refused
    ? new DeliveryError('failed', { code: 'content-refused', httpStatus, providerCode })
    : new DeliveryError('not-sent', { code, httpStatus, providerCode, retryAfterMs, cause: error.cause });
}

/** A send that failed because content of our own making has gone: nothing was sent, and it can be made anew. */
export function sendFailure(error: unknown, { interactive, content }: PartContent): unknown {
  if (!interactive || !content || !(error instanceof DeliveryError)) return error;
  const { httpStatus, providerCode } = error;
  if (error.kind === 'uncertain' || !UNKNOWN_CODES.has(providerCode)) return error;
  return new DeliveryError('not-sent', { code: CONTENT_UNKNOWN, httpStatus, providerCode });
}
