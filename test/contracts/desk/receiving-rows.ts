import { expect } from 'vitest';
import {
  deriveState,
  mergeFacts,
  WebhookRefusedError,
  type ConversationFacts,
  type DerivedState,
  type DeskEventReceived,
  type WebhookRequest,
} from '#core';
import {
  AGENT,
  created,
  eventOf,
  eventsOf,
  newConversation,
  OTHER_AGENT,
  PATIENT,
  sends,
  served,
  TEXT,
  type AgentMessage,
  type DeskWorld,
  type Row,
} from './world.js';

const PDF = { filename: 'a.pdf', contentType: 'application/pdf', bytes: Buffer.from('%PDF') };

/** What an agent sends, and what of it stands in the neutral content. */
const KINDS: readonly [name: string, sent: AgentMessage, content: object][] = [
  ['a text', { text: ' Hello\r\n\u{1f600} & <b> ' }, { type: 'text', text: ' Hello\r\n\u{1f600} & <b> ' }],
  ['a file', { file: PDF }, { type: 'attachments', attachments: [{ filename: 'a.pdf' }] }],
  [
    'a file with a text',
    { text: 'See', file: PDF },
    { type: 'attachments', text: 'See', attachments: [{ filename: 'a.pdf' }] },
  ],
  [
    'a card',
    { text: 'Which?', card: { body: [{ type: 'TextBlock', text: 'Which?' }] } },
    { type: 'card', cards: [{ content: { body: [{ type: 'TextBlock', text: 'Which?' }] } }] },
  ],
];

/** What happens at the desk after the conversation was created, and what all that was posted adds up to. */
const LIVES: readonly [
  name: string,
  live: (world: DeskWorld, id: string) => Promise<WebhookRequest[][]>,
  state: (world: DeskWorld) => Partial<DerivedState>,
][] = [
  ['waits', async () => [], ({ queues }) => ({ state: 'queued', queueId: queues[0] })],
  [
    'is served',
    async (world, id) => [await world.joins(id, AGENT)],
    ({ queues }) => ({ state: 'active', queueId: queues[0], hadAgent: true }),
  ],
  [
    'is served by two',
    async (world, id) => [
      await world.joins(id, AGENT),
      await world.joins(id, OTHER_AGENT),
      await world.leaves(id, AGENT),
    ],
    () => ({ state: 'active', hadAgent: true }),
  ],
  [
    'goes to another queue',
    async (world, id) => [await world.joins(id, AGENT), await world.transfers(id, AGENT, world.queues[1])],
    ({ queues }) => ({ state: 'queued', queueId: queues[1], hadAgent: true }),
  ],
  [
    'is taken over',
    async (world, id) => [
      await world.joins(id, AGENT),
      await world.transfers(id, AGENT, world.queues[1]),
      await world.joins(id, OTHER_AGENT),
    ],
    ({ queues }) => ({ state: 'active', queueId: queues[1], hadAgent: true }),
  ],
  [
    'is over',
    async (world, id) => [await world.joins(id, AGENT), await world.ends(id)],
    () => ({ state: 'closed', hadAgent: true }),
  ],
];

