import { expect } from 'vitest';
import type { FindSent, InboundMessageReceived, LookUp, ReceiptStatus, SentCandidate } from '#core';
import {
  contextOf,
  eventOf,
  failure,
  PATIENT,
  received,
  sendPart,
  sentId,
  TEXT,
  UNCLEAR,
  type ChannelWorld,
  type Mood,
  type Row,
} from './world.js';

/** What provider ids are kept with, whole seconds included. */
const MARGIN_MS = 3_000;
/** Answers to a question that are none. */
const NO_ANSWER: readonly Mood[] = ['unreachable', 'rate-limits', ...UNCLEAR];
const STATUSES: readonly ReceiptStatus[] = [
  'queued',
  'sending',
  'sent',
  'delivered',
  'read',
  'undelivered',
  'failed',
];

export const LOOKING: readonly Row[] = [
  ...UNCLEAR.map((mood): Row => ({
    name: `finds ${mood.endsWith('having-taken') ? 'the one message' : 'nothing'} after the provider ${mood}`,
    check: async (world) => {
      const known = await sentId(world, { part: { text: 'before' } });
      const to = world.newCustomer(world.plain);
      world.next('send', mood);
      const call = world.channel.send(sendPart(world, { to }), contextOf(mood));
      await failure(world, call, to);
      expect(await found(world, { to })).toEqual(world.taken(to).map(({ providerId }) => providerId));
      expect(world.taken(to).map(({ providerId }) => providerId)).not.toContain(known);
    },
  })),
  {
    name: 'finds all that is the same, the oldest first',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      const ids = [await sentId(world, { to }), await sentId(world, { to })];
      expect(await found(world, { to, known: ids })).toEqual(ids);
    },
  },
  {
    name: 'finds nothing of another text, another customer, or with files that the part has not',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      await sentId(world, { to, part: { text: 'another text' } });
      await sentId(world);
      const media = [{ key: 'k', contentType: 'image/png', bytes: 9, filename: 'a.png' }];
      const mediaUrls = ['https://media.example/1'];
      const withFile = await sentId(world, { to, part: { text: TEXT, media }, mediaUrls });
      expect(await found(world, { to })).toEqual([]);
      expect(await found(world, { to, part: { text: TEXT, media } })).toEqual([withFile]);
    },
  },
  {
    name: 'finds nothing that customers wrote',
    check: async (world) => {
      const { from } = await received(world, { text: TEXT }, world.plain);
      expect(await found(world, { to: from })).toEqual([]);
    },
  },
  {
    name: 'finds nothing that is older than what it is asked for',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      const id = await sentId(world, { to });
      expect(await found(world, { to, since: Date.now() + MARGIN_MS })).toEqual([]);
      expect(await found(world, { to, since: Date.now() - MARGIN_MS * 100 })).toEqual([id]);
    },
  },
  {
    name: 'finds the newest among many',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      const others: string[] = [];
      for (let n = 0; n < 120; n += 1) others.push(await sentId(world, { to, part: { text: `n ${n}` } }));
      const id = await sentId(world, { to });
      expect(await found(world, { to, known: others })).toEqual([id]);
    },
  },
  {
    name: 'takes a list for incomplete that lacks what was certainly taken',
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      const id = await sentId(world, { to });
      const error = await failure(world, findSent(world, { to, known: [id, `${id.slice(0, -1)}x`] }), to);
      expect([error.kind, error.code]).toEqual(['not-sent', 'list-incomplete']);
    },
  },
  ...NO_ANSWER.map((mood): Row => ({
    name: `takes no answer for nothing found where the provider ${mood}`,
    check: async (world) => {
      const to = world.newCustomer(world.plain);
      if (mood !== 'unreachable') await sentId(world, { to });
      world.next('list', mood);
      const error = await failure(world, findSent(world, { to }, contextOf(mood)), to);
      expect(error.kind).toBe('not-sent');
      if (mood === 'rate-limits') expect(error.retryAfterMs).toBeGreaterThan(0);
    },
  })),
  {
    name: 'calls refused credentials by their name when it looks',
    check: async (world) => {
      world.next('list', 'refuses-credentials');
      const to = world.newCustomer(world.plain);
      expect((await failure(world, findSent(world, { to }), to)).kind).toBe('credentials');
    },
  },
  {
    name: 'calls looking impossible where the provider has no list',
    check: async (world) => {
      world.next('list', 'has-none');
      const to = world.newCustomer(world.plain);
      expect(await findSent(world, { to })).toBe('impossible');
    },
  },
  {
    name: "lists customers' messages under the keys of their webhooks",
    check: async (world) => {
      const { event } = await received(world, { text: 'Hello?' }, world.plain);
      const { messages, complete } = await listed(world);
      expect(complete).toBe(true);
      const [own, ...others] = messages.filter((one) => one.event.dedupeKey === event.dedupeKey);
      expect(others).toEqual([]);
      if (!own) expect.fail('the message is not in the list under its key');
      expect(own.attachments).toBe(0);
      expect(withoutRaw(own.event)).toMatchObject(toldByLists(event));
      expect(withoutRaw(await world.channel.readListed(own, PATIENT))).toMatchObject(toldByLists(event));
    },
  },
  {
    name: 'reads the files of a listed message as its webhook names them',
    check: async (world) => {
      const media = [1, 2].map((n) => ({ contentType: 'image/png', bytes: Buffer.from(`picture ${n}`) }));
      const { event } = await received(world, { text: 'Look', media }, world.plain);
      const { messages } = await listed(world);
      const own = messages.find((one) => one.event.dedupeKey === event.dedupeKey);
      if (!own) expect.fail('the message is not in the list under its key');
      expect(own.attachments).toBe(2);
      const whole = await world.channel.readListed(own, PATIENT);
      expect(whole.dedupeKey).toBe(event.dedupeKey);
      expect(whole.content).toEqual(event.content);
    },
  },
  {
    name: 'lists neither what is out of the span, nor what we sent, nor what went to other numbers',
    check: async (world) => {
      const { event } = await received(world, { text: 'Hello?' }, world.plain);
      await sentId(world, { to: event.from });
      expect((await listed(world)).messages).toHaveLength(1);
      const [since, until] = [new Date(Date.now() - 7_200_000), new Date(Date.now() - 3_600_000)];
      expect((await listed(world, since, until)).messages).toEqual([]);
      const other = { ...world.plain, address: `${world.plain.address}9` };
      expect((await listed(world, undefined, undefined, other)).messages).toEqual([]);
    },
  },
  {
    name: 'lists nothing rather than half of it where the provider does not answer',
    check: async (world) => {
      await received(world, { text: 'Hello?' }, world.plain);
      for (const mood of [
        'fails',
        'resets',
        'garbage-having-taken',
        'empty-answer',
        'rate-limits',
      ] as const) {
        world.next('received', mood);
        expect((await failure(world, listed(world))).kind, mood).toBe('not-sent');
      }
    },
  },
  {
    name: 'asks how far a message is, and says it under the key of the callback',
    check: async (world) => {
      for (const status of STATUSES) {
        const to = world.newCustomer(world.rich);
        const providerId = await sentId(world, { number: world.rich, to });
        const isFailure = status === 'failed' || status === 'undelivered';
        const request = await world.reports(providerId, status, isFailure ? 'carrier-trouble' : undefined);
        const told = await eventOf(world.receiptDoor, request, 'receipt');
        const { dedupeKey, providerCode, late } = told;
        expect(told.status).toBe(status);
        expect(
          await world.channel.fetchReceipt({ account: world.rich.account, providerId }, PATIENT),
        ).toEqual({ dedupeKey, status, ...(providerCode && { providerCode }), ...(late && { late }) });
      }
    },
  },
  {
    name: 'knows nothing of a message that the provider does not know, and not where it does not answer',
    check: async (world) => {
      const { account } = world.plain;
      const providerId = await sentId(world);
      const other = { account, providerId: providerId.replaceAll(/[0-9a-f]/g, '0') };
      expect(await world.channel.fetchReceipt(other, PATIENT)).toBe(undefined);
      for (const mood of ['fails', 'resets'] as const) {
        world.next('receipt', mood);
        const call = world.channel.fetchReceipt({ account, providerId }, PATIENT);
        expect((await failure(world, call)).kind, mood).toBe('not-sent');
      }
    },
  },
];

