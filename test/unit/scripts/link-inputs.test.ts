/** The executable is linked again after an archive has changed, whatever the time of the archive is. */

import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { recordLink, removeStaleLinks } from '../../../scripts/lib/link-inputs.mjs';

const LINKED = ['executable/tsrun', 'tsrun-blank', 'start/start.o'];
const OTHERS = ['Release/tsrun.node', 'helper/tsrun-helper'];

let build: string;
let libc: string;
let copy: string;

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  // dpkg gives a file the time at which its package was made.
  utimesSync(file, 1, 1);
}

const there = (names: string[]): string[] => names.filter((name) => existsSync(join(build, name)));

beforeEach(() => {
  build = mkdtempSync(join(tmpdir(), 'tsrun-link-'));
  libc = join(build, 'libraries/libc.a');
  copy = join(build, 'dist/tsrun');
  for (const name of [...LINKED, ...OTHERS]) write(join(build, name), name);
  write(copy, 'tsrun');
  write(libc, 'one');
  recordLink(build, [libc]);
});

afterEach(() => {
  rmSync(build, { recursive: true });
});

test('nothing is removed while the archives are the same', () => {
  expect(removeStaleLinks(build, copy)).toEqual([]);
  expect(there([...LINKED, ...OTHERS])).toEqual([...LINKED, ...OTHERS]);
});

test.each([
  ['changed', () => write(libc, 'two')],
  ['gone', () => rmSync(libc)],
])('both links go when an archive has %s', (_, change) => {
  change();
  expect(removeStaleLinks(build, copy)).toEqual([libc]);
  expect(there([...LINKED, ...OTHERS])).toEqual(OTHERS);
  expect(existsSync(copy)).toBe(false);
  expect(removeStaleLinks(build, copy)).toEqual([]);
});
