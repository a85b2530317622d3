import { describe, expect, it } from 'vitest';
import type { Participant } from '../ports/desk-port.js';
import { deriveState } from './derived-state.js';
import { mergeFacts, type ConversationFacts } from './facts.js';
import { factsOfReading, type DeskReading } from './reading.js';

const agent = (id: string, present: boolean): Participant => ({ id, type: 'agent', present });
const customer: Participant = { id: 'user', type: 'user', present: true };

const SERVED: ConversationFacts = {
  state: { value: 'active', at: 10 },
  queue: { value: '100', at: 5 },
  agents: { a1: { joinedAt: 20 } },
};

function after(known: ConversationFacts, reading: Partial<DeskReading>, lastSignAt?: number) {
  const facts = factsOfReading(known, { state: 'active', participants: [], ...reading }, lastSignAt);
  return { facts, derived: deriveState(mergeFacts(known, facts)) };
}

describe(factsOfReading.name, () => {
  it('adds nothing where the desk says what is known', () => {
    expect(after(SERVED, { participants: [customer, agent('a1', true)] }).facts).toEqual({});
    expect(after({ state: { value: 'active', at: 10 } }, {}).facts).toEqual({});
  });

  it('closes what is over, and opens what is not known to be open', () => {
    expect(after(SERVED, { state: 'idle' }).derived.state).toBe('closed');
    expect(after({}, { state: 'active' }).derived.state).toBe('queued');
    expect(after({ state: { value: 'created', at: 10 } }, {}).derived.state).toBe('queued');
  });

  it('never undoes what an event told', () => {
    expect(after({ state: { value: 'idle', at: 1 } }, { state: 'active' }).facts).toEqual({});
    const left: ConversationFacts = { ...SERVED, agents: { a1: { joinedAt: 20, leftAt: 30 } } };
    expect(after(left, { participants: [agent('a1', true)] }).facts).toEqual({});
  });

  it('lets a later event win, whatever our clock says', () => {
    const { facts } = after({ state: { value: 'created', at: 10 } }, { state: 'active' });
    const next = mergeFacts(facts, { state: { value: 'idle', at: 11 } });
    expect(deriveState(next).state).toBe('closed');
  });

  it('knows that the last agent left, at their last sign', () => {
    const gone = { participants: [customer, agent('a1', false)] };
    expect(after(SERVED, gone, 70).derived).toMatchObject({ state: 'active', lastAgentLeftAt: 70 });
    expect(after(SERVED, gone).derived.lastAgentLeftAt).toBe(20);
    expect(after(SERVED, gone).derived.agentId).toBeUndefined();
  });

  it('concludes nothing while another agent is there, or where the list lacks who is believed to be', () => {
    expect(after(SERVED, { participants: [agent('a1', false), agent('a2', true)] }).facts).toEqual({});
    expect(after(SERVED, { participants: [] }).facts).toEqual({});
    const two: ConversationFacts = { agents: { a1: { joinedAt: 20 }, a2: { joinedAt: 21 } } };
    expect(after(two, { participants: [agent('a1', false)] }).facts.agents).toBeUndefined();
  });

  it('goes on with the bot that it was handed to, unless it is over', () => {
    const gone = { botHasIt: true, participants: [agent('a1', false)] };
    expect(after(SERVED, gone).derived.state).toBe('post-agent');
    expect(after(SERVED, { ...gone, state: 'idle' }).facts).not.toHaveProperty('postAgentAt');
    expect(after(SERVED, { botHasIt: true, participants: [agent('a1', true)] }).facts).toEqual({});
  });

  it('goes on in the queue that it was handed to', () => {
    const { derived } = after(SERVED, { queueId: '200', participants: [agent('a1', false)] });
    expect(derived).toMatchObject({ state: 'queued', queueId: '200' });
    expect(derived.lastAgentLeftAt).toBeUndefined();
  });
});
