import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDataSource, releaseHeld } from '#persistence';
import { inboundMessage } from '../support/accepting.js';
import { ACCOUNT, startOperatorApi, type OperatorApi } from './operator-api-app.js';

let api: OperatorApi;

beforeAll(async () => {
  api = await startOperatorApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  await api.db.pool.query(
    `truncate business_numbers, customers, customer_aliases, threads, lanes, lane_items, conversations,
       desk_conversations, desk_events, dedupe_keys, messages, parts, attempts, audit`,
  );
  api.woken.length = 0;
});

const NUMBER = { address: '+15550100', chatGatewayChannelId: 'channel-1', queueId: ' 100' };

async function lanes(): Promise<string[]> {
  const { rows } = await api.db.pool.query<{ id: string }>('select id from lanes order by id');
  return rows.map((row) => row.id);
}

async function deliveries(): Promise<{ item: string | null; reason: string | null; message: string }[]> {
  const { rows } = await api.db.pool.query<{ item: string | null; reason: string | null; message: string }>(
    `select i.state as item, coalesce(i.reason, m.reason) as reason, m.delivery as message
     from messages m left join lane_items i on i.message_id = m.id order by m.id`,
  );
  return rows;
}

describe('the key', () => {
  const routes = [
    ['get', 'numbers'],
    ['post', 'numbers'],
    ['get', 'conversations'],
    ['get', 'messages'],
    ['get', 'lanes'],
    ['post', 'lanes/00000000-0000-7000-8000-000000000000/pause'],
    ['post', 'messages/replay'],
    ['post', 'messages/00000000-0000-7000-8000-000000000000/discard'],
    ['get', 'audit'],
  ] as const;

  it.each(routes)('is asked for by %s %s', async (method, path) => {
    for (const authorization of [undefined, 'Bearer wrong', 'Basic b3BlcmF0b3I6', 'Bearer ']) {
      const call = api.plain[method](`/api/v1/${path}`);
      const answer = await (authorization ? call.set('authorization', authorization) : call);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.headers['content-type']).toBe('application/problem+json');
    }
  });

  it('lets in, whatever the case of the scheme', async () => {
    const answer = await api.plain
      .get('/api/v1/numbers')
      .set('authorization', 'bearer operator-key-0123456789');
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});

describe('numbers', () => {
  it('are made with what is said, and shown without what is not', async () => {
    const made = await api.call('post', 'numbers').send({
      ...NUMBER,
      displayName: 'Sales',
      settings: { customerSilentMinutes: 30 },
    });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/) as string,
      tenantId: 'default',
      address: '+15550100',
      channel: 'sms',
      state: 'configured',
      displayName: 'Sales',
      accountSid: ACCOUNT,
      chatGatewayChannelId: 'channel-1',
      queueId: ' 100',
      settings: { customerSilentMinutes: 30 },
    });
    const { id } = made.body as { id: string };
    expect(made.headers['location']).toBe(`/api/v1/numbers/${id}`);
    expect((await api.call('get', `numbers/${id}`)).body).toEqual(made.body);
    expect((await api.call('get', 'numbers')).body).toEqual({ items: [made.body], nextCursor: null });
  });

  it('know their channel by their address', async () => {
    const made = await api.call('post', 'numbers').send({
      address: 'whatsapp:+15550100',
      chatGatewayChannelId: 'c',
      messagingServiceSid: 'MG1',
      accountSid: ACCOUNT,
      language: null,
    });
    expect(made.body).toMatchObject({ channel: 'whatsapp', messagingServiceSid: 'MG1', settings: {} });
  });

  it('are not made twice', async () => {
    await api.call('post', 'numbers').send(NUMBER);
    const again = await api.call('post', 'numbers').send({ ...NUMBER, displayName: 'Other' });
    expect(again.status).toBe(409);
    expect(again.headers['content-type']).toBe('application/problem+json');
    expect((await api.call('get', 'numbers')).body).toMatchObject({ items: [{ queueId: ' 100' }] });
  });

  it.each([
    ['no E.164', { address: '15550100' }, 'address'],
    ['an e-mail', { address: 'sales@example.com' }, 'address'],
    ['a Messaging Service as address', { address: 'MG1' }, 'address'],
    ['no channel', { chatGatewayChannelId: undefined }, 'chatGatewayChannelId'],
    ['an empty channel', { chatGatewayChannelId: '' }, 'chatGatewayChannelId'],
    ['a NUL', { displayName: 'a\0b' }, 'displayName'],
    ['half a surrogate pair', { queueId: '\ud800' }, 'queueId'],
    ['a number as service', { messagingServiceSid: '+15550100' }, 'messagingServiceSid'],
    ['an unknown field', { color: 'red' }, 'color'],
    ['an unknown setting', { settings: { customerSilent: 3 } }, 'settings.customerSilent'],
    ['a setting of zero', { settings: { customerSilentMinutes: 0 } }, 'settings.customerSilentMinutes'],
    ['a rate of zero', { settings: { messagesPerSecond: 0 } }, 'settings.messagesPerSecond'],
    ['a rate too high', { settings: { messagesPerSecond: 10_001 } }, 'settings.messagesPerSecond'],
    ['half a message', { settings: { messagesPerSecond: 0.5 } }, 'settings.messagesPerSecond'],
    ['half a minute', { settings: { customerSilentMinutes: 0.5 } }, 'settings.customerSilentMinutes'],
    ['a setting as text', { settings: { customerSilentMinutes: '5' } }, 'settings.customerSilentMinutes'],
    ['an unknown text', { settings: { texts: { goodbye: { en: 'x' } } } }, 'settings.texts.goodbye'],
    [
      'an unknown variable',
      { settings: { texts: { welcome: { en: '{{name}}' } } } },
      'settings.texts.welcome',
    ],
    ['a text in no language', { settings: { texts: { welcome: 'Hello' } } }, 'settings.texts.welcome'],
    ['texts as a list', { settings: { texts: [] } }, 'settings.texts'],
    ['a warning without an end', { settings: { closing: { warnMinutes: 2 } } }, 'settings.closing'],
    [
      'a warning that comes at the beginning',
      { settings: { customerSilentMinutes: 5, closing: { warnMinutes: 5 } } },
      'settings.closing',
    ],
    ['a word that opts out', { settings: { closing: { words: ['bye', 'End'] } } }, 'settings.closing.words'],
    ['a word that asks for help', { settings: { closing: { words: ['info'] } } }, 'settings.closing.words'],
    ['a blank word', { settings: { closing: { words: [' '] } } }, 'settings.closing.words'],
    ['a word as a text', { settings: { closing: { words: 'bye' } } }, 'settings.closing.words'],
    ['a grace of zero', { settings: { closing: { goOnMinutes: 0 } } }, 'settings.closing.goOnMinutes'],
    ['hours without a schedule', { settings: { openingHours: {} } }, 'settings.openingHours.schedule'],
    ['hours by dots', { settings: { openingHours: { schedule: '..' } } }, 'settings.openingHours.schedule'],
    [
      'open when closed',
      { settings: { openingHours: { schedule: 'a', openStatuses: [-1] } } },
      'settings.openingHours.openStatuses',
    ],
    [
      'closed in a way of their own',
      { settings: { openingHours: { schedule: 'a', whenClosed: 'drop' } } },
      'settings.openingHours.whenClosed',
    ],
    [
      'a queue without a schedule',
      { settings: { openingHours: { schedule: 'a', queues: { '200': '' } } } },
      'settings.openingHours.queues',
    ],
    ['hours as a text', { settings: { openingHours: 'Main' } }, 'settings.openingHours'],
    [
      'a wait of no time',
      { settings: { waiting: { maxWaitMinutes: 0 } } },
      'settings.waiting.maxWaitMinutes',
    ],
    ['an unknown wait', { settings: { waiting: { forever: true } } }, 'settings.waiting.forever'],
    ['settings as a list', { settings: [] }, 'settings'],
    ['no settings', { settings: null }, 'settings'],
    ["another's account", { accountSid: 'AC2' }, 'accountSid'],
  ])('are refused with %s', async (_what, changes, field) => {
    const answer = await api.call('post', 'numbers').send({ ...NUMBER, ...changes });
    expect(answer.status).toBe(400);
    expect((answer.body as { errors: { field: string }[] }).errors.map((error) => error.field)).toContain(
      field,
    );
    expect((await api.call('get', 'numbers')).body).toEqual({ items: [], nextCursor: null });
  });

  it.each([
    ['a list', 'application/json', '[]', 400],
    ['half a JSON', 'application/json', '{"address":', 400],
    ['a form', 'application/x-www-form-urlencoded', 'address=1', 415],
    ['nothing', 'application/json', undefined, 400],
    ['a prototype', 'application/json', '{"__proto__": {"address": "+15550100"}}', 400],
  ])('are refused as %s', async (_what, type, body, status) => {
    const answer = await api.call('post', 'numbers').set('content-type', type).send(body);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('open what waited for them and wake its lanes', async () => {
    await api.db
      .acceptor()
      .accept([inboundMessage(), inboundMessage(), inboundMessage({ from: '+15550001001' })]);
    await api.db.acceptor().accept([inboundMessage({ to: '+15550199' })]);
    const all = await lanes();
    for (const lane of all) await api.holdHead(lane, 'unconfigured');
    const before = (await api.call('get', 'numbers')).body as { items: { id: string; address: string }[] };
    const waiting = before.items.find((number) => number.address === '+15550100');
    expect(waiting).toMatchObject({ state: 'unconfigured', channel: 'sms', settings: {} });
    expect(waiting).not.toHaveProperty('chatGatewayChannelId');

    const made = await api.call('post', 'numbers').send(NUMBER);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      id: waiting?.id,
      state: 'configured',
      chatGatewayChannelId: 'channel-1',
    });
    const { rows } = await api.db.pool.query('select configured_at from business_numbers where id = $1', [
      waiting?.id,
    ]);
    expect(rows).toEqual([{ configured_at: expect.any(Date) as Date }]);
    // Two lanes of this number; the other number's stays held.
    expect(api.woken.map((wakeUp) => wakeUp.laneId).sort()).toEqual(all.slice(0, 2).sort());
    expect(new Set(api.woken.map((wakeUp) => wakeUp.direction))).toEqual(new Set(['inbound']));
    expect((await deliveries()).filter(({ message }) => message === 'held')).toHaveLength(1);
    expect(
      (await deliveries()).filter(({ message, item }) => message === 'open' && item === 'open'),
    ).toHaveLength(3);
    expect((await api.call('post', 'numbers').send(NUMBER)).status).toBe(409);
  });

  it('can be swept for what was held just after they were configured', async () => {
    await api.call('post', 'numbers').send(NUMBER);
    await api.db.acceptor().accept([inboundMessage()]);
    await api.db.acceptor().accept([inboundMessage({ to: '+15550199' })]);
    for (const lane of await lanes()) await api.holdHead(lane, 'unconfigured');
    const sweep = () =>
      releaseHeld(async (text, values) => (await api.db.pool.query(text, values)).rows, ['unconfigured']);
    expect(await sweep()).toEqual([{ laneId: (await lanes())[0], direction: 'inbound' }]);
    expect(await sweep()).toEqual([]);
    expect((await deliveries()).map(({ item }) => item)).toEqual(['open', 'held']);
  });

  it('have texts, and ways to end a conversation', async () => {
    const settings = {
      customerSilentMinutes: 30,
      closing: { warnMinutes: 5, words: ['bye', 'tschüss'], goOnMinutes: 10 },
      texts: {
        welcome: { en: 'Hello from {{number}}.', 'pt-BR': 'Oi.' },
        agentJoined: { en: '{{name|One of us}} is here.' },
        silent: { en: 'We close in {{minutes}} minutes.' },
      },
    };
    const made = await api.call('post', 'numbers').send({ ...NUMBER, settings });
    expect(made.body).toMatchObject({ settings });
    expect(((await api.call('get', 'numbers')).body as { items: unknown[] }).items).toMatchObject([
      { settings },
    ]);
  });

  it('say what is wrong with a text or a word', async () => {
    const settings = {
      texts: { agentLeft: { de: 'Noch {{minutes}} Minuten' } },
      closing: { words: ['Opt out'] },
    };
    const answer = await api.call('post', 'numbers').send({ ...NUMBER, settings });
    expect(answer.status).toBe(400);
    expect((answer.body as { errors: { message: string }[] }).errors.map(({ message }) => message)).toEqual([
      'words must not have “Opt out”: customers opt out, opt in or ask for help by it',
      'agentLeft must have no other variables than {{number}}, {{name}}, not {{minutes}} (de)',
    ]);
  });

  it('are changed field by field', async () => {
    const made = await api.call('post', 'numbers').send({ ...NUMBER, displayName: 'Sales', language: 'en' });
    const { id } = made.body as { id: string };
    const changed = await api
      .call('patch', `numbers/${id}`)
      .send({ queueId: '200', displayName: null, settings: { customerSilentMinutes: 5 } });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({
      queueId: '200',
      language: 'en',
      settings: { customerSilentMinutes: 5 },
    });
    expect(changed.body).not.toHaveProperty('displayName');
    for (const body of [
      { address: '+15550101' },
      { chatGatewayChannelId: null },
      { state: 'unconfigured' },
    ]) {
      expect((await api.call('patch', `numbers/${id}`).send(body)).status).toBe(400);
    }
    expect((await api.call('patch', `numbers/${crypto.randomUUID()}`).send({ queueId: '1' })).status).toBe(
      404,
    );
  });

  it('try again, when changed, what was held for their configuration, and nothing else', async () => {
    const made = await api.call('post', 'numbers').send(NUMBER);
    const { id } = made.body as { id: string };
    await api.db.acceptor().accept([inboundMessage(), inboundMessage({ from: '+15550001001' })]);
    const [first = '', second = ''] = await lanes();
    await api.holdHead(first, 'configuration');
    await api.holdHead(second, 'window');
    await api.call('patch', `numbers/${id}`).send({ queueId: '101' });
    expect(api.woken).toEqual([{ laneId: first, direction: 'inbound' }]);
    const states = (await deliveries()).map(({ item, reason }) => [item, reason]);
    expect(states).toContainEqual(['open', null]);
    expect(states).toContainEqual(['held', 'window']);
  });

  it('cannot be changed into configured ones', async () => {
    await api.db.acceptor().accept([inboundMessage()]);
    const { items } = (await api.call('get', 'numbers')).body as { items: { id: string }[] };
    const answer = await api.call('patch', `numbers/${items[0]?.id}`).send({ chatGatewayChannelId: 'c' });
    expect(answer.status).toBe(409);
  });

  it('go only while nobody has written to them', async () => {
    const { id: free } = (await api.call('post', 'numbers').send(NUMBER)).body as { id: string };
    expect((await api.call('delete', `numbers/${free}`)).status).toBe(204);
    expect((await api.call('delete', `numbers/${free}`)).status).toBe(404);
    const { id: used } = (await api.call('post', 'numbers').send(NUMBER)).body as { id: string };
    await api.db.acceptor().accept([inboundMessage()]);
    const answer = await api.call('delete', `numbers/${used}`);
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ detail: expect.stringContaining('threads') as string });
    expect((await api.call('get', `numbers/${used}`)).status).toBe(200);
  });
});

