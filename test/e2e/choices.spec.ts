import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { eventually } from '../support/accepting.js';
import type { System } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { describeOn } from './each-queue.js';

const quickReplies = (...titles: string[]) => ({
  contentType: 'application/8x8.quick.replies',
  content: { options: titles.map((title) => ({ title, data: { postback: `the ${title}` } })) },
});
const menu = (...titles: string[]) => ({
  contentType: 'application/vnd.microsoft.card.adaptive',
  content: {
    type: 'AdaptiveCard',
    version: '1.5',
    body: [{ type: 'TextBlock', text: 'The menu' }],
    actions: titles.map((title) => ({ type: 'Action.Submit', title, data: { dish: title } })),
  },
});

describeOn('postgres', 'choices', { gateways: 1 }, (system) => {
  it('are buttons on WhatsApp, made once, and what is pressed reaches the agent', async () => {
    const customers = [new Customer(system(), 'whatsapp'), new Customer(system(), 'whatsapp')];
    const question = customers[0]?.text('Which colour?') ?? '';
    for (const customer of customers) {
      const conversation = await begun(customer);
      system().desk.desk.sendAsAgent(conversation, 'agent-1', question, false, {
        cards: [quickReplies('Red', 'Blue')],
      });
      await customer.atPhone(question);
    }
    const shown = customers.map(phone);
    expect(shown).toEqual([
      [
        {
          contentSid: expect.stringMatching(/^HX/) as string,
          content: expect.objectContaining({ body: question }) as object,
        },
      ],
      shown[0],
    ]);
    expect(await contents(question)).toHaveLength(1);

    await restartWorkers(system());
    const [customer] = customers as [Customer, Customer];
    const blue = phone(customer)[0]?.content?.buttons.find((button) => button['title'] === 'Blue');
    await system().twilio.receiveText({
      from: customer.address,
      to: customer.ours,
      body: 'Blue',
      button: { text: 'Blue', payload: String(blue?.['id']) },
    });
    await customer.atDesk('Blue');
    expect(await answers(customer)).toEqual([{ title: 'Blue', payload: 'the Blue' }]);
  });

  it('are a list on WhatsApp where they are more', async () => {
    const customer = new Customer(system(), 'whatsapp');
    const conversation = await begun(customer);
    const dishes = ['Soup', 'Salad', 'Pasta', 'A very long dish of the house'];
    system().desk.desk.sendAsAgent(conversation, 'agent-1', '', false, { cards: [menu(...dishes)] });
    await customer.atPhone('The menu');
    const content = phone(customer)[0]?.content;
    const last = content?.items.at(-1);
    expect(last).toMatchObject({ item: 'A very long dish of the…', description: dishes[3] });
    await system().twilio.receiveText({
      from: customer.address,
      to: customer.ours,
      body: String(last?.['item']),
      listReply: { id: String(last?.['id']), title: String(last?.['item']) },
    });
    await customer.atDesk(dishes[3] ?? '');
    const data = { dish: dishes[3] };
    expect(await answers(customer)).toEqual([
      { title: dishes[3], payload: JSON.stringify(data), cardAction: { card: 0, action: 'submit', data } },
    ]);
    // The card itself is told, which the desk tells everybody.
    await eventually('the card is marked', () =>
      conversation.messages.some(({ cardMarks }) => cardMarks?.get(0)?.actionSubmitted),
    );
    const told = { type: 'Action.Submit', data: { name: dishes[3], ...data } };
    expect(actions(conversation.id)).toEqual([told]);
    await eventually('the event of it', async () => {
      const { rows } = await system().pool.query<{ data: { value?: unknown } }>(
        `select body -> 'data' as data from desk_events where desk_conversation_id = $1 and type = 'ACTIVITY'`,
        [conversation.id],
      );
      return rows.some(({ data }) => isDeepStrictEqual(data.value, told));
    });
    expect(customer.textsAtDesk()).toEqual([customer.text('hello'), dishes[3]]);
  });

  it('reach the agent as text where the card cannot be told, and the card later', async () => {
    const customer = new Customer(system());
    const conversation = await begun(customer);
    const { id } = conversation;
    system().desk.setFault({ operation: 'cards.action-submit', effect: 'answer', status: 503, times: 1 });
    system().desk.desk.sendAsAgent(conversation, 'agent-1', '', false, { cards: [menu('Soup', 'Salad')] });
    await customer.atPhone('The menu\n1. Soup\n2. Salad\nReply with the number of your choice.');
    await customer.write('1');
    await customer.atDesk('Soup');
    await eventually('the card is told', () => actions(id).length > 0, 60_000);
    expect(actions(id)).toEqual([{ type: 'Action.Submit', data: { name: 'Soup', dish: 'Soup' } }]);
    expect(customer.textsAtDesk()).toEqual([customer.text('hello'), 'Soup']);
  });

  it('are numbered by SMS, and a number reaches the agent as what it stands for', async () => {
    const customer = new Customer(system());
    const conversation = await begun(customer);
    const question = customer.text('Which colour?');
    system().desk.desk.sendAsAgent(conversation, 'agent-1', question, false, {
      cards: [quickReplies('Red', 'Blue')],
    });
    await customer.atPhone(`${question}\n1. Red\n2. Blue\nReply with the number of your choice.`);
    await restartWorkers(system());
    await customer.write('7');
    await customer.write(' 2. ');
    await customer.atDesk('7', 'Blue');
    expect(customer.textsAtDesk()).toEqual([customer.text('hello'), '7', 'Blue']);
  });

  it('are numbered on WhatsApp where Twilio will not have them', async () => {
    system().twilio.setFault({ operation: 'content.create', effect: 'answer', status: 400, times: 1 });
    const customer = new Customer(system(), 'whatsapp');
    const conversation = await begun(customer);
    const question = customer.text('Which size?');
    system().desk.desk.sendAsAgent(conversation, 'agent-1', question, false, {
      cards: [quickReplies('Small', 'Large')],
    });
    await customer.atPhone(`${question}\n1. Small\n2. Large\nReply with the number of your choice.`);
    await customer.write('small');
    await customer.atDesk('Small');
  });

  it('are on the phone once where Twilio’s answer is lost', async () => {
    const customer = new Customer(system(), 'whatsapp');
    const conversation = await begun(customer);
    const question = customer.text('Which way?');
    system().twilio.setFault({ operation: 'messages.create', effect: 'reset', when: 'after' });
    system().desk.desk.sendAsAgent(conversation, 'agent-1', question, false, {
      cards: [quickReplies('Left', 'Right')],
    });
    await eventually('the end of the message', async () => {
      const { rows } = await system().pool.query(
        `select from threads t join messages m on m.thread_id = t.id
         where t.customer_address = $1 and m.direction = 'outbound' and m.delivery = 'submitted' and not m.possible_duplicate
           and exists (select from attempts a where a.message_id = m.id and a.error_class = 'uncertain')`,
        [customer.address],
      );
      return rows.length === 1;
    });
    expect(phone(customer)).toMatchObject([{ content: { body: question } }]);
  });

  /** What was pressed on cards of a conversation, as the desk took it. */
  function actions(id: string): unknown[] {
    return system().desk.log.flatMap((entry) =>
      entry.kind === 'card-action' && entry.conversationId === id
        ? [{ type: entry.type, data: entry.data }]
        : [],
    );
  }

  async function begun(customer: Customer) {
    await customer.write(customer.text('hello'));
    const conversation = await customer.accept();
    await customer.atDesk(customer.text('hello'));
    return conversation;
  }

  /** The content that a phone shows. */
  function phone({ address }: Customer) {
    return system().twilio.log.flatMap((entry) =>
      entry.kind === 'message' && entry.to === address
        ? [{ contentSid: entry.contentSid, content: entry.content }]
        : [],
    );
  }

  /** What was made at Twilio's Content API with this text in it. */
  async function contents(text: string): Promise<unknown[]> {
    const { items } = (await (await fetch(`${system().twilio.url}/__sandbox/contents`)).json()) as {
      items: unknown[];
    };
    return items.filter((one) => JSON.stringify(one).includes(text));
  }

  /** The choices that a customer's messages were taken for. */
  async function answers({ address }: Customer): Promise<unknown[]> {
    const { rows } = await system().pool.query<{ answer: Record<string, unknown> }>(
      `select p.content -> 'answer' as answer from threads t join messages m on m.thread_id = t.id
       join parts p on p.message_id = m.id
       where t.customer_address = $1 and m.direction = 'inbound' order by m.seq`,
      [address],
    );
    return rows.flatMap(({ answer }) => {
      if (answer === null) return [];
      const { offeredBy, ...choice } = answer;
      expect(offeredBy).toMatch(/^[0-9a-f-]{36}$/);
      return [choice];
    });
  }
});

async function restartWorkers(system: System): Promise<void> {
  for (const worker of system.workers) {
    await worker.stop();
    await system.startAgain(worker);
  }
  await eventually('workers that run', () => system.workers.every(({ running }) => running));
}
