/** A package is not made of an executable that starts slower. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { requireOwnStart } from '../../../scripts/lib/start.mjs';

let build: string;
let executable: string;

function make(reason: string, text: string): void {
  writeFileSync(join(build, 'start/start.o.txt'), reason);
  writeFileSync(executable, text);
}

beforeEach(() => {
  build = mkdtempSync(join(tmpdir(), 'tsrun-start-'));
  executable = join(build, 'tsrun');
  mkdirSync(join(build, 'start'));
});

afterEach(() => {
  rmSync(build, { recursive: true });
});

test('the start without CPUID is what a package wants', () => {
  make('', 'started without CPUID');
  expect(() => requireOwnStart(build, executable, 'x64')).not.toThrow();
});

test.each([
  ['libc.a has no libc-start.o\n', 'another', 'slower: libc.a has no libc-start.o'],
  ['told to\n', 'started without CPUID', 'slower: told to'],
  ['', 'another', 'not what was built last'],
])('a package is refused: %j', (reason, text, message) => {
  make(reason, text);
  expect(() => requireOwnStart(build, executable, 'x64')).toThrow(message);
});

test('other processors have the start of the C library', () => {
  make('it is written for x86-64', 'another');
  expect(() => requireOwnStart(build, executable, 'arm64')).not.toThrow();
});