export const RECEIVING: readonly Row[] = [
  ...KINDS.map(([name, sent, content]): Row => ({
    name: `receives ${name} of an agent`,
    check: async (world) => {
      const id = await served(world);
      const { tenantId } = world;
      const [event, ...more] = await eventsOf(world, await world.writes(id, AGENT, sent));
      expect(more).toEqual([]);
      expect(event).toMatchObject({
        tenantId,
        deskConversationId: id,
        message: { authorType: 'agent', content },
      });
    },
  })),
  ...(['user', 'bot'] as const).map((authorType): Row => ({
    name: `never takes for an agent's what a ${authorType} of ours sent`,
    check: async (world) => {
      const id = await served(world);
      await sends(world, id, { text: TEXT }, authorType);
      const events = await eventsOf(world, await world.posted());
      const authors = events.flatMap(({ message }) => message?.authorType ?? []);
      for (const author of authors) expect(author).toBe(authorType);
    },
  })),
  ...LIVES.map(([name, live, state]): Row => ({
    name: `knows a conversation that ${name}, in whichever order it hears of it, and twice`,
    check: async (world) => {
      const request = newConversation(world);
      const { deskConversationId: id } = await world.desk.createConversation(request, PATIENT);
      const posted = [await world.opens(id), ...(await live(world, id))].flat();
      const events = await eventsOf(world, posted);
      expect(stateOf(events)).toMatchObject(state(world));
      expect(stateOf(events.toReversed())).toMatchObject(state(world));
      expect(stateOf([...events, ...events])).toMatchObject(state(world));
      for (const event of events) expect(event.deskConversationId).toBe(id);
    },
  })),
  {
    name: 'names the create that a conversation comes from, in what it hears first',
    check: async (world) => {
      const request = newConversation(world);
      const { deskConversationId: id } = await world.desk.createConversation(request, PATIENT);
      const events = await eventsOf(world, await world.opens(id));
      expect(events.find(({ create }) => create)?.create).toEqual(request.reference);
    },
  },
  {
    name: 'says that an agent types, and that they have stopped',
    check: async (world) => {
      const id = await served(world);
      const [begun] = await eventsOf(world, await world.types(id, AGENT, true));
      const [stopped] = await eventsOf(world, await world.types(id, AGENT, false));
      expect([begun?.typing, stopped?.typing]).toEqual([{ present: true }, { present: false }]);
    },
  },
  {
    name: 'gives a repeated webhook the same event id, and every event its own',
    check: async (world) => {
      const id = await served(world);
      const [first = unwritten()] = await world.writes(id, AGENT, { text: 'again' });
      const [second = unwritten()] = await world.writes(id, AGENT, { text: 'again' });
      const one = await eventOf(world.door, first, 'desk-event');
      const again = await eventOf(world.door, world.repeats(first), 'desk-event');
      const other = await eventOf(world.door, second, 'desk-event');
      expect([again.eventId, again.bodyDigest]).toEqual([one.eventId, one.bodyDigest]);
      expect(other.eventId).not.toBe(one.eventId);
    },
  },
  {
    name: 'tells events by their own time',
    check: async (world) => {
      const before = Date.now();
      const [event] = await eventsOf(world, await world.writes(await served(world), AGENT, { text: 'now' }));
      expect(event?.occurredAt).toBeGreaterThanOrEqual(before - 1_000);
      expect(event?.occurredAt).toBeLessThanOrEqual(Date.now() + 1_000);
    },
  },
  {
    name: 'keeps the body as it came',
    check: async (world) => {
      const [request = unwritten()] = await world.writes(await served(world), AGENT, { text: 'grüße' });
      const event = await eventOf(world.door, request, 'desk-event');
      expect(event.raw).toBe(request.body.toString());
    },
  },
  {
    name: 'takes an event of a kind that nobody knows yet, and concludes nothing from it',
    check: async (world) => {
      const id = await created(world);
      const event = await eventOf(world.door, await world.strange(id), 'desk-event');
      expect(event.deskConversationId).toBe(id);
      expect([event.facts, event.message]).toEqual([{}, undefined]);
    },
  },
  {
    name: 'refuses events that the desk did not sign as they are',
    check: async (world) => {
      const [request = unwritten()] = await world.writes(await served(world), AGENT, { text: 'signed' });
      const { [world.signatureHeader]: signature, ...unsigned } = request.headers;
      expect(signature).toBeTypeOf('string');
      for (const forged of [
        { ...request, headers: unsigned },
        { ...request, headers: { ...unsigned, [world.signatureHeader]: '' } },
        { ...request, headers: { ...unsigned, [world.signatureHeader]: [String(signature), 'x'] } },
        { ...request, body: Buffer.from(request.body.toString().replace('signed', 'forged')) },
        { ...request, body: Buffer.alloc(0) },
      ]) {
        const error: unknown = await world.door.receive(forged).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(error, 'a forged event').toBeInstanceOf(WebhookRefusedError);
        expect([401, 403]).toContain((error as WebhookRefusedError).status);
      }
    },
  },
  {
    name: 'refuses what it cannot use, without a crash',
    check: async (world) => {
      for (const request of world.unusable()) {
        const error: unknown = await world.door.receive(request).then(
          (events) => events,
          (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(WebhookRefusedError);
        expect((error as WebhookRefusedError).status).toBe(400);
      }
    },
  },
];

function stateOf(events: DeskEventReceived[]): DerivedState {
  return deriveState(events.reduce<ConversationFacts>((facts, event) => mergeFacts(facts, event.facts), {}));
}

function unwritten(): WebhookRequest {
  throw new Error('The desk posted nothing.');
}
