import type { Answer, Call } from '../common/http.js';
import { answer } from '../common/http.js';
import { twilioError } from './errors.js';
import { messageResource, type StoredMessage } from './messages.js';

const DAY_MS = 24 * 60 * 60 * 1000;

type Filter = (message: StoredMessage) => boolean;

/**
 * `GET Messages.json`: newest first; filters on To, From and `date_sent` (a queued message has none and is left out by every
 * date filter, as at Twilio). A page token names the last message of the page before, so that new messages shift nothing.
 */
export function listMessages(call: Call, newestFirst: readonly StoredMessage[], accountSid: string): Answer {
  const filters = filtersOf(call.query);
  if (filters === undefined) return twilioError(20001, 'Invalid DateSent');
  const pageSize = Number(call.query.get('PageSize') ?? 50);
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 1000) return twilioError(20007);
  const page = Number(call.query.get('Page') ?? 0);
  if (!Number.isInteger(page) || page < 0) return twilioError(20001, 'Invalid Page');

  const found = newestFirst.filter((message) => filters.every((matches) => matches(message)));
  const token = call.query.get('PageToken');
  let start = page * pageSize;
  if (token !== null) {
    const last = found.findIndex((message) => token === `PA${message.sid}`);
    if (last < 0) return twilioError(20001, 'Invalid PageToken');
    start = last + 1;
  }
  const shown = found.slice(start, start + pageSize);
  const last = shown.at(-1);
  const uri = (number: number, pageToken?: string): string => {
    const query = new URLSearchParams(call.query);
    query.set('PageSize', String(pageSize));
    query.set('Page', String(number));
    query.delete('PageToken');
    if (pageToken !== undefined) query.set('PageToken', pageToken);
    return `/2010-04-01/Accounts/${accountSid}/Messages.json?${query.toString()}`;
  };
  const more = last !== undefined && start + shown.length < found.length;
  const before = found[start - pageSize - 1];
  return answer(200, 'application/json;charset=utf-8', {
    first_page_uri: uri(0),
    end: page * pageSize + Math.max(0, shown.length - 1),
    previous_page_uri: page === 0 ? null : uri(page - 1, before && page > 1 ? `PA${before.sid}` : undefined),
    messages: shown.map(messageResource),
    uri: uri(page, token ?? undefined),
    page_size: pageSize,
    start: page * pageSize,
    next_page_uri: more ? uri(page + 1, `PA${last.sid}`) : null,
    page,
  });
}

/** Undefined when a date cannot be read. */
function filtersOf(query: URLSearchParams): Filter[] | undefined {
  const filters: Filter[] = [];
  const to = query.get('To');
  if (to !== null && to !== '') filters.push((message) => message.to === to);
  const from = query.get('From');
  if (from !== null && from !== '') filters.push((message) => message.from === from);
  for (const [name, value] of query) {
    if (!/^DateSent[<>]?$/.test(name) || value === '') continue;
    const filter = dateFilter(name, value);
    if (filter === undefined) return undefined;
    filters.push(filter);
  }
  return filters;
}

function dateFilter(name: string, value: string): Filter | undefined {
  const instantMs = Date.parse(value);
  if (Number.isNaN(instantMs)) return undefined;
  const wholeDay = /^\d{4}-\d{2}-\d{2}$/.test(value);
  return ({ sentAtMs }) => {
    if (sentAtMs === null) return false;
    // Twilio keeps whole seconds.
    const sentMs = sentAtMs - (sentAtMs % 1000);
    if (name === 'DateSent>') return sentMs >= instantMs;
    if (name === 'DateSent<') return sentMs <= instantMs;
    return wholeDay ? sentMs >= instantMs && sentMs < instantMs + DAY_MS : sentMs === instantMs;
  };
}
