import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/accepting.js';
import { CHANNEL_ID, SPARE_NUMBER } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { describeOn } from './each-queue.js';

const HOOK_SIGNING_SECRET = `whsec_${Buffer.alloc(24, 3).toString('base64')}`;
const FRENCH = "Bonjour, j'ai besoin d'aide avec ma commande";

/** A directory of customers that answers whoever signs. */
const asked: unknown[] = [];
const directory = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    asked.push(new Webhook(HOOK_SIGNING_SECRET).verify(Buffer.concat(chunks).toString(), headers));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ name: 'Ann Lee', caseId: 'C-7', properties: { Tier: 'gold' } }));
  });
});
beforeAll(async () => {
  directory.listen(0, '127.0.0.1');
  await once(directory, 'listening');
});
afterAll(async () => {
  directory.closeAllConnections();
  directory.close();
  await once(directory, 'close');
});

describeOn('postgres', 'conversations with all that is known', { env: { HOOK_SIGNING_SECRET } }, (system) => {
  it('shows agents who writes, is changed while it waits, and goes on where it ended', async () => {
    const url = `http://127.0.0.1:${(directory.address() as AddressInfo).port}/`;
    const settings = {
      user: { company: 'Acme', properties: { Brand: 'North', Tier: 'none' } },
      detectLanguage: true,
      directory: { url },
    };
    const made = await system().api('POST', '/numbers', {
      address: SPARE_NUMBER,
      chatGatewayChannelId: CHANNEL_ID,
      settings,
    });
    expect(made).toMatchObject({ status: 201, body: { settings } });

    const customer = new Customer(system());
    await customer.write(FRENCH, 0, SPARE_NUMBER);
    const { id: deskId } = await customer.conversation(1);
    const atDesk = () => system().desk.desk.get(deskId);
    const user = { name: 'Ann Lee', phone: customer.number, company: 'Acme', caseId: 'C-7', language: 'fr' };
    const ours = { key: 'causeway-ref', value: expect.any(String) as string };
    expect(atDesk()?.user).toEqual({
      ...user,
      additionalProperties: expect.arrayContaining([
        { key: 'Brand', value: 'North' },
        { key: 'Tier', value: 'gold' },
        ours,
      ]) as unknown,
    });
    expect(asked).toEqual([{ channel: 'sms', number: SPARE_NUMBER, address: customer.number }]);

    const listed = await system().api('GET', `/conversations?address=${encodeURIComponent(customer.number)}`);
    const [{ id }] = (listed.body as { items: [{ id: string }] }).items;
    const change = { queueId: '200', user: { caseId: 'C-8' } };
    expect((await system().api('PATCH', `/conversations/${id}`, change)).status).toBe(202);
    expect(atDesk()).toMatchObject({ queueId: '200', user: { ...user, caseId: 'C-8' } });
    // What became of it comes by events.
    await eventually('the other queue', async () => {
      const { body } = await system().api('GET', `/conversations/${id}`);
      return (body as { queueId?: string }).queueId === '200';
    });

    await system().pool.query(
      `update business_numbers set settings = settings || '{"closing": {"goOnMinutes": 5}}' where address = $1`,
      [SPARE_NUMBER],
    );
    const conversation = await customer.accept();
    await customer.atDesk(FRENCH);
    customer.answer(conversation, customer.text('answer'));
    await eventually('the answer', () => customer.textsAtPhone().includes(customer.text('answer')));
    system().desk.desk.leave(conversation, 'agent-1');
    await eventually('the end', async () => {
      const { body } = await system().api('GET', `/conversations/${id}`);
      return (body as { state: string }).state === 'closed';
    });
    expect((await system().api('PATCH', `/conversations/${id}`, change)).status).toBe(409);
    await customer.write(customer.text('one more thing'), 0, SPARE_NUMBER);
    const second = await customer.conversation(2);
    expect(second.queueId).toBe('200');
    expect(second.messages.filter(({ history }) => history)).toMatchObject([
      { authorType: 'user', text: FRENCH },
      { authorType: 'bot', text: customer.text('answer') },
    ]);
    await customer.atDesk(customer.text('one more thing'));

    const { id: numberId } = made.body as { id: string };
    await system().api('PATCH', `/numbers/${numberId}`, { settings: { scriptId: 'welcome' } });
    const menu = new Customer(system());
    await menu.write(menu.text('hello'), 0, SPARE_NUMBER);
    expect((await menu.conversation(1)).assignment).toEqual({ type: 'script', id: 'welcome' });
    await menu.atDesk(menu.text('hello'));
  });
});
