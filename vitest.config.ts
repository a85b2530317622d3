import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Vitest hands these to Node as well, where `import` or `module` would make require() find ES modules.
const conditions = ['source', 'node'];

/** Tests that run the built programs as processes of their own, after everything else. */
const processes = ['test/e2e/**/*.spec.ts', 'test/faults/**/*.spec.ts', 'test/integration/launcher*.spec.ts'];

/** Of these, tests that keep both cores of a small machine busy: beside a third of their kind each takes twice as long. */
const heavy = ['kill', 'redis', 'processes', 'postgres', 'storm', 'workers', 'providers'].map(
  (name) => `test/faults/${name}.spec.ts`,
);

/** Tests that hold a process up for less than its own deadlines, or compare times: nothing else runs beside them. */
const alone = ['test/faults/broken-builds.spec.ts', 'test/faults/load.spec.ts'];

/** A minute of random search for what a broken build breaks: `npm run test:model`. */
const long = process.env['LONG'] === undefined ? ['test/model/broken-builds.spec.ts'] : [];

/** Short files that take long: begun first, so that nothing else has ended when they begin. */
const longFirst = [
  'test/model/delivery-model.spec.ts',
  'test/integration/provider-gate.spec.ts',
  'test/e2e/conversation.spec.ts',
  'test/faults/kill.spec.ts',
  'test/faults/redis.spec.ts',
];

/** Without durations of earlier runs, which a fresh machine lacks, the order is by size alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const bySize = await super.sort(files);
    const [first, then] = [true, false].map((wanted) =>
      bySize.filter(({ moduleId }) => longFirst.some((path) => moduleId.endsWith(path)) === wanted),
    );
    return [...(first ?? []), ...(then ?? [])];
  }
}

function ofProcesses(
  name: string,
  files: { include: string[]; exclude?: string[]; maxWorkers: number; groupOrder: number },
): TestProjectInlineConfiguration {
  const { include, exclude = [], maxWorkers, groupOrder } = files;
  return {
    extends: true,
    test: {
      name,
      include,
      exclude: [...exclude, '**/node_modules/**', 'dist/**'],
      testTimeout: 180_000,
      hookTimeout: 120_000,
      maxWorkers,
      sequence: { groupOrder },
    },
  };
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    maxConcurrency: 16,
    globalSetup: 'test/support/temporary.ts',
    sequence: { sequencer: LongestFirst },
    // Without isolation where files are many and short: most of their time would go into loading the same modules for each.
    projects: [
      {
        extends: true,
        test: {
          name: 'units',
          include: ['libs/**/*.spec.ts', 'apps/**/*.spec.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
          isolate: false,
          testTimeout: 30_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'rooms',
          include: ['test/**/*.spec.ts'],
          exclude: [...processes, ...long, '**/node_modules/**', 'dist/**'],
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      ofProcesses('processes', {
        include: processes,
        exclude: [...heavy, ...alone],
        maxWorkers: 3,
        groupOrder: 2,
      }),
      ofProcesses('heavy', { include: heavy, maxWorkers: 2, groupOrder: 3 }),
      ofProcesses('alone', { include: alone, maxWorkers: 1, groupOrder: 4 }),
    ],
  },
});
