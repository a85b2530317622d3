import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { expect } from 'vitest';
import {
  DeliveryError,
  type CallContext,
  type ChannelPort,
  type MessageContent,
  type NeutralEvent,
  type PartContent,
  type SendPart,
  type SenderNumber,
  type Sent,
  type WebhookDoor,
  type WebhookRequest,
} from '#core';

/** What is asked of a provider; `list` and `received` are the lists of what we and what customers sent. */
export type Call = 'send' | 'list' | 'received' | 'receipt' | 'media' | 'delete' | 'typing' | 'content';

/** Answers that leave open what became of a call. `-having-taken`: it took effect, and nobody can tell. `empty-answer`: a success
 * without anything in it. */
export const UNCLEAR = [
  'hangs',
  'hangs-having-taken',
  /** Never silent for long, and never done. */
  'drips-having-taken',
  'resets',
  'resets-having-taken',
  'fails',
  'fails-having-taken',
  'breaks-off-having-taken',
  'garbage-having-taken',
  'foreign-page',
  'empty-answer',
] as const;
export type Unclear = (typeof UNCLEAR)[number];

/** What the provider makes of a call. */
export type Mood =
  | Unclear
  | 'unreachable'
  /** With the wish to be left alone for {@link RETRY_AFTER_MS}. */
  | 'rate-limits'
  | 'refuses-credentials'
  | 'rejects-recipient'
  | 'rejects-for-reasons-unknown'
  | 'rejects-as-opted-out'
  | 'rejects-outside-window'
  | 'rejects-our-sender'
  /** It does not know the content any more that it was given beforehand. */
  | 'rejects-content-as-unknown'
  /** It has no such thing as what was asked for. */
  | 'has-none';

export const RETRY_AFTER_MS = 7_000;

/** What the provider took of ours. */
export interface TakenMessage {
  providerId: string;
  text: string;
  mediaUrls: string[];
  expiresInMs?: number;
}

/** What a customer sends. */
export interface CustomerMessage {
  text?: string;
  media?: { contentType: string; bytes: Buffer }[];
  location?: { latitude: number; longitude: number; label?: string };
  contact?: { name: string; phone: string };
  choice?: { title: string; payload: string };
  /** A kind that no adapter knows. */
  strange?: string;
  /** The provider's id of the message that it answers. */
  repliedTo?: string;
  forwarded?: true;
  /** Something that the provider has only begun to say, by its name. */
  news?: Record<string, string>;
}

/** An adapter before its provider, which does as it is told. */
export interface ChannelWorld {
  channel: ChannelPort;
  tenantId: string;
  messageDoor: WebhookDoor;
  receiptDoor: WebhookDoor;
  signatureHeader: string;
  /** One of our numbers, where every customer can be reached. */
  plain: SenderNumber;
  /** One where customers send all that the channel has; may be the same. */
  rich: SenderNumber;
  /** May stand in no error. */
  secrets: readonly string[];
  /** Somebody whom nobody has written to yet, by the address at which this number reaches them. */
  newCustomer(number: SenderNumber): string;
  /** What becomes of the next call of this kind; the one after that is taken. */
  next(call: Call, mood: Mood): void;
  /** How many of this kind have reached the provider. */
  calls(call: Call): number;
  /** The oldest first. */
  taken(to: string): TakenMessage[];
  /** A customer's message, as the provider posts it to the message door. */
  writes(number: SenderNumber, from: string, message: CustomerMessage): Promise<WebhookRequest>;
  /** How far the provider says that a message of ours is, as it posts it to the receipt door. */
  reports(
    providerId: string,
    status: string,
    because?: 'opted-out' | 'carrier-trouble',
  ): Promise<WebhookRequest>;
  /** Signed by the provider as is right, and of no use to the message door. */
  unusable(): WebhookRequest[];
  /** The provider has a customer's medium no more. */
  loses(mediaUrl: string): void;
  has(mediaUrl: string): boolean;
  /** Messages whose customers were shown that somebody types. */
  typedFor(): string[];
  close(): Promise<void>;
}

/** One expectation. `check` rejects where the adapter does not meet it. */
export interface Row {
  name: string;
  check(world: ChannelWorld): Promise<void>;
}

export const TEXT = 'canary text of an agent';
/** Long enough for a call on a busy machine. */
export const PATIENT: CallContext = { timeoutMs: 10_000 };
/** For calls that are never answered. Written at once, because the connection is there. */
export const IMPATIENT: CallContext = { timeoutMs: 500 };

export function sendPart(world: ChannelWorld, changes: Partial<SendPart> = {}): SendPart {
  const number = changes.number ?? world.plain;
  return {
    number,
    to: changes.to ?? world.newCustomer(number),
    part: { text: TEXT },
    attempt: { messageId: randomUUID(), attemptId: randomUUID() },
    ...changes,
  };
}

/** Sends what nothing hinders. */
export async function sends(world: ChannelWorld, changes: Partial<SendPart> = {}): Promise<Sent> {
  return world.channel.send(sendPart(world, changes), PATIENT);
}

