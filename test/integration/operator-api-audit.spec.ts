import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inboundMessage } from '../support/accepting.js';
import { startOperatorApi, type OperatorApi } from './operator-api-app.js';

let api: OperatorApi;

beforeAll(async () => {
  api = await startOperatorApi();
});
afterAll(() => api.stop());

const CUSTOMER = '+15550001000';
const matching = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

interface Entry {
  id: string;
  at: string;
  actor: string;
  operator?: string;
  action: string;
  target: { kind: string; id?: string };
  details: Record<string, unknown>;
}

async function entries(query = ''): Promise<Entry[]> {
  const answer = await api.call('get', `audit?${query}`);
  expect(answer.status).toBe(200);
  return (answer.body as { items: Entry[] }).items;
}

/** The lines that an act left. */
async function left(act: () => Promise<{ status: number }>, status: number): Promise<Entry[]> {
  const before = new Set((await entries('limit=200')).map(({ id }) => id));
  expect((await act()).status).toBe(status);
  return (await entries('limit=200')).filter(({ id }) => !before.has(id));
}

describe('the audit log', () => {
  it('has a line for every act that had an effect, and none for those that had not', async () => {
    const nobody = crypto.randomUUID();
    const configure = () =>
      api
        .call('post', 'numbers')
        .send({ address: '+15550100', chatGatewayChannelId: 'channel-1', displayName: 'Sales' });
    const [configured] = await left(configure, 201);
    const number = configured?.target.id ?? '';
    expect(configured).toEqual({
      id: matching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      tenantId: 'default',
      at: matching(/^\d{4}-.*Z$/),
      actor: 'admin-key',
      action: 'number.configure',
      target: { kind: 'number', id: matching(/^[0-9a-f-]{36}$/) },
      details: { address: '+15550100' },
    });
    expect((await api.call('get', `numbers/${number}`)).status).toBe(200);
    expect(await left(configure, 409)).toEqual([]);

    const change = () => api.call('patch', `numbers/${number}`).send({ queueId: '7', displayName: null });
    expect(await left(change, 200)).toMatchObject([
      {
        action: 'number.change',
        target: { kind: 'number', id: number },
        details: { fields: ['displayName', 'queueId'] },
      },
    ]);
    expect(await left(() => api.call('patch', `numbers/${nobody}`).send({ queueId: '7' }), 404)).toEqual([]);

    await api.db
      .acceptor()
      .accept([inboundMessage({ from: CUSTOMER, text: 'a secret', profileName: 'Ann' })]);
    const remove = (id: string) => () => api.call('delete', `numbers/${id}`);
    expect(await left(remove(number), 409)).toEqual([]);
    const [other] = await left(
      () => api.call('post', 'numbers').send({ address: '+15550101', chatGatewayChannelId: 'c' }),
      201,
    );
    expect(await left(remove(other?.target.id ?? ''), 204)).toMatchObject([
      { action: 'number.delete', target: { id: other?.target.id }, details: { address: '+15550101' } },
    ]);
    expect(await left(remove(other?.target.id ?? ''), 404)).toEqual([]);

    const { rows } = await api.db.pool.query<{ lane: string; message: string; customer: string }>(
      `select m.lane_id as lane, m.id as message, t.customer_id as customer
       from messages m join threads t on t.id = m.thread_id`,
    );
    const [{ lane, message, customer } = { lane: '', message: '', customer: '' }] = rows;
    const conversation = await api.openConversation(lane, 'desk-1');
    const close = (id: string) => () => api.call('post', `conversations/${id}/close`);
    expect(await left(close(conversation), 200)).toMatchObject([
      { action: 'conversation.close', target: { kind: 'conversation', id: conversation }, details: {} },
    ]);
    expect(await left(close(conversation), 409)).toEqual([]);
    expect(await left(close(nobody), 404)).toEqual([]);

    for (const act of ['pause', 'resume']) {
      expect(await left(() => api.call('post', `lanes/${lane}/${act}`), 200)).toMatchObject([
        { action: `lane.${act}`, target: { kind: 'lane', id: lane }, details: {} },
      ]);
      expect(await left(() => api.call('post', `lanes/${nobody}/${act}`), 404)).toEqual([]);
    }

    await api.holdHead(lane, 'reopening-limit');
    expect(await left(() => api.call('post', `messages/${message}/replay`), 200)).toMatchObject([
      {
        action: 'message.replay',
        target: { kind: 'message', id: message },
        details: { allParts: false, was: { delivery: 'held', reason: 'reopening-limit' } },
      },
    ]);
    expect(await left(() => api.call('post', `messages/${message}/replay`), 409)).toEqual([]);
    expect(await left(() => api.call('post', `messages/${message}/discard`), 200)).toMatchObject([
      {
        action: 'message.discard',
        target: { kind: 'message', id: message },
        details: { was: { delivery: 'open' } },
      },
    ]);
    expect(await left(() => api.call('post', `messages/${message}/discard`), 200)).toEqual([]);

    const byFilter = (dryRun: boolean) => () =>
      api.call('post', 'messages/replay').send({
        filter: { address: CUSTOMER, reason: 'discarded', acceptedFrom: '2026-01-01T00:00:00Z' },
        dryRun,
      });
    expect(await left(byFilter(true), 200)).toEqual([]);
    const [filtered] = await left(byFilter(false), 200);
    expect(filtered?.target).toEqual({ kind: 'messages' });
    expect(filtered).toMatchObject({
      action: 'messages.replay',
      details: {
        filter: { customerId: customer, reason: 'discarded', acceptedFrom: '2026-01-01T00:00:00.000Z' },
        matched: 1,
        replayed: 1,
      },
    });

    const everything = JSON.stringify((await api.db.pool.query('select * from audit')).rows);
    for (const canary of [CUSTOMER, CUSTOMER.slice(1), 'secret', 'Ann', 'Sales'])
      expect(everything).not.toContain(canary);
  });

  it('is found by action, by target and by time, page by page', async () => {
    const all = await entries('limit=200');
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    const paused = all.filter(({ action }) => action === 'lane.pause');
    expect(paused).toHaveLength(1);
    expect(await entries('action=lane.pause')).toEqual(paused);
    const target = paused[0]?.target.id ?? '';
    expect(await entries(`target=${target}`)).toEqual(all.filter((entry) => entry.target.id === target));
    const [middle] = paused;
    const time = encodeURIComponent(middle?.at ?? '');
    expect(await entries(`from=${time}&limit=200`)).toEqual(all.filter(({ at }) => at >= (middle?.at ?? '')));
    expect(await entries(`to=${time}&limit=200`)).toEqual(all.filter(({ at }) => at < (middle?.at ?? '')));
    expect(await entries(`from=${time}&to=${time}`)).toEqual([]);

    const walked: Entry[] = [];
    let cursor: string | null = '';
    do {
      const answer = await api.call('get', `audit?limit=3${cursor && `&cursor=${cursor}`}`);
      const body = answer.body as { items: Entry[]; nextCursor: string | null };
      walked.push(...body.items);
      cursor = body.nextCursor;
    } while (cursor !== null);
    expect(walked).toEqual(all);
  });

  it.each(['action=lane.delete', 'target=+15550001000', 'from=today', 'to=', 'actor=admin-key'])(
    'is not looked through with %s',
    async (query) => {
      expect((await api.call('get', `audit?${query}`)).status).toBe(400);
    },
  );

  it('says who it was, where they say so, and takes no more than a short name', async () => {
    const [lane] = (await api.call('get', 'lanes')).body.items as { id: string }[];
    const pause = (operator: string) => () =>
      api.call('post', `lanes/${lane?.id}/pause`).set('x-causeway-operator', operator);
    expect(await left(pause('ann.k-2'), 200)).toMatchObject([{ actor: 'admin-key', operator: 'ann.k-2' }]);
    for (const wrong of ['', 'Ann K', 'a'.repeat(65), '-ann', 'ann@example.com']) {
      expect(await left(pause(wrong), 400)).toEqual([]);
    }
  });

  it('goes with its act or not at all', async () => {
    const [lane] = (await api.call('get', 'lanes')).body.items as { id: string }[];
    await api.call('post', `lanes/${lane?.id}/resume`);
    await api.db.pool.query(`alter table audit add constraint full_disk check (at < '2000-01-01') not valid`);
    try {
      const number = { address: '+15550177', chatGatewayChannelId: 'c' };
      const acts = [
        () => api.call('post', `lanes/${lane?.id}/pause`),
        () => api.call('post', 'numbers').send(number),
        () => api.call('post', 'messages/replay').send({ filter: { delivery: 'failed' } }),
      ];
      for (const act of acts) expect((await act()).status).toBe(500);
    } finally {
      await api.db.pool.query('alter table audit drop constraint full_disk');
    }
    expect((await api.call('get', 'lanes')).body).toMatchObject({
      items: [expect.not.objectContaining({ pausedAt: expect.anything() as string })],
    });
    expect((await api.call('get', 'numbers')).body).toMatchObject({ items: [{ address: '+15550100' }] });
  });
});
