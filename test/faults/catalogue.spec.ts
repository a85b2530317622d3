import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT } from '../support/project.js';
import { AREAS, FAULTS, type Area } from './catalogue.js';
import { faultsInTitles } from './titles.js';

const AREA_NAMES: Record<string, Area> = {
  'our processes': 'process',
  Redis: 'redis',
  Postgres: 'postgres',
  providers: 'provider',
  conversations: 'conversation',
  webhooks: 'webhook',
  input: 'input',
  media: 'media',
  load: 'load',
};

/** Every spec of `npm test`, but the one that speaks of ids without staging anything. */
const specs = globSync('{test,libs,apps}/**/*.spec.ts', { cwd: PROJECT }).filter(
  (file) => !file.includes('node_modules') && !file.endsWith('catalogue.spec.ts'),
);
const staged = new Set(
  specs.flatMap((file) => [...faultsInTitles(file, readFileSync(join(PROJECT, file), 'utf8'))]),
);

describe('the catalogue of faults', () => {
  it.each(Object.entries(FAULTS))('%s has a scenario, or a reason why not', (id, fault) => {
    expect(staged.has(id)).toBe(!('why' in fault));
  });

  it('knows every id that a test claims to stage', () => {
    expect([...staged].filter((id) => !Object.hasOwn(FAULTS, id))).toEqual([]);
  });

  it.each(Object.entries(AREAS))('leaves out nothing of %s, and names each once', (area, words) => {
    expect(leftOut(area, words)).toEqual([]);
  });

  it('finds what is left out', () => {
    expect(leftOut('media', AREAS.media.replace('endless', 'endless, upside down'))).toEqual(['upside down']);
    expect(leftOut('media', AREAS.media.replace('endless, ', ''))).toEqual(['not said: endless']);
  });

  const list = join(PROJECT, '..', 'shared', 'FAULTS.md');
  it.skipIf(!existsSync(list))('has the areas of the list that it was made from', () => {
    const rows = [
      ...readFileSync(list, 'utf8').matchAll(/^\| (?<name>[^|]+?) \| (?<words>[^|]+?) \|$/gm),
    ].map(({ groups = {} }) => [groups['name'] ?? '', groups['words']] as const);
    const faults = rows.slice(rows.findIndex(([name]) => name === 'our processes'));
    expect(Object.fromEntries(faults.map(([name, words]) => [AREA_NAMES[name] ?? name, words]))).toEqual(
      AREAS,
    );
  });
});

/** What remains of an area's words when those of its faults are taken out in order, and what of these is not there. */
function leftOut(area: string, words: string): string[] {
  let rest = words;
  const left: string[] = [];
  for (const [id, { said }] of Object.entries(FAULTS)) {
    if (!id.startsWith(`${area}-`)) continue;
    const at = rest.indexOf(said);
    if (at < 0) {
      left.push(`not said: ${said}`);
      continue;
    }
    left.push(rest.slice(0, at));
    rest = rest.slice(at + said.length);
  }
  return [...left, rest]
    .flatMap((part) => part.split(/[,;()]|\b(?:and|or)\b/))
    .flatMap((part) => part.trim() || []);
}

describe('the search for ids in titles', () => {
  const ids = (text: string) => [...faultsInTitles('x.spec.ts', text)];

  it.each([
    [`it('redis-1: x', () => 1)`, ['redis-1']],
    [`it(title('redis-1'), () => 1)`, ['redis-1']],
    ['it(`redis-1 and ${title("redis-2")} ${x} redis-3`, () => 1)', ['redis-1', 'redis-2', 'redis-3']],
    [`test.concurrent('redis-1', () => 1)`, ['redis-1']],
    [`it.each([['redis-1', 5]])('%s', () => 1)`, ['redis-1']],
    [`const ALL = ['redis-1']; it.each(ALL.map((id) => [title(id)]))('%s', () => 1)`, ['redis-1']],
    [`it.skipIf(missing)('redis-1', () => 1)`, ['redis-1']],
  ])('finds them in %s', (text, found) => expect(ids(text)).toEqual(found));

  it.each([
    `// it('redis-1')`,
    `const all = ['redis-1'];`,
    `it('x', () => expect('redis-1').toBe(1))`,
    `it.skip('redis-1', () => 1)`,
    `it.todo('redis-1')`,
    `describe('redis-1', () => 1)`,
    `it('redis-100x', () => 1)`,
  ])('finds none in %s', (text) => expect(ids(text)).toEqual([]));
});
