import { ControlError } from '../common/control.js';
import { LANGUAGES } from './languages.js';

export interface Named {
  id: string;
  name: string;
}

export interface DeskAgent extends Named {
  /** Codes of what they speak. */
  languages: readonly string[];
  /** The queues that they serve. */
  queueIds: readonly string[];
  /** Whether they take new work. */
  available: boolean;
}

/** Without languages an agent speaks English, without queues they serve all that there are. */
export type AgentSpec = Named & Partial<DeskAgent>;

export type AgentChange = Partial<Omit<DeskAgent, 'id'>>;

const DEFAULT_QUEUES: readonly Named[] = [
  { id: '100', name: 'Support' },
  { id: '200', name: 'Sales' },
];
const DEFAULT_AGENTS: readonly AgentSpec[] = [
  { id: 'agent-1', name: 'Ada', languages: ['en', 'de'] },
  { id: 'agent-2', name: 'Grace', languages: ['en', 'fr'] },
];

/** The queues of the contact centre and the agents who serve them. */
export class Staff {
  readonly #first: { queues: readonly Named[]; agents: readonly AgentSpec[] };
  readonly #queues = new Map<string, Named>();
  readonly #agents = new Map<string, DeskAgent>();

  constructor(queues: readonly Named[] = DEFAULT_QUEUES, agents: readonly AgentSpec[] = DEFAULT_AGENTS) {
    this.#first = { queues, agents };
    this.reset();
  }

  /** As it was at the start. */
  reset(): void {
    this.#queues.clear();
    this.#agents.clear();
    for (const { id, name } of this.#first.queues) this.#queues.set(id, { id, name });
    for (const agent of this.#first.agents) this.#keep(agent);
  }

  get queues(): readonly Named[] {
    return [...this.#queues.values()];
  }

  get agents(): readonly DeskAgent[] {
    return [...this.#agents.values()];
  }

  queue(id: string): Named | undefined {
    return this.#queues.get(id);
  }

  agent(id: string): DeskAgent | undefined {
    return this.#agents.get(id);
  }

  /** Every agent serves it until told otherwise. Without an id it gets the next hundred. */
  addQueue({ id = this.#nextQueueId(), name }: { id?: string | undefined; name: string }): Named {
    if (id === '' || name === '') throw new ControlError(400, 'a queue needs id and name');
    if (this.#queues.has(id)) throw new ControlError(409, `there is a queue ${id} already`);
    const queue = { id, name };
    this.#queues.set(id, queue);
    for (const agent of this.agents) this.#keep({ ...agent, queueIds: [...agent.queueIds, id] });
    return queue;
  }

  removeQueue(id: string): void {
    if (!this.#queues.delete(id)) throw new ControlError(404, `there is no queue ${id}`);
    for (const agent of this.agents) {
      this.#keep({ ...agent, queueIds: agent.queueIds.filter((one) => one !== id) });
    }
  }

  addAgent({ id, ...rest }: Omit<AgentSpec, 'id'> & { id?: string | undefined }): DeskAgent {
    const wanted = id ?? this.#nextAgentId();
    if (this.#agents.has(wanted)) throw new ControlError(409, `there is an agent ${wanted} already`);
    return this.#keep({ id: wanted, ...rest });
  }

  changeAgent(id: string, change: AgentChange): DeskAgent {
    const agent = this.#agents.get(id);
    if (agent === undefined) throw new ControlError(404, `there is no agent ${id}`);
    return this.#keep({ ...agent, ...change });
  }

  /** Agents to whom work of the queue could be offered. */
  eligible(queueId: string): DeskAgent[] {
    return this.agents.filter(({ available, queueIds }) => available && queueIds.includes(queueId));
  }

  #keep(spec: AgentSpec): DeskAgent {
    const { id, name, languages = ['en'], queueIds = [...this.#queues.keys()], available = true } = spec;
    if (id === '' || name === '') throw new ControlError(400, 'an agent needs id and name');
    const strange = languages.find((code) => !LANGUAGES.has(code));
    if (strange !== undefined) throw new ControlError(400, `${strange} is no language of the desk`);
    const missing = queueIds.find((queueId) => !this.#queues.has(queueId));
    if (missing !== undefined) throw new ControlError(400, `there is no queue ${missing}`);
    const agent = { id, name, languages: [...languages], queueIds: [...queueIds], available };
    this.#agents.set(id, agent);
    return agent;
  }

  #nextQueueId(): string {
    const numbers = [...this.#queues.keys()].map(Number).filter(Number.isInteger);
    return String(100 * (Math.floor(Math.max(0, ...numbers) / 100) + 1));
  }

  #nextAgentId(): string {
    let number = this.#agents.size + 1;
    while (this.#agents.has(`agent-${number}`)) number += 1;
    return `agent-${number}`;
  }
}

/** Why a waiting conversation is not offered to the agent, in a sentence; undefined where it is. */
export function whyNotOffered(
  agent: DeskAgent,
  { queue, language }: { queue: Named; language: string },
): string | undefined {
  if (!agent.available) return `${agent.name} is away.`;
  if (!agent.queueIds.includes(queue.id)) return `${agent.name} does not serve ${queue.name}.`;
  if (!agent.languages.includes(language)) return `${agent.name} does not speak “${language}”.`;
  return undefined;
}