describe('lists', () => {
  async function walk(path: string): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await api.call('get', `${path}${cursor ? `&cursor=${cursor}` : ''}`);
      expect(page.status).toBe(200);
      const body = page.body as { items: { id: string }[]; nextCursor: string | null };
      ids.push(...body.items.map((item) => item.id));
      cursor = body.nextCursor;
    } while (cursor !== null);
    return ids;
  }

  it('show everything once, page by page', async () => {
    for (let n = 0; n < 7; n += 1) {
      await api.call('post', 'numbers').send({ ...NUMBER, address: `+155501000${n}` });
    }
    const all = await walk('numbers?limit=200');
    expect(all).toHaveLength(7);
    expect(all).toEqual([...all].sort().reverse());
    for (const limit of [1, 3, 7]) expect(await walk(`numbers?limit=${limit}`)).toEqual(all);
  });

  it.each(['numbers', 'conversations', 'messages', 'lanes', 'audit'])(
    'of %s refuse what they do not know',
    async (path) => {
      const wrong = [
        'limit=0',
        'limit=201',
        'limit=many',
        'limit=1&limit=2',
        'offset=3',
        'cursor=',
        'cursor=nonsense',
        'cursor=%00',
        `cursor=${'_'.repeat(23)}`,
        '__proto__=1',
      ];
      for (const query of wrong) {
        const answer = await api.call('get', `${path}?${query}`);
        expect([query, answer.status]).toEqual([query, 400]);
        expect((answer.body as { errors: unknown[] }).errors).toHaveLength(1);
      }
    },
  );

  it.each(['numbers', 'conversations', 'messages'])('of %s know no such id', async (path) => {
    for (const id of ['nonsense', crypto.randomUUID(), '%00']) {
      const answer = await api.call('get', `${path}/${id}`);
      expect(answer.status).toBe(404);
      expect(answer.headers['content-type']).toBe('application/problem+json');
    }
  });
});

