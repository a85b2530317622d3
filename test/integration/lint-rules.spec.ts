import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** One violation of each rule of DESIGN 3 and of the house, planted where the rule must bite. */
const planted: [name: string, file: string, code: string, rule: string][] = [
  ['core imports a lib', 'libs/core/src/a.ts', "import '#persistence';", 'no-restricted-imports'],
  ['core imports a framework', 'libs/core/src/b.ts', "import '@nestjs/common';", 'no-restricted-imports'],
  [
    'core reaches a neighbour by path',
    'libs/core/src/c.ts',
    "import '../../platform/src/x.js';",
    'no-restricted-imports',
  ],
  ['platform imports core', 'libs/platform/src/a.ts', "import '#core';", 'no-restricted-imports'],
  [
    'persistence imports queueing',
    'libs/persistence/src/a.ts',
    "import '#queueing';",
    'no-restricted-imports',
  ],
  [
    'queueing imports a channel',
    'libs/queueing/src/a.ts',
    "import '#channel-twilio';",
    'no-restricted-imports',
  ],
  [
    'a channel imports the desk',
    'libs/channel-twilio/src/a.ts',
    "import '#desk-chat-gateway';",
    'no-restricted-imports',
  ],
  [
    'a channel imports storage',
    'libs/channel-twilio/src/b.ts',
    "import '#persistence';",
    'no-restricted-imports',
  ],
  [
    'a desk imports the queue',
    'libs/desk-chat-gateway/src/a.ts',
    "import 'bullmq';",
    'no-restricted-imports',
  ],
  ['a bot imports storage', 'libs/bot-webhook/src/a.ts', "import '#persistence';", 'no-restricted-imports'],
  [
    'an app imports another app',
    'apps/worker/src/a.ts',
    "import '../../gateway/src/x.js';",
    'no-restricted-imports',
  ],
  [
    "the page imports the sandbox's server",
    'apps/sandbox/web/src/a.ts',
    "import '../../src/page/sandbox.js';",
    'no-restricted-imports',
  ],
  ['the page imports a lib', 'apps/sandbox/web/src/b.ts', "import '#platform';", 'no-restricted-imports'],
  ['any', 'libs/core/src/d.ts', 'export const x: any = 1;', 'no-explicit-any'],
  [
    'a floating promise',
    'libs/core/src/e.ts',
    'export function f(): void { Promise.resolve(1); }',
    'no-floating-promises',
  ],
  [
    'a cycle',
    'libs/core/src/f.ts',
    "import { g } from './g.js';\nexport const f = (): unknown => g;",
    'no-cycle',
  ],
];

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'causeway-lint-'));
  await cp(join(root, '.oxlintrc.json'), join(dir, '.oxlintrc.json'));
  await cp(join(root, 'tsconfig.json'), join(dir, 'tsconfig.json'));
  await cp(join(root, 'package.json'), join(dir, 'package.json'));
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
  await writeFile(join(dir, '.gitignore'), 'node_modules\n');
  for (const [, file, code] of planted) await plant(file, code);
  await plant('libs/core/src/g.ts', "import { f } from './f.js';\nexport const g = (): unknown => f;");
  await plant('libs/core/src/fine.ts', 'export const fine = 1;');
  await plant('libs/channel-twilio/src/fine.ts', "import '#core';\nimport '#platform';");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function plant(file: string, code: string): Promise<void> {
  await mkdir(dirname(join(dir, file)), { recursive: true });
  await writeFile(join(dir, file), `${code}\n`);
}

interface Finding {
  filename: string;
  code: string;
}

async function lint(): Promise<Finding[]> {
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  const { stdout } = await run(process.execPath, [oxlint, '--type-aware', '--format=json'], {
    cwd: dir,
  }).catch((failure: { stdout: string }) => failure);
  return (JSON.parse(stdout) as { diagnostics: Finding[] }).diagnostics;
}

describe('the linter', () => {
  let findings: Finding[];
  beforeAll(async () => {
    findings = await lint();
  });

  it.each(planted)('refuses: %s', (_name, file, _code, rule) => {
    const rules = findings.filter(({ filename }) => filename.endsWith(file)).map(({ code }) => code);
    expect(rules).toContainEqual(expect.stringContaining(rule));
  });

  it('has nothing against what the rules allow', () => {
    expect(findings.filter(({ filename }) => filename.endsWith('fine.ts'))).toEqual([]);
  });
});
