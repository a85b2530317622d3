import { defineConfig } from 'vitest/config';

// Vitest hands these to Node as well, where `import` or `module` would make require() find ES modules.
const conditions = ['source', 'node'];

/** Tests that run the built programs as processes of their own, three files at a time, for they mostly wait; after everything else. */
const processes = ['test/e2e/**/*.spec.ts', 'test/faults/**/*.spec.ts', 'test/integration/launcher*.spec.ts'];

/** Tests that hold a process up for less than its own deadlines, or compare times: nothing else runs beside them. */
const alone = ['test/faults/broken-builds.spec.ts', 'test/faults/load.spec.ts'];

/** A minute of random search for what a broken build breaks: `npm run test:model`. */
const long = process.env['LONG'] === undefined ? ['test/model/broken-builds.spec.ts'] : [];

const common = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    maxConcurrency: 16,
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
          maxWorkers: 3,
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
