/** One function's definition out of a migration's text, as a statement that replaces what stands in its place. */
export function functionIn(sql: string, name: string): string {
  const start = new RegExp(`create (?:or replace )?function ${name}\\(`).exec(sql);
  const [head, body] = start ? sql.slice(start.index + start[0].length).split('$$') : [];
  if (head === undefined || body === undefined) throw new Error(`There is no function ${name}.`);
  return `create or replace function ${name}(${head}$$${body}$$;`;
}
