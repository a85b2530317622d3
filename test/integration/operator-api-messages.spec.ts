import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenAPIObject } from '@nestjs/swagger';
import { agentMessage, deskEvent, inboundMessage } from '../support/accepting.js';
import { startOperatorApi, type OperatorApi } from './operator-api-app.js';

let api: OperatorApi;
let number: string;

const A = '+15550001000';
const B = '+15550001001';
const MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f-]{36}$/;
const matching = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

beforeAll(async () => {
  api = await startOperatorApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  await api.db.pool.query(
    `truncate business_numbers, customers, customer_aliases, threads, lanes, lane_items, conversations,
       desk_conversations, desk_events, dedupe_keys, messages, parts, attempts, audit`,
  );
  const made = await api
    .call('post', 'numbers')
    .send({ address: '+15550100', chatGatewayChannelId: 'channel-1', queueId: '100' });
  number = (made.body as { id: string }).id;
  api.woken.length = 0;
});

interface Item {
  id: string;
  threadId: string;
  laneId: string;
  direction: string;
  delivery: string;
  seq: number;
  content: { text: string };
  parts: { n: number; attempts: Record<string, unknown>[] }[];
}

async function items(path: string): Promise<Item[]> {
  const answer = await api.call('get', path);
  expect(answer.status).toBe(200);
  return (answer.body as { items: Item[] }).items;
}

const texts = (list: Item[]) => list.map((item) => item.content.text);

async function accept(from: string, ...said: string[]): Promise<string> {
  for (const text of said) await api.db.acceptor().accept([inboundMessage({ from, text })]);
  const { rows } = await api.db.pool.query<{ id: string }>(
    `select l.id from lanes l join threads t on t.id = l.thread_id
     where t.customer_address = $1 and l.direction = 'inbound'`,
    [from],
  );
  return rows[0]?.id ?? '';
}

async function outboundLane(): Promise<string> {
  const { rows } = await api.db.pool.query<{ id: string }>(
    `select id from lanes where direction = 'outbound'`,
  );
  return rows[0]?.id ?? '';
}