/** As {@link sends}, with the provider's id. */
export async function sentId(world: ChannelWorld, changes: Partial<SendPart> = {}): Promise<string> {
  const { providerId } = await sends(world, changes);
  expect(providerId, "the provider's id of what it took").toBeTypeOf('string');
  return providerId ?? '';
}

export function contextOf(mood: Mood): CallContext {
  return /^(hangs|drips)/.test(mood) ? IMPATIENT : PATIENT;
}

/** What a call failed with; it must be a {@link DeliveryError} that says nothing it should not. */
export async function failure(
  world: ChannelWorld,
  call: Promise<unknown>,
  ...private_: string[]
): Promise<DeliveryError> {
  const error: unknown = await call.then(
    (value) => {
      expect.fail(`the call succeeded: ${inspect(value)}`);
    },
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DeliveryError)) throw error;
  expect(error.code, 'the code').toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  expect(error.kind === 'held', 'a hold, if and only if it is held').toBe(error.hold !== undefined);
  const everything = inspect(error, { depth: 12, showHidden: true });
  for (const word of [...world.secrets, TEXT, ...private_]) {
    expect(everything.includes(word), 'an error names a text, an address or a secret').toBe(false);
  }
  return error;
}

/** The one event of a request. */
export async function eventOf<K extends NeutralEvent['kind']>(
  door: WebhookDoor,
  request: WebhookRequest,
  kind: K,
): Promise<Extract<NeutralEvent, { kind: K }>> {
  const events = await door.receive(request);
  expect(
    events.map((event) => event.kind),
    'the events of one request',
  ).toEqual([kind]);
  return events[0] as Extract<NeutralEvent, { kind: K }>;
}

/** A customer's message as the door tells it. */
export async function received(
  world: ChannelWorld,
  message: CustomerMessage,
  number = world.rich,
  from = world.newCustomer(number),
) {
  const request = await world.writes(number, from, message);
  return { request, from, event: await eventOf(world.messageDoor, request, 'inbound-message') };
}

/** Whether a person would see anything of it. */
export function isSomething({ text, media, content, location }: PartContent): boolean {
  return Boolean(text) || (media?.length ?? 0) > 0 || content !== undefined || location !== undefined;
}

/** The same, where nothing in it can be changed. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** A message of every kind that can stand in a lane to a customer, and odd ones of each. */
export const CONTENTS: readonly [name: string, content: MessageContent][] = [
  ['a text', { type: 'text', text: 'Hello' }],
  ['an empty text', { type: 'text', text: '' }],
  ['a text of blanks', { type: 'text', text: ' \n ' }],
  ['20,000 characters', { type: 'text', text: 'word and '.repeat(2_222) }],
  ['20,000 characters without a blank', { type: 'text', text: 'x'.repeat(20_000) }],
  ['emoji beyond one part', { type: 'text', text: '👩‍👩‍👧‍👦'.repeat(500) }],
  ['lone surrogates', { type: 'text', text: `\ud83d${'y'.repeat(2_000)}\ude00` }],
  ['a text that looks like markup', { type: 'text', text: '<Response>&amp;{{1}} %s' }],
  ['a note', { type: 'note', text: 'A note' }],
  ['an attachment', { type: 'attachments', attachments: [{ filename: 'a.pdf' }] }],
  ['attachments without names', { type: 'attachments', text: '', attachments: [{}, {}] }],
  [
    '30 attachments',
    {
      type: 'attachments',
      text: 'Thirty',
      attachments: Array.from({ length: 30 }, (_, n) => ({ filename: `${n}-${'long '.repeat(40)}.pdf` })),
    },
  ],
  ['no attachment at all', { type: 'attachments', attachments: [] }],
  ['a location', { type: 'location', latitude: '52.5', longitude: '13.4', label: 'Dock' }],
  ['a contact', { type: 'contact', attachments: [{ filename: 'ada.vcf' }] }],
  ['a card', { type: 'card', text: 'Look', cards: [{ content: { title: 'A title', text: 'A text' } }] }],
  ['a card of nothing', { type: 'card', cards: [{ content: null }] }],
  ['no card at all', { type: 'card', cards: [] }],
  [
    'a card with choices',
    { type: 'card', text: 'Which?', cards: [{ content: { buttons: [{ title: 'Yes' }, { title: 'No' }] } }] },
  ],
  [
    'a card with a hundred choices',
    {
      type: 'card',
      cards: [
        { content: { buttons: Array.from({ length: 100 }, (_, n) => ({ title: `Choice number ${n}` })) } },
      ],
    },
  ],
  ['a choice', { type: 'choice', title: 'Yes', payload: 'y' }],
  ['a choice without a title', { type: 'choice', title: '' }],
  ['something unknown', { type: 'unknown', kind: 'poll' }],
  ['something unknown with a text', { type: 'unknown', text: 'What is this?' }],
];
