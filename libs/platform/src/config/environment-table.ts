import './configuration.js';
import { variables } from './variable.js';
import type { Variable } from './variable.js';

/** The markers in the README between which {@link renderEnvironmentTable} stands, each on a line of its own. */
export const ENVIRONMENT_TABLE_START = '<!-- environment -->';
export const ENVIRONMENT_TABLE_END = '<!-- /environment -->';

/** The environment as a Markdown table, columns padded as the formatter wants them. Ends without a line break. */
export function renderEnvironmentTable(): string {
  const rows = [['variable', 'default', 'secret', 'meaning'], ...variables.map(cells)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows.map(line);
  return [head, line(widths.map((width) => '-'.repeat(width))), ...body].join('\n');
}

function cells(variable: Variable): string[] {
  return [`\`${variable.name}\``, defaultText(variable), variable.secret ? 'yes' : '', meaning(variable)];
}

function defaultText({ default: value, defaultText: text }: Variable): string {
  return text ?? (typeof value === 'string' ? `\`${value}\`` : 'none');
}

function meaning({ description, requiredBy }: Variable): string {
  if (requiredBy.length === 0) return description;
  return `${description} Required by ${requiredBy.map((role) => `\`${role}\``).join(', ')}.`;
}
