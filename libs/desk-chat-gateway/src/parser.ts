import { createHash } from 'node:crypto';
import { WebhookRefusedError } from '#core';
import type { Assignment, AuthorType, ConversationFacts, DeskEventReceived, DeskState } from '#core';
import { messageContent } from './message-content.js';
import { asArray, asObject, asText, nestingDepth } from './json.js';
import type { JsonObject } from './json.js';
import { referenceOf } from './reference.js';

const UTF_8 = new TextDecoder('utf-8', { fatal: true });
/** Adaptive Cards nest some twenty levels; this is for those who nest on purpose. */
const MAX_DEPTH = 100;
const MAX_ID_LENGTH = 256;
/** How far an event's own time may lie after its transmission: beyond, a fact would outrank all later ones. */
const MAX_AHEAD_MS = 300_000;
/** An event that is sent again later than that says nothing of what agents do now. */
const TYPING_LIFE_MS = 10_000;

/** What the signed headers say, and whose event it is. */
export interface EventEnvelope {
  tenantId: string;
  eventId: string;
  /** Epoch milliseconds; stands in for an event's own time. */
  transmittedAt: number;
}

/** Why an event was taken but is out of the ordinary; a counter's label. */
export type EventOddity = 'unknown-type' | 'no-conversation';

export interface ParsedEvent {
  /** Absent when the event belongs to no conversation: there is nothing to store it under. */
  event?: DeskEventReceived;
  odd?: EventOddity;
}

interface Reading {
  facts?: ConversationFacts;
  message?: DeskEventReceived['message'];
  typing?: { present: boolean };
  create?: DeskEventReceived['create'];
}

type Reader = (event: JsonObject, data: JsonObject, at: number) => Reading;

const STATES: Readonly<Record<string, DeskState>> = { created: 'created', active: 'active', idle: 'idle' };
/** Who can follow the agents: a script of the desk's, or the webhook of a bot. */
export const POST_AGENT: ReadonlySet<string> = new Set(['script', 'webhook', 'bot']);
const AUTHORS: Readonly<Record<string, AuthorType>> = { agent: 'agent', user: 'user', bot: 'bot' };

/**
 * What each event type says (8x8 Chat Gateway reference). `AGENT_JOINED`, `AGENT_LEFT`, `TEXT` and members at the
 * top level instead of under `data` are the older API's forms, which the workflow guide still shows.
 */
const READERS: Readonly<Record<string, Reader>> = {
  CONVERSATION_UPDATE: (_event, data, at) => {
    const state = lookUp(STATES, data['state']);
    const create = referenceOf(data['user']);
    return {
      facts: { ...(state && { state: { value: state, at } }), ...assigned(asObject(data['assignment']), at) },
      ...(create && { create }),
    };
  },
  QUEUED: (event, data, at) => {
    const queueId = asText(data['queueId']) ?? asText(event['queueId']);
    return { facts: queueId === undefined ? {} : { queue: { value: queueId, at } } };
  },
  MEMBERS_CHANGED: (_event, data, at) => {
    if (data['memberType'] !== 'agent') return {};
    return { facts: agentMoved(asText(data['id']), data['change'], at) };
  },
  AGENT_JOINED: (event, _data, at) => ({
    facts: agentMoved(asText(event['agentId']), 'joined', at, event['agentName']),
  }),
  AGENT_LEFT: (event, _data, at) => ({
    facts: agentMoved(asText(event['agentId']), 'left', at, event['agentName']),
  }),
  TRANSFER: (_event, _data, at) => ({ facts: { transferAt: at } }),
  MESSAGE: (_event, data) => {
    const sender = asObject(data['sender']);
    // `isEcho` never decides: the guide's own sample of an agent's message has it set.
    return message(lookUp(AUTHORS, sender['type']) ?? 'unknown', asText(sender['id']), data);
  },
  TEXT: (event) => {
    const author: AuthorType = event['messageType'] === 'AGENT' ? 'agent' : 'unknown';
    return message(author, asText(event['agentId']), { text: event['message'] });
  },
  // Of the other activities none is acted upon; their names and shapes are many.
  ACTIVITY: (_event, data) => {
    if (data['name'] !== 'typing') return {};
    const users = asArray(asObject(data['value'])['users']);
    return { typing: { present: users.some((user) => asObject(user)['type'] === 'agent') } };
  },
  WEB_HOOK_VERIFY: () => ({}),
};

/**
 * A verified event as core knows it. Texts and ids are kept verbatim. Unknown types and members are taken as they
 * are; only what is no JSON object, nests absurdly or names an absurd id is refused with 400.
 */
