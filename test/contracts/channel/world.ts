import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type {
  ChannelPort,
  MessageContent,
  PartContent,
  SendPart,
  SenderNumber,
  Sent,
  WebhookDoor,
  WebhookRequest,
} from '#core';
import { eventOf, PATIENT, TEXT, type Unclear } from '../common.js';
import type { Row as GenericRow } from '../describe-rows.js';

export * from '../common.js';

/** What is asked of a provider; `list` and `received` are the lists of what we and what customers sent. */
export type Call = 'send' | 'list' | 'received' | 'receipt' | 'media' | 'delete' | 'typing' | 'content';

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

export type Row = GenericRow<ChannelWorld>;

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
