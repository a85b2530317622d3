import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { conversationPicture, conversationTables } from '../support/conversation-states.js';

const START = '<!-- states: test/integration/conversation-states.spec.ts --update rewrites this part -->';
const END = '<!-- end of states -->';
const docs = (path: string) => fileURLToPath(new URL(`../../docs/${path}`, import.meta.url));

/** The docs are their own snapshots, as the README's table of variables is. */
it('the docs show the states as the table has them', async () => {
  const page = docs('conversation-states.md');
  const text = await readFile(page, 'utf8');
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  expect(start, `${START} stands in the page`).toBeGreaterThan(-1);
  expect(end, `${END} follows it`).toBeGreaterThan(start);
  const before = text.slice(0, start + START.length);
  await expect(`${before}\n\n${conversationTables()}\n\n${text.slice(end)}`).toMatchFileSnapshot(page);
});

it('the docs draw the states as the table has them', async () => {
  await expect(conversationPicture()).toMatchFileSnapshot(docs('pictures/conversation-states.svg'));
});
