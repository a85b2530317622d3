import request from 'supertest';
import { expect, it } from 'vitest';
import { eventually, messagesOf } from '../support/accepting.js';
import { CANARIES } from '../support/canaries.js';
import { broken, doubles, readWorld } from '../support/invariants.js';
import { Customer } from '../support/traffic.js';
import { describeOnEachQueue } from './each-queue.js';

const DOUBLED = { twilio: { webhookCopies: 2 }, desk: { webhookCopies: 2 } };

describeOnEachQueue('conversations with every webhook sent twice', DOUBLED, (system) => {
  it('brings five texts of each of twenty customers to an agent and five answers back', async () => {
    const customers = Array.from(
      { length: 20 },
      (_, index) => new Customer(system(), index % 5 === 0 ? 'whatsapp' : 'sms'),
    );
    await Promise.all(
      customers.map(async (customer) => {
        for (let n = 1; n <= 5; n += 1) await customer.write(customer.text(`text ${n}`));
      }),
    );
    await Promise.all(
      customers.map(async (customer) => {
        const conversation = await customer.accept();
        for (let n = 1; n <= 5; n += 1) {
          await customer.atDesk(customer.text(`text ${n}`));
          customer.answer(conversation, customer.text(`answer ${n}`));
        }
        await customer.atPhone(...customer.answers);
      }),
    );
    await system().desk.activity.settle(20_000);
    await system().twilio.activity.settle(20_000);
    for (const customer of customers) {
      expect(customer.conversationIds).toHaveLength(1);
      expect(customer.written).toHaveLength(5);
      expect(customer.textsAtDesk()).toEqual(customer.written);
      // Nothing echoed: what a customer wrote is announced by the desk, too, and never comes back to the phone.
      expect(customer.textsAtPhone()).toEqual(customer.answers);
    }
    const world = await readWorld(system(), customers);
    expect(broken(world)).toEqual([]);
    expect(doubles(world)).toBe(0);
  });

  it('shows the receipts, the parts and the attempts of a message to operators', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('text'));
    const conversation = await customer.accept();
    customer.answer(conversation, customer.text('answer'));
    await customer.atPhone(...customer.answers);
    await eventually('the receipt "delivered"', async () => {
      const stored = await messagesOf(system().pool, customer.number);
      return stored.some(({ direction, receipt }) => direction === 'outbound' && receipt === 'delivered');
    });

    const list = (key: string) =>
      request(system().url)
        .get('/api/v1/messages')
        .query({ address: customer.number, direction: 'outbound' })
        .set('authorization', `Bearer ${key}`);
    await list('a key that is none').expect(401);
    const { body } = await list(CANARIES.adminApiKey).expect(200);
    expect(body).toMatchObject({
      items: [
        {
          direction: 'outbound',
          authorType: 'agent',
          seq: 1,
          content: { type: 'text', text: customer.text('answer') },
          delivery: 'submitted',
          receipt: 'delivered',
          possibleDuplicate: false,
          parts: [{ n: 1, attempts: [{ outcome: 'submitted', httpStatus: 201 }] }],
        },
      ],
    });
  });

  it.concurrent(
    'conversation-3: makes one conversation of two first texts at the same instant through two gateways',
    async () => {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const customer = new Customer(system());
          const texts = [customer.text('one'), customer.text('other')];
          await Promise.all(texts.map((text) => customer.write(text)));
          await customer.atDesk(...texts);
          expect(customer.conversationIds).toHaveLength(1);
          expect(customer.textsAtDesk()).toHaveLength(2);
        }),
      );
    },
  );

  it.concurrent('keeps the conversation through a transfer', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('text'));
    const conversation = await customer.accept('agent-1');
    system().desk.desk.transfer(conversation, { fromAgentId: 'agent-1', queueId: '200' });
    // Longer than the grace after which an agent who left for good would close it.
    await new Promise((resolve) => setTimeout(resolve, 6_500));
    await customer.write(customer.text('after the transfer'));
    await customer.atDesk(customer.text('after the transfer'));
    await customer.accept('agent-2');
    customer.answer(conversation, customer.text('from the other agent'), 'agent-2');
    await customer.atPhone(...customer.answers);
    expect(customer.conversationIds).toEqual([conversation.id]);
  });

  it.concurrent('closes when the agent leaves, and opens another with the next text', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('text'));
    const first = await customer.accept();
    await customer.atDesk(customer.text('text'));
    customer.answer(first, customer.text('answer'));
    await customer.atPhone(customer.text('answer'));
    system().desk.desk.leave(first, 'agent-1');
    await closed(customer, 1);
    expect(customer.conversationIds).toHaveLength(1);

    // Who closes the interaction may still say something.
    customer.answer(first, customer.text('after closing'), 'agent-1', true);
    await customer.atPhone(customer.text('after closing'));

    await customer.write(customer.text('next'));
    const second = await customer.conversation(2);
    await customer.atDesk(customer.text('next'));
    expect(customer.textsAtDesk(second.id)).toEqual([customer.text('next')]);
    const agent = await customer.accept('agent-2');
    customer.answer(agent, customer.text('answer 2'), 'agent-2');
    await customer.atPhone(customer.text('answer 2'));
    expect(customer.textsAtPhone()).toEqual(customer.answers);
  });

  it.concurrent('keeps a text of the grace after the agent left for the next conversation', async () => {
    const customer = new Customer(system());
    await customer.write(customer.text('text'));
    const first = await customer.accept();
    await customer.atDesk(customer.text('text'));
    system().desk.desk.leave(first, 'agent-1');
    await eventually('the grace', async () => {
      const { rows } = await system().pool.query(
        'select 1 from conversations where desk_conversation_id = $1 and close_due_at is not null',
        [first.id],
      );
      return rows.length === 1;
    });
    await customer.write(customer.text('in the grace'));
    const second = await customer.conversation(2);
    await customer.atDesk(customer.text('in the grace'));
    expect(customer.textsAtDesk(second.id)).toEqual([customer.text('in the grace')]);
    expect(second.messages.filter(({ history }) => history)).toEqual([]);
  });

  it('hands texts that came after the agent had left to the next conversation as history', async () => {
    const customer = new Customer(system());
    const { desk } = system();
    await customer.write(customer.text('heard'));
    const first = await customer.accept();
    await customer.atDesk(customer.text('heard'));
    await desk.activity.settle(10_000);
    // Nobody tells us yet that the agent has left.
    desk.settings.holdEvents = true;
    try {
      desk.desk.leave(first, 'agent-1');
      // The desk's clock counts in milliseconds, and what is not later than the leaving was heard.
      await new Promise((resolve) => setTimeout(resolve, 5));
      await customer.write(customer.text('unheard'));
      await customer.atDesk(customer.text('unheard'));
    } finally {
      desk.settings.holdEvents = false;
      desk.releaseEvents('sent');
    }
    const second = await customer.conversation(2);
    const history = second.messages.filter((message) => message.history);
    expect(history.map(({ text }) => text)).toEqual([customer.text('unheard')]);
    expect(customer.textsAtDesk()).toEqual([customer.text('heard'), customer.text('unheard')]);
    await closed(customer, 1);
  });

  it("echoes nothing where the desk announces every message in the guide's odd form", async () => {
    const { desk } = system();
    await desk.activity.settle(10_000);
    desk.settings.messageForm = 'guide-for-all';
    try {
      const customers = Array.from({ length: 5 }, () => new Customer(system()));
      await Promise.all(
        customers.map(async (customer) => {
          for (let n = 1; n <= 3; n += 1) await customer.write(customer.text(`text ${n}`));
          const conversation = await customer.accept();
          await customer.atDesk(...customer.written);
          for (let n = 1; n <= 3; n += 1) customer.answer(conversation, customer.text(`answer ${n}`));
          await customer.atPhone(...customer.answers);
        }),
      );
      await eventually('every lane empty', async () => {
        const { rows } = await system().pool.query('select 1 from lane_items');
        return rows.length === 0;
      });
      for (const customer of customers) expect(customer.textsAtPhone()).toEqual(customer.answers);
    } finally {
      desk.settings.messageForm = 'reference';
    }
  });

  async function closed(customer: Customer, count: number): Promise<void> {
    await eventually('a closed conversation', async () => {
      const { rows } = await system().pool.query<{ n: number }>(
        `select count(*)::int as n from customer_aliases a join threads t on t.customer_id = a.customer_id
         join conversations c on c.thread_id = t.id where a.value = $1 and c.state = 'closed'`,
        [customer.number],
      );
      return rows[0]?.n === count;
    });
  }
});
