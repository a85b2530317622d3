import { newest, type ConversationFacts, type Fact } from './facts.js';

/** What the facts say a conversation is: its state, who serves it, and whether the last agent is gone. */
export interface DerivedState {
  state: 'opening' | 'queued' | 'active' | 'post-agent' | 'closed';
  queueId?: string;
  agentId?: string;
  /**
   * Set when the last agent left and no other is to follow: the far side's time of it. What the customer writes from then on is read
   * by no agent. Where no bot follows either, closing waits for a grace.
   */
  lastAgentLeftAt?: number;
  /** Whether any agent was ever in it. */
  hadAgent: boolean;
}

/** What facts come to, as far as the state depends on it. */
export interface Standing {
  over: boolean;
  served: boolean;
  handedBack: boolean;
  deserted: boolean;
  awaited: boolean;
}

interface StateRule {
  sign: keyof Standing;
  state: DerivedState['state'];
  /** For readers of the table in docs. */
  when: string;
}

/** The state that facts add up to: the first rule that holds decides, and where none does it is `opening`. */
export const STATE_RULES: readonly StateRule[] = [
  { sign: 'over', state: 'closed', when: 'the desk has said `idle`' },
  { sign: 'served', state: 'active', when: 'an agent has joined and not left since' },
  {
    sign: 'handedBack',
    state: 'post-agent',
    when: 'agents were there, the newest of what follows them is a bot or a script, and there is to be a survey',
  },
  { sign: 'deserted', state: 'active', when: 'the last agent has left and nothing follows: the grace runs' },
  {
    sign: 'awaited',
    state: 'queued',
    when: 'there is an interaction: `active`, a queue, a transfer, or a sign of an agent',
  },
];

export function stateOf(standing: Standing): DerivedState['state'] {
  return STATE_RULES.find(({ sign }) => standing[sign])?.state ?? 'opening';
}

/**
 * Computes the state from the facts alone (8x8 Chat Gateway reference). An agent who left ends the conversation
 * unless a transfer, a queue, a bot or another agent follows that agent's joining.
 */
export function deriveState(facts: ConversationFacts): DerivedState {
  const agents = Object.entries(facts.agents ?? {});
  const [present] = agents
    .filter(([, agent]) => agent.joinedAt !== undefined && agent.joinedAt > (agent.leftAt ?? -Infinity))
    .sort(([idX, x], [idY, y]) => (y.joinedAt ?? 0) - (x.joinedAt ?? 0) || (idX < idY ? -1 : 1));
  const leftAt = maximum(agents.map(([, agent]) => agent.leftAt));
  const next = present ? undefined : nextOf(facts, leftAt);
  const deserted = !present && leftAt !== undefined && next === undefined;
  const handedBack = next === 'bot' && leftAt !== undefined;
  const queueId = queueOf(facts);
  const state = stateOf({
    over: facts.state?.value === 'idle',
    served: present !== undefined,
    handedBack,
    deserted,
    awaited:
      agents.length > 0 ||
      facts.queue !== undefined ||
      facts.transferAt !== undefined ||
      facts.state?.value === 'active',
  });
  return {
    state,
    ...(queueId !== undefined && { queueId }),
    ...(present && state === 'active' && { agentId: present[0] }),
    ...((deserted || handedBack) && { lastAgentLeftAt: leftAt }),
    hadAgent: agents.length > 0,
  };
}

/** What follows the agents who were there: the newest of transfer, queue and bot, where it came after they did. */
function nextOf(
  facts: ConversationFacts,
  leftAt: number | undefined,
): 'transfer' | 'queue' | 'bot' | undefined {
  const agents = Object.values(facts.agents ?? {});
  const joinedAt = maximum(agents.map((agent) => agent.joinedAt)) ?? -Infinity;
  // Where the last leaver's joining was never heard of, only a queue or a bot after the leaving is surely a new one.
  const isUnheard = agents.some((agent) => agent.leftAt === leftAt && agent.joinedAt === undefined);
  const since = isUnheard && leftAt !== undefined ? leftAt : joinedAt;
  const { queue, transferAt, postAgentAt } = facts;
  const candidates = [
    { kind: 'transfer', at: transferAt, follows: (transferAt ?? 0) >= joinedAt },
    { kind: 'queue', at: queue?.at, follows: (queue?.at ?? 0) > since },
    { kind: 'bot', at: postAgentAt, follows: (postAgentAt ?? 0) >= since },
  ] as const;
  // Of one instant, the first of these.
  const newestAt = maximum(candidates.map(({ at }) => at));
  const found = candidates.find(({ at }) => at !== undefined && at === newestAt);
  return found?.follows ? found.kind : undefined;
}

/** The queue that the desk named last, whether it waits there already or was only assigned to it. */
function queueOf({ queue, assignment }: ConversationFacts): string | undefined {
  const assigned: Fact<string> | undefined =
    assignment?.value.type === 'queue' && assignment.value.id !== undefined
      ? { value: assignment.value.id, at: assignment.at }
      : undefined;
  return newest(assigned, queue, () => -1)?.value;
}

function maximum(values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}
