import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueueFigures } from '../ports/desk-figures.js';
import {
  waitingStep,
  type Wait,
  type WaitingSettings,
  type WaitingStep,
  type WaitWarning,
} from './waiting-step.js';

const MINUTE = 60_000;
const NEW: Wait = { conversationId: 'c1', queueId: '100', waitedMs: 0, told: 0, warned: [] };
const FIGURES: QueueFigures = { name: 'Support', waiting: 3, averageWaitMs: 90_000, eligibleAgents: 2 };

const step = (wait: Partial<Wait>, settings: WaitingSettings, figures: QueueFigures | undefined = FIGURES) =>
  waitingStep({ ...NEW, ...wait }, settings, figures);

describe('telling a place', () => {
  it('says place, minutes rounded up and queue once somebody is queued', () => {
    expect(step({}, {})).toEqual({
      position: 3,
      tell: { kind: 'waiting', key: 'c1/1', variables: { position: '3', minutes: '2', queue: 'Support' } },
    });
  });

  it('says nothing then where it is not wanted, and later at intervals', () => {
    expect(step({}, { tellOnQueue: false }).tell).toBeUndefined();
    expect(step({ waitedMs: 5 * MINUTE }, { tellOnQueue: false, tellEveryMinutes: 5 }).tell).toBeDefined();
    const told = { told: 1, waitedMs: 9 * MINUTE };
    expect(step({ ...told, toldAgoMs: 5 * MINUTE - 1 }, { tellEveryMinutes: 5 }).tell).toBeUndefined();
    expect(step({ ...told, toldAgoMs: 5 * MINUTE }, { tellEveryMinutes: 5 }).tell?.key).toBe('c1/2');
    expect(step({ ...told, toldAgoMs: 60 * MINUTE }, {}).tell).toBeUndefined();
  });

  it('waits for figures, and leaves out what they lack', () => {
    expect(waitingStep(NEW, {}, undefined)).toEqual({});
    expect(waitingStep({ ...NEW, position: 2 }, {}, undefined)).toEqual({ position: 2 });
    expect(step({}, {}, { waiting: 1 }).tell?.variables).toEqual({ position: '1' });
    // Read before the desk had counted us.
    expect(step({}, {}, { waiting: 0 }).position).toBe(1);
  });
});

describe('a wait that is too long, or nobody there', () => {
  it('goes to the other queue once, else the customer is told once', () => {
    const late = { waitedMs: 10 * MINUTE, told: 1, toldAgoMs: MINUTE };
    const settings = { maxWaitMinutes: 10, thenQueueId: '200' };
    expect(step(late, settings)).toEqual({ position: 3, moveTo: '200' });
    expect(step({ ...late, movedAgoMs: 1_000 }, settings)).toEqual({ position: 3 });
    expect(step({ ...late, movedAgoMs: MINUTE }, settings).tell?.kind).toBe('waitingLong');
    expect(step({ ...late, queueId: '200' }, settings).tell?.kind).toBe('waitingLong');
    expect(step({ ...late, waitedMs: 10 * MINUTE - 1 }, settings)).toEqual({ position: 3 });
    expect(step(late, { maxWaitMinutes: 10 }).tell?.kind).toBe('waitingLong');
    expect(step({ ...late, warned: ['waitingLong'] }, { maxWaitMinutes: 10 }).tell).toBeUndefined();
  });

  it('is seen without figures, by the clock alone', () => {
    expect(waitingStep({ ...NEW, waitedMs: MINUTE }, { maxWaitMinutes: 1 }, undefined).tell).toEqual({
      kind: 'waitingLong',
      key: 'c1/100',
      variables: {},
    });
  });

  it('where no agent is eligible is no place in a queue', () => {
    const nobody = { ...FIGURES, eligibleAgents: 0 };
    expect(step({}, {}, nobody).tell?.kind).toBe('noAgent');
    expect(step({ warned: ['noAgent'] }, {}, nobody).tell).toBeUndefined();
    expect(step({}, { thenQueueId: '200' }, nobody).moveTo).toBe('200');
    expect(step({}, {}, { waiting: 1 }).tell?.kind).toBe('waiting');
  });
});

