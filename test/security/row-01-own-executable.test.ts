/**
 * Row 1 (CVE-2019-5736): the container overwrites the runtime while it is
 * joined, or makes the runtime execute itself and overwrites what that was.
 */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { processOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { COMMAND } from '../support/tsrun.js';
import type { Spec } from '../../src/spec/types.js';
import { attackDuring } from './attackers/run.js';

const scene = useScene();
const TIMES = COMMAND[0] === process.execPath ? 8 : 40;

/** What a command of the runtime is made of on this host. */
const FILES = [
  ...COMMAND,
  join(import.meta.dirname, '../../native/build/Release/tsrun.node'),
  join(import.meta.dirname, '../../dist/tsrun'),
].filter((path) => path.startsWith('/') && existsSync(path));

function digests(): string[] {
  return FILES.map((path) => createHash('sha256').update(readFileSync(path)).digest('hex'));
}

let before: string[];

beforeEach(() => {
  before = digests();
});

afterEach(() => {
  expect(digests()).toEqual(before);
});

/** Root of the host with all that it takes to look into processes, in a root that nothing can write to. */
function powerful(spec: Spec): void {
  const all = [
    'CAP_SYS_PTRACE',
    'CAP_DAC_OVERRIDE',
    'CAP_DAC_READ_SEARCH',
    'CAP_CHECKPOINT_RESTORE',
  ];
  processOf(spec).capabilities = { bounding: all, effective: all, permitted: all };
}

test('nothing of the runtime can be written while it joins, and not later by a kept descriptor', async () => {
  const output = await attackDuring(scene, 'writer', powerful, TIMES);
  expect(output).toMatch(/^on\nseen \d+ helpers \d+\n$/);
  // The attack met what it was after.
  expect(Number(/helpers (\d+)/.exec(output)?.[1])).toBeGreaterThan(0);
});

test.each([
  ['the program', ['/proc/self/exe'], undefined],
  ['the interpreter of a script', ['/script'], '#!/proc/self/exe\n'],
])('%s may be /proc/self/exe: it is no file of the host', async (_, args, script) => {
  const bundle = scene.bundle('true', (spec) => {
    powerful(spec);
    processOf(spec).args = args;
  });
  if (script !== undefined) {
    writeFileSync(join(bundle.rootfs, 'script'), script, { mode: 0o755 });
  }
  const result = await scene.run(bundle, [], { stdio: ['ignore', 'pipe', 'pipe'] });
  expect(result.status).not.toBe(0);
});

test('an exec of /proc/self/exe is no file of the host either', async () => {
  const running = await scene.started('exec sleep 1000', powerful);
  const result = await scene.runtime(['exec', running.id, '/proc/self/exe'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(result.status).not.toBe(0);
  await running.remove();
});
