import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveState, STATE_RULES, stateOf, type DerivedState } from './derived-state.js';
import { mergeFacts, type ConversationFacts } from './facts.js';

const time = fc.integer({ min: 0, max: 12 });
// Few ids and few times, so that facts collide; the odd ids are names every object inherits.
const agentId = fc.constantFrom('ag-1', 'ag-2', '7', ' ag-1', 'constructor', '__proto__', 'toString');
const agent = fc.record(
  { joinedAt: time, leftAt: time, name: fc.constantFrom('Ann', 'Bob') },
  { requiredKeys: [] },
);
const facts: fc.Arbitrary<ConversationFacts> = fc.record(
  {
    state: fc.record({ value: fc.constantFrom('created', 'active', 'idle'), at: time }),
    queue: fc.record({ value: fc.constantFrom('101', '102'), at: time }),
    transferAt: time,
    postAgentAt: time,
    assignment: fc.record({
      value: fc.record(
        { type: fc.constantFrom('queue', 'agent', 'webhook'), id: fc.constantFrom('101', '102') },
        { requiredKeys: ['type'] },
      ),
      at: time,
    }),
    agents: fc
      .array(fc.tuple(agentId, agent), { minLength: 1, maxLength: 3 })
      .map((entries) => Object.fromEntries(entries)),
  },
  { requiredKeys: [] },
);

describe('merging facts', () => {
  it('does not depend on which side is known first', () => {
    fc.assert(
      fc.property(facts, facts, (a, b) => {
        expect(mergeFacts(a, b)).toEqual(mergeFacts(b, a));
      }),
    );
  });

  it('does not depend on how events are grouped', () => {
    fc.assert(
      fc.property(facts, facts, facts, (a, b, c) => {
        expect(mergeFacts(mergeFacts(a, b), c)).toEqual(mergeFacts(a, mergeFacts(b, c)));
      }),
    );
  });

  it('takes a repeated event for what it is', () => {
    fc.assert(
      fc.property(facts, facts, (a, b) => {
        expect(mergeFacts(a, a)).toEqual(a);
        const merged = mergeFacts(a, b);
        expect(mergeFacts(merged, b)).toEqual(merged);
      }),
    );
  });

  it('comes to one state, whatever the order of arrival', () => {
    fc.assert(
      fc.property(
        fc
          .array(facts, { maxLength: 6 })
          .chain((events) =>
            fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
          ),
        ([events, shuffled]) => {
          expect(stateAfter(shuffled)).toEqual(stateAfter(events));
        },
      ),
    );
  });

  it('keeps an agent whose id every object inherits', () => {
    const joined = { agents: { constructor: { joinedAt: 1 } } };
    expect(mergeFacts({ agents: { other: {} } }, joined).agents?.['constructor']).toEqual({ joinedAt: 1 });
  });
});

const created = (at: number): ConversationFacts => ({ state: { value: 'created', at } });
const active = (at: number): ConversationFacts => ({ state: { value: 'active', at } });
const idle = (at: number): ConversationFacts => ({ state: { value: 'idle', at } });
const queued = (at: number, value = '101'): ConversationFacts => ({ queue: { value, at } });
const joined = (id: string, at: number): ConversationFacts => ({ agents: { [id]: { joinedAt: at } } });
const left = (id: string, at: number): ConversationFacts => ({ agents: { [id]: { leftAt: at } } });
const transfer = (at: number): ConversationFacts => ({ transferAt: at });
const toBot = (at: number): ConversationFacts => ({ postAgentAt: at });
const toQueue = (at: number, id: string): ConversationFacts => ({
  assignment: { value: { type: 'queue', id }, at },
});
/** An agent who wrote or was assigned, without a word about joining. */
const seen = (id: string): ConversationFacts => ({ agents: { [id]: {} } });

function stateAfter(events: ConversationFacts[]): DerivedState {
  return deriveState(events.reduce(mergeFacts, {}));
}

const opened = [created(1), active(2), queued(3)];
const served = [...opened, joined('A', 4)];

