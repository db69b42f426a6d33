/** Files that are written beside their name, where somebody may have put one before. */

import { linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { AT_FDCWD, EEXIST, ENOENT } from '../../../src/native/constants.js';
import type { Native } from '../../../src/native/types.js';
import { writeFileAtomically } from '../../../src/state/atomic-file.js';

/** open(2) and its like by Node, which has the kernel's flags. */
const native = {
  getpid: () => 42,
  openat: (_: number, path: string, flags: number, mode: number) =>
    attempt(() => fs.openSync(path, flags, mode)),
  write: (fd: number, data: string | Uint8Array) => fs.writeSync(fd, data as string),
  close: (fd: number) => attempt(() => (fs.closeSync(fd), 0)),
  renameAt: (_: number, from: string, __: number, to: string) =>
    attempt(() => (fs.renameSync(from, to), 0)),
  unlinkAt: (_: number, path: string) => attempt(() => (fs.unlinkSync(path), 0)),
} as Partial<Native> as Native;

function attempt(call: () => number): number {
  try {
    return call();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST' ? -EEXIST : -ENOENT;
  }
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-atomic-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

test.each([
  ['a link to', symlinkSync],
  ['another name of', linkSync],
])('%s a file of the host in the place of the temporary one is not written to', (_, put) => {
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'as it was, and longer');
  const path = join(directory, 'pid');
  put(victim, `${path}.tmp-42`);
  expect(writeFileAtomically(native, AT_FDCWD, path, '123', 0o644)).toBe(0);
  expect(readFileSync(victim, 'utf8')).toBe('as it was, and longer');
  expect(readFileSync(path, 'utf8')).toBe('123');
  expect(fs.readdirSync(directory).sort()).toEqual(['pid', 'victim']);
});
