import { expect } from 'vitest';
import { CONTENT_UNKNOWN } from '#core';
import type { ChannelPort, DeliveryErrorKind, HoldReason, Interactive } from '#core';
import {
  contextOf,
  failure,
  PATIENT,
  RETRY_AFTER_MS,
  sendPart,
  sends,
  sentId,
  TEXT,
  UNCLEAR,
  type ChannelWorld,
  type Mood,
  type Row,
} from './world.js';

/** What a send that is refused has to be called. */
const REFUSED: readonly [mood: Mood, kind: DeliveryErrorKind, hold?: HoldReason][] = [
  ['unreachable', 'not-sent'],
  ['rate-limits', 'not-sent'],
  ['refuses-credentials', 'credentials'],
  ['rejects-recipient', 'failed'],
  ['rejects-for-reasons-unknown', 'failed'],
  ['rejects-as-opted-out', 'failed'],
  ['rejects-outside-window', 'held', 'window'],
  ['rejects-our-sender', 'held', 'configuration'],
];

const CHOICES: Interactive = {
  kind: 'quick-reply',
  language: 'en',
  body: 'Which?',
  choices: [
    { id: 'a', title: 'Alpha' },
    { id: 'b', title: 'Beta' },
  ],
};

export const SENDING: readonly Row[] = [
  {
    name: 'sends a text once, and answers with the id that the provider gave it',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      const sent = await sends(world, { to });
      expect(world.taken(to)).toMatchObject([{ providerId: sent.providerId, text: TEXT }]);
      expect(sent.httpStatus).toBeGreaterThanOrEqual(200);
      expect(sent.httpStatus).toBeLessThan(300);
      expect(world.calls('send'), 'calls').toBe(1);
    },
  },
  {
    name: 'sends files by the links that it is given, in order',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      const { maxPerPart } = world.channel.mediaCapabilities(world.plain);
      const files = Array.from({ length: Math.min(2, maxPerPart) }, (_, n) => n);
      const media = files.map((n) => ({
        key: `k${n}`,
        contentType: 'image/png',
        bytes: 9,
        filename: `${n}.png`,
      }));
      const mediaUrls = files.map((n) => `https://media.example/${n}`);
      await sends(world, { to, part: { media }, mediaUrls });
      expect(world.taken(to)).toMatchObject([{ text: '', mediaUrls }]);
    },
  },
  {
    name: 'sends texts to the letter',
    check: async (world) => {
      const text = ' a\r\n<b>& +%41 \u{1f600} {{1}} ';
      const to = world.newCustomer(world.plain);
      await sends(world, { to, part: { text } });
      expect(world.taken(to).map((one) => one.text)).toEqual([text]);
    },
  },
  {
    name: 'sends for all at once, each to its own customer',
    check: async (world) => {
      const customers = Array.from({ length: 20 }, () => world.newCustomer(world.plain));
      await Promise.all(customers.map((to) => sends(world, { to, part: { text: `to ${to}` } })));
      for (const to of customers) expect(world.taken(to).map(({ text }) => text)).toEqual([`to ${to}`]);
    },
  },
  {
    name: 'tells the provider how long a text is worth sending',
    check: async (world) => {
      const expiries: (number | undefined)[] = [];
      for (const expiresInMs of [90_000, 0, 1e12]) {
        const to = world.newCustomer(world.plain);
        await sends(world, { to, expiresInMs });
        expiries.push(world.taken(to)[0]?.expiresInMs);
      }
      const to = world.newCustomer(world.plain);
      await sends(world, { to });
      expect(world.taken(to)[0]?.expiresInMs, 'where nothing is said').toBe(undefined);
      expect(expiries[0]).toBe(90_000);
      expect(expiries[1], 'some time, however little is left').toBeGreaterThan(0);
      expect(expiries[2], 'no more than the provider allows').toBeLessThan(1e12);
    },
  },
  {
    name: 'says right before the first byte that it begins, once a call',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      const seen: number[] = [];
      const beforeFirstByte = () => void seen.push(world.calls('send'));
      await world.channel.send(sendPart(world, { to }), { ...PATIENT, beforeFirstByte });
      expect(seen, 'calls that had reached the provider by then').toEqual([0]);
      world.next('send', 'fails');
      await failure(world, world.channel.send(sendPart(world, { to }), { ...PATIENT, beforeFirstByte }), to);
      expect(seen).toEqual([0, 1]);
    },
  },
  {
    name: 'sends nothing where that moment is refused, and says why',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      const cause = new Error('too late');
      const beforeFirstByte = () => {
        throw cause;
      };
      const call = world.channel.send(sendPart(world, { to }), { ...PATIENT, beforeFirstByte });
      const error = await failure(world, call, to);
      expect(error.kind).toBe('not-sent');
      expect(error.cause).toBe(cause);
      expect(world.calls('send'), 'calls').toBe(0);
      expect(world.taken(to)).toEqual([]);
    },
  },
  ...REFUSED.map(([mood, kind, hold]): Row => ({
    name: `calls it ${kind} where the provider ${mood}`,
    check: async (world) => {
      const error = await refused(world, mood);
      expect(error.kind).toBe(kind);
      if (hold !== undefined) expect(error.hold).toBe(hold);
      if (mood.startsWith('rejects')) expect(error.providerCode, "the provider's own code").toBeTruthy();
      if (mood === 'rejects-as-opted-out') expect(error.code).toBe('opted-out');
      if (mood === 'rate-limits') expect(error.retryAfterMs).toBe(RETRY_AFTER_MS);
    },
  })),
  ...UNCLEAR.map((mood): Row => ({
    name: `calls it uncertain where the provider ${mood}`,
    check: async (world) => {
      const error = await refused(world, mood);
      expect(error.kind).toBe('uncertain');
    },
  })),
  {
    name: 'makes a digest of choices that tells them from all others',
    check: async ({ channel }) => {
      if (!makesContent(channel) || !channel.contentDigest) return;
      const digest = channel.contentDigest(CHOICES);
      expect(digest).toMatch(/^[0-9a-f]{16,}$/);
      expect(channel.contentDigest(structuredClone(CHOICES))).toBe(digest);
      expect(channel.contentDigest({ ...CHOICES, body: 'Which one?' })).not.toBe(digest);
      const renamed = CHOICES.choices.map((choice) => ({ ...choice, id: `${choice.id}2` }));
      expect(channel.contentDigest({ ...CHOICES, choices: renamed })).not.toBe(digest);
    },
  },
  {
    name: 'makes content beforehand, and sends it by its id',
    check: async (world) => {
      const { channel, rich } = world;
      if (!makesContent(channel) || !channel.createContent) return;
      const sid = await channel.createContent({ account: rich.account, interactive: CHOICES }, PATIENT);
      const to = world.newCustomer(rich);
      const part = { text: 'Which?', interactive: CHOICES, content: { sid } };
      await sends(world, { number: rich, to, part });
      expect(world.taken(to)).toHaveLength(1);
    },
  },
  {
    name: 'says that content of ours has gone, so that it is made anew',
    check: async (world) => {
      const { channel, rich } = world;
      if (!makesContent(channel)) return;
      const to = world.newCustomer(rich);
      const part = { text: 'Which?', interactive: CHOICES, content: { sid: `HX${'0'.repeat(32)}` } };
      world.next('send', 'rejects-content-as-unknown');
      const call = channel.send(sendPart(world, { number: rich, to, part }), PATIENT);
      const error = await failure(world, call, to);
      expect([error.kind, error.code]).toEqual(['not-sent', CONTENT_UNKNOWN]);
      expect(world.taken(to)).toEqual([]);
    },
  },
  {
    name: 'calls making content anything but uncertain: it can be made again',
    check: async (world) => {
      const { channel, rich } = world;
      if (!makesContent(channel) || !channel.createContent) return;
      const expected: [Mood, DeliveryErrorKind][] = [
        ['rate-limits', 'not-sent'],
        ['refuses-credentials', 'credentials'],
        ['rejects-for-reasons-unknown', 'failed'],
        ['fails-having-taken', 'not-sent'],
        ['resets-having-taken', 'not-sent'],
        ['garbage-having-taken', 'not-sent'],
        ['empty-answer', 'not-sent'],
      ];
      for (const [mood, kind] of expected) {
        world.next('content', mood);
        const request = { account: rich.account, interactive: { ...CHOICES, body: mood } };
        const error = await failure(world, channel.createContent(request, PATIENT));
        expect(error.kind, mood).toBe(kind);
      }
    },
  },
  {
    name: 'shows that somebody types, where it can',
    check: async (world) => {
      const { channel, rich } = world;
      const from = world.newCustomer(rich);
      const request = await world.writes(rich, from, { text: 'Hello?' });
      const [event] = await world.messageDoor.receive(request);
      if (event?.kind !== 'inbound-message') expect.fail('nothing was received');
      const { account, providerMessageId } = event;
      await channel.typing({ account, providerMessageId }, PATIENT);
      expect(world.typedFor()).toEqual(channel.capabilities.typing ? [providerMessageId] : []);
      if (!channel.capabilities.typing) return;
      world.next('typing', 'fails');
      await failure(world, channel.typing({ account, providerMessageId }, PATIENT));
    },
  },
];

/** Both methods, or none. */
function makesContent(channel: ChannelPort): boolean {
  expect('createContent' in channel, 'content made beforehand, and its digest').toBe(
    'contentDigest' in channel,
  );
  return 'createContent' in channel;
}

/** A send that fails: nothing is called twice, and only what is said to take effect does. */
async function refused(world: ChannelWorld, mood: Mood) {
  // So that the connection is there, and a deadline can only pass after writing; but connections must be new to be refused.
  if (mood !== 'unreachable') await sentId(world, { part: { text: 'before' } });
  const to = world.newCustomer(world.plain);
  const before = world.calls('send');
  let begun = 0;
  world.next('send', mood);
  const error = await failure(
    world,
    world.channel.send(sendPart(world, { to }), { ...contextOf(mood), beforeFirstByte: () => void begun++ }),
    to,
  );
  expect(begun, 'first bytes').toBe(mood === 'unreachable' ? 0 : 1);
  expect(world.calls('send') - before, 'calls').toBe(mood === 'unreachable' ? 0 : 1);
  expect(world.taken(to), 'what was taken').toHaveLength(mood.endsWith('having-taken') ? 1 : 0);
  return error;
}
