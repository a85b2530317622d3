import type { Agent, DeskConversation, DeskState } from '../../../src/page/state.js';
import { useLive } from '../live-state.js';
import { useView } from '../location.js';
import { numberOf } from '../phones/selection.js';

/** The agent that the page's address names, or the first; `missing` when it names one that is not there. */
export function useActingAgent(): { agent: Agent | undefined; missing: string | null } {
  const { agents } = useLive('desk');
  const { agent: id } = useView();
  const named = agents.find((agent) => agent.id === id);
  return { agent: named ?? agents[0], missing: named ? null : id };
}

/** Who has waited longest comes first. */
export function waitingIn({ conversations }: DeskState): DeskConversation[] {
  return conversations
    .filter((one) => one.waiting && one.state !== 'idle')
    .sort((a, b) => a.createdAt.localeCompare(b.createdAt));
}

export function offeredTo(agent: Agent | undefined, { notOffered }: DeskConversation): boolean {
  return agent !== undefined && notOffered[agent.id] === undefined;
}

/** Those that are not waiting, from one agent's point of view. */
export function groupFor(agent: Agent | undefined, { conversations }: DeskState) {
  const open = conversations.filter((one) => !isOver(one) && !one.waiting);
  const [withBot, rest] = [open.filter((one) => one.withBot), open.filter((one) => !one.withBot)];
  const isMine = ({ agentIds }: DeskConversation) => agent !== undefined && agentIds.includes(agent.id);
  return {
    mine: rest.filter(isMine),
    others: rest.filter((one) => !isMine(one)),
    withBot,
    ended: conversations.filter(isOver),
  };
}

/** Ended at the desk, or closed by Causeway with nobody left in it. */
export function isOver({ state, closedBecause, agentIds }: DeskConversation): boolean {
  return state === 'idle' || (closedBecause !== undefined && agentIds.length === 0);
}

export function customerName({ customer }: DeskConversation): string {
  return customer.name ?? (customer.phone ? numberOf(customer.phone) : 'Unknown customer');
}

/** `Ada`, `Ada and Grace`. */
export function namesOf(agents: Agent[], ids: string[]): string {
  const names = ids.map((id) => agents.find((agent) => agent.id === id)?.name ?? id);
  return new Intl.ListFormat('en-GB').format(names);
}
