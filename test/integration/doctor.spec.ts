import { createServer, request, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrateDatabase } from '#persistence';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';
import { redisMissing, startTestRedis } from '../support/redis.js';
import { ACCOUNT, startSetUp, type SetUp } from '../support/set-up.js';

const NUMBER = '+15550100';

interface Check {
  name: string;
  subject: string;
  status: string;
  finding: string;
  remedy?: string;
}

const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
let setUp: SetUp;

beforeAll(async () => {
  // What answers our own address here is not always us.
  setUp = await startSetUp([NUMBER], (exchange) => {
    if (exchange.direction === 'to-provider') audit?.record(exchange);
  });
  await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
  await setUp.causeway('provision twilio --all --apply');
});
beforeEach(async () => {
  // A worker, as far as anybody can tell.
  await setUp.db.pool.query(
    `insert into workers (id, seen_at) values ($1, clock_timestamp() + interval '1 hour')
     on conflict (id) do update set seen_at = excluded.seen_at`,
    ['00000000-0000-7000-8000-000000000001'],
  );
});
afterAll(async () => {
  await setUp.stop();
  expect(audit?.violations()).toEqual([]);
});

async function look(): Promise<Check[]> {
  const { status, body } = await setUp.call('get', 'doctor');
  expect(status).toBe(200);
  return (body as { checks: Check[] }).checks;
}

