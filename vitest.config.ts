import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Vitest hands these to Node as well, where `import` or `module` would make require() find ES modules.
const conditions = ['source', 'node'];

/** Tests that run the built programs as processes of their own, two files at a time, after everything else. */
const processes = ['test/e2e/**/*.spec.ts', 'test/faults/**/*.spec.ts', 'test/integration/launcher*.spec.ts'];

/** Tests that hold a process up for less than its own deadlines: nothing else runs beside them. */
const alone = ['test/faults/broken-builds.spec.ts'];

/** A minute of random search for what a broken build breaks: `npm run test:model`. */
const long = process.env['LONG'] === undefined ? ['test/model/broken-builds.spec.ts'] : [];

/** Short files that take long: begun first, so that nothing else has ended when they begin. */
const longFirst = [
  'test/model/delivery-model.spec.ts',
  'test/integration/provider-gate.spec.ts',
  'test/faults/kill.spec.ts',
  'test/faults/redis.spec.ts',
  'test/faults/processes.spec.ts',
  'test/faults/postgres.spec.ts',
  'test/faults/storm.spec.ts',
  'test/faults/load.spec.ts',
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

const common = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    maxConcurrency: 16,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          ...common,
          name: 'rooms',
          include: ['libs/**/*.spec.ts', 'apps/**/*.spec.ts', 'test/**/*.spec.ts'],
          exclude: [...processes, ...long, '**/node_modules/**', 'dist/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          ...common,
          name: 'processes',
          include: processes,
          exclude: [...alone, '**/node_modules/**', 'dist/**'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...common,
          name: 'alone',
          include: alone,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
