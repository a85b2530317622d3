import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  startChatGatewaySimulator,
  startTwilioSimulator,
  type ChatGatewaySimulator,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { CANARIES, canariesIn } from '../support/canaries.js';
import { freePort } from '../support/postgres.js';
import { redisMissing } from '../support/redis.js';
import type { Service } from '../support/service.js';
import { Stack } from '../support/stack.js';
import { CHANNEL_ID, NUMBERS } from '../support/system.js';
import { Customer } from '../support/traffic.js';

const noRedis = redisMissing();
if (noRedis) console.warn(`The services of docker-compose.yml are not run: ${noRedis}.`);

/** No Docker engine is needed: the processes are started by hand, from what compose file and Dockerfile say. */
describe.skipIf(noRedis !== undefined)('the services of docker-compose.yml', () => {
  let url = '';
  let stack: Stack;
  let twilio: TwilioSimulator;
  let desk: ChatGatewaySimulator;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    twilio = await startTwilioSimulator({
      accountSid: CANARIES.accountSid,
      authTokens: [CANARIES.authToken],
      numbers: NUMBERS,
      webhookUrl: `${url}/webhooks/twilio/messages`,
    });
    desk = await startChatGatewaySimulator({
      apiKey: CANARIES.apiKey,
      tenantId: 'tenant-1',
      customerId: 'customer-1',
      webhookUrl: `${url}/webhooks/chat-gateway`,
      channelId: CHANNEL_ID,
    });
    // What an operator would put into .env.
    const host = {
      PUBLIC_BASE_URL: url,
      POSTGRES_PASSWORD: 'canary0password',
      ADMIN_API_KEY: CANARIES.adminApiKey,
      TWILIO_ACCOUNT_SID: CANARIES.accountSid,
      TWILIO_AUTH_TOKEN: CANARIES.authToken,
      TWILIO_API_BASE_URL: twilio.url,
      TWILIO_MESSAGING_BASE_URL: twilio.url,
      CHAT_GATEWAY_BASE_URL: desk.url,
      CHAT_GATEWAY_API_KEY: CANARIES.apiKey,
      CHAT_GATEWAY_TENANT_ID: 'tenant-1',
      CHAT_GATEWAY_CUSTOMER_ID: 'customer-1',
    };
    stack = new Stack(host, port);
    await stack.up();
    const response = await fetch(`${url}/api/v1/numbers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${CANARIES.adminApiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ address: NUMBERS[0], chatGatewayChannelId: CHANNEL_ID }),
    });
    expect(response.status).toBe(201);
  });

  afterAll(async () => {
    await stack?.down();
    await Promise.all([twilio?.close(), desk?.close()]);
  });

  const containers = (): Service[] => [...stack.gateways, ...stack.workers];

  /** Customers who write, agents who answer: everything arrives, in order, once. */
  async function talk(customers: number): Promise<void> {
    await Promise.all(
      Array.from({ length: customers }, async () => {
        const customer = new Customer({ twilio, desk });
        for (let n = 1; n <= 3; n += 1) await customer.write(customer.text(`text ${n}`));
        const conversation = await customer.accept();
        for (let n = 1; n <= 3; n += 1) customer.answer(conversation, customer.text(`answer ${n}`));
        await customer.atDesk(...customer.written);
        await customer.atPhone(...customer.answers);
        expect(customer.written).toHaveLength(3);
        expect(customer.textsAtDesk()).toEqual(customer.written);
        expect(customer.textsAtPhone()).toEqual(customer.answers);
      }),
    );
  }

  it('start in an order in which each finds what it needs', async () => {
    const { order } = stack;
    expect(order.toSorted()).toEqual(['gateway', 'migrate', 'postgres', 'redis', 'worker']);
    for (const name of ['gateway', 'worker']) {
      for (const needed of ['postgres', 'redis', 'migrate'])
        expect(order.indexOf(needed)).toBeLessThan(order.indexOf(name));
    }
    for (const { port } of containers())
      expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
  });

  it('give BullMQ a Redis that evicts nothing and appends to its file', async () => {
    expect(await redisSetting('maxmemory-policy')).toBe('noeviction');
    expect(await redisSetting('appendonly')).toBe('yes');
    for (const { lines } of containers()) expect(lines.filter((line) => line.includes('evict'))).toEqual([]);
    // And use it: `migrate` makes BullMQ's own schema where there is no Redis.
    const client = new Client({ connectionString: stack.databaseUrl });
    await client.connect();
    const { rows } = await client.query(`select to_regnamespace('bullmq') as queues`);
    await client.end();
    expect(rows).toEqual([{ queues: null }]);
  });

  it('bring texts to an agent and answers back, in order, by all workers together', async () => {
    await talk(20);
    expect(stack.workers).toHaveLength(2);
    for (const worker of stack.workers) expect(await deliveriesOf(worker)).toBeGreaterThan(0);
  });

  it('take a second migration while they work', async () => {
    await Promise.all([talk(5), stack.migrate()]);
  });

  it('keep what Redis holds when it is started again, and go on', async () => {
    const before = await redisKeys();
    expect(before.length).toBeGreaterThan(0);
    await stack.redis.restart();
    expect(await redisKeys()).toEqual(expect.arrayContaining(before));
    await talk(5);
  });

  it('are healthy while they run, and not when they are dead', async () => {
    for (const container of containers()) expect(await stack.healthcheck(container)).toBe(0);
    const [worker] = stack.workers;
    if (!worker) throw new Error('There is no worker.');
    await worker.kill();
    expect(await stack.healthcheck(worker)).toBe(1);
    await talk(5);
    await worker.start();
    expect(await stack.healthcheck(worker)).toBe(0);
  });

  it('end in order and in time when they are stopped', async () => {
    const talking = new Customer({ twilio, desk });
    await talking.write(talking.text('last words'));
    for (const container of containers()) {
      expect(await container.stop(stack.gracePeriodMs(container.name))).toEqual({ code: 0, signal: null });
      expect(await stack.healthcheck(container)).toBe(1);
      expect(canariesIn(`the log of a ${container.name}`, container.lines)).toEqual([]);
    }
  });

  async function redisSetting(name: string): Promise<string | undefined> {
    return withRedis(async (client) => ((await client.config('GET', name)) as string[])[1]);
  }

  /** What lasts: the keys of a job go with it. */
  async function redisKeys(): Promise<string[]> {
    return withRedis(async (client) => (await client.keys('*:meta')).toSorted());
  }

  async function withRedis<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(stack.redis.url);
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  }
});

async function deliveriesOf(worker: Service): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${worker.port}/metrics`)).text();
  const counts = metrics.matchAll(/^causeway_deliveries_total\{.*outcome="submitted".*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