export function parseEvent(body: Buffer, envelope: EventEnvelope): ParsedEvent {
  const raw = decode(body);
  const event = parseObject(raw);
  const type = asText(event['eventType']) ?? '';
  const reader = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  const odd: Pick<ParsedEvent, 'odd'> = reader ? {} : { odd: 'unknown-type' };

  const deskConversationId = asText(event['conversationId']);
  if (deskConversationId === undefined) {
    // Nothing to store it under. Not an error either: the far side would repeat it for nothing.
    return type === 'WEB_HOOK_VERIFY' ? {} : { odd: 'no-conversation', ...odd };
  }
  if (deskConversationId.length > MAX_ID_LENGTH || type.length > MAX_ID_LENGTH) throw malformed();

  const occurredAt = timeOf(event['timestamp'], envelope.transmittedAt);
  const {
    facts = {},
    message: announced,
    typing,
    create,
  } = reader?.(event, asObject(event['data']), occurredAt) ?? {};
  return {
    ...odd,
    event: {
      kind: 'desk-event',
      tenantId: envelope.tenantId,
      eventId: envelope.eventId,
      bodyDigest: createHash('sha256').update(body).digest('hex'),
      deskConversationId,
      type,
      occurredAt,
      facts,
      ...(announced && { message: announced }),
      // Both times are of the far side's clock.
      ...(typing && envelope.transmittedAt - occurredAt <= TYPING_LIFE_MS && { typing }),
      ...(create && { create }),
      raw,
    },
  };
}

/**
 * Whether a body is exactly the event that checks a webhook's address. It may come unsigned, and says nothing
 * (8x8 Chat Gateway reference).
 */
export function isVerification(body: Buffer): boolean {
  if (body.length > 1024 || !body.includes('WEB_HOOK_VERIFY')) return false;
  try {
    const { eventType, notificationVersion, ...rest } = parseObject(decode(body));
    const plain = notificationVersion === undefined || typeof notificationVersion === 'string';
    return eventType === 'WEB_HOOK_VERIFY' && plain && Object.keys(rest).length === 0;
  } catch {
    return false;
  }
}

function message(authorType: AuthorType, authorId: string | undefined, data: JsonObject): Reading {
  const content = messageContent(data);
  return {
    // Who writes as an agent is one, whether or not we heard of the joining.
    ...(authorType === 'agent' && { facts: agentSeen(authorId) }),
    ...(content && { message: { authorType, ...(authorId !== undefined && { authorId }), content } }),
  };
}

function agentMoved(id: string | undefined, change: unknown, at: number, name?: unknown): ConversationFacts {
  if (id === undefined || (change !== 'joined' && change !== 'left')) return agentSeen(id);
  const time = change === 'joined' ? { joinedAt: at } : { leftAt: at };
  return { agents: { [id]: { ...time, ...(typeof name === 'string' && name !== '' && { name }) } } };
}

/**
 * An assigned agent proves that there is one, not since when: an update sent while the agent leaves would make them present for
 * good. An assigned queue names the queue; that it waits there QUEUED says better.
 */
function assigned({ type, id }: JsonObject, at: number): ConversationFacts {
  const kind = asText(type);
  if (kind === undefined || kind.length > MAX_ID_LENGTH) return {};
  const to = asText(id);
  const assignment: Assignment = { type: kind, ...(to !== undefined && { id: to }) };
  return {
    assignment: { value: assignment, at },
    ...(kind === 'agent' && agentSeen(to)),
    ...(POST_AGENT.has(kind) && { postAgentAt: at }),
  };
}

function agentSeen(id: string | undefined): ConversationFacts {
  return id === undefined ? {} : { agents: { [id]: {} } };
}

/** The event's own time; the transmission's where it names none, or one that cannot be. */
function timeOf(timestamp: unknown, transmittedAt: number): number {
  const at = typeof timestamp === 'string' && /^\d{1,15}$/.test(timestamp) ? Number(timestamp) : timestamp;
  const sane = typeof at === 'number' && at > 0 && at <= transmittedAt + MAX_AHEAD_MS;
  return sane ? Math.trunc(at) : transmittedAt;
}

function lookUp<T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined {
  return typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;
}

function decode(body: Buffer): string {
  try {
    return UTF_8.decode(body);
  } catch {
    throw malformed();
  }
}

function parseObject(raw: string): JsonObject {
  if (nestingDepth(raw) > MAX_DEPTH) throw new WebhookRefusedError(400, 'nested-too-deep');
  let parsed: unknown;
  try {
    parsed = JSON.parse(raw);
  } catch {
    throw malformed();
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw malformed();
  return parsed as JsonObject;
}

function malformed(): WebhookRefusedError {
  return new WebhookRefusedError(400, 'malformed');
}
