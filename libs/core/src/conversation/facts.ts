/** One fact of a conversation with the far side's time of it (epoch milliseconds). */
export interface Fact<T> {
  value: T;
  at: number;
}

/** The far side's own lifecycle of a conversation. */
export type DeskState = 'created' | 'active' | 'idle';

/**
 * What is known about one desk conversation, each fact with its newest time. Events come late, doubled and in any
 * order; because merging keeps the newest of each fact, the result does not depend on any of that.
 */
export interface ConversationFacts {
  state?: Fact<DeskState>;
  queue?: Fact<string>;
  transferAt?: number;
  /** Per agent id: newest time of joining and of leaving. */
  agents?: Record<string, { joinedAt?: number; leftAt?: number; name?: string }>;
}

export const STATE_RANK: Record<DeskState, number> = { created: 1, active: 2, idle: 3 };

/** Merges two sets of facts; commutative, associative and idempotent. */
export function mergeFacts(a: ConversationFacts, b: ConversationFacts): ConversationFacts {
  const merged: ConversationFacts = {};
  const state = newest(a.state, b.state, (x, y) => STATE_RANK[x] - STATE_RANK[y]);
  if (state) merged.state = state;
  const queue = newest(a.queue, b.queue, (x, y) => (x < y ? -1 : x > y ? 1 : 0));
  if (queue) merged.queue = queue;
  const transferAt = latest(a.transferAt, b.transferAt);
  if (transferAt !== undefined) merged.transferAt = transferAt;
  const ids = [...new Set([...Object.keys(a.agents ?? {}), ...Object.keys(b.agents ?? {})])].sort();
  if (ids.length > 0) {
    merged.agents = Object.fromEntries(ids.map((id) => [id, mergeAgent(agentOf(a, id), agentOf(b, id))]));
  }
  return merged;
}

type AgentFacts = NonNullable<ConversationFacts['agents']>[string];

/** Own properties only: ids come from the far side, and one may be called `constructor`. */
function agentOf(facts: ConversationFacts, id: string): AgentFacts | undefined {
  return facts.agents && Object.hasOwn(facts.agents, id) ? facts.agents[id] : undefined;
}

function mergeAgent(a: AgentFacts = {}, b: AgentFacts = {}): AgentFacts {
  const joinedAt = latest(a.joinedAt, b.joinedAt);
  const leftAt = latest(a.leftAt, b.leftAt);
  const names = [a.name, b.name].filter((name) => name !== undefined).sort();
  const name = names.at(-1);
  return {
    ...(joinedAt !== undefined && { joinedAt }),
    ...(leftAt !== undefined && { leftAt }),
    ...(name !== undefined && { name }),
  };
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.max(a, b);
}

function newest<T>(
  a: Fact<T> | undefined,
  b: Fact<T> | undefined,
  compare: (x: T, y: T) => number,
): Fact<T> | undefined {
  if (!a || !b) return a ?? b;
  if (a.at !== b.at) return a.at > b.at ? a : b;
  return compare(a.value, b.value) >= 0 ? a : b;
}

/** What the facts say a conversation is: its state, who serves it, and whether the last agent is gone. */
export interface DerivedState {
  state: 'opening' | 'queued' | 'active' | 'closed';
  queueId?: string;
  agentId?: string;
  /** Set when the last agent left and nobody follows: the far side's time of it. Closing then waits for a grace. */
  lastAgentLeftAt?: number;
  /** Whether any agent was ever in it. */
  hadAgent: boolean;
}

/**
 * Computes the state from the facts alone (8x8 Chat Gateway reference). An agent who left ends the conversation
 * unless a transfer, a queue or another agent follows that agent's joining.
 */
export function deriveState(facts: ConversationFacts): DerivedState {
  const agents = Object.entries(facts.agents ?? {});
  const [present] = agents
    .filter(([, agent]) => agent.joinedAt !== undefined && agent.joinedAt > (agent.leftAt ?? -Infinity))
    .sort(([idX, x], [idY, y]) => (y.joinedAt ?? 0) - (x.joinedAt ?? 0) || (idX < idY ? -1 : 1));
  const derived: DerivedState = { state: 'opening', hadAgent: agents.length > 0 };
  if (facts.queue) derived.queueId = facts.queue.value;
  const leftAt = present ? undefined : lastDepartureAt(facts);
  if (leftAt !== undefined) derived.lastAgentLeftAt = leftAt;

  if (facts.state?.value === 'idle') return { ...derived, state: 'closed' };
  if (present) return { ...derived, state: 'active', agentId: present[0] };
  if (leftAt !== undefined) return { ...derived, state: 'active' };
  const waiting = agents.length > 0 || facts.queue !== undefined || facts.state?.value === 'active';
  return waiting ? { ...derived, state: 'queued' } : derived;
}

/** When the last agent left for good: undefined while nobody did, or where a transfer or a queue took over. */
function lastDepartureAt(facts: ConversationFacts): number | undefined {
  const agents = Object.values(facts.agents ?? {});
  const leftAt = maximum(agents.map((agent) => agent.leftAt));
  if (leftAt === undefined) return undefined;
  const joinedAt = maximum(agents.map((agent) => agent.joinedAt)) ?? -Infinity;
  const transferred = facts.transferAt !== undefined && facts.transferAt >= joinedAt;
  // Where the last leaver's joining was never heard of, only a queue after the leaving is surely a new one.
  const unheard = agents.some((agent) => agent.leftAt === leftAt && agent.joinedAt === undefined);
  const queuedAgain = facts.queue !== undefined && facts.queue.at > (unheard ? leftAt : joinedAt);
  return transferred || queuedAgain ? undefined : leftAt;
}

function maximum(values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}
