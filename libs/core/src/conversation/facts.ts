/** One fact of a conversation with the far side's time of it (epoch milliseconds). */
export interface Fact<T> {
  value: T;
  at: number;
}

/** The far side's own lifecycle of a conversation. */
export type DeskState = 'created' | 'active' | 'idle';

/** Whom the far side has given a conversation to. */
export interface Assignment {
  /** `agent`, `queue`, `script`, `webhook`, or what nobody knows yet. */
  type: string;
  id?: string;
}

/**
 * What is known about one desk conversation, each fact with its newest time. Events come late, doubled and in any
 * order; because merging keeps the newest of each fact, the result does not depend on any of that.
 */
export interface ConversationFacts {
  state?: Fact<DeskState>;
  queue?: Fact<string>;
  assignment?: Fact<Assignment>;
  transferAt?: number;
  /** When a bot or a script was set to follow the agents: by an assignment, or as the desk shows the conversation when it is read. */
  postAgentAt?: number;
  /** Per agent id: newest time of joining and of leaving. */
  agents?: Record<string, { joinedAt?: number; leftAt?: number; name?: string }>;
}

export const STATE_RANK: Record<DeskState, number> = { created: 1, active: 2, idle: 3 };

/** Merges two sets of facts; commutative, associative and idempotent. */
export function mergeFacts(a: ConversationFacts, b: ConversationFacts): ConversationFacts {
  const merged: ConversationFacts = {};
  const state = furthest(a.state, b.state);
  if (state) merged.state = state;
  const queue = newest(a.queue, b.queue, byText);
  if (queue) merged.queue = queue;
  const assignment = newest(
    a.assignment,
    b.assignment,
    (x, y) => byText(x.type, y.type) || byText(x.id, y.id),
  );
  if (assignment) merged.assignment = assignment;
  const transferAt = latest(a.transferAt, b.transferAt);
  if (transferAt !== undefined) merged.transferAt = transferAt;
  const postAgentAt = latest(a.postAgentAt, b.postAgentAt);
  if (postAgentAt !== undefined) merged.postAgentAt = postAgentAt;
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

/** A life goes forward only, whatever the times say. */
function furthest(
  a: Fact<DeskState> | undefined,
  b: Fact<DeskState> | undefined,
): Fact<DeskState> | undefined {
  const ahead = a && b ? STATE_RANK[a.value] - STATE_RANK[b.value] : 0;
  if (ahead !== 0) return ahead > 0 ? a : b;
  return newest(a, b, () => 0);
}

function byText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The newer of two; of one instant, the one that `compare` puts last. */
export function newest<T>(
  a: Fact<T> | undefined,
  b: Fact<T> | undefined,
  compare: (x: T, y: T) => number,
): Fact<T> | undefined {
  if (!a || !b) return a ?? b;
  if (a.at !== b.at) return a.at > b.at ? a : b;
  return compare(a.value, b.value) >= 0 ? a : b;
}
