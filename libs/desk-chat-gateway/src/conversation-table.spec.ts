import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveState, mergeFacts, type ConversationFacts, type DerivedState } from '#core';
import { FORMS, Story, WAYS, type WireEvent } from '../../../test/fixtures/chat-gateway/story.js';
import {
  PHASES,
  phaseAfter,
  SIGNS,
  type Phase,
  type Sign,
} from '../../../test/support/conversation-transitions.js';
import { parseEvent } from './parser.js';

const phases = Object.keys(PHASES) as Phase[];
const signs = Object.keys(SIGNS) as Sign[];

/** What the door makes of these bodies, merged in their order. */
function stateAfter(events: readonly WireEvent[]): DerivedState {
  const facts = events.map((event): ConversationFacts => {
    const envelope = { tenantId: 'default', eventId: 'ev', transmittedAt: event.timestamp + 10 };
    return parseEvent(Buffer.from(JSON.stringify(event)), envelope).event?.facts ?? {};
  });
  return deriveState(facts.reduce(mergeFacts, {}));
}

/** As far as a phase shows by itself: the state, who is there, and whether the grace runs. */
const shown = ({ state, agentId, lastAgentLeftAt }: DerivedState) => ({
  state,
  served: agentId !== undefined,
  grace: state === 'active' && lastAgentLeftAt !== undefined,
});
const shownBy = (phase: Phase) => ({
  state: PHASES[phase].state,
  served: PHASES[phase].served === true,
  grace: phase === 'leaving',
});

/** A story that has come to this phase. */
function storyOf(way: readonly Sign[]): Story {
  return way.reduce((story, sign) => story.tell(sign), new Story());
}

/** The phase at the end of a walk, each step of which is one that can be. */
function walked(steps: readonly Sign[]): { phase: Phase; taken: Sign[] } {
  let phase: Phase = 'opening';
  const taken: Sign[] = [];
  for (const sign of steps) {
    const next = phaseAfter(phase, sign);
    if (next === undefined) continue;
    phase = next;
    taken.push(sign);
  }
  return { phase, taken };
}

describe('the ways into each phase', () => {
  it.each(
    phases.flatMap((phase) => WAYS[phase].map((way) => [phase, way.join(', ') || 'nothing', way] as const)),
  )('%s: %s', (phase, _name, way) => {
    expect(walked(way)).toEqual({ phase, taken: way });
    expect(shown(stateAfter(storyOf(way).told))).toEqual(shownBy(phase));
  });
});

describe.each(phases)('in the phase %s', (phase) => {
  const possible = signs.filter((sign) => phaseAfter(phase, sign) !== undefined);

  it.each(possible)('%s, in every form', (sign) => {
    const next = phaseAfter(phase, sign) as Phase;
    for (const way of WAYS[phase]) {
      for (const n of FORMS[sign].keys()) {
        const { told } = storyOf(way).tell(sign, n);
        expect(shown(stateAfter(told)), `form ${n}`).toEqual(shownBy(next));
        // Whatever comes last, and however often.
        expect(stateAfter([...told].reverse())).toEqual(stateAfter(told));
        expect(stateAfter([...told, ...told])).toEqual(stateAfter(told));
      }
    }
  });

  // Phases that show alike differ by what follows: every second step is taken, too.
  it.each(possible)('%s, and then whatever comes next', (sign) => {
    const next = phaseAfter(phase, sign) as Phase;
    for (const way of WAYS[phase]) {
      for (const then of signs) {
        const last = phaseAfter(next, then);
        if (last === undefined) continue;
        expect(shown(stateAfter(storyOf(way).tell(sign).tell(then).told)), then).toEqual(shownBy(last));
      }
    }
  });
});

describe('events of any story', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom(...signs), fc.nat(7)), { maxLength: 14 });

  it('come to what the table says, in any order and doubled', () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat(1_000)), (chosen, chance) => {
        const { phase, taken } = walked(chosen.map(([sign]) => sign));
        const story = new Story();
        for (const [n, sign] of taken.entries()) story.tell(sign, chosen[n]?.[1]);
        const expected = stateAfter(story.told);
        expect(shown(expected)).toEqual(shownBy(phase));
        const shuffled = [...story.told, ...story.told]
          .map((event) => ({ event, at: chance.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ event }) => event);
        expect(stateAfter(shuffled)).toEqual(expected);
      }),
      { numRuns: 3_000 },
    );
  });
});
