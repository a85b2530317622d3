import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { MediaRefusedError, type CardSubmission, type DeliveryErrorKind, type HoldReason } from '#core';
import {
  AGENT,
  contextOf,
  created,
  eventsOf,
  failure,
  frozen,
  newConversation,
  PATIENT,
  RETRY_AFTER_MS,
  sends,
  served,
  shown,
  TEXT,
  UNCLEAR,
  UNCLEAR_WITHOUT_BODY,
  upload,
  type DeskWorld,
  type Mood,
  type Row,
} from './world.js';

/** What a refusal has to be called. After a 429 or 503 of a desk nobody can tell whether the call took effect. */
const REFUSED: readonly [mood: Mood, kind: DeliveryErrorKind][] = [
  ['unreachable', 'not-sent'],
  ['rate-limits', 'uncertain'],
  ['is-unavailable', 'uncertain'],
  ['refuses-credentials', 'credentials'],
];
const REFUSED_CREATES: readonly [mood: Mood, kind: DeliveryErrorKind, hold?: HoldReason][] = [
  ...REFUSED,
  // Nothing is wrong with what the customer wrote: it waits until somebody has repaired the number.
  ['rejects', 'held', 'configuration'],
  ['rejects-queue', 'held', 'configuration'],
];
const REFUSED_MESSAGES: readonly [mood: Mood, kind: DeliveryErrorKind][] = [
  ...REFUSED,
  ['rejects', 'failed'],
  ['is-gone', 'gone'],
];

/** Said again, it does no harm. */
const REFUSED_CHANGES: readonly [mood: Mood, kind: DeliveryErrorKind][] = [
  ['unreachable', 'not-sent'],
  ['rate-limits', 'not-sent'],
  ['is-unavailable', 'not-sent'],
  ['resets', 'not-sent'],
  ['refuses-credentials', 'credentials'],
  ['rejects', 'failed'],
  ['rejects-queue', 'failed'],
  ['is-gone', 'gone'],
];

const FIELDS = {
  name: 'Ada Lovelace',
  userId: 'ada-1',
  email: 'ada@acme.example',
  phone: '+15550123',
  company: 'Acme & Sons',
  caseId: 'C-7',
  language: 'zh-TW',
};