describe('messages', () => {
  it('show how far they have come, to the letter of the contract', async () => {
    const lane = await accept(A, 'one', 'two');
    const conversationId = await api.openConversation(lane, 'desk-1');
    await api.deliverHead(lane, { parts: [{ text: 'o' }, { text: 'ne' }], providerId: 'P', conversationId });
    const [two, one] = await items('messages');
    const attempt = (n: number) => ({
      id: matching(UUID),
      correlationId: matching(UUID),
      startedAt: matching(MS),
      endedAt: matching(MS),
      outcome: 'submitted',
      providerId: `P-${n}`,
      httpStatus: 201,
    });
    expect(one).toEqual({
      id: matching(UUID),
      tenantId: 'default',
      threadId: matching(UUID),
      laneId: lane,
      conversationId,
      direction: 'inbound',
      authorType: 'user',
      seq: 1,
      content: { type: 'text', text: 'one' },
      delivery: 'submitted',
      possibleDuplicate: false,
      acceptedAt: matching(MS),
      submittedAt: matching(MS),
      parts: [
        { n: 1, attempts: [attempt(1)] },
        { n: 2, attempts: [attempt(2)] },
      ],
    });
    expect(two).toEqual({
      id: matching(UUID),
      tenantId: 'default',
      threadId: one?.threadId,
      laneId: lane,
      direction: 'inbound',
      authorType: 'user',
      seq: 2,
      content: { type: 'text', text: 'two' },
      delivery: 'open',
      possibleDuplicate: false,
      acceptedAt: matching(MS),
      parts: [],
    });
    expect((await api.call('get', `messages/${one?.id}`)).body).toEqual(one);
  });

  it('carry their content verbatim, whatever it holds', async () => {
    const text = ' a\0b \ud800 \u202e\r\n__proto__ 𝒳 ';
    await accept(A, text);
    expect(texts(await items('messages'))).toEqual([text]);
  });

  it('are found by delivery, direction, doubt and address, newest first', async () => {
    const lane = await accept(A, 'a1', 'a2', 'a3');
    await accept(B, 'b1');
    await api.db.acceptor().accept([
      inboundMessage({
        channel: 'whatsapp',
        to: 'whatsapp:+15550100',
        from: `whatsapp:${A}`,
        aliases: [
          { channel: 'whatsapp', value: 'US.1234' },
          { channel: 'whatsapp', value: A },
        ],
        text: 'w1',
      }),
    ]);
    const conversationId = await api.openConversation(lane, 'desk-1');
    await api.deliverHead(lane, { parts: [{ text: 'a1' }], providerId: 'P', conversationId });
    await api.holdHead(lane, 'window');
    await api.db.acceptor().accept([agentMessage('answer')]);
    await api.db.pool.query(
      `update messages set accepted_at = accepted_at - interval '1 hour' where content ->> 'text' = 'b1'`,
    );
    const hourAgo = new Date(Date.now() - 1_800_000).toISOString();
    await api.db.pool.query(`update messages set possible_duplicate = true where content ->> 'text' = 'b1'`);
    await api.db.pool.query(
      `with gone as (delete from lane_items where message_id in
         (select id from messages where content ->> 'text' = 'a3') returning message_id)
       update messages set delivery = 'failed', reason = 'too-old' from gone where id = gone.message_id`,
    );

    const expected: [string, string[]][] = [
      ['', ['answer', 'w1', 'b1', 'a3', 'a2', 'a1']],
      ['delivery=submitted', ['a1']],
      ['delivery=held', ['a2']],
      ['delivery=failed', ['a3']],
      ['delivery=open', ['answer', 'w1', 'b1']],
      ['delivery=open&direction=outbound', ['answer']],
      ['delivery=uncertain', []],
      ['possibleDuplicate=true', ['b1']],
      ['possibleDuplicate=false&direction=inbound', ['w1', 'a3', 'a2', 'a1']],
      ['possibleDuplicate=true&delivery=open', ['b1']],
      ['direction=outbound', ['answer']],
      [`address=${encodeURIComponent(A)}`, ['answer', 'a3', 'a2', 'a1']],
      // A plus that was not escaped.
      [`address=${B}`, ['b1']],
      [`address=whatsapp:${A}`, ['w1']],
      ['address=whatsapp:US.1234', ['w1']],
      [`address=${encodeURIComponent(A)}&delivery=held`, ['a2']],
      ['address=%2B15559999999', []],
      ['reason=too-old', ['a3']],
      ['reason=window&delivery=held', ['a2']],
      ['reason=window&delivery=failed', []],
      [`acceptedTo=${hourAgo}`, ['b1']],
      [`acceptedFrom=${hourAgo}&delivery=open`, ['answer', 'w1']],
      [`numberId=${number}&delivery=open`, ['answer', 'b1']],
      [`numberId=${number}&acceptedFrom=${hourAgo}`, ['answer', 'a3', 'a2', 'a1']],
      [`numberId=${crypto.randomUUID()}&reason=window`, []],
    ];
    for (const [query, said] of expected) {
      const found = texts(await items(`messages?${query}`));
      expect([query, found]).toEqual([query, said]);
      const pages: string[] = [];
      let cursor = '';
      do {
        const page = await api.call('get', `messages?${query}&limit=1${cursor && `&cursor=${cursor}`}`);
        const body = page.body as { items: Item[]; nextCursor: string | null };
        pages.push(...texts(body.items));
        cursor = body.nextCursor ?? '';
      } while (cursor);
      expect([query, pages]).toEqual([query, said]);
    }
  });

  it.each([
    'delivery=done',
    'direction=both',
    'possibleDuplicate=maybe',
    'address=',
    'address=%00',
    'address=a&address=b',
    'reason=',
    'color=red',
    'numberId=%2B15550100',
    'acceptedFrom=yesterday',
    'acceptedTo=2026-01-01',
    'numberId=00000000-0000-7000-8000-000000000000',
    'numberId=00000000-0000-7000-8000-000000000000&delivery=submitted',
  ])('are not looked for with %s', async (query) => {
    expect((await api.call('get', `messages?${query}`)).status).toBe(400);
  });

  it('find those under way and those of one customer without reading all', async () => {
    const lane = await accept(A, 'open');
    const insertOld = (laneId: string | null, count: number) =>
      api.db.pool.query(
        `insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery)
         select new_id(), 'default', new_id(), coalesce($1, new_id()), 'inbound', 'user', n + 1,
           '{"type":"text","text":"old"}', 'submitted'
         from generate_series(1, $2::int) n`,
        [laneId, count],
      );
    // Many of this customer's, and nothing newer of theirs: going through all from the newest looks cheap.
    await insertOld(lane, 4_000);
    await insertOld(null, 20_000);
    await api.db.pool.query('analyze messages, lane_items, lanes');
    const read = async () => {
      const { rows } = await api.db.pool.query<{ n: number }>(
        `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::int as n from pg_stat_user_tables where relname ~ '^messages_'`,
      );
      return rows[0]?.n ?? 0;
    };
    // A session reports what it read with its next command a second later. The API has four of them, and so many calls at once
    // leave none idle.
    const settled = async () => {
      for (let n = 0; n < 8; n += 1) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        await Promise.all(Array.from({ length: 24 }, () => api.call('get', 'numbers')));
      }
      return read();
    };
    const atFirst = await settled();
    expect(texts(await items('messages?direction=outbound'))).toEqual([]);
    // Seen to count: this list reads them all.
    await expect.poll(async () => (await settled()) - atFirst, { timeout: 20_000 }).toBeGreaterThan(20_000);
    const before = await settled();
    expect(texts(await items('messages?delivery=open'))).toEqual(['open']);
    expect(await items(`messages?address=${encodeURIComponent(A)}`)).toHaveLength(50);
    expect((await settled()) - before).toBeLessThan(12_000);
  }, 90_000);
});

