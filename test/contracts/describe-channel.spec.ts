import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DeliveryError, type InboundMessageReceived, type ReceiptReceived, type WebhookDoor } from '#core';
import { FakeChannel } from '../support/fakes.js';
import { startFakeWorld } from './channel/fake-world.js';
import type { ChannelWorld } from './channel/world.js';
import { CHANNEL_ROWS } from './describe-channel.js';
import { checkRow } from './describe-rows.js';

/** Makes one thing wrong in a channel that is otherwise right. */
type Break = (channel: FakeChannel, world: ChannelWorld) => void;

const RECEIVES = 'gives a repeated webhook the same key, and every message its own';
const FORGED = 'refuses messages that the provider did not sign as they are';

const BROKEN: readonly [what: string, row: string, caught: RegExp, break_: Break][] = [
  [
    'renders an empty part',
    'renders an empty text as parts that say something and keep to the limits',
    /a part is empty/,
    replace('render', () => () => [{}]),
  ],
  [
    'renders nothing',
    'renders something unknown as parts that say something and keep to the limits',
    /parts/,
    replace('render', () => () => []),
  ],
  [
    'renders parts that are too long',
    'renders 20,000 characters as parts that say something and keep to the limits',
    /the length of a part/,
    (channel) => Object.assign(channel, { partLength: 20_000 }),
  ],
  [
    'renders half of a text',
    'renders 20,000 characters without a blank as parts that say something and keep to the limits',
    /all that was written/,
    replace('render', (render) => (content) => render(content).slice(0, 1)),
  ],
  [
    'cuts characters in two',
    'renders emoji beyond one part as parts that say something and keep to the limits',
    /cut in two/,
    replace('render', () => (content) => {
      const text = 'text' in content ? (content.text ?? '') : '';
      return text.match(/[\s\S]{1,1599}/g)?.map((part) => ({ text: part })) ?? [];
    }),
  ],
  [
    'turns files round',
    'attaches 30 files in their order, within the limits',
    /the files, in order/,
    replace('attach', (attach) => (parts, files) => attach(parts, files.toReversed())),
  ],
  [
    'puts all files into one part',
    'attaches 30 files in their order, within the limits',
    /files of a part/,
    replace('attach', () => (parts, files) => [
      ...parts,
      { media: files.flatMap((file) => ('media' in file ? [file.media] : [])) },
    ]),
  ],
  [
    'changes the parts that it attaches to',
    'attaches 30 files in their order, within the limits',
    /not extensible|read only/,
    replace('attach', (attach) => (parts, files) => {
      parts.push(...attach([], files));
      return parts;
    }),
  ],
  [
    'makes a part of nothing',
    'attaches nothing to nothing, and leaves parts as they are',
    /to deeply equal \[\]/,
    replace(
      'attach',
      (attach) => (parts, files) => (parts.length === 0 ? [{ text: 'Nothing' }] : attach(parts, files)),
    ),
  ],
  [
    'trims texts',
    'sends texts to the letter',
    /to deeply equal/,
    replace('send', (send) => (request, context) => {
      const { text = '', ...part } = request.part;
      return send({ ...request, part: { ...part, text: text.trim() } }, context);
    }),
  ],
  [
    'sends everything twice',
    'sends a text once, and answers with the id that the provider gave it',
    /to match object|calls/,
    replace('send', (send) => async (request, context) => {
      await send(request, context);
      return send(request, context);
    }),
  ],
  [
    'repeats a call whose answer was lost',
    'calls it uncertain where the provider resets-having-taken',
    /the call succeeded/,
    replace(
      'send',
      (send) => (request, context) => send(request, context).catch(() => send(request, context)),
    ),
  ],
  [
    'calls a time-out not sent',
    'calls it uncertain where the provider hangs-having-taken',
    /expected 'not-sent' to be 'uncertain'/,
    replace(
      'send',
      (send) => (request, context) =>
        send(request, context).catch(() => {
          throw new DeliveryError('not-sent', { code: 'deadline' });
        }),
    ),
  ],
  [
    'takes garbage for a success',
    'calls it uncertain where the provider garbage-having-taken',
    /the call succeeded/,
    replace(
      'send',
      (send) => (request, context) =>
        send(request, context).catch(() => ({ httpStatus: 200, providerId: 'x' })),
    ),
  ],
  [
    'forgets when it may try again',
    'calls it not-sent where the provider rate-limits',
    /expected undefined to be 7000/,
    replace(
      'send',
      (send) => (request, context) =>
        send(request, context).catch(() => {
          throw new DeliveryError('not-sent', { code: 'rate-limited' });
        }),
    ),
  ],
  [
    'names the customer in an error',
    'calls it failed where the provider rejects-recipient',
    /names a text, an address or a secret/,
    replace(
      'send',
      (send) => (request, context) =>
        send(request, context).catch((cause) => {
          throw new DeliveryError('failed', {
            code: 'rejected',
            providerCode: '1',
            cause: [cause, request.to],
          });
        }),
    ),
  ],
  [
    'says that it begins once it has begun',
    'says right before the first byte that it begins, once a call',
    /calls that had reached the provider by then/,
    replace('send', (send) => async (request, { beforeFirstByte, ...context }) => {
      const sent = await send(request, context);
      beforeFirstByte?.();
      return sent;
    }),
  ],
  [
    'sends whatever it is told in the last moment',
    'sends nothing where that moment is refused, and says why',
    /the call succeeded/,
    replace(
      'send',
      (send) =>
        (request, { timeoutMs }) =>
          send(request, { timeoutMs }),
    ),
  ],
  [
    'finds what is too old',
    'finds nothing that is older than what it is asked for',
    /to deeply equal \[\]/,
    replace('findSent', (find) => (request, context) => find({ ...request, since: 0 }, context)),
  ],
  [
    'finds what went to somebody else',
    'finds nothing of another text, another customer, or with files that the part has not',
    /to deeply equal/,
    replace('findSent', () => async ({ part }, _context) => {
      const { accepted } = current;
      return accepted.filter(({ text }) => text === part.text).map(({ providerId }) => ({ providerId }));
    }),
  ],
  [
    'believes a list that lacks something',
    'takes a list for incomplete that lacks what was certainly taken',
    /the call succeeded/,
    replace('findSent', (find) => (request, context) => find({ ...request, known: [] }, context)),
  ],
  [
    'finds nothing where it could not look',
    'takes no answer for nothing found where the provider fails',
    /the call succeeded/,
    replace('findSent', (find) => (request, context) => find(request, context).catch(() => [])),
  ],
  [
    'has other keys for what it lists',
    "lists customers' messages under the keys of their webhooks",
    /not in the list under its key/,
    replace('listReceived', (list) => async (request, context) => {
      const { messages, complete } = await list(request, context);
      const renamed = messages.map((one) => ({ ...one, event: { ...one.event, dedupeKey: 'list:1' } }));
      return { messages: renamed, complete };
    }),
  ],
  [
    'has other keys for receipts that it asks for',
    'asks how far a message is, and says it under the key of the callback',
    /to deeply equal/,
    replace('fetchReceipt', (fetch) => async (request, context) => {
      const receipt = await fetch(request, context);
      return receipt && { ...receipt, dedupeKey: `asked:${receipt.dedupeKey}` };
    }),
  ],
  [
    'fetches from anywhere',
    'fetches nothing from addresses that are not its own',
    /expected 'not-found' to be 'unsafe-address'|it was taken/,
    replace(
      'fetchMedia',
      (fetch) => (request, context) =>
        fetch({ ...request, url: new URL('medium', 'https://api.twilio.example/').href }, context),
    ),
  ],
  [
    'gives up a medium that may be late',
    'waits for a medium that may come yet, and gives up one that is gone',
    /Media refused: not-found/,
    replace('fetchMedia', (fetch) => (request, context) => fetch({ ...request, ageMs: 1e9 }, context)),
  ],
  [
    'deletes only what is there',
    'deletes a medium, as often as it is asked to',
    /nothing to delete/,
    replace('deleteMedia', (remove) => async (request, context) => {
      if (!current.media.has(request.url)) throw new Error('nothing to delete');
      await remove(request, context);
    }),
  ],
  [
    'types for nobody',
    'shows that somebody types, where it can',
    /to deeply equal/,
    replace('typing', () => () => Promise.resolve()),
  ],
  [
    'looks at no signature',
    FORGED,
    /the request was taken/,
    (_channel, world) => {
      const { messageDoor } = world;
      let trusted: InboundMessageReceived | undefined;
      world.messageDoor = door(async (request) => {
        const events = await messageDoor.receive(request).catch(() => (trusted ? [trusted] : []));
        trusted = events[0] as InboundMessageReceived;
        return events;
      });
    },
  ],
  [
    'has a new key every time',
    RECEIVES,
    /to deeply equal/,
    changeMessages((event) => ({ ...event, dedupeKey: randomUUID() })),
  ],
  [
    'has one key for all',
    RECEIVES,
    /not to be/,
    changeMessages((event) => ({ ...event, dedupeKey: 'the-key' })),
  ],
  [
    'keeps no parameters',
    "keeps the provider's own parameters, and takes those that it does not know",
    /to match object/,
    changeMessages((event) => ({ ...event, raw: {} })),
  ],
  [
    'takes a place for a text',
    'receives a place',
    /to deeply equal/,
    changeMessages((event) => ({ ...event, content: { type: 'text', text: 'a place' } })),
  ],
  [
    'hears no STOP',
    'knows the keyword STOP, and not within a sentence',
    /to match object/,
    changeMessages(({ content: { context: _context, ...content }, ...event }) => ({ ...event, content })),
  ],
  [
    'forgets which attempt a receipt is about',
    'tells every receipt of the attempt that it is about',
    /to match object/,
    changeReceipts(({ attempt: _attempt, ...event }) => event),
  ],
  [
    'gives all receipts one key',
    'gives receipts of one message different keys, each status its own',
    /expected 1 to be 5/,
    changeReceipts((event) => ({ ...event, dedupeKey: 'receipt' })),
  ],
  [
    'says nothing of customers who want no messages',
    'says of a failure that the customer wants no messages',
    /to match object/,
    changeReceipts(({ optedOut: _optedOut, ...event }) => event),
  ],
];

