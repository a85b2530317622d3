/** One function's definition out of a migration's text, as a statement that replaces what stands in its place. */
export function functionIn(sql: string, name: string): string {
  const start = sql.indexOf(`create function ${name}(`);
  const end = sql.indexOf('end $$;', start);
  if (start === -1 || end === -1) throw new Error(`There is no function ${name}.`);
  return `${sql.slice(start, end)}end $$;`.replace('create function', 'create or replace function');
}
