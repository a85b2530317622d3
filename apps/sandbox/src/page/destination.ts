import type { MessageResource } from './operator-api.js';
import type { Destination } from './state.js';

/** Where a customer's message went or was tried: the last attempt of each part counts. Undefined while there is none. */
export function destinationOf({ direction, parts }: MessageResource): Destination | undefined {
  const last = parts.flatMap(({ attempts }) => attempts.slice(-1));
  if (direction === 'outbound' || last.length === 0) return undefined;
  const toBot = last.filter(({ destination }) => destination === 'bot').length;
  if (toBot === 0) return 'desk';
  return toBot === last.length ? 'bot' : 'both';
}
