import type { CallContext } from '#core';
import type { ChatGatewayClient } from '../client.js';
import { deadline } from './deadline.js';
import { asArray, asObject } from '../json.js';
import type { JsonObject } from '../json.js';

/** What the far side's lists can be asked for; each list names which of these it takes. */
export interface ListQuery {
  /** From 0. */
  page?: number;
  /** 20 where it is not said. */
  size?: number;
  /** `id:asc`; messages and cards only `createdAt:asc` and `createdAt:desc`. */
  sort?: string;
  /** FIQL: `name==Support`. */
  filter?: string;
}

export interface ListPage<T> {
  items: T[];
  totalPages: number;
}

const PAGE_SIZE = 100;
/** Of lists that are read whole: ten thousand entries. */
const MAX_PAGES = 100;

/**
 * One page of a HAL list, its entries out of `_embedded`, of which an empty list may have none. Entries that `read` makes
 * nothing of are left out. Throws `DeliveryError`, also where the answer is no list at all.
 */
export async function listPage<T>(
  client: ChatGatewayClient,
  path: string[],
  plural: string,
  read: (entry: JsonObject) => T | undefined,
  query: ListQuery,
  context: CallContext,
): Promise<ListPage<T>> {
  const asked = Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
  const answer = await client.call({ operation: 'read', method: 'GET', path, query: asked }, context);
  const list = asObject(answer.json);
  if (!('_embedded' in list || 'page' in list)) throw client.garbage('read', answer);
  const entries = asArray(asObject(list['_embedded'])[plural]).map(asObject);
  const totalPages = asObject(list['page'])['totalPages'];
  return {
    items: entries.flatMap((entry) => read(entry) ?? []),
    totalPages: typeof totalPages === 'number' && Number.isSafeInteger(totalPages) ? totalPages : 1,
  };
}

/** A whole list, page after page within one deadline. An entry that moved between two pages counts once. */
export async function listAll<T extends { id: string }>(
  readPage: (query: ListQuery, context: CallContext) => Promise<ListPage<T>>,
  query: Omit<ListQuery, 'page'>,
  context: CallContext,
): Promise<T[]> {
  const within = deadline(context);
  const found = new Map<string, T>();
  for (let page = 0, pages = 1; page < Math.min(pages, MAX_PAGES); page += 1) {
    const { items, totalPages } = await readPage({ size: PAGE_SIZE, ...query, page }, within());
    for (const item of items) found.set(item.id, item);
    pages = totalPages;
  }
  return [...found.values()];
}
