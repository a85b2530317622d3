import type { FaultSpec } from '../../common/faults.js';
import type { ProviderId } from '../state.js';

type Fault = Omit<FaultSpec, 'operation'> & { text: string };

/** One-shot faults, each of which hits the next calls that send a message. */
const FAULTS: readonly Fault[] = [
  { text: 'answers 500 after accepting', effect: 'answer', status: 500, when: 'after' },
  { text: 'answers 429, three times', effect: 'answer', status: 429, retryAfter: '1', times: 3 },
  { text: 'resets the connection after accepting', effect: 'reset', when: 'after' },
  { text: 'answers 500 before accepting, twice', effect: 'answer', status: 500, times: 2 },
  { text: 'is slow for five calls', effect: 'slow', delayMs: 1500, times: 5 },
  { text: 'resets the connection before accepting, twice', effect: 'reset', times: 2 },
  { text: 'breaks off in the middle of an answer', effect: 'half-body' },
  { text: 'does not answer at all, once', effect: 'hang' },
  { text: 'answers with garbage', effect: 'garbage' },
];

const NAMES: Record<ProviderId, string> = { twilio: 'Twilio', 'chat-gateway': 'The Chat Gateway' };

/** The faults of a storm, in turn: each of them on both sides before any comes again. */
export function* stormFaults(): Generator<{ provider: ProviderId; spec: FaultSpec; text: string }, never> {
  for (let turn = 0; ; turn += 1) {
    const provider = turn % 2 === 0 ? 'twilio' : 'chat-gateway';
    const { text, ...rest } = FAULTS[Math.floor(turn / 2 + (turn % 2) * 4) % FAULTS.length] as Fault;
    yield { provider, spec: { ...rest, operation: 'messages.create' }, text: `${NAMES[provider]} ${text}.` };
  }
}
