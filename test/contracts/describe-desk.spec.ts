import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DeliveryError, type DeskEventReceived } from '#core';
import { FakeDesk } from '../support/fakes.js';
import { checkRow } from './describe-rows.js';
import { DESK_ROWS } from './describe-desk.js';
import { startFakeDeskWorld } from './desk/fake-world.js';
import type { DeskWorld } from './desk/world.js';

/** Makes one thing wrong in a desk that is otherwise right. */
type Break = (desk: FakeDesk, world: DeskWorld) => void;

const BROKEN: readonly [what: string, row: string, caught: RegExp, break_: Break][] = [
  [
    'renders an empty part',
    'renders a text as parts that an agent can read, and its desk takes them',
    /a part is empty/,
    (desk) => void (desk.renders = () => [{ text: '' }]),
  ],
  [
    'trims texts',
    'renders a text to the letter',
    /deeply equal/,
    (desk) => void (desk.renders = (content) => [{ text: 'text' in content ? content.text?.trim() : '' }]),
  ],
  [
    'forgets the queue of a create',
    'creates a conversation in the queue that it is given',
    /'100'/,
    replace(
      'createConversation',
      (create) =>
        ({ queueId: _, ...request }, context) =>
          create(request, context),
    ),
  ],
  [
    'turns the history round',
    'hands the history over in its order, to the letter',
    /deeply equal/,
    replace(
      'createConversation',
      (create) =>
        ({ history = [], ...request }, context) =>
          create({ ...request, history: history.toReversed() }, context),
    ),
  ],
  [
    'hands over the beginning of a long history',
    'hands over the end of a history that is too long',
    /deeply equal/,
    replace(
      'createConversation',
      (create) =>
        ({ history = [], ...request }, context) =>
          create({ ...request, history: history.slice(0, 200) }, context),
    ),
  ],
  [
    'creates twice',
    'makes two conversations of two creates',
    /deeply equal/,
    replace('createConversation', (create) => async (request, context) => {
      await create(request, context);
      return create(request, context);
    }),
  ],
  [
    'calls a lost create not sent',
    'does not know what became of a create where the desk resets-having-taken',
    /uncertain/,
    replace(
      'createConversation',
      (create) => (request, context) => create(request, context).catch(asNotSent),
    ),
  ],
  [
    'calls a lost message not sent',
    'does not know what became of a message where the desk resets-having-taken',
    /uncertain/,
    replace('send', (send) => (request, context) => send(request, context).catch(asNotSent)),
  ],
  [
    'blames the text for a queue that is not there',
    'calls a create held where the desk rejects-queue',
    /held/,
    replace(
      'createConversation',
      (create) => (request, context) =>
        create(request, context).catch(() => {
          throw new DeliveryError('failed', { code: 'rejected' });
        }),
    ),
  ],
  [
    'sends as the customer what a bot said',
    'sends a text once, of the customer and of a bot',
    /to match object/,
    replace('send', (send) => (request, context) => send({ ...request, authorType: 'user' }, context)),
  ],
  [
    'sends twice',
    'sends a text once, of the customer and of a bot',
    /to match object/,
    replace('send', (send) => async (request, context) => {
      await send(request, context);
      return send(request, context);
    }),
  ],
  [
    'does not say when it begins',
    'says right before the first byte that it begins, once a call',
    /had reached the desk/,
    replace(
      'send',
      (send) =>
        (request, { beforeFirstByte: _, ...context }) =>
          send(request, context),
    ),
  ],
  [
    'shows files under another name',
    'uploads a file to the byte, and shows it with the message that names it',
    /to match object/,
    replace(
      'upload',
      (upload) => (request, context) =>
        upload({ ...request, file: { ...request.file, filename: 'file' } }, context),
    ),
  ],
  [
    'does not end anything',
    'lets the customer leave, which ends the conversation, and may say so again',
    /false/,
    replace('endConversation', () => () => Promise.resolve()),
  ],
  [
    'finds conversations of other attempts',
    'finds nothing of another attempt, though it be of the same conversation',
    /undefined/,
    replace('findConversation', () => async () => ({ deskConversationId: 'any' })),
  ],
  [
    'believes everybody to be there',
    'lists everybody who ever joined, and who of them is there',
    /deeply equal/,
    replace(
      'listParticipants',
      (list) => async (id, context) => (await list(id, context)).map((one) => ({ ...one, present: true })),
    ),
  ],
  [
    'lists the oldest first',
    'lists the newest messages first, with authors, and no more than it is asked for',
    /deeply equal/,
    replace(
      'listMessages',
      (list) =>
        async (...values) =>
          (await list(...values)).toReversed(),
    ),
  ],
  [
    'stops after the first page',
    'lists a long conversation whole, over its pages',
    /120/,
    replace('listMessages', (list) => (id, limit, context) => list(id, Math.min(limit, 100), context)),
  ],
  [
    'counts messages of anybody',
    'counts messages of one content by their author',
    /to be 2/,
    replace(
      'countSent',
      () =>
        async ({ deskConversationId, part }, context) =>
          (await current.listMessages(deskConversationId, 1_000, context)).filter(
            ({ text }) => text === part.text,
          ).length,
    ),
  ],
  [
    'takes a failed look-up for an answer',
    'takes nothing for an answer to how often something was said that is none',
    /succeeded/,
    replace('countSent', (count) => (request, context) => count(request, context).catch(() => 0)),
  ],
  [
    'fetches whatever there is',
    "does not fetch more than it is asked for of an agent's file",
    /resolved/,
    replace(
      'fetchAttachment',
      (fetch) => (request, context) => fetch({ ...request, maxBytes: 1e9 }, context),
    ),
  ],
  [
    'takes what we posted for an agent’s',
    "never takes for an agent's what a user of ours sent",
    /'user'/,
    changeEvents((event) => ({
      ...event,
      ...(event.message && { message: { ...event.message, authorType: 'agent' } }),
    })),
  ],
  [
    'lets the oldest word of a queue win',
    'knows a conversation that goes to another queue, in whichever order it hears of it, and twice',
    /to match object/,
    changeEvents(({ facts: { queue, ...facts }, ...event }) => ({
      ...event,
      facts: { ...facts, ...(queue && { queue: { ...queue, at: -queue.at } }) },
    })),
  ],
  [
    'does not know which create it hears of',
    'names the create that a conversation comes from, in what it hears first',
    /deeply equal/,
    changeEvents(({ create: _, ...event }) => event),
  ],
  [
    'makes ids of events up',
    'gives a repeated webhook the same event id, and every event its own',
    /deeply equal/,
    changeEvents((event) => ({ ...event, eventId: randomUUID() })),
  ],
  [
    'concludes something from what it does not know',
    'takes an event of a kind that nobody knows yet, and concludes nothing from it',
    /deeply equal/,
    changeEvents((event) => ({ ...event, facts: { transferAt: 1 } })),
  ],
  [
    'does not look at signatures',
    'refuses events that the desk did not sign as they are',
    /a forged event/,
    (_desk, world) => void (world.door = { receive: async () => [] }),
  ],
  [
    'puts a secret into its errors',
    'calls a message failed where the desk rejects',
    /an error names/,
    replace(
      'send',
      (send) => (request, context) =>
        send(request, context).catch((cause: unknown) => {
          throw new DeliveryError('failed', {
            code: 'rejected',
            cause: new Error('fake-webhook-secret', { cause }),
          });
        }),
    ),
  ],
];

