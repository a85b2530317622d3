import { describe, expect, it } from 'vitest';
import type { CallContext } from '#core';
import { ChatGatewayClient } from '../client.js';
import { listAll, listPage, type ListQuery } from './lists.js';

const context = { timeoutMs: 5_000 };
const readId = ({ id }: Record<string, unknown>) => (typeof id === 'string' ? { id } : undefined);

/** A client that is answered so. */
function clientOf(body: unknown, status = 200): { client: ChatGatewayClient; urls: string[] } {
  const urls: string[] = [];
  const http = {
    request: async ({ url }: { url: string | URL }) => {
      urls.push(String(url));
      return { status, headers: {}, body: Buffer.from(JSON.stringify(body)) };
    },
  };
  const account = { baseUrl: 'http://desk', apiKey: 'k', tenantId: 't' };
  return { client: new ChatGatewayClient(http, account), urls };
}

describe(listPage.name, () => {
  it('unwraps the entries, asks for what is said and leaves out what has no id', async () => {
    const { client, urls } = clientOf({
      _embedded: { things: [{ id: 'a' }, { name: 'none' }, null] },
      page: { totalPages: 7 },
    });
    const query: ListQuery = { page: 2, size: 5, sort: 'id:asc', filter: 'name==a;b' };
    expect(await listPage(client, ['things'], 'things', readId, query, context)).toEqual({
      items: [{ id: 'a' }],
      totalPages: 7,
    });
    expect(urls).toEqual([
      'http://desk/chat-gateway/v1/things?page=2&size=5&sort=id%3Aasc&filter=name%3D%3Da%3Bb',
    ]);
  });

  it.each([
    [{ page: { totalPages: 0 } }, { items: [], totalPages: 0 }],
    [{ _embedded: {} }, { items: [], totalPages: 1 }],
    [
      { _embedded: { things: 'no list' }, page: { totalPages: 'many' } },
      { items: [], totalPages: 1 },
    ],
  ])('reads %j', async (body, expected) => {
    const { client } = clientOf(body);
    expect(await listPage(client, ['things'], 'things', readId, {}, context)).toEqual(expected);
  });

  it.each([[{}], [[]], ['text'], [{ items: [] }]])('%j is no list', async (body) => {
    const { client } = clientOf(body);
    const call = listPage(client, ['things'], 'things', readId, {}, context);
    await expect(call).rejects.toMatchObject({ kind: 'not-sent', code: 'garbage-answer' });
  });
});

describe(listAll.name, () => {
  it('goes through the pages, counts once what moved between them, and ends where the last one does', async () => {
    const pages = [['a', 'b'], ['b', 'c'], ['d']];
    const asked: ListQuery[] = [];
    const all = await listAll(
      async (query) => {
        asked.push(query);
        return { items: (pages[query.page ?? 0] ?? []).map((id) => ({ id })), totalPages: pages.length };
      },
      { filter: 'x==y' },
      context,
    );
    expect(all.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
    expect(asked).toEqual([0, 1, 2].map((page) => ({ size: 100, filter: 'x==y', page })));
  });

  it('has one deadline for all pages', async () => {
    const timeouts: number[] = [];
    const call = listAll(
      async (_query, { timeoutMs }: CallContext) => {
        timeouts.push(timeoutMs);
        await new Promise((resolve) => setTimeout(resolve, 30));
        return { items: [], totalPages: 1_000 };
      },
      {},
      { timeoutMs: 100 },
    );
    await expect(call).rejects.toMatchObject({ kind: 'not-sent', code: 'deadline' });
    expect(timeouts).toEqual([...timeouts].sort((a, b) => b - a));
  });

  it('does not believe in endless lists', async () => {
    let pages = 0;
    await listAll(
      async () => {
        pages += 1;
        return { items: [], totalPages: Number.MAX_SAFE_INTEGER };
      },
      {},
      context,
    );
    expect(pages).toBe(100);
  });
});
