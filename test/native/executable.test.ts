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

test.each([['--data=4000000'], ['--as=6000000']])('%s is told in words', async (limit) => {
  expect(await runProgram(['prlimit', limit, FILE, 'list'])).toMatchObject({
    ...{
      status: 1,
      signal: null,
      stdout: '',
      stderr: 'tsrun: cannot extend its memory: cannot allocate memory\n',
    },
  });
});