function findSent(
  world: ChannelWorld,
  changes: Partial<FindSent> & { to: string },
  context = PATIENT,
): Promise<LookUp<SentCandidate[]>> {
  const since = Date.now() - 120_000;
  const request = { number: world.plain, part: { text: TEXT }, since, known: [], ...changes };
  return world.channel.findSent(request, context);
}

async function found(world: ChannelWorld, changes: Partial<FindSent> & { to: string }): Promise<string[]> {
  const candidates = await findSent(world, changes);
  if (candidates === 'impossible') expect.fail('looking is called impossible');
  return candidates.map(({ providerId }) => providerId);
}

function listed(
  world: ChannelWorld,
  since = new Date(Date.now() - 60_000),
  until = new Date(Date.now() + 60_000),
  number = world.plain,
) {
  return world.channel.listReceived({ tenantId: world.tenantId, number, since, until }, PATIENT);
}

function withoutRaw({ raw: _raw, ...event }: InboundMessageReceived) {
  return event;
}

/** Names, buttons and the like are in webhooks only. */
function toldByLists(event: InboundMessageReceived): Partial<InboundMessageReceived> {
  const { kind, tenantId, dedupeKey, providerMessageId, channel, account, to, from, content } = event;
  return { kind, tenantId, dedupeKey, providerMessageId, channel, account, to, from, content };
}
