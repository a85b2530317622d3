import { expect, it } from 'vitest';
import { eventually } from '../support/accepting.js';
import type { System } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { describeOnEachQueue } from './each-queue.js';

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

describeOnEachQueue('choices', { gateways: 1 }, (system) => {
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
    expect(await answers(customer)).toEqual([
      { title: dishes[3], payload: JSON.stringify({ dish: dishes[3] }) },
    ]);
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
