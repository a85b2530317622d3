import { buffer } from 'node:stream/consumers';
import { expect } from 'vitest';
import { MediaRefusedError, type CreateReference } from '#core';
import {
  AGENT,
  contextOf,
  created,
  eventsOf,
  failure,
  newConversation,
  OTHER_AGENT,
  PATIENT,
  sends,
  served,
  shown,
  TEXT,
  UNCLEAR,
  UNCLEAR_WITHOUT_BODY,
  upload,
  type Call,
  type DeskWorld,
  type Mood,
  type Row,
} from './world.js';

/** Answers to a question that are none; after the last one nothing is answered any more. */
const NO_ANSWER: readonly Mood[] = ['rate-limits', 'is-unavailable', ...UNCLEAR, 'unreachable'];

/** Every question, with what it is asked by. */
const QUESTIONS: readonly [
  name: string,
  call: Call,
  ask: (world: DeskWorld, id: string, mood: Mood) => Promise<unknown>,
][] = [
  [
    'which conversation it is',
    'find',
    (world, _id, mood) => find(world, newConversation(world).reference, mood),
  ],
  [
    'how far a conversation is',
    'read',
    (world, id, mood) => world.desk.readConversation(id, contextOf(mood)),
  ],
  ['who is there', 'participants', (world, id, mood) => world.desk.listParticipants(id, contextOf(mood))],
  ['what was said', 'messages', (world, id, mood) => world.desk.listMessages(id, 50, contextOf(mood))],
  ['how often something was said', 'messages', (world, id, mood) => count(world, id, TEXT, 'user', mood)],
];

