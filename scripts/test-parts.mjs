// What a change has to pass: see scripts/test.

import { runParts } from './lib/run-parts.mjs';

const bin = (name, ...args) => [`node_modules/.bin/${name}`, ...args];

process.exitCode = await runParts([
  { name: 'set-up and build', command: ['scripts/setup.sh', 'test'], needed: true },
  [
    [
      { name: 'lint (eslint)', command: bin('eslint', '.') },
      {
        name: 'layout (prettier)',
        command: bin('prettier', '--check', '--log-level', 'warn', '.'),
      },
      { name: 'types (tsc)', command: ['npm', 'run', '--silent', 'typecheck'] },
    ],
    [
      {
        name: 'C++ (clang-format, clang-tidy)',
        command: ['node', 'scripts/check-native-format.mjs'],
      },
    ],
  ],
  // Of both lanes the most is one file at a time, and waits for processes.
  [
    [{ name: 'tests (vitest)', command: bin('vitest', 'run') }],
    [{ name: 'tests on the executable', command: ['sh', 'scripts/test-executable.sh'] }],
  ],
  // Alone: an emulated machine keeps both processors busy.
  {
    name: 'tests in a virtual machine',
    command: bin('vitest', 'run', '--project', 'vm'),
    env: { TSRUN_TEST_VM: '1' },
  },
  {
    name: 'build with sanitizers',
    command: ['sh', 'scripts/test-sanitizers.sh', 'build'],
    needed: true,
  },
  // Neither keeps both processors busy.
  [
    [
      {
        name: 'tests on Node with sanitizers',
        command: ['sh', 'scripts/test-sanitizers.sh', 'node'],
      },
    ],
    [
      {
        name: 'tests on QuickJS with sanitizers',
        command: ['sh', 'scripts/test-sanitizers.sh', 'quickjs'],
      },
    ],
  ],
  // All is compiled a second time for it.
  {
    name: 'packages, the same from a second build',
    command: ['npm', 'run', '--silent', 'package', '--', '--twice'],
  },
]);
