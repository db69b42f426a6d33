/** How the binaries are built and linked: the table of docs/security.md, read from the files themselves. */

import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { native, spawn } from '../support/addon.js';
import { REPOSITORY } from '../support/library.js';

const BUILD = join(REPOSITORY, 'native/build');
const OBJECTS = join(BUILD, 'CMakeFiles');

interface Binary {
  file: string;
  /** Where the object files are that come from our own sources. */
  objects: string[];
}

const BINARIES: Record<string, Binary> = {
  executable: {
    file: join(BUILD, 'executable/tsrun'),
    objects: ['tsrun-quickjs.dir', 'tsrun-quickjs-system.dir'],
  },
  helper: { file: join(BUILD, 'helper/tsrun-helper'), objects: ['tsrun-helper.dir'] },
  addon: { file: join(BUILD, 'Release/tsrun.node'), objects: ['tsrun.dir', 'tsrun-system.dir'] },
};

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', maxBuffer: 1 << 26, env: { LC_ALL: 'C' } });

function objectsBelow(target: string): string[] {
  const directory = join(OBJECTS, target);
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cc.o'))
    .map((name) => join(directory, name));
}

/** Symbols that the object files refer to. */
function references({ objects }: Binary): string[] {
  const symbols = run('nm', '--undefined-only', ...objects.flatMap(objectsBelow));
  return [...symbols.matchAll(/ U (\S+)$/gm)].map(([, name = '']) => name);
}

const CHECKS: Record<string, (binary: Binary) => boolean> = {
  'no executable stack': ({ file }) => / GNU_STACK .* RW +0x/.test(run('readelf', '-lW', file)),
  'no segment to write and execute': ({ file }) =>
    !/^ +LOAD .* (RWE|WE) /m.test(run('readelf', '-lW', file)),
  'read-only relocations (RELRO)': ({ file }) => run('readelf', '-lW', file).includes('GNU_RELRO'),
  // A static program has nothing that a loader could bind later.
  'bound at start': ({ file }) =>
    !run('readelf', '-lW', file).includes('DYNAMIC') ||
    /BIND_NOW/.test(run('readelf', '-dW', file)),
  'position-independent': ({ file }) => / DYN \(/.test(run('readelf', '-hW', file)),
  // In the helper the guard is a variable (main.cc), which an unprotected function does not read.
  'stack protector': (binary) =>
    references(binary).includes(
      binary === BINARIES['helper'] ? '__stack_chk_guard' : '__stack_chk_fail',
    ),
  '`_FORTIFY_SOURCE`': (binary) => references(binary).some((name) => /^__\w+_chk$/.test(name)),
  'control flow (CET, BTI)': ({ file }) => /IBT|SHSTK|BTI/.test(run('readelf', '-nW', file)),
};

/** The rows of the table whose first cell is the name of a check. */
function documented(): Record<string, string[]> {
  const page = readFileSync(join(REPOSITORY, 'docs/security.md'), 'utf8');
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, 5),
    );
  return Object.fromEntries(
    rows.flatMap(([name = '', ...cells]) => (name in CHECKS ? [[name, cells]] : [])),
  );
}

test('the binaries are as docs/security.md says', (context) => {
  if (process.env['TSRUN_ADDON'] !== undefined) context.skip('a build with sanitizers');
  for (const { file } of Object.values(BINARIES)) expect(existsSync(file), file).toBe(true);
  const found = Object.fromEntries(
    Object.entries(CHECKS).map(([name, check]) => [
      name,
      Object.values(BINARIES).map((binary) => (check(binary) ? 'yes' : 'no')),
    ]),
  );
  expect(documented()).toEqual(found);
});

test('the guard of a helper is its own random bytes', async () => {
  const helper = spawn([{ op: 'sync', point: 5 }]) as {
    pid: number;
    pidfd: number;
    socket: number;
  };
  await new Promise<void>((resolve) => {
    native.wait(helper.socket, 1, 10_000, true, () => resolve());
  });
  const proc = `/proc/${helper.pid.toString()}`;
  const memory = openSync(`${proc}/mem`, 'r');
  const at = (address: number, size: number): Buffer => {
    const bytes = Buffer.alloc(size);
    expect(readSync(memory, bytes, 0, size, address)).toBe(size);
    return bytes;
  };
  const vector = readFileSync(`${proc}/auxv`);
  let random = 0;
  for (let entry = 0; entry < vector.length; entry += 16) {
    if (vector.readBigUInt64LE(entry) === 25n) random = Number(vector.readBigUInt64LE(entry + 8));
  }
  const guard = at(random, 8);
  guard[0] = 0;
  const written = readFileSync(`${proc}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => /^(\w+)-(\w+) rw-p .* (?:0 +$|.*memfd)/.exec(line) ?? [])
    .filter((word) => /^\w+$/.test(word))
    .map((word) => parseInt(word, 16));
  const places: Buffer[] = [];
  for (let i = 0; i < written.length; i += 2) {
    const [from = 0, to = 0] = written.slice(i);
    places.push(at(from, to - from));
  }
  closeSync(memory);
  native.pidfdKill(helper.pidfd, 9);
  await new Promise<void>((resolve) => {
    native.wait(helper.pidfd, 1, 10_000, true, () => resolve());
  });
  native.reap(helper.pidfd);
  for (const fd of [helper.pidfd, helper.socket]) native.close(fd);
  expect(places.length).toBeGreaterThan(0);
  expect(guard.equals(Buffer.alloc(8))).toBe(false);
  expect(places.some((bytes) => bytes.includes(guard))).toBe(true);
});