describe('conversations', () => {
  it('show what is known, to the letter of the contract', async () => {
    await api.db.acceptor().accept([inboundMessage({ from: A, text: 'hi', profileName: 'Ann' })]);
    const lane = await accept(A);
    const id = await api.openConversation(lane, 'desk-1');
    const opening = {
      id,
      tenantId: 'default',
      threadId: matching(UUID),
      numberId: number,
      customer: { id: matching(UUID), addresses: [A], name: 'Ann' },
      state: 'opening',
      chatGatewayConversationId: 'desk-1',
      openedAt: matching(MS),
    };
    expect((await api.call('get', `conversations/${id}`)).body).toEqual(opening);
    await api.db
      .acceptor()
      .accept([deskEvent({ facts: { queue: { value: '100', at: 1 }, agents: { a1: { joinedAt: 2 } } } })]);
    expect((await api.call('get', 'conversations')).body).toEqual({
      items: [{ ...opening, state: 'active', queueId: '100', agentId: 'a1', activeAt: matching(MS) }],
      nextCursor: null,
    });
  });

  it('are found by either number, by the customer and by state', async () => {
    const first = await api.openConversation(await accept(A, 'a'), 'desk-1');
    const second = await api.openConversation(await accept(B, 'b'), 'desk-2');
    await api.call('post', `conversations/${first}/close`);
    const expected: [string, string[]][] = [
      ['', [second, first]],
      ['state=closed', [first]],
      ['state=opening', [second]],
      [`address=${encodeURIComponent(B)}`, [second]],
      ['address=%2B15559999999', []],
      ['number=%2B15550100', [second, first]],
      [`number=${number}`, [second, first]],
      [`number=${crypto.randomUUID()}`, []],
      ['number=%2B15550101', []],
      [`number=${number}&address=${A}&state=closed`, [first]],
    ];
    for (const [query, ids] of expected) {
      const found = (await items(`conversations?${query}`)).map((item) => item.id);
      expect([query, found]).toEqual([query, ids]);
    }
    expect((await api.call('get', 'conversations?state=open')).status).toBe(400);
    const page = (await api.call('get', 'conversations?limit=1')).body as { nextCursor: string };
    const next = await items(`conversations?limit=1&cursor=${page.nextCursor}`);
    expect(next.map((item) => item.id)).toEqual([first]);
  });

  it('list their messages in the order of acceptance, both ways', async () => {
    const lane = await accept(A, 'one', 'two');
    const id = await api.openConversation(lane, 'desk-1');
    for (const text of ['one', 'two']) {
      await api.deliverHead(lane, { parts: [{ text }], providerId: text, conversationId: id });
    }
    await api.db.acceptor().accept([agentMessage('three')]);
    await accept(B, 'elsewhere');
    expect(texts(await items(`conversations/${id}/messages`))).toEqual(['one', 'two', 'three']);
    const page = await api.call('get', `conversations/${id}/messages?limit=2`);
    const { nextCursor, items: begun } = page.body as { nextCursor: string; items: Item[] };
    expect(texts(begun)).toEqual(['one', 'two']);
    expect(texts(await items(`conversations/${id}/messages?limit=2&cursor=${nextCursor}`))).toEqual([
      'three',
    ]);
    expect((await api.call('get', `conversations/${crypto.randomUUID()}/messages`)).status).toBe(404);
  });

  it('are closed once, at the desk too, and their lane is woken', async () => {
    const lane = await accept(A, 'one');
    const id = await api.openConversation(lane, 'desk-1');
    const closed = await api.call('post', `conversations/${id}/close`);
    expect(closed.status).toBe(200);
    expect(closed.body).toMatchObject({
      id,
      state: 'closed',
      closeReason: 'operator',
      closedAt: matching(MS),
    });
    expect(api.woken).toEqual([{ laneId: lane, direction: 'inbound' }]);
    const { rows } = await api.db.pool.query(
      'select end_wanted_at is not null as wanted from desk_conversations',
    );
    expect(rows).toEqual([{ wanted: true }]);
    const again = await api.call('post', `conversations/${id}/close`);
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ detail: 'This conversation is closed already.' });
    expect((await api.call('post', `conversations/${crypto.randomUUID()}/close`)).status).toBe(404);
  });
});