/** The channel of the row that is being checked. */
let current: FakeChannel;

describe('the suite for channels', () => {
  const rows = new Map(
    Object.values(CHANNEL_ROWS)
      .flat()
      .map((row) => [row.name, row]),
  );

  it('has a name of its own for every row', () => {
    expect(rows.size).toBe(Object.values(CHANNEL_ROWS).flat().length);
  });

  it.each(BROKEN)('catches a channel that %s', async (_what, name, caught, break_) => {
    const row = rows.get(name);
    if (!row) expect.fail(`no row is called "${name}"`);
    const start = async () => {
      current = new FakeChannel();
      const world = await startFakeWorld(current);
      break_(current, world);
      return world;
    };
    await expect(checkRow(row, start)).rejects.toThrow(caught);
    // What is caught is that one thing.
    await checkRow(row, () => startFakeWorld());
  });
});

/** Puts another method in the place of one of the channel's. */
function replace<N extends keyof FakeChannel>(
  name: N,
  other: (original: FakeChannel[N]) => FakeChannel[N],
): Break {
  return (channel) => {
    const method = channel[name];
    const original = (typeof method === 'function' ? method.bind(channel) : method) as FakeChannel[N];
    Object.assign(channel, { [name]: other(original) });
  };
}

function door<T extends WebhookDoor['receive']>(receive: T): WebhookDoor {
  return { receive };
}

function changeMessages(change: (event: InboundMessageReceived) => InboundMessageReceived): Break {
  return (_channel, world) => {
    const { messageDoor } = world;
    world.messageDoor = door(async (request) =>
      (await messageDoor.receive(request)).map((event) => change(event as InboundMessageReceived)),
    );
  };
}

function changeReceipts(change: (event: ReceiptReceived) => ReceiptReceived): Break {
  return (_channel, world) => {
    const { receiptDoor } = world;
    world.receiptDoor = door(async (request) =>
      (await receiptDoor.receive(request)).map((event) => change(event as ReceiptReceived)),
    );
  };
}