export const LOOKING: readonly Row[] = [
  ...UNCLEAR.map((mood): Row => ({
    name: `finds ${mood.endsWith('having-taken') ? 'the conversation' : 'nothing'} of a create where the desk ${mood}`,
    check: async (world) => {
      await created(world);
      const request = newConversation(world);
      world.next('create', mood);
      await failure(world, world.desk.createConversation(request, contextOf(mood)));
      const [, made] = world.conversations();
      expect(await find(world, request.reference)).toEqual(made && { deskConversationId: made.id });
      expect(made !== undefined).toBe(mood.endsWith('having-taken'));
    },
  })),
  {
    name: 'finds nothing of another attempt, though it be of the same conversation',
    check: async (world) => {
      const { reference } = newConversation(world);
      await created(world, { reference });
      const other = newConversation(world).reference;
      expect(await find(world, { ...reference, attemptId: other.attemptId })).toBe(undefined);
      expect(await find(world, { ...reference, conversationId: other.conversationId })).toBe(undefined);
    },
  },
  {
    name: 'reads how far a conversation is, and in which queue it waits',
    check: async (world) => {
      const id = await created(world, { queueId: world.queues[1] });
      expect(await read(world, id)).toEqual({ state: 'active', queueId: world.queues[1] });
      await world.joins(id, AGENT);
      expect((await read(world, id)).state).toBe('active');
      await world.ends(id);
      expect((await read(world, id)).state).toBe('idle');
      world.forgets(id);
      expect(await read(world, id)).toEqual({ state: 'gone' });
    },
  },
  {
    name: 'lists everybody who ever joined, and who of them is there',
    check: async (world) => {
      const id = await served(world);
      await world.joins(id, OTHER_AGENT);
      await world.leaves(id, AGENT);
      const agents = (await world.desk.listParticipants(id, PATIENT)).filter(({ type }) => type === 'agent');
      expect(new Set(agents.map(({ present }) => present))).toEqual(new Set([false, true]));
    },
  },
  {
    name: 'names agents in the list as events do',
    check: async (world) => {
      const id = await created(world);
      const events = await eventsOf(world, await world.joins(id, AGENT));
      const named = events.flatMap(({ facts }) => Object.keys(facts.agents ?? {}));
      const listed = (await world.desk.listParticipants(id, PATIENT)).filter(({ type }) => type === 'agent');
      expect(listed.map((one) => one.id)).toEqual([...new Set(named)]);
    },
  },
  {
    name: 'lists the newest messages first, with authors, and no more than it is asked for',
    check: async (world) => {
      const id = await served(world);
      await sends(world, id, { text: 'one' });
      await world.writes(id, AGENT, { text: 'two' });
      await sends(world, id, { text: 'three' }, 'bot');
      const listed = await world.desk.listMessages(id, 50, PATIENT);
      expect(listed.map(({ text, authorType }) => [text, authorType])).toEqual([
        ['three', 'bot'],
        ['two', 'agent'],
        ['one', 'user'],
      ]);
      expect(new Set(listed.map((one) => one.id)).size, 'ids').toBe(3);
      const times = listed.map(({ createdAt }) => createdAt);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      expect((await world.desk.listMessages(id, 2, PATIENT)).map(({ text }) => text)).toEqual([
        'three',
        'two',
      ]);
    },
  },
  {
    name: 'lists a long conversation whole, over its pages',
    check: async (world) => {
      const id = await served(world);
      for (let n = 0; n < 120; n += 1) await sends(world, id, { text: `text ${n}` });
      const listed = await world.desk.listMessages(id, 200, PATIENT);
      expect(new Set(listed.map(({ text }) => text)).size).toBe(120);
      expect(listed).toHaveLength(120);
    },
  },
  {
    name: 'lists what an agent sent with the content of its event',
    check: async (world) => {
      const id = await served(world);
      const messages = [
        { text: 'Hello' },
        {
          text: 'See',
          file: { filename: 'a.pdf', contentType: 'application/pdf', bytes: Buffer.from('%PDF') },
        },
      ];
      for (const message of messages) {
        const [event] = await eventsOf(world, await world.writes(id, AGENT, message));
        const [listed] = await world.desk.listMessages(id, 1, PATIENT);
        const { content } = event?.message ?? {};
        expect(idsOf(listed?.content)).toEqual(idsOf(content));
        expect(textOf(listed?.content)).toBe(textOf(content));
      }
    },
  },
  {
    name: 'counts messages of one content by their author',
    check: async (world) => {
      const id = await served(world);
      await sends(world, id, { text: TEXT });
      await sends(world, id, { text: TEXT });
      await sends(world, id, { text: TEXT }, 'bot');
      await sends(world, id, { text: `${TEXT} ` });
      await world.writes(id, AGENT, { text: TEXT });
      await sends(world, await served(world), { text: TEXT });
      expect(await count(world, id, TEXT)).toBe(2);
      expect(await count(world, id, TEXT, 'bot')).toBe(1);
      expect(await count(world, id, 'never sent')).toBe(0);
    },
  },
  {
    name: 'counts messages by their files, too',
    check: async (world) => {
      const id = await served(world);
      const { attachmentId } = await world.desk.upload(upload(id), PATIENT);
      const other = await world.desk.upload(upload(id), PATIENT);
      await sends(world, id, { attachmentIds: [attachmentId] });
      const of = (attachmentIds: string[]) =>
        world.desk.countSent(
          { deskConversationId: id, authorType: 'user', part: { attachmentIds } },
          PATIENT,
        );
      expect(await of([attachmentId])).toBe(1);
      expect(await of([other.attachmentId])).toBe(0);
      expect(await of([attachmentId, other.attachmentId])).toBe(0);
    },
  },
  ...UNCLEAR_WITHOUT_BODY.map((mood): Row => ({
    name: `counts ${mood.endsWith('having-taken') ? 'one more' : 'no more'} after a message where the desk ${mood}`,
    check: async (world) => {
      const id = await served(world);
      await sends(world, id, { text: TEXT });
      world.next('message', mood);
      const part = { text: TEXT };
      await failure(
        world,
        world.desk.send({ deskConversationId: id, authorType: 'user', part }, contextOf(mood)),
      );
      expect(await count(world, id, TEXT)).toBe(shown(world, id).messages.length);
      expect(await count(world, id, TEXT)).toBe(mood.endsWith('having-taken') ? 2 : 1);
    },
  })),
  {
    name: 'says that it cannot count where the desk has no list, and that a conversation is gone',
    check: async (world) => {
      const id = await served(world);
      world.next('messages', 'has-none');
      expect(await count(world, id, TEXT)).toBe('impossible');
    },
  },
  ...QUESTIONS.map(([name, call, ask]): Row => ({
    name: `takes nothing for an answer to ${name} that is none`,
    check: async (world) => {
      const id = await served(world);
      for (const mood of NO_ANSWER) {
        world.next(call, mood);
        expect(await failure(world, ask(world, id, mood)), mood).toMatchObject({ kind: 'not-sent' });
      }
    },
  })),
  ...QUESTIONS.map(([name, call, ask]): Row => ({
    name: `knows refused credentials by ${name}`,
    check: async (world) => {
      const id = await served(world);
      world.next(call, 'refuses-credentials');
      expect(await failure(world, ask(world, id, 'refuses-credentials'))).toMatchObject({
        kind: 'credentials',
      });
    },
  })),
  {
    name: "fetches an agent's file as it is",
    check: async (world) => {
      const id = await served(world);
      const bytes = Buffer.from([0, 255, 13, 10]);
      const media = await fetched(world, id, bytes);
      expect(await buffer(media.body)).toEqual(bytes);
      expect(media.filename).toBe('a.bin');
    },
  },
  {
    name: "does not fetch more than it is asked for of an agent's file",
    check: async (world) => {
      const id = await served(world);
      const fetching = fetched(world, id, Buffer.alloc(2_000), 100).then(async ({ body }) => buffer(body));
      await expect(fetching).rejects.toThrow(MediaRefusedError);
    },
  },
  {
    name: 'says of a file that is not there that it may be in a moment',
    check: async (world) => {
      const deskConversationId = await served(world);
      const request = { deskConversationId, attachment: { id: 'nobody-knows' }, maxBytes: 100 };
      expect(await failure(world, world.desk.fetchAttachment(request, PATIENT))).toMatchObject({
        kind: 'not-sent',
      });
    },
  },
];

