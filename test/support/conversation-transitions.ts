import type { DerivedState } from '#core';

/** A conversation's state with what tells its next one: finer than the state itself. */
export type Phase =
  | 'opening'
  | 'queued'
  | 'queued, transferred'
  | 'queued again'
  | 'transferred'
  | 'active'
  | 'active, transferred'
  | 'active, queued'
  | 'active, bot next'
  | 'leaving'
  | 'post-agent'
  | 'closed';

/** What an event of the desk says, whichever form it comes in. */
export type Sign =
  | 'created'
  | 'active'
  | 'idle'
  | 'queue assigned'
  | 'agent assigned'
  | 'bot assigned'
  | 'queued'
  | 'agent joined'
  | 'one of several left'
  | 'last agent left'
  | 'transfer'
  | 'customer moved'
  | 'agent wrote'
  | 'others wrote'
  | 'activity'
  | 'unknown';

interface PhaseMeaning {
  state: DerivedState['state'];
  /** An agent is there. */
  served?: true;
  means: string;
}

export const PHASES: Readonly<Record<Phase, PhaseMeaning>> = {
  opening: { state: 'opening', means: 'asked for; the desk has not said that there is an interaction' },
  queued: { state: 'queued', means: 'waits for its first agent' },
  'queued, transferred': { state: 'queued', means: 'waits for its first agent, and was passed on' },
  'queued again': { state: 'queued', means: 'an agent is gone, and it waits in a queue for the next' },
  transferred: { state: 'queued', means: 'an agent is gone and has passed it on' },
  active: { state: 'active', served: true, means: 'an agent is there' },
  'active, transferred': { state: 'active', served: true, means: 'an agent is there, and has passed it on' },
  'active, queued': {
    state: 'active',
    served: true,
    means: 'an agent is there, and it waits in a queue again',
  },
  'active, bot next': {
    state: 'active',
    served: true,
    means: 'an agent is there, and a bot or a script follows',
  },
  leaving: {
    state: 'active',
    means: 'the last agent has left and nothing follows: a grace runs, then it is closed',
  },
  'post-agent': { state: 'post-agent', means: 'the agents are gone, and the bot has it' },
  closed: { state: 'closed', means: 'over for good; what agents still write goes to the customer' },
};

interface SignMeaning {
  /** The events that say it, newer forms first. */
  events: string;
  /** What is done beside a change of the phase. */
  does: string;
}

export const SIGNS: Readonly<Record<Sign, SignMeaning>> = {
  created: {
    events: '`CONVERSATION_UPDATE`, state `created`',
    does: 'binds the conversation, where our correlation value is in it',
  },
  active: {
    events: '`CONVERSATION_UPDATE`, state `active`',
    does: 'the same; texts that wait for the interaction go out',
  },
  idle: {
    events: '`CONVERSATION_UPDATE`, state `idle`',
    does: 'closes; texts that nobody read open the next one',
  },
  'queue assigned': { events: '`CONVERSATION_UPDATE`, assignment `queue`', does: 'the queue is noted' },
  'agent assigned': {
    events: '`CONVERSATION_UPDATE`, assignment `agent`',
    does: 'the agent is known of, but not that they are there',
  },
  'bot assigned': {
    events: '`CONVERSATION_UPDATE`, assignment `script`, `webhook` or `bot`',
    does: 'where a survey is to follow the agents, what they leave behind is not closed; else nothing',
  },
  queued: {
    events: '`QUEUED`, members under `data` or on top',
    does: 'the queue is noted; waiting texts go out',
  },
  'agent joined': {
    events: '`MEMBERS_CHANGED` agent joined; `AGENT_JOINED`',
    does: 'calls the grace off; waiting texts go out',
  },
  'one of several left': { events: '`MEMBERS_CHANGED` agent left; `AGENT_LEFT`', does: '–' },
  'last agent left': {
    events: '`MEMBERS_CHANGED` agent left; `AGENT_LEFT`',
    does: 'where nothing follows, the grace begins',
  },
  transfer: { events: '`TRANSFER`', does: 'calls the grace off' },
  'customer moved': { events: '`MEMBERS_CHANGED` user joined or left', does: '–' },
  'agent wrote': {
    events: '`MESSAGE` of an `agent`; `TEXT` of an `AGENT`',
    does: 'goes to the customer, whatever the phase',
  },
  'others wrote': {
    events: '`MESSAGE` of `user`, `bot` or nobody known',
    does: 'goes nowhere; of nobody known: once the message list says that an agent wrote it',
  },
  activity: { events: '`ACTIVITY`, whatever its name', does: 'an agent who types is shown on WhatsApp' },
  unknown: { events: 'any other type, change, assignment or state', does: 'stored and counted' },
};

type Row = Partial<Record<Sign, Phase>>;

/** The same from every phase that is not over. */
const ANYWHERE: Row = { idle: 'closed', 'agent joined': 'active' };
const UNSERVED: Row = { ...ANYWHERE, 'last agent left': 'leaving', transfer: 'transferred' };
/** No agent was ever heard of. */
const NEW: Row = { ...UNSERVED, transfer: 'queued, transferred' };
const SERVED: Row = {
  ...ANYWHERE,
  transfer: 'active, transferred',
  queued: 'active, queued',
  'bot assigned': 'active, bot next',
};

/**
 * What each sign makes of a conversation, in the order of the far side's times; a sign that is not named leaves it as it is. Code
 * derives states from facts, which come in any order (`derived-state.ts` in `libs/core`); this is what it is held to, cell by cell and over walks
 * of any length (`conversation-table.spec.ts` in `libs/desk-chat-gateway`), and what `docs/conversation-states.md` is drawn from.
 */
export const TRANSITIONS: Readonly<Record<Phase, Row>> = {
  opening: {
    ...NEW,
    active: 'queued',
    queued: 'queued',
    'agent assigned': 'queued',
    'agent wrote': 'queued',
  },
  queued: NEW,
  'queued, transferred': {
    ...ANYWHERE,
    queued: 'queued',
    'bot assigned': 'queued',
    'last agent left': 'transferred',
  },
  'queued again': { ...UNSERVED, 'bot assigned': 'post-agent' },
  transferred: {
    ...ANYWHERE,
    queued: 'queued again',
    'bot assigned': 'post-agent',
  },
  active: { ...SERVED, 'last agent left': 'leaving' },
  'active, transferred': { ...SERVED, 'last agent left': 'transferred' },
  'active, queued': { ...SERVED, 'last agent left': 'queued again' },
  'active, bot next': { ...SERVED, 'last agent left': 'post-agent' },
  leaving: { ...UNSERVED, queued: 'queued again', 'bot assigned': 'post-agent' },
  'post-agent': { ...UNSERVED, queued: 'queued again' },
  closed: {},
};

/** The phase after a sign; undefined where the sign cannot be: nobody is left of several where nobody is. */
export function phaseAfter(phase: Phase, sign: Sign): Phase | undefined {
  if (sign === 'one of several left' && PHASES[phase].served !== true) return undefined;
  return TRANSITIONS[phase][sign] ?? phase;
}
