import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import type {
  CreateConversation,
  DeskEventReceived,
  DeskPort,
  DeskUpload,
  DeskUser,
  HistoryEntry,
  PartContent,
  Sent,
  WebhookDoor,
  WebhookRequest,
} from '#core';
import { eventOf, PATIENT, TEXT, UNCLEAR, type Unclear } from '../common.js';
import type { Row as GenericRow } from '../describe-rows.js';

export * from '../common.js';

/** What is asked of a desk; `find`, `messages` and `participants` are its lists. */
export type Call =
  | 'create'
  | 'find'
  | 'read'
  | 'participants'
  | 'message'
  | 'messages'
  | 'end'
  | 'upload'
  | 'fetch'
  | 'read-receipt'
  | 'update'
  | 'card'
  | 'hand-back'
  | 'thinking';

/** What the desk makes of a call. */
export type Mood =
  | Unclear
  | 'unreachable'
  /** With the wish to be left alone for {@link RETRY_AFTER_MS}. */
  | 'rate-limits'
  | 'is-unavailable'
  | 'refuses-credentials'
  | 'rejects'
  | 'rejects-queue'
  /** It does not know the conversation. */
  | 'is-gone'
  /** It has no such thing as what was asked for. */
  | 'has-none';

/** A message as the desk shows it. */
export interface ShownMessage {
  authorType: 'user' | 'bot' | 'agent';
  text: string;
  files: { filename: string; bytes: Buffer }[];
}

/** A conversation as the desk shows it. */
export interface ShownConversation {
  id: string;
  channelId: string;
  user: DeskUser;
  queueId?: string;
  history: HistoryEntry[];
  /** Without the history. The oldest first. */
  messages: ShownMessage[];
  over: boolean;
  /** Up to when the customer has read, as they told it last. */
  readAt?: number;
  /** The webhook of the bot that has it when its agents are gone. */
  handsBackTo?: string;
  /** For how many seconds the bot was said to be at work, each time. */
  thinking: number[];
}

/** What an agent sends. */
export interface AgentMessage {
  text?: string;
  file?: { filename: string; contentType: string; bytes: Buffer };
  card?: unknown;
}

/** An adapter before its desk, which does as it is told. */
export interface DeskWorld {
  desk: DeskPort;
  tenantId: string;
  door: WebhookDoor;
  signatureHeader: string;
  /** May stand in no error. */
  secrets: readonly string[];
  channelId: string;
  /** Of the channel, and of the bot behind it. */
  webhookId: string;
  /** The first one is the channel's own. */
  queues: readonly [string, string];
  /** What becomes of the next call of this kind; the one after that is taken. */
  next(call: Call, mood: Mood): void;
  /** How many of this kind have reached the desk. */
  calls(call: Call): number;
  /** The oldest first. */
  conversations(): ShownConversation[];
  /** The interaction begins to wait for an agent. Acts answer what the desk posts about them, in order. */
  opens(id: string): Promise<WebhookRequest[]>;
  joins(id: string, agent: string): Promise<WebhookRequest[]>;
  leaves(id: string, agent: string): Promise<WebhookRequest[]>;
  transfers(id: string, agent: string, queueId: string): Promise<WebhookRequest[]>;
  writes(id: string, agent: string, message: AgentMessage): Promise<WebhookRequest[]>;
  types(id: string, agent: string, typing: boolean): Promise<WebhookRequest[]>;
  ends(id: string): Promise<WebhookRequest[]>;
  /** What the desk posted since the last act, by what was done through its API. */
  posted(): Promise<WebhookRequest[]>;
  /** An event of a kind that the desk has only begun to post, with fields that nobody knows. */
  strange(id: string): Promise<WebhookRequest>;
  /** Signed by the desk as is right, and of no use to the door. */
  unusable(): WebhookRequest[];
  /** The same event as before, as the desk repeats it when it was not answered. */
  repeats(request: WebhookRequest): WebhookRequest;
  /** From now on the conversation is unknown. */
  forgets(id: string): void;
  close(): Promise<void>;
}

export type Row = GenericRow<DeskWorld>;

/** Of an answer that has no body: there is nothing in it to come late, or to be missed. */
export const UNCLEAR_WITHOUT_BODY = UNCLEAR.filter(
  (mood) => mood !== 'empty-answer' && mood !== 'drips-having-taken',
);

export const AGENT = 'agent-1';
export const OTHER_AGENT = 'agent-2';

export function newConversation(
  world: DeskWorld,
  changes: Partial<CreateConversation> = {},
): CreateConversation {
  return {
    channelId: world.channelId,
    user: { name: 'Ada', phone: '+15550123' },
    reference: { conversationId: randomUUID(), attemptId: randomUUID() },
    ...changes,
  };
}

/** Creates a conversation that waits for an agent. */
export async function created(world: DeskWorld, changes: Partial<CreateConversation> = {}): Promise<string> {
  const request = newConversation(world, changes);
  const { deskConversationId } = await world.desk.createConversation(request, PATIENT);
  expect(deskConversationId, "the desk's id of the conversation").toMatch(/./);
  await world.opens(deskConversationId);
  return deskConversationId;
}

/** As {@link created}, and an agent has taken it. */
export async function served(world: DeskWorld): Promise<string> {
  const id = await created(world);
  await world.joins(id, AGENT);
  return id;
}

export function sends(
  world: DeskWorld,
  deskConversationId: string,
  part: PartContent = { text: TEXT },
  authorType: 'user' | 'bot' = 'user',
): Promise<Sent> {
  return world.desk.send({ deskConversationId, authorType, part }, PATIENT);
}

export function upload(
  deskConversationId: string,
  bytes = Buffer.from('a file'),
  filename = 'a.txt',
): DeskUpload {
  return {
    deskConversationId,
    authorType: 'user',
    file: { filename, contentType: 'text/plain', bytes: bytes.length, open: () => Readable.from([bytes]) },
  };
}

export function shown(world: DeskWorld, id: string): ShownConversation {
  const found = world.conversations().find((one) => one.id === id);
  if (!found) throw new Error(`The desk does not show conversation ${id}.`);
  return found;
}

/** The neutral events of what the desk posted, each request having one. */
export async function eventsOf(world: DeskWorld, requests: WebhookRequest[]): Promise<DeskEventReceived[]> {
  const events: DeskEventReceived[] = [];
  for (const request of requests) events.push(await eventOf(world.door, request, 'desk-event'));
  return events;
}
