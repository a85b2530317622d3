import { type Answer, answer, type Call } from '../common/http.js';

/** A page of a list of Twilio's newer products: `meta` beside the records. */
export function metaPage(
  call: Call,
  resources: readonly Record<string, unknown>[],
  key: string,
  baseUrl: string,
): Answer {
  const size = Math.min(1000, Math.max(1, Number(call.query.get('PageSize') ?? 50)));
  const page = Math.max(0, Number(call.query.get('Page') ?? 0));
  const at = (number: number): string => {
    const query = new URLSearchParams(call.query);
    query.set('PageSize', String(size));
    query.set('Page', String(number));
    return `${baseUrl}${call.path}?${query.toString()}`;
  };
  const more = (page + 1) * size < resources.length;
  return answer(200, 'application/json', {
    [key]: resources.slice(page * size, (page + 1) * size),
    meta: {
      page,
      page_size: size,
      first_page_url: at(0),
      previous_page_url: page === 0 ? null : at(page - 1),
      url: at(page),
      next_page_url: more ? at(page + 1) : null,
      key,
    },
  });
}