const settingsOf = fc.record(
  {
    tellOnQueue: fc.boolean(),
    tellEveryMinutes: fc.integer({ min: 1, max: 4 }),
    maxWaitMinutes: fc.integer({ min: 1, max: 6 }),
    thenQueueId: fc.constantFrom('100', '200'),
  },
  { requiredKeys: [] },
);
const figuresOf = fc.option(
  fc.record(
    {
      name: fc.constant('Support'),
      waiting: fc.integer({ min: 0, max: 6 }),
      averageWaitMs: fc.integer({ min: 0, max: 10 * MINUTE }),
      eligibleAgents: fc.integer({ min: 0, max: 2 }),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined },
);
/** What the round sees after each pause; in between the desk may have put the conversation where we asked. */
const historyOf = fc.array(
  fc.record({
    pauseMs: fc.integer({ min: 1_000, max: 2 * MINUTE }),
    figures: figuresOf,
    arrives: fc.boolean(),
  }),
  { maxLength: 40 },
);

interface Done extends WaitingStep {
  queueId: string;
  atMs: number;
}

/** The round, with what it would store. */
function live(
  settings: WaitingSettings,
  history: { pauseMs: number; figures: QueueFigures | undefined; arrives: boolean }[],
): Done[] {
  let wait: Wait & { queueId: string } = { ...NEW, queueId: '100' };
  let asked: string | undefined;
  let atMs = 0;
  const done: Done[] = [];
  for (const { pauseMs, figures, arrives } of history) {
    atMs += pauseMs;
    wait = {
      ...wait,
      waitedMs: wait.waitedMs + pauseMs,
      ...(wait.toldAgoMs !== undefined && { toldAgoMs: wait.toldAgoMs + pauseMs }),
      ...(wait.movedAgoMs !== undefined && { movedAgoMs: wait.movedAgoMs + pauseMs }),
    };
    if (asked !== undefined && arrives && asked !== wait.queueId) {
      const { conversationId, told, movedAgoMs = 0 } = wait;
      wait = { conversationId, told, movedAgoMs, queueId: asked, waitedMs: 0, warned: [] };
    }
    const made = waitingStep(wait, settings, figures);
    done.push({ ...made, queueId: wait.queueId, atMs });
    const { position, tell, moveTo } = made;
    if (position !== undefined) wait = { ...wait, position };
    if (tell?.kind === 'waiting') wait = { ...wait, told: wait.told + 1, toldAgoMs: 0 };
    else if (tell) wait = { ...wait, warned: [...wait.warned, tell.kind] };
    if (moveTo !== undefined) {
      asked = moveTo;
      wait = { ...wait, movedAgoMs: 0 };
    }
  }
  return done;
}

describe('whatever the figures do', () => {
  const always = (check: (done: Done[], settings: WaitingSettings) => void) =>
    fc.assert(
      fc.property(settingsOf, historyOf, (settings, history) => check(live(settings, history), settings)),
    );

  it('a conversation is moved at most once, and never to where it is', () => {
    always((done) => {
      const moves = done.filter(({ moveTo }) => moveTo !== undefined);
      expect(moves.length).toBeLessThanOrEqual(1);
      for (const { moveTo, queueId } of moves) expect(moveTo).not.toBe(queueId);
    });
  });

  it('nothing is told twice under one key, and each warning once in a queue', () => {
    always((done) => {
      const told = done.flatMap(({ tell }) => (tell ? [`${tell.kind} ${tell.key}`] : []));
      expect(new Set(told).size).toBe(told.length);
      const warned = done.flatMap(({ tell, queueId }) =>
        tell && tell.kind !== 'waiting' ? [`${tell.kind satisfies WaitWarning} ${queueId}`] : [],
      );
      expect(new Set(warned).size).toBe(warned.length);
    });
  });

  it('a place never gets worse in a queue, and is told no sooner than the interval allows', () => {
    always((done, { tellEveryMinutes = Infinity }) => {
      for (const queueId of ['100', '200']) {
        const there = done.filter((one) => one.queueId === queueId);
        const places = there.flatMap(({ position }) => (position === undefined ? [] : [position]));
        expect(places).toEqual([...places].sort((a, b) => b - a));
        const at = there.flatMap(({ tell, atMs }) => (tell?.kind === 'waiting' ? [atMs] : []));
        for (const [n, atMs] of at.entries()) {
          if (n > 0) expect(atMs - (at[n - 1] ?? 0)).toBeGreaterThanOrEqual(tellEveryMinutes * MINUTE);
        }
      }
    });
  });
});
