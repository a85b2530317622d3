import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { renderEnvironmentTable } from './environment-table.js';
import { variables } from './variable.js';

describe(renderEnvironmentTable.name, () => {
  it('has one row per variable, with its default and whether it is secret', () => {
    const rows = renderEnvironmentTable().split('\n');
    expect(rows).toHaveLength(variables.length + 2);
    expect(rows.find((row) => row.includes('`LANE_LEASE_MS`'))).toContain('`15000`');
    expect(rows.find((row) => row.startsWith('| `DATABASE_URL`'))).toMatch(/\| yes +\|/);
    expect(rows.find((row) => row.startsWith('| `PORT`'))).not.toMatch(/\| yes +\|/);
  });

  it('is what the formatter would make of it', async () => {
    const table = renderEnvironmentTable();
    expect(await format(table, { parser: 'markdown', printWidth: 110 })).toBe(`${table}\n`);
  });
});
