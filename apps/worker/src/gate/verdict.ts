import { DeliveryError, StaleIntentError } from '#core';

/**
 * What the end of a call says of its provider, whatever it says of the message. `answered`: it works; `failed`: it does not;
 * `unauthorized`: it does not take our credentials; `forbidden`: it refused this call for them, perhaps only this one;
 * `nothing`: no call was made, our own code broke, or we were merely too fast (429).
 */
export type Verdict = 'answered' | 'failed' | 'unauthorized' | 'forbidden' | 'nothing';

export function verdictOf(error: unknown): Verdict {
  if (error === undefined) return 'answered';
  if (!(error instanceof DeliveryError) || error.cause instanceof StaleIntentError) return 'nothing';
  const { kind, httpStatus } = error;
  if (httpStatus === 429) return 'nothing';
  switch (kind) {
    case 'credentials':
      return httpStatus === 401 ? 'unauthorized' : 'forbidden';
    case 'uncertain':
      return 'failed';
    case 'not-sent':
      return isRefusal(httpStatus) ? 'answered' : 'failed';
    case 'failed':
    case 'held':
    case 'gone':
      return httpStatus === undefined ? 'nothing' : 'answered';
  }
}

/** A 4xx comes from the provider itself; a 408 from whatever waited for it in vain. */
function isRefusal(httpStatus: number | undefined): boolean {
  return httpStatus !== undefined && httpStatus >= 400 && httpStatus < 500 && httpStatus !== 408;
}
