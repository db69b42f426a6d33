import { defineConfig } from 'vitest/config';

/** Of tests with real processes on a machine that others use too. Who needed it is named. */
const RETRY = 1;

/**
 * The layers of the test suite; CONTRIBUTING.md says what belongs where.
 * Results go to the terminal, and to a file for scripts/test where it asks.
 */
export default defineConfig({
  test: {
    passWithNoTests: true,
    reporters: ['default', './scripts/results-reporter.mjs'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // Properties are tried thousands of times, on a machine that may be slow.
          testTimeout: 60_000,
        },
      },
      // Real containers: one file at a time, as root.
      {
        test: {
          name: 'native',
          include: ['test/native/**/*.test.ts'],
          globalSetup: './test/support/global-setup.ts',
          setupFiles: './test/support/no-cgroup-left.ts',
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          retry: RETRY,
        },
      },
      {
        test: {
          name: 'security',
          include: ['test/security/**/*.test.ts'],
          globalSetup: './test/support/global-setup.ts',
          setupFiles: './test/support/no-cgroup-left.ts',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          retry: RETRY,
        },
      },
      {
        test: {
          name: 'reliability',
          include: ['test/reliability/**/*.test.ts'],
          fileParallelism: false,
          hookTimeout: 60_000,
          retry: RETRY,
        },
      },
      {
        test: {
          name: 'fuzz',
          include: ['test/fuzz/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      // README's commands on a machine that has nothing: by turns.
      {
        test: {
          name: 'fresh',
          include: ['test/fresh/**/*.test.ts'],
          testTimeout: 1_800_000,
        },
      },
      // Boots a virtual machine: needs its packages, so only run when asked for.
      ...(process.env['TSRUN_TEST_VM'] === '1'
        ? [
            {
              test: {
                name: 'vm',
                include: ['test/vm/**/*.test.ts'],
                globalSetup: './test/vm/support/global-setup.ts',
                fileParallelism: false,
                testTimeout: 600_000,
                hookTimeout: 600_000,
                retry: RETRY,
              },
            },
          ]
        : []),
    ],
  },
});