export const CONVERSING: readonly Row[] = [
  {
    name: 'creates a conversation of the customer, in the queue of the channel',
    check: async (world) => {
      const id = await created(world, { user: { name: 'Ada', phone: '+15550123', language: 'de' } });
      expect(world.calls('create'), 'calls').toBe(1);
      const { channelId, queues } = world;
      expect(shown(world, id)).toMatchObject({
        channelId,
        user: { name: 'Ada', phone: '+15550123', language: 'de' },
        queueId: queues[0],
        history: [],
        messages: [],
        over: false,
      });
    },
  },
  {
    name: 'creates a conversation in the queue that it is given',
    check: async (world) => {
      const id = await created(world, { assignment: { type: 'queue', id: world.queues[1] } });
      expect(shown(world, id).queueId).toBe(world.queues[1]);
    },
  },
  {
    name: 'creates a conversation with all that is known of the customer',
    check: async (world) => {
      const user = frozen({
        ...FIELDS,
        properties: Array.from({ length: 29 }, (_, n) => ({
          key: ` Key ${n}`,
          value: `value ${n} \u{1f600}`,
        })),
      });
      expect(shown(world, await created(world, { user })).user).toEqual(user);
    },
  },
  {
    name: 'creates a conversation of somebody whom nothing is known of',
    check: async (world) => {
      expect(shown(world, await created(world, { user: {} })).over).toBe(false);
    },
  },
  {
    name: 'hands the history over in its order, to the letter',
    check: async (world) => {
      const history = frozen([
        { authorType: 'user' as const, text: ' Hello,\r\n<b>can</b> I & ' },
        { authorType: 'bot' as const, text: '\u{1f600}' },
        { authorType: 'user' as const, text: 'Thanks, please can I speak to an agent ' },
      ]);
      expect(shown(world, await created(world, { history })).history).toEqual(history);
    },
  },
  {
    name: 'hands over cards in the history',
    check: async (world) => {
      const card = {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: { type: 'AdaptiveCard' },
      };
      const history = frozen([{ authorType: 'bot' as const, text: 'Which one?', cards: [card] }]);
      expect(shown(world, await created(world, { history })).history).toEqual(history);
    },
  },
  {
    name: 'hands over the end of a history that is too long',
    check: async (world) => {
      const history = Array.from({ length: 300 }, (_, n) => ({
        authorType: 'user' as const,
        text: `text ${n}`,
      }));
      const given = shown(world, await created(world, { history })).history;
      expect(given.length).toBeGreaterThan(0);
      expect(given).toEqual(history.slice(-given.length));
    },
  },
  {
    name: 'makes two conversations of two creates',
    check: async (world) => {
      const ids = [await created(world), await created(world)];
      expect(new Set(ids).size).toBe(2);
      expect(world.conversations().map(({ id }) => id)).toEqual(ids);
    },
  },
  ...refusals(
    'a create',
    'create',
    REFUSED_CREATES,
    async (world) => () => world.desk.createConversation(newConversation(world), PATIENT),
  ),
  ...UNCLEAR.map((mood): Row => ({
    name: `does not know what became of a create where the desk ${mood}`,
    check: async (world) => {
      world.next('create', mood);
      const call = world.desk.createConversation(newConversation(world), contextOf(mood));
      expect(await failure(world, call)).toMatchObject({ kind: 'uncertain' });
    },
  })),
  {
    name: 'changes the user and the queue of a conversation that waits, and may do so again',
    check: async (world) => {
      const reference = { conversationId: randomUUID(), attemptId: randomUUID() };
      const before = { name: 'Ada', properties: [{ key: 'Intent', value: 'balance' }] };
      const id = await created(world, { user: before, reference });
      const user = frozen({ ...FIELDS, properties: [...before.properties, { key: 'Tier', value: 'gold' }] });
      const [, queue] = world.queues;
      const change = {
        deskConversationId: id,
        user,
        assignment: { type: 'queue' as const, id: queue },
        reference,
      };
      await world.desk.updateConversation(change, PATIENT);
      await world.desk.updateConversation(change, PATIENT);
      expect(shown(world, id)).toMatchObject({ queueId: queue });
      expect(shown(world, id).user).toEqual(user);
      // Its create is still known by its reference.
      const find = { channelId: world.channelId, reference, createdAfter: Date.now() - 60_000 };
      expect(await world.desk.findConversation(find, PATIENT)).toEqual({ deskConversationId: id });
    },
  },
  ...refusals('a change', 'update', REFUSED_CHANGES, async (world) => {
    const id = await created(world);
    const assignment = { type: 'queue' as const, id: world.queues[1] };
    return () => world.desk.updateConversation({ deskConversationId: id, assignment }, PATIENT);
  }),
  {
    name: 'sends a text once, of the customer and of a bot',
    check: async (world) => {
      const id = await served(world);
      const sent = await sends(world, id, { text: 'one' });
      await sends(world, id, { text: 'two' }, 'bot');
      expect(sent.httpStatus).toBeGreaterThanOrEqual(200);
      expect(sent.httpStatus).toBeLessThan(300);
      expect(shown(world, id).messages).toMatchObject([
        { authorType: 'user', text: 'one' },
        { authorType: 'bot', text: 'two' },
      ]);
      expect(world.calls('message'), 'calls').toBe(2);
    },
  },
  {
    name: 'sends texts to the letter',
    check: async (world) => {
      const id = await served(world);
      const text = ' a\r\n<b>& +%41 \u{1f600} {{1}} ';
      await sends(world, id, { text });
      expect(shown(world, id).messages.map((one) => one.text)).toEqual([text]);
    },
  },
  {
    name: 'sends for all at once, each to its own conversation',
    check: async (world) => {
      const ids: string[] = [];
      for (let n = 0; n < 10; n += 1) ids.push(await created(world));
      await Promise.all(ids.map((id) => sends(world, id, { text: `to ${id}` })));
      for (const id of ids) expect(shown(world, id).messages.map(({ text }) => text)).toEqual([`to ${id}`]);
    },
  },
  {
    name: 'uploads a file to the byte, and shows it with the message that names it',
    check: async (world) => {
      const id = await served(world);
      const bytes = Buffer.from([0, 1, 13, 10, 45, 45, 255]);
      const filename = 'Grüße "1".txt';
      const { attachmentId } = await world.desk.upload(upload(id, bytes, filename), PATIENT);
      expect(shown(world, id).messages, 'what nobody has sent yet').toEqual([]);
      await sends(world, id, { text: 'See', attachmentIds: [attachmentId] });
      expect(shown(world, id).messages).toMatchObject([{ text: 'See', files: [{ filename, bytes }] }]);
    },
  },
  {
    name: 'may upload the same file again',
    check: async (world) => {
      const id = await served(world);
      const first = await world.desk.upload(upload(id), PATIENT);
      const second = await world.desk.upload(upload(id), PATIENT);
      expect(second.attachmentId).not.toBe(first.attachmentId);
    },
  },
  {
    name: 'says of a file that the desk does not take that it is refused, and of a conversation that it is gone',
    check: async (world) => {
      const id = await served(world);
      world.next('upload', 'rejects');
      await expect(world.desk.upload(upload(id), PATIENT)).rejects.toThrow(MediaRefusedError);
      world.next('upload', 'is-gone');
      expect(await failure(world, world.desk.upload(upload(id), PATIENT))).toMatchObject({ kind: 'gone' });
      world.next('upload', 'fails');
      expect(await failure(world, world.desk.upload(upload(id), PATIENT))).toMatchObject({
        kind: 'not-sent',
      });
    },
  },
  ...refusals('a message', 'message', REFUSED_MESSAGES, async (world) => {
    const id = await served(world);
    return () => sends(world, id);
  }),
  ...UNCLEAR_WITHOUT_BODY.map((mood): Row => ({
    name: `does not know what became of a message where the desk ${mood}`,
    check: async (world) => {
      const id = await served(world);
      world.next('message', mood);
      const part = { text: TEXT };
      const call = world.desk.send({ deskConversationId: id, authorType: 'user', part }, contextOf(mood));
      expect(await failure(world, call, id)).toMatchObject({ kind: 'uncertain' });
      expect(shown(world, id).messages.length, 'what the desk has').toBe(
        mood.endsWith('having-taken') ? 1 : 0,
      );
    },
  })),
  {
    name: 'says right before the first byte that it begins, once a call',
    check: async (world) => {
      const deskConversationId = await served(world);
      const seen: number[] = [];
      const context = { ...PATIENT, beforeFirstByte: () => void seen.push(world.calls('message')) };
      const request = { deskConversationId, authorType: 'user' as const, part: { text: TEXT } };
      await world.desk.send(request, context);
      world.next('message', 'fails');
      await failure(world, world.desk.send(request, context));
      expect(seen, 'messages that had reached the desk by then').toEqual([0, 1]);
    },
  },
  {
    name: 'sends and creates nothing where that moment is refused, and says why',
    check: async (world) => {
      const deskConversationId = await served(world);
      const because = new Error('too late');
      const context = {
        ...PATIENT,
        beforeFirstByte: () => {
          throw because;
        },
      };
      const before = world.conversations().length;
      const request = { deskConversationId, authorType: 'user' as const, part: { text: TEXT } };
      for (const make of [
        () => world.desk.send(request, context),
        () => world.desk.createConversation(newConversation(world), context),
      ]) {
        expect(await failure(world, make())).toMatchObject({ kind: 'not-sent', cause: because });
      }
      expect(world.conversations()).toHaveLength(before);
      expect(shown(world, deskConversationId).messages).toEqual([]);
    },
  },
  {
    name: 'lets the customer leave, which ends the conversation, and may say so again',
    check: async (world) => {
      const id = await served(world);
      await world.desk.endConversation(id, PATIENT);
      expect(shown(world, id).over).toBe(true);
      await world.desk.endConversation(id, PATIENT);
      world.forgets(id);
      await world.desk.endConversation(id, PATIENT);
    },
  },
  {
    name: 'fails to end a conversation where the desk does not answer',
    check: async (world) => {
      const id = await served(world);
      for (const mood of ['fails', 'rate-limits'] as const) {
        world.next('end', mood);
        expect(await failure(world, world.desk.endConversation(id, PATIENT))).toMatchObject({
          kind: 'not-sent',
        });
      }
      expect(shown(world, id).over).toBe(false);
    },
  },
  {
    name: 'hands the conversation back to the bot after its agents, and may say so again',
    check: async (world) => {
      const deskConversationId = await served(world);
      const request = { deskConversationId, webhookId: world.webhookId, limits: { maxTotalMinutes: 30 } };
      await world.desk.handBack(request, PATIENT);
      await world.desk.handBack(request, PATIENT);
      expect(shown(world, deskConversationId).handsBackTo).toBe(world.webhookId);
      world.next('hand-back', 'fails');
      expect(await failure(world, world.desk.handBack(request, PATIENT))).toMatchObject({ kind: 'not-sent' });
      world.next('hand-back', 'is-gone');
      expect(await failure(world, world.desk.handBack(request, PATIENT))).toMatchObject({ kind: 'gone' });
    },
  },
  {
    name: 'tells that the bot is at work',
    check: async (world) => {
      const deskConversationId = await served(world);
      await world.desk.thinking({ deskConversationId, seconds: 30 }, PATIENT);
      expect(shown(world, deskConversationId).thinking).toEqual([30]);
      world.next('thinking', 'fails');
      const again = world.desk.thinking({ deskConversationId, seconds: 30 }, PATIENT);
      expect(await failure(world, again)).toMatchObject({ kind: 'not-sent' });
    },
  },
  {
    name: 'submits a card once',
    check: async (world) => {
      const submission = await submissionOf(world);
      world.next('card', 'fails');
      const failing = world.desk.submitCard(submission, PATIENT);
      expect(await failure(world, failing)).toMatchObject({ kind: 'not-sent' });
      expect(await world.desk.submitCard(submission, PATIENT)).toBe('submitted');
      expect(await world.desk.submitCard(submission, PATIENT)).toBe('already');
    },
  },
  {
    name: 'finds no card that the conversation does not show',
    check: async (world) => {
      const submission = await submissionOf(world);
      const other = { ...submission, card: { content: { type: 'AdaptiveCard', body: [] } } };
      expect(await world.desk.submitCard(other, PATIENT)).toBe('no-card');
    },
  },
  {
    name: 'says how far the customer has read, and may say so again',
    check: async (world) => {
      const id = await served(world);
      await world.writes(id, AGENT, { text: 'Hello' });
      const readAt = Date.now();
      await world.desk.readReceipt({ deskConversationId: id, readAt }, PATIENT);
      await world.desk.readReceipt({ deskConversationId: id, readAt }, PATIENT);
      expect(shown(world, id).readAt).toBe(readAt);
      world.next('read-receipt', 'is-gone');
      const late = world.desk.readReceipt({ deskConversationId: id, readAt }, PATIENT);
      expect(await failure(world, late)).toMatchObject({ kind: 'gone' });
    },
  },
];