describe('lanes', () => {
  it('show their heads, and are paused and resumed', async () => {
    const held = await accept(A, 'a1', 'a2');
    const free = await accept(B, 'b1');
    await api.holdHead(held, 'window');
    const [, lane] = (await items('lanes')) as unknown as { threadId: string; head: object }[];
    expect(lane).toEqual({
      id: held,
      tenantId: 'default',
      threadId: matching(UUID),
      direction: 'inbound',
      blocked: true,
      waiting: 2,
      failures: 0,
      head: { messageId: matching(UUID), seq: 1, delivery: 'held', reason: 'window' },
    });
    expect((await items(`lanes?threadId=${lane?.threadId}`)).map(({ id }) => id)).toEqual([held]);
    expect((await items('lanes?blocked=true')).map(({ id }) => id)).toEqual([held]);

    const paused = await api.call('post', `lanes/${free}/pause`);
    expect(paused.status).toBe(200);
    expect(paused.body).toMatchObject({ id: free, blocked: true, pausedAt: matching(MS) });
    expect((await api.call('post', `lanes/${free}/pause`)).body).toEqual(paused.body);
    expect((await items('lanes?blocked=false')).map(({ id }) => id)).toEqual([]);
    await expect(api.deliverHead(free, { parts: [], providerId: '' })).rejects.toThrow('no work');

    const resumed = await api.call('post', `lanes/${free}/resume`);
    expect(resumed.body).toMatchObject({ blocked: false });
    expect(resumed.body).not.toHaveProperty('pausedAt');
    expect(api.woken).toEqual([{ laneId: free, direction: 'inbound' }]);
    expect((await api.call('post', `lanes/${crypto.randomUUID()}/pause`)).status).toBe(404);
    expect((await api.call('get', 'lanes?threadId=nonsense')).status).toBe(400);
  });

  it('of the other direction are shown, too', async () => {
    const id = await api.openConversation(await accept(A, 'one'), 'desk-1');
    await api.db.acceptor().accept([agentMessage('two')]);
    const lane = await outboundLane();
    const of = (await items('lanes')).find((item) => item.id === lane);
    expect(of).toMatchObject({ direction: 'outbound', blocked: false, waiting: 1 });
    expect(id).toMatch(UUID);
  });
});