describe('Postgres away', () => {
  it('is a 503, and the API recovers without a restart', async () => {
    const away = await startOperatorApi('postgres://nobody@127.0.0.1:1/nothing');
    const answer = await away.call('get', 'numbers');
    await away.stop();
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.body).toMatchObject({ title: 'Service Unavailable' });

    await api.call('get', 'numbers');
    await api.db.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-operator-api'`,
    );
    const statuses: number[] = [];
    for (let n = 0; n < 50 && statuses.at(-1) !== 200; n += 1) {
      statuses.push((await api.call('get', 'numbers')).status);
    }
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(statuses.at(-1)).toBe(200);
  });
});

describe('entities', () => {
  it('are what the tables are', async () => {
    const dataSource = await createDataSource(api.db.url, 'test-entities').initialize();
    const { rows } = await api.db.pool.query<{ column: string; type: string; nullable: boolean }>(
      `select c.table_name || '.' || c.column_name as column, c.udt_name as type, c.is_nullable = 'YES' as nullable
       from information_schema.columns c where c.table_schema = current_schema()`,
    );
    const tables = new Map(rows.map(({ column, ...rest }) => [column, rest]));
    const names: Record<string, string> = { int: 'int4', bigint: 'int8', boolean: 'bool' };
    const columns = dataSource.entityMetadatas.flatMap((entity) =>
      entity.columns.map((column) => ({
        name: `${entity.tableName}.${column.databaseName}`,
        type: names[String(column.type)] ?? column.type,
        nullable: column.isNullable,
      })),
    );
    await dataSource.destroy();
    expect(columns.length).toBeGreaterThan(50);
    for (const { name, ...column } of columns)
      expect({ name, ...tables.get(name) }).toEqual({ name, ...column });
  });
});
