import type { Participant } from '../ports/desk-port.js';
import { deriveState } from './derived-state.js';
import { STATE_RANK, type ConversationFacts, type DeskState } from './facts.js';

/** What the desk answers when it is asked about a conversation. */
export interface DeskReading {
  state: DeskState;
  /** The queue it is assigned to, where it is assigned to one. */
  queueId?: string;
  /** It is assigned to a bot or a script. */
  botHasIt?: boolean;
  participants: readonly Participant[];
}

/**
 * What a reading adds to the facts: an end, an opening, or the leaving of agents that no event told of. A reading has no time
 * of the far side's, and ours must not outrank events that are still to come. So it stands at the times of what it corrects:
 * a state at that of the state before, which it outranks; a leaving at the agents' last sign (`lastSignAt`, epoch
 * milliseconds): what the customer wrote after that was read by nobody, as far as anybody can tell.
 */
export function factsOfReading(
  known: ConversationFacts,
  reading: DeskReading,
  lastSignAt: number | undefined,
): ConversationFacts {
  const facts: ConversationFacts = {};
  if (!known.state || STATE_RANK[reading.state] > STATE_RANK[known.state.value]) {
    facts.state = { value: reading.state, at: known.state?.at ?? 0 };
  }
  const leavers = leaversOf(known, reading);
  if (leavers.length === 0) return facts;

  const joinedAt = leavers.map((id) => known.agents?.[id]?.joinedAt ?? 0);
  const leftAt = Math.max(lastSignAt ?? 0, ...joinedAt);
  facts.agents = Object.fromEntries(leavers.map((id) => [id, { leftAt }]));
  if (reading.state === 'idle') return facts;
  // Handed to a queue or a bot, which no event told of either: it goes on.
  if (reading.queueId !== undefined) facts.queue = { value: reading.queueId, at: leftAt + 1 };
  if (reading.botHasIt === true) facts.postAgentAt = leftAt + 1;
  return facts;
}

/** Agents whom the facts have present and of whom the desk says, of each, that they left; nobody where any agent is there. */
function leaversOf(known: ConversationFacts, { participants }: DeskReading): string[] {
  if (deriveState(known).agentId === undefined) return [];
  const agents = participants.filter(({ type }) => type === 'agent');
  if (agents.some(({ present }) => present)) return [];
  const left = new Set(agents.map(({ id }) => id));
  const believed = Object.entries(known.agents ?? {})
    .filter(([, { joinedAt, leftAt }]) => joinedAt !== undefined && joinedAt > (leftAt ?? -Infinity))
    .map(([id]) => id);
  return believed.every((id) => left.has(id)) ? believed : [];
}