async function find(world: DeskWorld, reference: CreateReference, mood: Mood = 'fails') {
  const request = { channelId: world.channelId, reference, createdAfter: Date.now() - 60_000 };
  return world.desk.findConversation(request, contextOf(mood));
}

function read(world: DeskWorld, id: string) {
  return world.desk.readConversation(id, PATIENT);
}

function count(
  world: DeskWorld,
  deskConversationId: string,
  text: string,
  authorType: 'user' | 'bot' = 'user',
  mood: Mood = 'fails',
) {
  return world.desk.countSent({ deskConversationId, authorType, part: { text } }, contextOf(mood));
}

async function fetched(world: DeskWorld, deskConversationId: string, bytes: Buffer, maxBytes = 1_000_000) {
  const file = { filename: 'a.bin', contentType: 'application/octet-stream', bytes };
  const [event] = await eventsOf(world, await world.writes(deskConversationId, AGENT, { file }));
  const content = event?.message?.content;
  const [attachment] = content && 'attachments' in content ? (content.attachments ?? []) : [];
  if (!attachment) throw new Error('The event names no attachment.');
  return world.desk.fetchAttachment({ deskConversationId, attachment, maxBytes }, PATIENT);
}

type Content = { text?: string; attachments?: { id?: string }[] } | undefined;

function idsOf(content: unknown): (string | undefined)[] {
  return ((content as Content)?.attachments ?? []).map(({ id }) => id);
}

function textOf(content: unknown): string | undefined {
  return (content as Content)?.text;
}
