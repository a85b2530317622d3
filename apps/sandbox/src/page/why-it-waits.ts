import { destinationOf } from './destination.js';
import type { LaneResource, MessageResource } from './operator-api.js';
import type { BridgeMessage } from './state.js';

/** Why a message is not at its end, in plain words; undefined when it is. */
export function whyItWaits(
  message: MessageResource,
  lane: LaneResource | undefined,
  conversationState: string | undefined,
): BridgeMessage['waits'] {
  const { delivery, direction, explanation } = message;
  const desk = destinationOf(message) === 'bot' ? 'the bot' : 'the Chat Gateway';
  const far = direction === 'inbound' ? desk : 'Twilio';
  if (delivery === 'submitted' || delivery === 'failed') return undefined;
  if (lane?.pausedAt !== undefined) return { why: 'An operator has paused its lane.' };
  if (delivery === 'held') return { why: explanation ?? 'It is held.' };
  const head = lane?.head;
  if (head && head.messageId !== message.id && head.seq < message.seq) {
    return { why: `Waits for message ${head.seq} of its lane, which is before it: order is kept.` };
  }
  if (delivery === 'sending') return { why: `It is being given to ${far} right now.` };
  const until = lane?.notBefore;
  const later = until !== undefined && Date.parse(until) > Date.now() ? { until } : {};
  if (delivery === 'uncertain') {
    return { why: explanation ?? `Whether ${far} has it is found out first.`, ...later };
  }
  if (lane && lane.failures > 0) {
    const times = lane.failures === 1 ? 'once' : `${lane.failures} times`;
    return { why: `Tried ${times} without success. ${explanation ?? ''}`.trimEnd(), ...later };
  }
  if (direction === 'inbound' && (conversationState === undefined || conversationState === 'opening')) {
    return { why: 'Its conversation is being opened.', ...later };
  }
  return { why: 'A worker takes it next.', ...later };
}