/** What is not right, by name. */
async function wrong(): Promise<Record<string, Check>> {
  const checks = (await look()).filter(({ status }) => status !== 'ok');
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

describe('causeway doctor, where everything is right', () => {
  it('has a line for each check', async () => {
    const { code, out, error } = await setUp.causeway('doctor');
    expect(error).toBe('');
    expect(out).not.toContain('→');
    expect(out.split('\n').map((line) => line.replace(/ {2,}/g, '  '))).toEqual([
      'ok  Postgres  It answers.',
      'ok  Migrations  All of this build have run.',
      'ok  Workers  1 at work.',
      'ok  Queue  BullMQ runs on Postgres; set REDIS_URL for more than a small load.',
      'ok  PUBLIC_BASE_URL  It leads to a gateway.',
      'ok  Chat Gateway key  It is taken.',
      "ok  Chat Gateway tenant  It is the key's.",
      'ok  Chat Gateway clock  Both clocks agree.',
      'ok  Chat Gateway webhook  Webhook 1 leads to us.',
      'ok  Chat Gateway calls us  It has just called our webhook, and got its 2xx.',
      'ok  Twilio credentials  They are taken.',
      'ok  Twilio clock  Both clocks agree.',
      'ok  Twilio auth token  Twilio takes it: its webhooks can be verified.',
      'ok  Numbers  1 configured.',
      'ok  +15550100 at the Chat Gateway  Channel 1, queue 100, leads to us.',
      expect.stringMatching(/^ok {2}\+15550100 at Twilio {2}Its number PN\w+ leads to us\.$/),
      '',
      'Everything is as it should be.',
    ]);
    expect(code).toBe(0);
  });

  it('answers programs in JSON, and the API whoever has the key', async () => {
    const { code, out } = await setUp.causeway('doctor --json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(await look());
    expect((await setUp.call('get', 'doctor')).body).toMatchObject({ healthy: true });
    expect((await fetch(`${setUp.publicUrl}/api/v1/doctor`)).status).toBe(401);
  });
});

describe('causeway doctor, where something is wrong', () => {
  const cleanUp: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const each of cleanUp.splice(0).reverse()) await each();
    await setUp.restart();
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    [
      'the Chat Gateway key',
      { CHAT_GATEWAY_API_KEY: 'another' },
      {
        'chat-gateway-key': 'fail The Chat Gateway refuses CHAT_GATEWAY_API_KEY',
        'chat-gateway-tenant': 'skipped',
        'chat-gateway-clock': 'skipped',
        'chat-gateway-webhook': 'skipped',
        'chat-gateway-calls-us': 'skipped',
        channel: 'skipped',
      },
    ],
    [
      'the tenant',
      { CHAT_GATEWAY_TENANT_ID: 'other' },
      {
        'chat-gateway-tenant': 'fail CHAT_GATEWAY_TENANT_ID is no tenant',
        'chat-gateway-clock': 'skipped',
        'chat-gateway-webhook': 'skipped',
        'chat-gateway-calls-us': 'skipped',
        channel: 'skipped',
      },
    ],
    [
      'the way to the Chat Gateway',
      { CHAT_GATEWAY_BASE_URL: 'http://127.0.0.1:9' },
      {
        'chat-gateway-key': 'fail The Chat Gateway could not be reached in time',
        'chat-gateway-tenant': 'skipped',
        'chat-gateway-clock': 'skipped',
        'chat-gateway-webhook': 'skipped',
        'chat-gateway-calls-us': 'skipped',
        channel: 'skipped',
      },
    ],
    [
      'the Twilio token',
      { TWILIO_AUTH_TOKEN: 'another' },
      {
        'twilio-key': 'fail Twilio refuses the credentials of this account',
        'twilio-clock': 'skipped',
        'twilio-token': 'skipped',
        'number-webhook': 'skipped',
      },
    ],
    [
      'a token that is not taken any more',
      { TWILIO_AUTH_TOKEN: 'twilio-token,old' },
      { 'twilio-token': 'warn Twilio takes 1 of the 2' },
    ],
    [
      'the way to Twilio',
      { TWILIO_API_BASE_URL: 'http://127.0.0.1:9' },
      {
        'twilio-key': 'fail Twilio could not be reached in time',
        'twilio-clock': 'skipped',
        'twilio-token': 'skipped',
        'number-webhook': 'skipped',
      },
    ],
    [
      'our own address, from everywhere',
      { PUBLIC_BASE_URL: 'http://127.0.0.1:9' },
      {
        'public-url': 'fail It cannot be reached from here (connect-refused)',
        'chat-gateway-webhook': 'fail None of its 1 leads to http://127.0.0.1:9/webhooks/chat-gateway',
        'chat-gateway-calls-us': 'fail The Chat Gateway called http://127.0.0.1:9/webhooks/chat-gateway',
        channel: 'fail Not as it should be: webhook.uri',
        'number-webhook': 'fail',
      },
    ],
    [
      'the fallback address',
      { TWILIO_FALLBACK_BASE_URL: 'http://127.0.0.1:9' },
      { 'fallback-url': 'fail It cannot be reached from here', 'number-webhook': 'fail' },
    ],
    [
      'an address that the real Twilio could not call',
      { TWILIO_API_BASE_URL: 'https://api.twilio.invalid' },
      {
        'public-url': 'fail It does not begin with https://',
        'twilio-key': 'fail',
        'twilio-clock': 'skipped',
        'twilio-token': 'skipped',
        'number-webhook': 'skipped',
      },
    ],
    ['Redis', { REDIS_URL: 'redis://127.0.0.1:1' }, { queue: 'fail Redis does not answer' }],
  ])('%s', async (_what, environment, expected) => {
    await setUp.restart(environment);
    const found = await wrong();
    const shown = Object.values(found).map(({ name, status, finding }) => [name, `${status} ${finding}`]);
    expect(Object.fromEntries(shown)).toEqual(
      Object.fromEntries(
        Object.entries(expected).map(([name, words]) => [name, expect.stringContaining(words)]),
      ),
    );
    for (const { status, remedy } of Object.values(found)) {
      expect(remedy === undefined).toBe(status === 'skipped');
    }
    const { code, out } = await setUp.causeway('doctor');
    const failed = Object.values(expected).filter((words) => words.startsWith('fail')).length;
    expect(code).toBe(failed > 0 ? 2 : 0);
    expect(out).toContain(failed > 0 ? `${failed} check${failed === 1 ? '' : 's'} failed` : '1 warning.');
  });

  it('an API key that works beside a token that does not: webhooks cannot be verified', async () => {
    const twilio = await proxyTo(setUp.twilio.url, (headers) => {
      const [, encoded = ''] = (headers['authorization'] ?? '').split(' ');
      const isKey = Buffer.from(encoded, 'base64').toString() === 'SK1:secret';
      if (isKey)
        headers['authorization'] = `Basic ${Buffer.from(`${ACCOUNT}:twilio-token`).toString('base64')}`;
    });
    await setUp.restart({
      TWILIO_API_BASE_URL: twilio,
      TWILIO_MESSAGING_BASE_URL: twilio,
      TWILIO_API_KEY_SID: 'SK1',
      TWILIO_API_KEY_SECRET: 'secret',
      TWILIO_AUTH_TOKEN: 'another',
    });
    expect(await wrong()).toEqual({
      'twilio-token': expect.objectContaining({
        status: 'fail',
        finding: expect.stringContaining('does not take it'),
      }) as Check,
    });
  });

  it.each([
    [-90_000, 'warn', '90 s ahead'],
    [600_000, 'fail', '600 s behind'],
  ])('clocks that differ by %i ms', async (differenceMs, status, words) => {
    const shifted = (url: string) => proxyTo(url, undefined, differenceMs);
    const twilio = await shifted(setUp.twilio.url);
    await setUp.restart({
      CHAT_GATEWAY_BASE_URL: await shifted(setUp.desk.url),
      TWILIO_API_BASE_URL: twilio,
      TWILIO_MESSAGING_BASE_URL: twilio,
    });
    const found = await wrong();
    expect(Object.keys(found)).toEqual(['chat-gateway-clock', 'twilio-clock']);
    for (const check of Object.values(found)) {
      expect(check).toMatchObject({ status, remedy: expect.stringContaining('clock') as string });
      const seconds = Number(/(\d+) s (ahead|behind)/.exec(check.finding)?.[1]);
      expect(Math.abs(seconds - Number.parseInt(words, 10))).toBeLessThan(10);
      expect(check.finding).toContain(words.split(' ').at(-1));
    }
  });

  it('an address that only this machine does not reach does no harm', async () => {
    // The simulator calls by another way than we do.
    const { verify } = await wayRoundTo(setUp);
    await setUp.restart({ PUBLIC_BASE_URL: 'http://127.0.0.1:9', CHAT_GATEWAY_BASE_URL: verify });
    expect(await wrong()).toMatchObject({
      'public-url': {
        status: 'warn',
        finding: expect.stringContaining('cannot be reached from here') as string,
      },
    });
    expect(Object.keys(await wrong())).not.toContain('chat-gateway-calls-us');
  });

  it('something else answers at our own address', async () => {
    const elsewhere = await serve((_request, response) => response.writeHead(404).end());
    await setUp.restart({ PUBLIC_BASE_URL: elsewhere });
    expect(await wrong()).toMatchObject({
      'public-url': { status: 'fail', finding: 'It answers HTTP 404 where a gateway answers 204.' },
    });
  });

  it('migrations: those that have not run, and those of a newer build', async () => {
    const { pool } = setUp.db;
    await pool.query(`insert into migrations (timestamp, name) values (9999999999999, 'Later9999999999999')`);
    cleanUp.push(() => pool.query(`delete from migrations where name = 'Later9999999999999'`));
    expect(await wrong()).toMatchObject({
      migrations: { status: 'warn', finding: 'The database is newer than this gateway: Later9999999999999.' },
    });
    const { rows } = await pool.query<{ name: string }>(
      `delete from migrations where name like 'DeskProvisioning%' returning *`,
    );
    cleanUp.push(async () => {
      await pool.query('alter table business_numbers drop column chat_gateway_webhook_id');
      await migrateDatabase(setUp.db.url);
      await pool.query(`update business_numbers set chat_gateway_webhook_id = '1'`);
    });
    expect(rows).toHaveLength(1);
    const found = await wrong();
    expect(found['migrations']).toMatchObject({
      status: 'fail',
      finding: `1 of this build have not run: ${rows[0]?.name}.`,
      remedy: expect.stringContaining('npm run migrate') as string,
    });
    // What stands in a database of another shape is not read.
    expect(found['numbers']).toBeUndefined();
  });

  it('Postgres', async () => {
    await setUp.restart({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(await wrong()).toMatchObject({
      postgres: { status: 'fail' },
      migrations: { status: 'skipped' },
      workers: { status: 'skipped' },
    });
  });

  it('no worker, and a provider that is paused', async () => {
    const { pool } = setUp.db;
    await pool.query('truncate workers');
    await pool.query(
      `insert into provider_states (tenant_id, provider, paused_at) values ('default', 'twilio', now())`,
    );
    cleanUp.push(() => pool.query('truncate provider_states'));
    expect(await wrong()).toMatchObject({
      workers: { status: 'fail', finding: 'None has been seen.' },
      delivery: { status: 'fail', subject: 'Delivery to twilio' },
    });
  });

  it('numbers: one at the desk, one at Twilio, one that is not configured, none', async () => {
    const { desk, db } = setUp;
    const { pool } = db;
    await pool.query(`update business_numbers set chat_gateway_channel_id = '77'`);
    cleanUp.push(() =>
      pool.query(`update business_numbers set chat_gateway_channel_id = '1', state = 'configured'`),
    );
    expect(await wrong()).toEqual({
      channel: expect.objectContaining({
        status: 'fail',
        finding: 'The channel 77 that the number has does not exist there.',
        remedy: `causeway provision chat-gateway --number ${NUMBER} --apply`,
      }) as Check,
    });
    await pool.query(
      `update business_numbers set chat_gateway_channel_id = '1', chat_gateway_webhook_id = null`,
    );
    cleanUp.push(() => pool.query(`update business_numbers set chat_gateway_webhook_id = '1'`));
    expect(await wrong()).toMatchObject({ channel: { status: 'warn' } });

    const page = await fetch(`${setUp.twilio.url}/2010-04-01/Accounts/${ACCOUNT}/IncomingPhoneNumbers.json`, {
      headers: twilioLogin(),
    });
    const { incoming_phone_numbers: numbers } = (await page.json()) as {
      incoming_phone_numbers: { sid: string; sms_url: string }[];
    };
    const [number] = numbers;
    const set = (url: string) =>
      fetch(`${setUp.twilio.url}/2010-04-01/Accounts/${ACCOUNT}/IncomingPhoneNumbers/${number?.sid}.json`, {
        method: 'POST',
        headers: twilioLogin(),
        body: new URLSearchParams({ SmsUrl: url }),
      });
    await set('https://somebody-else.example');
    cleanUp.push(() => set(number?.sms_url ?? ''));
    expect(await wrong()).toMatchObject({
      'number-webhook': {
        status: 'fail',
        finding: `Its number ${number?.sid} does not lead to us: sms_url.`,
        remedy: `causeway provision twilio --number ${NUMBER} --apply`,
      },
    });

    await pool.query(
      `insert into business_numbers (id, tenant_id, channel, account_sid, address, state)
       values (gen_random_uuid(), 'default', 'sms', $1, '+15550199', 'unconfigured')`,
      [ACCOUNT],
    );
    cleanUp.push(() => pool.query(`delete from business_numbers where address = '+15550199'`));
    // Nobody has written to it.
    const numbers1 = (await look()).find(({ name }) => name === 'numbers');
    expect(numbers1).toMatchObject({ status: 'ok', finding: '1 configured, 1 not.' });
    await pool.query(
      `with c as (insert into customers (id, tenant_id) values (gen_random_uuid(), 'default') returning id),
       t as (insert into threads (id, tenant_id, number_id, customer_id, customer_address)
         select gen_random_uuid(), 'default', n.id, c.id, '+15550123' from c, business_numbers n
         where n.address = '+15550199' returning id),
       l as (insert into lanes (id, tenant_id, thread_id, direction)
         select gen_random_uuid(), 'default', id, 'inbound' from t returning id)
       insert into lane_items (lane_id, seq, message_id, state, reason)
       select id, 1, gen_random_uuid(), 'held', 'unconfigured' from l`,
    );
    cleanUp.push(async () => {
      for (const table of ['lane_items', 'lanes', 'threads', 'customers'])
        await pool.query(`delete from ${table}`);
    });
    expect(await wrong()).toMatchObject({
      numbers: {
        status: 'warn',
        finding: '1 configured; customers have written to 1 more, whose messages wait.',
      },
    });
    await pool.query(`update business_numbers set state = 'unconfigured'`);
    expect(await wrong()).toMatchObject({
      numbers: {
        status: 'fail',
        finding: 'None is configured; customers have written to 1, whose messages wait.',
      },
    });
    expect(desk.log.filter(({ kind }) => kind === 'conversation')).toEqual([]);
  });

  it("a channel that is gone, of a number without a queue; a queue of the number's own", async () => {
    const { pool } = setUp.db;
    // By its address the channel that was made for it would be found.
    await pool.query(
      `update business_numbers set address = '+15550188', chat_gateway_channel_id = '77', queue_id = null`,
    );
    cleanUp.push(() =>
      pool.query(
        `update business_numbers set address = $1, chat_gateway_channel_id = '1', queue_id = '100'`,
        [NUMBER],
      ),
    );
    expect((await wrong())['channel']).toMatchObject({
      status: 'fail',
      finding: expect.stringMatching(
        /^The channel 77 that the number has does not exist there\. .*queue/,
      ) as string,
      remedy: `causeway provision chat-gateway --number +15550188 --queue <id> --apply`,
    });
    const { out } = await setUp.causeway('doctor');
    expect(out).toContain(
      `→ npm run causeway -- provision chat-gateway --number +15550188 --queue <id> --apply`,
    );
    await pool.query(`update business_numbers set chat_gateway_channel_id = '1', queue_id = '200'`);
    const channel = (await look()).find(({ name }) => name === 'channel');
    expect(channel?.finding).toBe(
      "Channel 1, queue 200 (the number's own; the channel's is 100), leads to us.",
    );
  });

  describe('what the settings of numbers name', () => {
    const schedules = (url: string) => ({
      SCHEDULE_BASE_URL: url,
      SCHEDULE_DATA_TOKEN: 'sandbox-data-token',
    });
    const metrics = (url: string) => ({
      METRICS_BASE_URL: url,
      METRICS_API_KEY: 'sandbox-metrics-key',
      METRICS_API_SECRET: 'sandbox-metrics-secret',
    });
    const signing = { HOOK_SIGNING_SECRET: `whsec_${Buffer.alloc(24, 7).toString('base64')}` };

    async function settings(value: object): Promise<void> {
      const set = (to: object) => setUp.db.pool.query('update business_numbers set settings = $1', [to]);
      await set(value);
      cleanUp.push(() => set({}));
    }

    it('schedules, each once, those of queues, too', async () => {
      await settings({ openingHours: { schedule: 'Main', queues: { '100': 'Mian', '101': 'Mian' } } });
      await setUp.restart(schedules(setUp.desk.url));
      const found = (await look()).filter(({ name }) => name === 'schedule');
      expect(found).toMatchObject([
        { subject: 'Schedule Main', status: 'ok', finding: 'It is open.' },
        {
          subject: 'Schedule Mian',
          status: 'fail',
          finding: 'The tenant has no such schedule. Until it can be read it counts as open.',
          remedy: expect.stringContaining(`settings.openingHours of ${NUMBER}`) as string,
        },
      ]);
    });

    it.each<[string, (url: string) => Record<string, string>, string]>([
      ['nothing said about them', () => ({}), 'It is not said where schedules are.'],
      [
        'another token',
        (url) => ({ ...schedules(url), SCHEDULE_DATA_TOKEN: 'another' }),
        'The data token is refused.',
      ],
      ['nobody there', () => schedules('http://127.0.0.1:9'), 'It cannot be read (connect-refused).'],
    ])('schedules, with %s', async (_what, environment, finding) => {
      await settings({ openingHours: { schedule: 'Main' } });
      await setUp.restart(environment(setUp.desk.url));
      expect(await wrong()).toEqual({
        schedule: expect.objectContaining({
          status: 'fail',
          finding: expect.stringContaining(finding) as string,
          remedy: expect.stringContaining('SCHEDULE_BASE_URL') as string,
        }) as Check,
      });
    });

    it.each<[string, (url: string) => Record<string, string>, string | undefined]>([
      ['everything right', metrics, undefined],
      ['no key', () => ({}), 'There is no key for them.'],
      [
        'another secret',
        (url) => ({ ...metrics(url), METRICS_API_SECRET: 'another' }),
        'Key and secret are refused.',
      ],
      ['nobody there', () => metrics('http://127.0.0.1:9'), 'They cannot be read (token-connect-refused).'],
    ])('figures of queues, with %s', async (_what, environment, finding) => {
      await settings({ waiting: { tellEveryMinutes: 5 } });
      await setUp.restart(environment(setUp.desk.url));
      expect((await look()).find(({ name }) => name === 'metrics')).toMatchObject(
        finding === undefined
          ? { status: 'ok', finding: 'Those of queue 100 can be read.' }
          : { status: 'fail', finding: expect.stringContaining(finding) as string },
      );
    });

    it('figures of a queue that is not there', async () => {
      const { pool } = setUp.db;
      await settings({ waiting: {} });
      await pool.query(`update business_numbers set queue_id = '999'`);
      cleanUp.push(() => pool.query(`update business_numbers set queue_id = '100'`));
      await setUp.restart(metrics(setUp.desk.url));
      expect(await wrong()).toEqual({
        metrics: expect.objectContaining({
          status: 'fail',
          finding: expect.stringContaining('Queue 999 is not known there') as string,
        }) as Check,
      });
    });

    it('a bot: any answer will do, none does not, nor does a call without a signature', async () => {
      const asked: (string | undefined)[] = [];
      const url = await serve((incoming, response) => {
        asked.push(incoming.method);
        response.writeHead(405).end();
      });
      const { host } = new URL(url);
      await settings({ mode: 'bot', bot: { url: `${url}/secret-path` } });
      await setUp.restart(signing);
      expect((await look()).find(({ name }) => name === 'bot')).toEqual({
        name: 'bot',
        subject: `Bot at ${host}`,
        status: 'ok',
        finding: 'Something answers there (HTTP 405).',
      });
      expect(asked).toEqual(['HEAD']);
      await settings({ mode: 'bot', bot: { url: 'http://127.0.0.1:9/secret-path' } });
      expect(await wrong()).toEqual({
        bot: expect.objectContaining({
          status: 'fail',
          finding: 'It cannot be reached from here (connect-refused).',
        }) as Check,
      });
      await setUp.restart();
      expect(await wrong()).toMatchObject({
        bot: { status: 'fail', finding: expect.stringContaining('HOOK_SIGNING_SECRET is not set') as string },
      });
    });
  });

  it('an account from which everything was taken away', async () => {
    await setUp.causeway('provision chat-gateway --all --remove --apply');
    cleanUp.push(async () => {
      await setUp.causeway(`provision chat-gateway --number ${NUMBER} --queue 100 --apply`);
    });
    expect(await wrong()).toMatchObject({
      'chat-gateway-webhook': {
        status: 'fail',
        finding: `The account has no webhook yet: none leads to ${setUp.webhookUrl}.`,
      },
      numbers: { status: 'fail', finding: 'None is configured.' },
    });
  });

  it('more than one webhook that leads to us', async () => {
    const { desk } = setUp;
    const made = await fetch(`${desk.url}/chat-gateway/v1/webhooks`, {
      method: 'POST',
      headers: { 'x-api-key': 'the-key', 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'Twice',
        uri: setUp.webhookUrl,
        version: 'Chat Gateway v1.0',
        notificationVersion: 'Chat Gateway v1.0',
      }),
    });
    const { id } = (await made.json()) as { id: string };
    cleanUp.push(() =>
      fetch(`${desk.url}/chat-gateway/v1/webhooks/${id}`, {
        method: 'DELETE',
        headers: { 'x-api-key': 'the-key' },
      }),
    );
    expect(await wrong()).toMatchObject({
      'chat-gateway-webhook': { status: 'warn', finding: `2 lead to us: 1, ${id}.` },
    });
  });

  describe.runIf(redisMissing() === undefined)('with a Redis', () => {
    it.each([
      ['allkeys-lru', { queue: { status: 'fail', finding: 'The eviction policy of Redis is allkeys-lru.' } }],
      ['noeviction', {}],
    ])('of the policy %s', async (policy, expected) => {
      const redis = await startTestRedis({ 'maxmemory-policy': policy });
      cleanUp.push(() => redis.stop());
      await setUp.restart({ REDIS_URL: redis.url });
      const found = await wrong();
      expect(found).toMatchObject(expected);
      expect(Object.keys(found)).toEqual(Object.keys(expected));
    });
  });

  function twilioLogin(): Record<string, string> {
    return { authorization: `Basic ${Buffer.from(`${ACCOUNT}:twilio-token`).toString('base64')}` };
  }

  async function serve(handle: RequestListener): Promise<string> {
    const server = createServer(handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUp.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Stands before a simulator: changes headers on the way there, and the time on the way back. */
  function proxyTo(
    url: string,
    change: (headers: Record<string, string | undefined>) => void = () => undefined,
    shiftMs = 0,
  ): Promise<string> {
    return serve((incoming, response) => {
      const headers: Record<string, string | undefined> = {};
      for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value);
      change(headers);
      const outgoing = request(
        `${url}${incoming.url}`,
        { method: incoming.method ?? 'GET', headers },
        (answer) => {
          const date = new Date(Date.now() + shiftMs).toUTCString();
          response.writeHead(answer.statusCode ?? 502, { ...answer.headers, date });
          answer.pipe(response);
        },
      );
      outgoing.on('error', () => response.destroy());
      incoming.pipe(outgoing);
    });
  }

  /** The desk, which takes our word for it that our address answers. */
  async function wayRoundTo({ desk }: SetUp): Promise<{ verify: string }> {
    const url = await serve((incoming, response) => {
      if (incoming.url?.endsWith('/webhooks/verify')) {
        incoming.resume();
        response.writeHead(204).end();
        return;
      }
      const headers = { 'x-api-key': 'the-key' };
      request(`${desk.url}${incoming.url}`, { headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      }).end();
    });
    return { verify: url };
  }
});
