// The parts of ./scripts/test, of ./scripts/test whole and of ./scripts/test quick. `about` is the
// minutes that a part takes on two cores.

import { runParts } from './lib/run-parts.mjs';
import { otherManagers, otherNative } from './lib/turns.mjs';

const bin = (name, ...args) => [`node_modules/.bin/${name}`, ...args];

const types = { name: 'types (tsc)', command: ['npm', 'run', '--silent', 'typecheck'], about: 0.5 };
const lint = [
  { name: 'lint (eslint)', command: bin('eslint', '.'), about: 0.5 },
  {
    name: 'layout (prettier)',
    command: bin('prettier', '--check', '--log-level', 'warn', '.'),
    about: 0.5,
  },
  types,
];

const excluding = (patterns) => patterns.flatMap((pattern) => ['--exclude', pattern]);

/** Everything; `byTurns`: of what scripts/lib/turns.mjs names, the part of the day. */
const everything = (byTurns) => [
  {
    name: 'set-up and build',
    command: ['scripts/setup.sh', 'test'],
    needed: true,
    about: 3,
  },
  [
    lint,
    [
      {
        name: 'C++ (clang-format, clang-tidy)',
        command: ['node', 'scripts/check-native-format.mjs'],
        about: 3,
      },
    ],
  ],
  // Of both lanes the most is one file at a time, and waits for processes.
  [
    [
      {
        name: 'tests (vitest)',
        command: bin('vitest', 'run', ...excluding(byTurns ? otherNative() : [])),
        env: byTurns ? {} : { TSRUN_FRESH: '1' },
        about: byTurns ? 10 : 20,
      },
    ],
    [
      {
        name: 'tests on the executable',
        command: ['sh', 'scripts/test-executable.sh'],
        about: 8,
      },
    ],
  ],
  // Alone: an emulated machine keeps both processors busy.
  {
    name: 'tests in a virtual machine',
    command: bin('vitest', 'run', '--project', 'vm', ...excluding(byTurns ? otherManagers() : [])),
    env: { TSRUN_TEST_VM: '1' },
    about: byTurns ? 12 : 23,
  },
  {
    name: 'build with sanitizers',
    command: ['sh', 'scripts/test-sanitizers.sh', 'build'],
    needed: true,
    about: 0.5,
  },
  // Neither keeps both processors busy.
  [
    [
      {
        name: 'tests on Node with sanitizers',
        command: ['sh', 'scripts/test-sanitizers.sh', 'node'],
        about: 3.5,
      },
    ],
    [
      {
        name: 'tests on QuickJS with sanitizers',
        command: ['sh', 'scripts/test-sanitizers.sh', 'quickjs'],
        about: 5.5,
      },
    ],
  ],
  // All is compiled a second time for it.
  {
    name: 'packages, the same from a second build',
    command: ['npm', 'run', '--silent', 'package', '--', '--twice'],
    about: 1,
  },
];

/** Real containers on Node, without what only the whole run has: fuzzers, packages, other libraries. */
const QUICK_ON_NODE = [
  ...bin('vitest', 'run', '--project', 'unit', '--project', 'native', '--project', 'security'),
  ...['--exclude', 'test/native/{package,packages,prebuilt,bench,relink}.test.ts'],
  ...['--exclude', 'test/native/managers/**'],
];

const quick = [
  { name: 'set-up and build', command: ['scripts/setup.sh', 'quick'], needed: true, about: 1 },
  [
    [types, { name: 'tests on Node', command: QUICK_ON_NODE, about: 10 }],
    [
      {
        name: 'tests on the executable',
        command: ['sh', 'scripts/test-executable.sh', '--exclude', 'test/native/managers/**'],
        env: { TSRUN_QUICK: '1' },
        about: 4,
      },
    ],
  ],
];

const which = process.argv[2] ?? 'daily';
const stages = { daily: everything(true), whole: everything(false), quick }[which];
if (stages === undefined || process.argv.length > 3) {
  console.error('usage: ./scripts/test [whole|quick]');
  process.exitCode = 1;
} else process.exitCode = await runParts(stages);
