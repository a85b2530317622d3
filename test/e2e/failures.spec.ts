import { expect, it } from 'vitest';
import { eventually, messagesOf } from '../support/accepting.js';
import { SPARE_NUMBER } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { describeOnEachQueue } from './each-queue.js';

const PATIENCE = {
  env: {
    LANE_LEASE_MS: '8000',
    SEND_TIMEOUT_MS: '2000',
    SWEEP_INTERVAL_MS: '500',
    UNCERTAIN_SETTLE_MS: '1500',
  },
};

/** Each scenario has a customer of its own, and its faults hit that customer only, so that all can run at once. */
describeOnEachQueue('conversations that meet trouble', PATIENCE, (system) => {
  it.concurrent('conversation-4: adopts the conversation of a create whose answer was lost', async () => {
    const customer = new Customer(system());
    system().desk.setFault({
      operation: 'conversations.create',
      effect: 'reset',
      when: 'after',
      contains: customer.number,
    });
    await customer.write(customer.text('text'));
    await customer.atDesk(customer.text('text'));
    expect(customer.conversationIds).toHaveLength(1);
    const conversation = await customer.accept();
    customer.answer(conversation, customer.text('answer'));
    await customer.atPhone(customer.text('answer'));
    expect(await attemptsOf(customer, 'create')).toEqual(['submitted']);
  });

  it.concurrent(
    'conversation-4: creates again only when nothing showed, and ends the orphan that shows late',
    async () => {
      const customer = new Customer(system());
      // Taken long after the deadline of the call and the time in which it could still have shown.
      system().desk.setFault({
        operation: 'conversations.create',
        effect: 'slow',
        delayMs: 7_000,
        contains: customer.number,
      });
      await customer.write(customer.text('text'));
      await customer.atDesk(customer.text('text'));
      expect(customer.conversationIds).toHaveLength(1);
      const [used] = customer.conversationIds;
      await eventually('the orphan', () => customer.conversationIds.length === 2, 20_000);
      const [orphan] = customer.conversationIds.filter((id) => id !== used);
      await eventually('the end of the orphan', () =>
        system().desk.log.some((entry) => entry.kind === 'close' && entry.conversationId === orphan),
      );
      await customer.write(customer.text('next'));
      await customer.atDesk(customer.text('next'));
      expect(customer.textsAtDesk(used)).toEqual(customer.written);
      expect(system().desk.log.some((entry) => entry.kind === 'close' && entry.conversationId === used)).toBe(
        false,
      );
    },
  );

  it.concurrent('opens a conversation again that is gone, once', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('text'));
    await customer.atDesk(customer.text('text'));
    const [first = ''] = customer.conversationIds;
    system().desk.desk.forget(first);
    await customer.write(customer.text('next'));
    await customer.write(customer.text('and another'));
    await customer.atDesk(customer.text('next'), customer.text('and another'));
    const [, second, ...more] = customer.conversationIds;
    expect(more).toEqual([]);
    expect(customer.textsAtDesk(second)).toEqual([customer.text('next'), customer.text('and another')]);
  });

  it('holds what is written to a number nobody configured, and delivers it once it is', async () => {
    const customers = [new Customer(system()), new Customer(system())];
    for (const customer of customers) {
      for (let n = 1; n <= 3; n += 1) await customer.write(customer.text(`text ${n}`), 0, SPARE_NUMBER);
    }
    for (const customer of customers) {
      await eventually('messages that are held', async () => {
        const stored = await messagesOf(system().pool, customer.number);
        return stored.length === 3 && stored[0]?.delivery === 'held' && stored[0].reason === 'unconfigured';
      });
      expect(customer.conversationIds).toEqual([]);
    }
    await system().configure(SPARE_NUMBER);
    for (const customer of customers) {
      await customer.atDesk(...customer.written);
      expect(customer.textsAtDesk()).toEqual(customer.written);
      const conversation = await customer.accept();
      customer.answer(conversation, customer.text('answer'));
      await customer.atPhone(customer.text('answer'));
    }
    const from = system().twilio.log.flatMap((entry) =>
      entry.kind === 'message' && entry.to === customers[0]?.address ? [entry.from] : [],
    );
    expect(from).toEqual([SPARE_NUMBER]);
  });

  it.concurrent('brings a text of 5,000 characters to the phone in parts, in order', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('text'));
    const conversation = await customer.accept();
    const long = customer.text('long', 5_000);
    customer.answer(conversation, long);
    customer.answer(conversation, customer.text('after it'));
    await customer.atPhone(customer.text('after it'));
    const parts = customer.textsAtPhone().slice(0, -1);
    expect(parts.length).toBeGreaterThanOrEqual(4);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(1_600);
    expect(parts.join(' ').split(/\s+/)).toEqual(long.split(/\s+/));
    expect(customer.textsAtPhone().at(-1)).toBe(customer.text('after it'));
  });

  it.concurrent(
    'fails an answer to a customer who wrote STOP, with the reason, and goes on after START',
    async () => {
      const customer = new Customer(system());
      await customer.write(customer.text('text'));
      const conversation = await customer.accept();
      await customer.write('STOP');
      customer.answer(conversation, customer.text('refused'));
      const refused = await eventually('a failed message', async () => {
        const stored = await messagesOf(system().pool, customer.number);
        return stored.find(
          ({ text, delivery }) => text === customer.text('refused') && delivery === 'failed',
        );
      });
      expect(refused).toMatchObject({ reason: 'opted-out', provider_code: null });
      expect(customer.textsAtPhone()).toEqual([]);
      await eventually('the end of the conversation', () => conversation.state === 'idle');
      await customer.write('START');
      await customer.conversation(2);
      // Where it ended before the note came, the next one begins with it.
      await eventually('a note to the agent', () =>
        customer.conversations
          .flatMap(({ messages }) => messages)
          .some(
            ({ authorType, text }) =>
              authorType === 'bot' && text.includes(customer.text('refused')) && text.includes('opted out'),
          ),
      );
      customer.answer(await customer.accept(), customer.text('taken'));
      await customer.atPhone(customer.text('taken'));
      expect(customer.textsAtPhone()).toEqual([customer.text('taken')]);
    },
  );

  it.concurrent('finds a text whose answer was lost, and does not send it again', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('first'));
    const conversation = await customer.accept();
    const lost = { operation: 'messages.create', effect: 'reset' as const, when: 'after' as const };
    for (const [provider, text] of [
      [system().desk, customer.text('doubted')],
      [system().twilio, customer.text('doubted answer')],
    ] as const) {
      // Texts are posted as JSON here, as a form there.
      provider.setFault({ ...lost, contains: text.replaceAll(' ', provider === system().desk ? ' ' : '+') });
    }
    await customer.write(customer.text('doubted'));
    await customer.write(customer.text('last'));
    customer.answer(conversation, customer.text('doubted answer'));
    customer.answer(conversation, customer.text('last answer'));
    await customer.atDesk(customer.text('last'));
    await customer.atPhone(customer.text('last answer'));
    expect(customer.textsAtDesk()).toEqual(customer.written);
    expect(customer.textsAtPhone()).toEqual(customer.answers);
    const stored = await messagesOf(system().pool, customer.number);
    expect(stored.filter((message) => message.possible_duplicate)).toEqual([]);
    expect(system().twilio.faults.items.concat(system().desk.faults.items)).not.toContainEqual(
      expect.objectContaining({ contains: expect.stringContaining(customer.number.slice(-6)) as string }),
    );
  });

  it.concurrent('sends a text again that cannot be looked up, marked, and keeps the order', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('first'));
    await customer.atDesk(customer.text('first'));
    const [conversationId = ''] = customer.conversationIds;
    const doubted = customer.text('doubted');
    system().desk.setFault({
      operation: 'messages.create',
      effect: 'reset',
      when: 'after',
      contains: doubted,
    });
    system().desk.setFault({
      operation: 'messages.list',
      effect: 'answer',
      status: 501,
      contains: conversationId,
      times: null,
    });
    await customer.write(doubted);
    await customer.write(customer.text('last'));
    await customer.atDesk(customer.text('last'));
    expect(customer.textsAtDesk()).toEqual([customer.text('first'), doubted, doubted, customer.text('last')]);
    const stored = await messagesOf(system().pool, customer.number);
    expect(stored.filter((message) => message.possible_duplicate).map(({ text }) => text)).toEqual([doubted]);
  });

  it.concurrent('waits while a provider refuses for a while, and keeps the order', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('text'));
    const conversation = await customer.accept();
    const busy = {
      operation: 'messages.create',
      effect: 'answer' as const,
      contains: customer.number.slice(1),
    };
    system().twilio.setFault({ ...busy, status: 429, retryAfter: '1', times: 2 });
    for (let n = 1; n <= 3; n += 1) customer.answer(conversation, customer.text(`answer ${n}`));
    await customer.atPhone(...customer.answers);
    expect(customer.textsAtPhone()).toEqual(customer.answers);
  });

  async function attemptsOf(customer: Customer, kind: 'create' | 'send'): Promise<string[]> {
    const messages = await messagesOf(system().pool, customer.number);
    const { rows } = await system().pool.query<{ outcome: string }>(
      'select outcome from attempts where message_id = any ($1) and kind = $2 order by id',
      [messages.map(({ id }) => id), kind],
    );
    return rows.map(({ outcome }) => outcome);
  }
});