/** The desk of the row that is being checked. */
let current: FakeDesk;

describe('the suite for desks', () => {
  const rows = new Map(
    Object.values(DESK_ROWS)
      .flat()
      .map((row) => [row.name, row]),
  );

  it('has a name of its own for every row', () => {
    expect(rows.size).toBe(Object.values(DESK_ROWS).flat().length);
  });

  it.each(BROKEN)('catches a desk that %s', async (_what, name, caught, break_) => {
    const row = rows.get(name);
    if (!row) expect.fail(`no row is called "${name}"`);
    const start = async () => {
      current = new FakeDesk();
      const world = await startFakeDeskWorld(current);
      break_(current, world);
      return world;
    };
    await expect(checkRow(row, start)).rejects.toThrow(caught);
    // What is caught is that one thing.
    await checkRow(row, () => startFakeDeskWorld());
  });
});

function asNotSent(): never {
  throw new DeliveryError('not-sent', { code: 'reset' });
}

/** Puts another method in the place of one of the desk's. */
function replace<N extends keyof FakeDesk>(name: N, other: (original: FakeDesk[N]) => FakeDesk[N]): Break {
  return (desk) => {
    const method = desk[name];
    const original = (typeof method === 'function' ? method.bind(desk) : method) as FakeDesk[N];
    Object.assign(desk, { [name]: other(original) });
  };
}

function changeEvents(change: (event: DeskEventReceived) => DeskEventReceived): Break {
  return (_desk, world) => {
    const { door } = world;
    world.door = {
      receive: async (request) =>
        (await door.receive(request)).map((event) => change(event as DeskEventReceived)),
    };
  };
}
