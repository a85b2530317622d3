import { isRecord } from '../common/http.js';

export class FiqlError extends Error {
  override readonly name = 'FiqlError';
}

type Predicate = (resource: unknown) => boolean;

/**
 * A FIQL filter (`a==1;b!=2`, `,` is or, `;` is and and binds closer, parentheses) over the allowed fields, which may be
 * dotted paths. Throws FiqlError for anything else.
 */
export function parseFiql(text: string, allowedFields: readonly string[]): Predicate {
  let rest = text.trim();

  const or = (): Predicate => {
    const parts = [and()];
    while (take(',')) parts.push(and());
    return (resource) => parts.some((part) => part(resource));
  };
  const and = (): Predicate => {
    const parts = [term()];
    while (take(';')) parts.push(term());
    return (resource) => parts.every((part) => part(resource));
  };
  const term = (): Predicate => {
    if (take('(')) {
      const inner = or();
      if (!take(')')) throw new FiqlError(`expected ) at ${rest}`);
      return inner;
    }
    const found = /^([\w.-]+)(==|!=)([^;,()]*)/.exec(rest);
    const [matched, field, operator, value] = found ?? [];
    if (matched === undefined || field === undefined || value === undefined) {
      throw new FiqlError(`cannot read ${rest}`);
    }
    if (!allowedFields.includes(field)) throw new FiqlError(`cannot filter by ${field}`);
    rest = rest.slice(matched.length);
    return (resource) => (valueAt(resource, field) === value) === (operator === '==');
  };
  const take = (character: string): boolean => {
    if (!rest.startsWith(character)) return false;
    rest = rest.slice(1);
    return true;
  };

  const predicate = or();
  if (rest !== '') throw new FiqlError(`cannot read ${rest}`);
  return predicate;
}

function valueAt(resource: unknown, path: string): string | undefined {
  let value = resource;
  for (const name of path.split('.')) value = isRecord(value) ? value[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}
