import { expect, it } from 'vitest';
import { eventually, messagesOf } from '../support/accepting.js';
import type { System } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { describeOnEachQueue } from './each-queue.js';

const QUICK = {
  env: { SEND_TIMEOUT_MS: '1000', SWEEP_INTERVAL_MS: '300', LANE_LEASE_MS: '4000' },
};

type DeskConversation = System['desk']['desk']['conversations'][number];

describeOnEachQueue('signals', QUICK, (system, queues) => {
  /** A customer who wrote and an agent who has answered. */
  async function talking(channel: 'sms' | 'whatsapp' = 'whatsapp') {
    const customer = new Customer(system(), channel);
    await customer.write(customer.text('text'));
    const conversation = await customer.accept();
    await customer.atDesk(customer.text('text'));
    customer.answer(conversation, customer.text('answer'));
    await customer.atPhone(customer.text('answer'));
    await nothingWaits(customer);
    return { customer, conversation };
  }

  /** Until the answer's call is settled: typing gives way to it before. */
  const nothingWaits = (customer: Customer) =>
    eventually('answers that are submitted', async () =>
      (await messagesOf(system().pool, customer.number)).every(({ delivery }) => delivery === 'submitted'),
    );

  const sidsOf = (customer: Customer): string[] =>
    system()
      .twilio.messages.filter(({ from, direction }) => from === customer.address && direction === 'inbound')
      .map(({ sid }) => sid);

  const typedTo = (customer: Customer): string[] => {
    const sids = sidsOf(customer);
    return system().twilio.log.flatMap((entry) =>
      entry.kind === 'typing' && sids.includes(entry.messageSid) ? [entry.messageSid] : [],
    );
  };

  /** An agent types; answers once the gateway has taken the event. */
  async function types(conversation: DeskConversation): Promise<void> {
    const taken = async () =>
      (
        await system().pool.query(
          `select from desk_events where desk_conversation_id = $1 and type = 'ACTIVITY'`,
          [conversation.id],
        )
      ).rowCount ?? 0;
    const before = await taken();
    system().desk.desk.typeAsAgent(conversation, 'agent-1', true);
    await eventually('an event that is stored', async () => (await taken()) > before);
  }

  async function setting(settings: object): Promise<void> {
    const { body } = await system().api('GET', '/numbers');
    for (const { id } of (body as { items: { id: string }[] }).items) {
      const { status } = await system().api('PATCH', `/numbers/${id}`, { settings });
      expect(status).toBe(200);
    }
  }

  /** How many signals workers have ended so. */
  async function counted(kind: string, result: string): Promise<number> {
    const texts = await Promise.all(
      system().workers.map(({ port }) =>
        fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text()),
      ),
    );
    const line = new RegExp(`^causeway_signals_total\\{kind="${kind}",result="${result}"\\} (\\d+)`, 'm');
    return texts.reduce((sum, text) => sum + Number(line.exec(text)?.[1] ?? 0), 0);
  }

  /** The customer's phone shows the newest answer to have been read. */
  async function reads(customer: Customer): Promise<void> {
    const newest = system().twilio.messages.findLast(({ to }) => to === customer.address);
    await eventually('an answer that has arrived', () => newest?.status === 'delivered');
    const call = await system().twilio.setStatus(newest?.sid ?? '', 'read');
    expect(call?.status).toBe(204);
  }

  const receiptsAt = ({ id }: DeskConversation): unknown[] =>
    system().desk.log.flatMap((entry) =>
      entry.kind === 'read-receipt' && entry.conversationId === id ? [entry.body] : [],
    );

  /** When the desk announced the newest message of an agent, by its own clock. */
  async function announcedAt({ id }: DeskConversation): Promise<number> {
    const { rows } = await system().pool.query<{ at: number }>(
      `select max(occurred_at)::float8 as at from desk_events where desk_conversation_id = $1 and author_type = 'agent'`,
      [id],
    );
    return rows[0]?.at ?? NaN;
  }

  it("shows an agent's typing on WhatsApp, once however often it is told", async () => {
    const { customer, conversation } = await talking();
    await types(conversation);
    await eventually('typing at the phone', () => typedTo(customer).length > 0);
    expect(typedTo(customer)).toEqual(sidsOf(customer));
    // Long enough apart for the gateway to pass it on again.
    await eventually(
      'typing that is not shown again',
      async () => {
        await types(conversation);
        return (await counted('typing', 'skipped')) > 0;
      },
      20_000,
    );
    expect(typedTo(customer)).toHaveLength(1);
  });

  it('shows no typing by SMS, nor by setting', async () => {
    const byText = await talking('sms');
    const before = await counted('typing', 'skipped');
    await types(byText.conversation);
    await eventually('typing that is skipped', async () => (await counted('typing', 'skipped')) > before);
    const unwanted = await talking();
    await setting({ typing: false });
    await types(unwanted.conversation);
    await eventually('typing that is skipped', async () => (await counted('typing', 'skipped')) > before + 1);
    await setting({ typing: true });
    expect([...typedTo(byText.customer), ...typedTo(unwanted.customer)]).toEqual([]);
  });

  it('tells the desk what was read', async () => {
    const { customer, conversation } = await talking();
    await reads(customer);
    await eventually('a read receipt at the desk', () => receiptsAt(conversation).length > 0);
    const readAt = await announcedAt(conversation);
    expect(receiptsAt(conversation)).toEqual([{ authorType: 'user', readAt }]);
    // Nothing that was written before it is left unread.
    expect(conversation.messages.filter(({ createdAtMs }) => createdAtMs > readAt)).toEqual([]);
  });

  it('tells it later, once, where the desk is away', async () => {
    const { customer, conversation } = await talking();
    system().desk.setFault({ operation: 'read-receipt.create', effect: 'answer', status: 503, times: 1 });
    const before = await counted('read-receipt', 'failed');
    await reads(customer);
    await eventually('a call that failed', async () => (await counted('read-receipt', 'failed')) > before);
    expect(receiptsAt(conversation)).toEqual([]);
    await eventually('a read receipt at the desk', () => receiptsAt(conversation).length > 0);
    expect(receiptsAt(conversation)).toEqual([
      { authorType: 'user', readAt: await announcedAt(conversation) },
    ]);
    const { rows } = await system().pool.query<{ due: boolean }>(
      `select due_at is not null as due from read_receipts_due d join conversations c on c.id = d.conversation_id
       where c.desk_conversation_id = $1`,
      [conversation.id],
    );
    expect(rows).toEqual([{ due: false }]);
  });

  // Queues on Postgres cannot freeze without it.
  if (queues === 'redis')
    it('loses typing with the queue, and nothing else', async () => {
      const { redis } = system();
      if (!redis) throw new Error('There is no Redis.');
      const { customer, conversation } = await talking();
      redis.freeze();
      try {
        await types(conversation);
        customer.answer(conversation, customer.text('another'));
        await customer.write(customer.text('next'));
        await customer.atDesk(customer.text('next'));
        await customer.atPhone(customer.text('another'));
        expect(customer.unanswered).toEqual([]);
        await system().desk.activity.settle(20_000);
        const refused = system().desk.webhooks.filter(({ status }) => status !== 204);
        expect(refused).toEqual([]);
      } finally {
        redis.thaw();
      }
    });
});
