import { DeliveryError } from '#core';
import type { CallContext } from '#core';

/** Hands out what is left of one deadline to each of several calls. */
export function deadline(context: CallContext): () => CallContext {
  const endsAt = performance.now() + context.timeoutMs;
  return () => {
    const timeoutMs = Math.floor(endsAt - performance.now());
    if (timeoutMs <= 0) throw new DeliveryError('not-sent', { code: 'deadline' });
    return { ...context, timeoutMs };
  };
}