const table: [name: string, events: ConversationFacts[], state: DerivedState][] = [
  ['nothing is known', [], { state: 'opening', hadAgent: false }],
  ['created', [created(1)], { state: 'opening', hadAgent: false }],
  ['active, not yet queued', [created(1), active(2)], { state: 'queued', hadAgent: false }],
  [
    'queued before active is heard of',
    [created(1), queued(3)],
    { state: 'queued', queueId: '101', hadAgent: false },
  ],
  [
    'moved to another queue while waiting',
    [...opened, queued(4, '102')],
    { state: 'queued', queueId: '102', hadAgent: false },
  ],
  ['an agent joined', served, { state: 'active', queueId: '101', agentId: 'A', hadAgent: true }],
  [
    'an agent joined, nothing else heard',
    [joined('A', 4)],
    { state: 'active', agentId: 'A', hadAgent: true },
  ],
  ['an agent was seen, nothing else heard', [seen('A')], { state: 'queued', hadAgent: true }],
  ['an agent was only seen', [...opened, seen('A')], { state: 'queued', queueId: '101', hadAgent: true }],
  [
    'the agent left',
    [...served, left('A', 5)],
    { state: 'active', queueId: '101', lastAgentLeftAt: 5, hadAgent: true },
  ],
  [
    'the agent left, the joining was lost',
    [...opened, left('A', 5)],
    { state: 'active', queueId: '101', lastAgentLeftAt: 5, hadAgent: true },
  ],
  [
    'the agent left and came back',
    [...served, left('A', 5), joined('A', 6)],
    { state: 'active', queueId: '101', agentId: 'A', hadAgent: true },
  ],
  [
    'transfer, then left',
    [...served, transfer(5), left('A', 6)],
    { state: 'queued', queueId: '101', hadAgent: true },
  ],
  [
    'left, then transfer',
    [...served, left('A', 5), transfer(6)],
    { state: 'queued', queueId: '101', hadAgent: true },
  ],
  [
    'transfer and left at one instant',
    [...served, transfer(5), left('A', 5)],
    { state: 'queued', queueId: '101', hadAgent: true },
  ],
  [
    'transfer, the next agent joined',
    [...served, transfer(5), left('A', 6), queued(7, '102'), joined('B', 8)],
    { state: 'active', queueId: '102', agentId: 'B', hadAgent: true },
  ],
  [
    'the next agent joined before the first left',
    [...served, transfer(5), joined('B', 6), left('A', 7)],
    { state: 'active', queueId: '101', agentId: 'B', hadAgent: true },
  ],
  [
    'an old transfer does not excuse the next leaving',
    [...served, transfer(5), left('A', 6), joined('B', 7), left('B', 8)],
    { state: 'active', queueId: '101', lastAgentLeftAt: 8, hadAgent: true },
  ],
  [
    'a second agent stays',
    [...served, joined('B', 5), left('A', 6)],
    { state: 'active', queueId: '101', agentId: 'B', hadAgent: true },
  ],
  [
    'both agents left',
    [...served, joined('B', 5), left('A', 6), left('B', 7)],
    { state: 'active', queueId: '101', lastAgentLeftAt: 7, hadAgent: true },
  ],
  [
    'left, then queued again',
    [...served, left('A', 5), queued(6)],
    { state: 'queued', queueId: '101', hadAgent: true },
  ],
  [
    'queued again, then left',
    [...served, queued(5, '102'), left('A', 6)],
    { state: 'queued', queueId: '102', hadAgent: true },
  ],
  [
    'the agent left to a bot',
    [...served, toBot(5), left('A', 6)],
    { state: 'post-agent', queueId: '101', lastAgentLeftAt: 6, hadAgent: true },
  ],
  [
    'a bot was assigned at the instant of the joining, as we ask for it ourselves',
    [...served, toBot(4), left('A', 6)],
    { state: 'post-agent', queueId: '101', lastAgentLeftAt: 6, hadAgent: true },
  ],
  [
    'a bot had it before the agent came',
    [...opened, toBot(3), joined('A', 4), left('A', 6)],
    { state: 'active', queueId: '101', lastAgentLeftAt: 6, hadAgent: true },
  ],
  [
    'transfer, queued, then an unheard joining ended',
    [...served, transfer(5), left('A', 6), queued(7), left('B', 9)],
    { state: 'active', queueId: '101', lastAgentLeftAt: 9, hadAgent: true },
  ],
  [
    'queued and handed to a bot at one instant: somebody waits',
    [...served, left('A', 5), queued(6), toBot(6)],
    { state: 'queued', queueId: '101', hadAgent: true },
  ],
  [
    'assigned to another queue',
    [...opened, toQueue(4, '102')],
    { state: 'queued', queueId: '102', hadAgent: false },
  ],
  [
    'assigned to another queue and queued at one instant',
    [...opened, toQueue(3, '102')],
    { state: 'queued', queueId: '101', hadAgent: false },
  ],
  [
    'assigned to a queue, nothing else heard',
    [toQueue(1, '7')],
    { state: 'opening', queueId: '7', hadAgent: false },
  ],
  [
    'created and active after idle',
    [...opened, idle(4), active(5), created(6)],
    { state: 'closed', queueId: '101', hadAgent: false },
  ],
  [
    'queued, then an unheard joining ended',
    [...opened, left('A', 9)],
    { state: 'active', queueId: '101', lastAgentLeftAt: 9, hadAgent: true },
  ],
  [
    'idle',
    [...served, left('A', 5), idle(6)],
    { state: 'closed', queueId: '101', lastAgentLeftAt: 5, hadAgent: true },
  ],
  [
    'idle outranks whoever is still present',
    [...served, idle(6)],
    { state: 'closed', queueId: '101', hadAgent: true },
  ],
  [
    'idle and active at one instant',
    [...served, idle(6), active(6)],
    { state: 'closed', queueId: '101', hadAgent: true },
  ],
];

describe('the rules', () => {
  const signs = STATE_RULES.map(({ sign }) => sign);
  const all = Array.from({ length: 2 ** signs.length }, (_, bits) =>
    signs.filter((_sign, n) => (bits >> n) % 2 === 1),
  );

  it.each(all.map((held) => [held.join(', ') || 'nothing', held] as const))('%s', (_name, held) => {
    const none = { over: false, served: false, handedBack: false, deserted: false, awaited: false };
    const standing = { ...none, ...Object.fromEntries(held.map((sign) => [sign, true])) };
    const { over, served: isServed, handedBack, deserted, awaited } = standing;
    const expected = over
      ? 'closed'
      : isServed
        ? 'active'
        : handedBack
          ? 'post-agent'
          : deserted
            ? 'active'
            : awaited
              ? 'queued'
              : 'opening';
    expect(stateOf(standing)).toBe(expected);
  });
});

describe('the state that facts add up to', () => {
  it.each(table)('%s', (_name, events, state) => {
    expect(stateAfter(events)).toEqual(state);
    expect(stateAfter([...events].reverse())).toEqual(state);
  });

  it('names the agent who joined last when several are present', () => {
    expect(stateAfter([...served, joined('B', 5)]).agentId).toBe('B');
    expect(deriveState({ agents: { B: { joinedAt: 4 }, A: { joinedAt: 4 } } }).agentId).toBe(
      deriveState({ agents: { A: { joinedAt: 4 }, B: { joinedAt: 4 } } }).agentId,
    );
  });
});
