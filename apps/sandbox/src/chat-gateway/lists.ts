import { type Answer, answer, type Call } from '../common/http.js';
import { FiqlError, parseFiql } from './fiql.js';
import { invalidField } from './problems.js';

export interface ListRules {
  /** Name under `_embedded`. */
  plural: string;
  sortFields: readonly string[];
  defaultSort: string;
  filterFields: readonly string[];
}

const HAL = 'application/hal+json';

/** A page of a list: `page` from 0, `size` 20, `sort=field:asc|desc`, FIQL `filter`. */
export function halList(call: Call, resources: readonly Record<string, unknown>[], rules: ListRules): Answer {
  const page = Number(call.query.get('page') ?? 0);
  const size = Number(call.query.get('size') ?? 20);
  if (!Number.isInteger(page) || page < 0)
    return invalidField('page', page, 'invalid_parameter', 'Invalid page.');
  if (!Number.isInteger(size) || size < 1)
    return invalidField('size', size, 'invalid_parameter', 'Invalid size.');
  const sort = call.query.get('sort') ?? rules.defaultSort;
  const [field = '', direction = 'asc'] = sort.split(':');
  if (!rules.sortFields.includes(field) || (direction !== 'asc' && direction !== 'desc')) {
    return invalidField('sort', sort, 'invalid_parameter', `Cannot sort by ${sort}.`);
  }
  const filter = call.query.get('filter');
  let found = [...resources];
  if (filter !== null && filter !== '') {
    try {
      found = found.filter(parseFiql(filter, rules.filterFields));
    } catch (cause) {
      if (!(cause instanceof FiqlError)) throw cause;
      return invalidField('filter', filter, 'invalid_parameter', cause.message);
    }
  }
  const sorted = sortBy(found, field, direction);
  return answer(200, HAL, {
    _embedded: { [rules.plural]: sorted.slice(page * size, (page + 1) * size) },
    _links: { self: { href: call.url } },
    page: { size, number: page, totalElements: found.length, totalPages: Math.ceil(found.length / size) },
  });
}

export function halResource(status: number, resource: object): Answer {
  return answer(status, HAL, resource);
}

/** Equal keys keep the order of making (newest first when descending). */
function sortBy(
  resources: readonly Record<string, unknown>[],
  field: string,
  direction: string,
): Record<string, unknown>[] {
  const ordered = resources
    .map((resource, position) => ({ resource, position, key: String(resource[field]) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.position - b.position))
    .map(({ resource }) => resource);
  return direction === 'desc' ? ordered.reverse() : ordered;
}
