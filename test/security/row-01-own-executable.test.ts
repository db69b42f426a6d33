/**
 * Row 1 (CVE-2019-5736): the container overwrites the runtime while it is
 * joined, or makes the runtime execute itself and overwrites what that was.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { processOf } from '../support/inside.js';
import { stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { COMMAND, newId } from '../support/tsrun.js';
import type { Spec } from '../../src/spec/types.js';
import { attackDuring, joining } from './attackers/run.js';

const scene = useScene();
const TIMES = COMMAND[0] === process.execPath ? 8 : 40;

/** What a command of the runtime is made of on this host: node and the addon with their libraries. */
const FILES = [
  ...COMMAND,
  // Beside dist/ of the program, which may be a copy.
  join(dirname(COMMAND[1] ?? COMMAND[0] ?? ''), '../../native/build/Release/tsrun.node'),
  join(import.meta.dirname, '../../native/build/Release/tsrun.node'),
  join(import.meta.dirname, '../../dist/tsrun'),
].filter((path) => path.startsWith('/') && existsSync(path));

/** ldd(1) says nothing of a static program. */
const LIBRARIES = FILES.flatMap((path) => {
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+)/gm)].map(([, library = '']) => library);
});

function digests(): string[] {
  return [...new Set([...FILES, ...LIBRARIES])].map((path) => {
    const { mode, mtimeMs } = statSync(path);
    const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
    return [path, mode, mtimeMs, digest].join(' ');
  });
}

let before: string[];

beforeEach(() => {
  before = digests();
});

afterEach(() => {
  expect(digests()).toEqual(before);
});

/**
 * Root of the host with all that it takes to look into processes, also into those that are not
 * dumpable (ptrace(2)), in a root that nothing can write to.
 */
function powerful(spec: Spec): void {
  const all = [
    'CAP_SYS_PTRACE',
    'CAP_DAC_OVERRIDE',
    'CAP_DAC_READ_SEARCH',
    'CAP_CHECKPOINT_RESTORE',
  ];
  processOf(spec).capabilities = { bounding: all, effective: all, permitted: all };
}

/** The attacker wrote nowhere, and met what it was after: it has looked at the helper's file. */
function expectNothing(output: string): void {
  expect(output).toMatch(/^on\nseen \d+ helpers \d+\n$/);
  expect(Number(/helpers (\d+)/.exec(output)?.[1])).toBeGreaterThan(0);
}

test('nothing of the runtime can be written while it joins, and not later by a kept descriptor', async () => {
  expectNothing(await attackDuring(scene, 'writer', powerful, joining(scene, TIMES)));
});

/** The runtime's own file, at the time of execve. */
const SELF = '/proc/self/exe';

const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

test.each([
  ['the program', SELF],
  ['the interpreter of a script', '/script'],
])(
  'what is executed as %s by way of /proc/self/exe can be written neither then nor later',
  async (_, file) => {
    const output = await attackDuring(
      scene,
      'writer',
      powerful,
      async ({ id, beside }) => {
        processOf(beside.spec).args = [file];
        beside.write();
        for (let i = 0; i < TIMES / 4; i++) {
          // The helper without a plan: it ends at once.
          expect((await scene.runtime(['exec', id, file], QUIET)).status).not.toBe(0);
          const run = ['run', '--bundle', beside.path, newId()];
          expect((await scene.runtime(run, QUIET)).status).not.toBe(0);
          // Waits in the meantime.
          const created = newId();
          const create = ['create', '--bundle', beside.path, created];
          expect((await scene.runtime(create, QUIET)).status).toBe(0);
          const { pid } = await stateOf(scene.runtime, created);
          expect((await scene.runtime(['start', created])).status).toBe(0);
          // The attacker's pid namespace ends when all are reaped that were in there.
          expect((await waitFor(pid)).status).not.toBe(0);
          expect((await scene.runtime(['delete', '--force', created])).status).toBe(0);
        }
      },
      (rootfs) => {
        writeFileSync(join(rootfs, 'script'), `#!${SELF}\n`, { mode: 0o755 });
      },
    );
    expectNothing(output);
  },
);
