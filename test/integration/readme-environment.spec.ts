import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ENVIRONMENT_TABLE_END, ENVIRONMENT_TABLE_START, renderEnvironmentTable } from '#platform';
import { expect, it } from 'vitest';

const readme = fileURLToPath(new URL('../../README.md', import.meta.url));

/** The README is its own snapshot: `npx vitest run test/integration/readme-environment.spec.ts --update` rewrites the table. */
it('the README lists the environment as the schema declares it', async () => {
  const text = await readFile(readme, 'utf8');
  const start = text.indexOf(ENVIRONMENT_TABLE_START);
  const end = text.indexOf(ENVIRONMENT_TABLE_END);
  expect(start, `${ENVIRONMENT_TABLE_START} stands in the README`).toBeGreaterThan(-1);
  expect(end, `${ENVIRONMENT_TABLE_END} follows it`).toBeGreaterThan(start);
  const before = text.slice(0, start + ENVIRONMENT_TABLE_START.length);
  await expect(`${before}\n\n${renderEnvironmentTable()}\n\n${text.slice(end)}`).toMatchFileSnapshot(readme);
});