/** `prepare` answers the call, which alone meets the mood. */
function refusals(
  what: string,
  call: 'create' | 'message' | 'update',
  table: readonly [mood: Mood, kind: DeliveryErrorKind, hold?: HoldReason][],
  prepare: (world: DeskWorld) => Promise<() => Promise<unknown>>,
): Row[] {
  return table.map(([mood, kind, hold]) => ({
    name: `calls ${what} ${kind} where the desk ${mood}`,
    check: async (world) => {
      const make = await prepare(world);
      const before = world.conversations();
      world.next(call, mood);
      const error = await failure(world, make());
      expect(error).toMatchObject({ kind, ...(hold && { hold }) });
      if (mood === 'rate-limits') expect(error.retryAfterMs).toBe(RETRY_AFTER_MS);
      expect(world.conversations()).toEqual(before);
    },
  }));
}

/** What is submitted on a card that an agent sent. */
async function submissionOf(world: DeskWorld): Promise<CardSubmission> {
  const deskConversationId = await served(world);
  const content = {
    type: 'AdaptiveCard',
    actions: [{ type: 'Action.Submit', title: 'Yes', data: { a: 1 } }],
  };
  const [event] = await eventsOf(world, await world.writes(deskConversationId, AGENT, { card: content }));
  const announced = event?.message?.content;
  const [card] = announced?.type === 'card' ? announced.cards : [];
  if (!event || !card) throw new Error('The event shows no card.');
  const announcedAt = event.occurredAt;
  return { deskConversationId, card, announcedAt, action: 'submit', title: 'Yes', data: { a: 1 } };
}
