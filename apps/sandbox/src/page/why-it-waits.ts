import type { LaneResource, MessageResource } from './operator-api.js';
import type { BridgeMessage } from './state.js';

/** Why a message is not at its end, in plain words; undefined when it is. */
export function whyItWaits(
  message: MessageResource,
  lane: LaneResource | undefined,
  conversationState: string | undefined,
): BridgeMessage['waits'] {
  const { delivery, direction, reason } = message;
  const far = direction === 'inbound' ? 'the Chat Gateway' : 'Twilio';
  if (delivery === 'submitted' || delivery === 'failed') return undefined;
  if (lane?.pausedAt !== undefined) return { why: 'An operator has paused its lane.' };
  if (delivery === 'held') return { why: `Held: ${reason ?? 'for a reason that is not known'}.` };
  const head = lane?.head;
  if (head && head.messageId !== message.id && head.seq < message.seq) {
    return { why: `Waits for message ${head.seq} of its lane, which is before it: order is kept.` };
  }
  if (delivery === 'sending') return { why: `It is being given to ${far} right now.` };
  const until = lane?.notBefore;
  const later = until !== undefined && Date.parse(until) > Date.now() ? { until } : {};
  if (delivery === 'uncertain') {
    return {
      why: `Nobody knows whether ${far} took it: it is settled before anything else is sent.`,
      ...later,
    };
  }
  if (lane && lane.failures > 0) return { why: afterFailures(message, lane.failures, far), ...later };
  if (direction === 'inbound' && (conversationState === undefined || conversationState === 'opening')) {
    return { why: 'Its conversation is being opened.', ...later };
  }
  return { why: 'A worker takes it next.', ...later };
}

function afterFailures(message: MessageResource, failures: number, far: string): string {
  const last = message.parts.flatMap(({ attempts }) => attempts).at(-1);
  const times = failures === 1 ? 'once' : failures === 2 ? 'twice' : `${failures} times`;
  const answered = last?.httpStatus === undefined ? undefined : `${far} answered ${last.httpStatus}`;
  const what = answered ?? message.reason ?? last?.errorClass ?? 'no answer';
  const tried = last ? `Tried ${times} without success` : `Its conversation could not be opened, ${times}`;
  return `${tried} (${what}); it is tried again by itself.`;
}