describe('the OpenAPI document', () => {
  const routes = [
    'post /api/v1/numbers',
    'get /api/v1/numbers',
    'get /api/v1/numbers/{id}',
    'patch /api/v1/numbers/{id}',
    'delete /api/v1/numbers/{id}',
    'get /api/v1/numbers/{id}/provisioning',
    'post /api/v1/numbers/{id}/provisioning',
    'get /api/v1/conversations',
    'get /api/v1/conversations/{id}',
    'get /api/v1/conversations/{id}/messages',
    'post /api/v1/conversations/{id}/close',
    'get /api/v1/messages',
    'get /api/v1/messages/{id}',
    'post /api/v1/messages',
    'post /api/v1/messages/replay',
    'post /api/v1/messages/{id}/replay',
    'post /api/v1/messages/{id}/discard',
    'get /api/v1/lanes',
    'post /api/v1/lanes/{id}/pause',
    'post /api/v1/lanes/{id}/resume',
    'get /api/v1/customers/{id}',
    'post /api/v1/customers/{id}/opt-out',
    'get /api/v1/audit',
  ];

  async function document(): Promise<OpenAPIObject> {
    const answer = await api.plain.get('/api/openapi.json');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toContain('application/json');
    return answer.body as OpenAPIObject;
  }

  function operations(openApi: OpenAPIObject) {
    return Object.entries(openApi.paths).flatMap(([path, item]) =>
      (['get', 'post', 'put', 'patch', 'delete'] as const).flatMap((method) => {
        const operation = item[method];
        return operation ? [{ method, path, operation }] : [];
      }),
    );
  }

  it('describes each route, and each is behind the key', async () => {
    const all = operations(await document());
    expect(all.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([...routes].sort());
    for (const { method, path, operation } of all) {
      expect(operation.summary).toBeTruthy();
      expect(operation.security).toEqual([{ bearer: [] }]);
      const problems = Object.entries(operation.responses).filter(([status]) => Number(status) >= 400);
      expect(problems.map(([status]) => status)).toEqual(expect.arrayContaining(['401', '503']));
      for (const [, problem] of problems) {
        expect(Object.keys(problem && 'content' in problem ? (problem.content ?? {}) : {})).toEqual([
          'application/problem+json',
        ]);
      }
      const answer = await api.plain[method](path.replace('{id}', crypto.randomUUID()));
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });

  it('names the fields of the contract, and points nowhere in vain', async () => {
    const openApi = await document();
    const schemas = openApi.components?.schemas ?? {};
    const fields = (name: string) => {
      const schema = schemas[name];
      if (!schema || !('properties' in schema)) throw new Error(`No schema ${name}.`);
      const required = new Set(schema.required);
      return Object.keys(schema.properties ?? {}).map((field) => (required.has(field) ? field : `${field}?`));
    };
    expect(fields('Number').join(' ')).toBe(
      'id tenantId address channel state displayName? accountSid messagingServiceSid? chatGatewayChannelId? queueId? language? settings',
    );
    expect(fields('Conversation').join(' ')).toBe(
      'id tenantId threadId numberId customer state chatGatewayConversationId? queueId? agentId? openedAt activeAt? closedAt? closeReason?',
    );
    expect(fields('Message').join(' ')).toBe(
      'id tenantId threadId laneId conversationId? direction authorType seq content delivery receipt? reason? providerCode? explanation? possibleDuplicate acceptedAt submittedAt? parts',
    );
    expect(fields('Attempt').join(' ')).toBe(
      'id correlationId startedAt endedAt? outcome providerId? encoding? segments? httpStatus? errorClass? errorCode? providerCode?',
    );
    const references = JSON.stringify(openApi).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
    for (const [, name = ''] of references) expect(Object.keys(schemas)).toContain(name);
    const list = operations(openApi).find(
      ({ path, method }) => path === '/api/v1/messages' && method === 'get',
    );
    const parameters = (list?.operation.parameters ?? []).flatMap((each) =>
      'name' in each ? [each.name] : [],
    );
    expect(parameters.sort()).toEqual([
      'acceptedFrom',
      'acceptedTo',
      'address',
      'cursor',
      'delivery',
      'direction',
      'limit',
      'numberId',
      'possibleDuplicate',
      'reason',
      'tenantId',
    ]);
  });

  it('has a page that needs nothing from elsewhere', async () => {
    for (const path of ['/api/docs', '/api/docs/']) {
      const page = await api.plain.get(path);
      expect(page.status).toBe(200);
      expect(page.text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
      const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
      expect(links.length).toBeGreaterThan(3);
      for (const link of links) {
        const url = new URL(link, `http://localhost${path}`);
        const answer = await api.plain.get(url.pathname);
        expect([link, answer.status]).toEqual([link, 200]);
      }
    }
  });
});
