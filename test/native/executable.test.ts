/** dist/tsrun is one file that needs nothing but a kernel. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { REPOSITORY } from '../support/library.js';
import { runProgram } from '../support/tsrun.js';

const FILE = join(REPOSITORY, 'dist/tsrun');
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_GNU_STACK = 0x6474e551;
const SHT_SYMTAB = 2;
const [EXECUTE, WRITE] = [1, 2];

interface Segment {
  type: number;
  flags: number;
}

/** The program headers of an ELF file for 64 bits, and the types of its sections (elf(5)). */
function elf(path: string): { segments: Segment[]; sections: number[] } {
  const file = readFileSync(path);
  expect(file.subarray(0, 5)).toEqual(Buffer.from('\x7fELF\x02', 'latin1'));
  const table = (at: number, size: number, count: number): Buffer[] =>
    Array.from({ length: file.readUInt16LE(count) }, (_, i) =>
      file.subarray(Number(file.readBigUInt64LE(at)) + i * file.readUInt16LE(size)),
    );
  return {
    segments: table(32, 54, 56).map((header) => ({
      type: header.readUInt32LE(0),
      flags: header.readUInt32LE(4),
    })),
    sections: table(40, 58, 60).map((header) => header.readUInt32LE(4)),
  };
}

let segments: Segment[];
let sections: number[];

beforeAll(() => {
  ({ segments, sections } = elf(FILE));
});

const ofType = (type: number): Segment[] => segments.filter((segment) => segment.type === type);

test('it is at most 4 MB', () => {
  expect(statSync(FILE).size).toBeLessThanOrEqual(4_000_000);
});

test('it is static and stripped', () => {
  expect(ofType(PT_LOAD)).not.toEqual([]);
  expect(ofType(PT_DYNAMIC)).toEqual([]);
  expect(ofType(PT_INTERP)).toEqual([]);
  expect(sections).not.toContain(SHT_SYMTAB);
});

test('no memory of it is both written and executed', () => {
  const both = (flags: number) => (flags & WRITE) !== 0 && (flags & EXECUTE) !== 0;
  expect(ofType(PT_LOAD).filter(({ flags }) => both(flags))).toEqual([]);
  expect(ofType(PT_GNU_STACK).map(({ flags }) => flags & EXECUTE)).toEqual([0]);
});

test('it runs where there is nothing but itself', async () => {
  const root = mkdtempSync(join(tmpdir(), 'tsrun-alone-'));
  onTestFinished(() => {
    rmSync(root, { recursive: true });
  });
  copyFileSync(FILE, join(root, 'tsrun'));
  const alone = (...words: string[]) => runProgram(['chroot', root, '/tsrun', ...words]);

  expect(await alone('--version')).toMatchObject({
    status: 0,
    stderr: '',
    stdout: execFileSync(FILE, ['--version'], { encoding: 'utf8' }),
  });
  const features = await alone('features');
  expect(features).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(features.stdout)).toMatchObject({ ociVersionMin: '1.0.0' });
  // What it writes and reads it needs no more for.
  expect(await alone('spec')).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  expect(readdirSync(root).sort()).toEqual(['config.json', 'tsrun']);
  expect(await alone('--root', '/state', 'list', '--quiet')).toMatchObject({
    status: 0,
    stdout: '',
  });
  expect(await alone('--root', '/state', 'state', 'none')).toMatchObject({ status: 1, stdout: '' });
});

test('its image has the same bytes each time, whatever the environment of the build', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-image-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const build = join(REPOSITORY, 'native/build');
  const image = async (name: string, ...variables: string[]): Promise<Buffer> => {
    const made = await runProgram([
      ...['env', '-i', ...variables, join(build, 'tsrun-blank')],
      ...[join(build, 'chunks/chunks.bin'), join(directory, name)],
      join(build, 'chunks/training.bin'),
    ]);
    expect(made).toMatchObject({ status: 0, stderr: '' });
    return readFileSync(join(directory, name));
  };
  const linked = readFileSync(join(build, 'chunks/image.bin'));
  expect(linked.equals(await image('first'))).toBe(true);
  expect(linked.equals(await image('the-second', `LONG=${'x'.repeat(5000)}`))).toBe(true);
});

const KILOBYTES = Array.from({ length: 65 }, (_, i) => i * 128);
const hasOwnStart = readFileSync(FILE).includes('started without CPUID');

test.each(['--data', '--as'])(
  'with little memory (%s) it says so, unless the kernel ends it within execve(2)',
  async (limit) => {
    const seen = new Set<string>();
    for (const kilobytes of KILOBYTES) {
      const command = ['prlimit', `${limit}=${String(kilobytes * 1024)}`, FILE, '--version'];
      const { status, signal, stderr } = await runProgram(command);
      const what = `${limit}=${String(kilobytes)} KiB`;
      if (signal === null) {
        seen.add(status === 0 ? 'works' : stderr);
        // A C library's own start says so in its own words.
        if (hasOwnStart) expect([0, 1], what).toContain(status);
        continue;
      }
      const traced = await runProgram(['strace', '-qq', '-e', 'trace=execve', ...command]);
      expect(traced.stderr, what).toMatch(/execve\("\S+prlimit".* = 0\n/);
      expect(traced.stderr, what).not.toMatch(/execve\("\S+tsrun".* = 0\n/);
      seen.add('execve');
    }
    const none = 'cannot allocate memory\n';
    const said = [
      ...(hasOwnStart ? [`tsrun: cannot start: ${none}`] : []),
      `tsrun: cannot extend its memory: ${none}`,
    ];
    expect([...seen]).toEqual(expect.arrayContaining(['execve', ...said, 'works']));
  },
);
