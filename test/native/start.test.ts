/** The start of the executable (native/start/start.cc), beside that of the C library. */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { REPOSITORY } from '../support/library.js';
import { stateOf, useScene } from '../support/scene.js';
import { newId, runProgram } from '../support/tsrun.js';
import type { Result, RunOptions } from '../support/tsrun.js';

const BUILD = join(REPOSITORY, 'native/build');
const OWN = join(REPOSITORY, 'dist/tsrun');
const MARK = 'started without CPUID';
const isOwn = (file: string): boolean => readFileSync(file).includes(MARK);
/** Elsewhere the build takes glibc's, and there is nothing to compare. */
const KNOWN = isOwn(OWN);
if (!KNOWN) console.warn('start: skipped in part, native/start/accept.mjs refuses this libc.a');

/** How many instructions CPUID a program has: none of them is anywhere else in it. */
function cpuids(file: string): number {
  const text = execFileSync('objdump', ['-d', '--no-show-raw-insn', file], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  return text.match(/\tcpuid/g)?.length ?? 0;
}

describe.each(['own', 'glibc'] as const)('a program with the start %s', (start) => {
  let directory: string;
  let file: string;

  const check = (...words: string[]): Promise<Result> => runProgram([file, ...words], { env: {} });
  const good = (stdout: string): Result => ({ status: 0, signal: null, stdout, stderr: '' });

  beforeAll(() => {
    // Where every user gets at it.
    directory = mkdtempSync(join(tmpdir(), 'tsrun-start-'));
    chmodSync(directory, 0o755);
    file = join(directory, 'check');
    const objects: string[] = [];
    if (start === 'own') {
      const object = join(directory, 'start.o');
      execFileSync('c++', [
        ...['-std=c++20', '-O2', '-fno-stack-protector', '-Wall', '-Wextra', '-Werror'],
        ...['-c', '-o', object, join(REPOSITORY, 'native/start/start.cc')],
      ]);
      objects.push(object);
    }
    execFileSync('cc', [
      ...['-static', '-no-pie', '-O3', '-fstack-protector-strong', '-Wall', '-Wextra', '-Werror'],
      ...['-o', file, join(REPOSITORY, 'test/support/start-check.c'), ...objects],
    ]);
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  const each = test.skipIf(start === 'own' && !KNOWN);

  each('has what it was linked with', () => {
    expect(isOwn(file)).toBe(start === 'own');
    if (start === 'own') expect(cpuids(file)).toBe(0);
    else expect(cpuids(file)).toBeGreaterThan(0);
  });

  each('gets its words and environment, and runs what is before and after main()', async () => {
    const result = await runProgram([file, 'order', '', 'a word'], { env: { A: '1', B: 'zwei' } });
    expect(result).toEqual({
      ...good(
        [
          ...['preinit 4 environ', 'first constructor 4 environ', 'second constructor 4 environ'],
          ...['main 4 environ', 'order', '', 'a word', 'A=1', 'B=zwei'],
          ...['atexit', 'second destructor', 'first destructor', ''],
        ].join('\n'),
      ),
      status: 37,
    });
  });

  each('has guards that nobody can tell beforehand', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const { status, stdout } = await check('guards');
      expect(status).toBe(0);
      const [stack = '', pointer = '', first = '', second = ''] = stdout.trim().split(/\s/);
      // From the kernel's random bytes: seven of the one half, since a string ends at the
      // eighth, and the other half.
      expect(stack).toBe(`${first.slice(0, 14)}00`);
      expect(pointer).toBe(second);
      seen.add(stack).add(pointer);
    }
    expect(seen.size).toBe(10);
  });

  each('ends when its stack is overwritten', async () => {
    expect(await check('smash', 'x'.repeat(100))).toMatchObject({
      signal: 'SIGABRT',
      stderr: '*** stack smashing detected ***: terminated\n',
    });
  });

  each('does not save pointers as they are', async () => {
    expect(await check('jump')).toEqual(good('3 jumps, saved as is: 0\n'));
  });

  each('has threads with variables of their own', async () => {
    expect(await check('threads')).toEqual(good('8 good, here 42 0 7\n'));
  });

  each('ends with its last thread', async () => {
    expect(await check('leave')).toEqual(good('cleaned up\nafter the first thread\n'));
  });

  each('copies, fills and searches memory of every size', async () => {
    expect(await check('memory')).toEqual(good('right\n'));
  });

  each('knows what the kernel has told it', async () => {
    const { status, stdout } = await check('misc');
    expect(status).toBe(0);
    const [signal = '', ...rest] = stdout.split('\n');
    const [size, told] = signal.split(' of ');
    // 0: a kernel before 5.14.
    if (told === '0') expect(Number(size)).toBeGreaterThanOrEqual(2048);
    else expect(size).toBe(told);
    expect(rest).toEqual(['check 0', '4096 0', '']);
  });

  each('trusts nobody when it has more rights than who starts it', async () => {
    const answer = join(directory, 'answer');
    writeFileSync(answer, '');
    chmodSync(answer, 0o666);
    const secure = async (): Promise<string[]> => {
      const command = `exec 0<&- 1>&- 2>&-; exec ${file} secure ${answer}`;
      const result = await runProgram(['sh', '-c', command], {
        env: { HOME: '/', LD_PRELOAD: 'x', GLIBC_TUNABLES: 'glibc.malloc.check=1' },
        uid: 12345,
        gid: 12345,
      });
      expect(result).toMatchObject({ status: 0, signal: null });
      return readFileSync(answer, 'utf8').trim().split('\n');
    };
    expect((await secure()).slice(0, 2)).toEqual([
      'secure 0, HOME told',
      'LD_PRELOAD there, GLIBC_TUNABLES there',
    ]);
    // Others may start it meanwhile, or find it where the test was killed: with nobody's rights.
    chownSync(file, 12346, 12346);
    onTestFinished(() => {
      chmodSync(file, 0o755);
    });
    chmodSync(file, 0o4755);
    expect(await secure()).toEqual([
      'secure 1, HOME kept',
      'LD_PRELOAD removed, GLIBC_TUNABLES removed',
      ...['0 /dev/full', '1 /dev/null', '2 /dev/null'],
    ]);
  });
});

describe('the build', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tsrun-start-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  /** Why it refuses the start; nothing if it takes it. */
  function refusal(source: string, compiler: string, ...flags: string[]): string {
    const output = join(directory, 'start.o');
    const words = [join(REPOSITORY, 'native/start/accept.mjs'), output, source, '--', compiler];
    const { status, stderr } = spawnSync(process.execPath, [...words, ...flags], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    const reason = readFileSync(`${output}.txt`, 'utf8').trim();
    expect(execFileSync('nm', [output], { encoding: 'utf8' }).includes('T __libc_start_main')).toBe(
      reason === '',
    );
    return reason;
  }

  const SOURCE = join(REPOSITORY, 'native/start/start.cc');
  const LIBC = execFileSync('c++', ['-print-file-name=libc.a'], { encoding: 'utf8' }).trim();
  const copyLibc = (name: string): string => {
    const where = join(directory, name);
    mkdirSync(where);
    copyFileSync(LIBC, join(where, 'libc.a'));
    return where;
  };

  test.skipIf(!KNOWN)('takes its own start with the flags that distributions build with', () => {
    const flags = ['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-Bsymbolic-functions', '-flto=auto'];
    expect(refusal(SOURCE, 'c++', ...flags)).toBe('');
  });

  test("takes the C library's where that does more", () => {
    const where = copyLibc('more');
    const file = (name: string): string => join(where, name);
    writeFileSync(
      file('more.c'),
      `void __libc_init_first(int, char **, char **);
      int of_a_later_version;
      void more(int argc, char **argv, char **env) {
        of_a_later_version = 1;
        __libc_init_first(argc, argv, env);
      }`,
    );
    execFileSync('cc', ['-O1', '-c', 'more.c'], { cwd: where });
    execFileSync('ar', ['x', 'libc.a', 'libc-start.o'], { cwd: where });
    const change = ['--redefine-sym', '__libc_init_first=more', 'libc-start.o'];
    execFileSync('objcopy', change, { cwd: where });
    execFileSync('ar', ['rs', 'libc.a', 'libc-start.o', 'more.o'], { cwd: where, stdio: 'ignore' });
    expect(refusal(SOURCE, 'c++', `-B${where}/`)).toContain('of_a_later_version');
  });

  test("takes the C library's where it is replaced by one without a private member", () => {
    const where = copyLibc('less');
    execFileSync('ar', ['d', 'libc.a', 'libc_early_init.o'], { cwd: where });
    expect(refusal(SOURCE, 'c++', `-B${where}/`)).toContain('has no libc_early_init.o');
  });

  test("takes the C library's where the linker takes another than the compiler says", () => {
    const where = copyLibc('elsewhere');
    expect(refusal(SOURCE, 'c++', `-L${where}`)).toContain(`the linker takes ${where}/libc.a`);
  });

  test("takes the C library's on other processors, and where it is told to", () => {
    const compiler = join(directory, 'other');
    const script =
      '#!/bin/sh\ncase "$*" in *-dumpmachine*) echo aarch64-linux-gnu;; *) exec c++ "$@";; esac\n';
    writeFileSync(compiler, script, { mode: 0o755 });
    expect(refusal(SOURCE, compiler)).toBe('it is written for x86-64, not aarch64-linux-gnu');
    expect(refusal('none', 'c++')).toContain('TSRUN_GLIBC_START');
  });

  test('looks again when the C library is another one', () => {
    const written = ['build.ninja', 'CMakeFiles/tsrun-start.dir/build.make'].find((name) =>
      existsSync(join(BUILD, name)),
    );
    const text = readFileSync(join(BUILD, written ?? ''), 'utf8');
    const rule = /^(build )?start\/start\.o[ :].*$/gm;
    expect(text.match(rule)?.join('\n')).toContain(realpathSync(LIBC));
  });

  test.skipIf(!KNOWN)('refuses each start that lacks a statement', { timeout: 200_000 }, () => {
    const script = join(REPOSITORY, 'native/start/mutations.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    expect(status, stderr + stdout).toBe(0);
    expect(stdout.split('\n').length).toBeGreaterThan(50);
  });
});

describe('the executable with the start of the C library', () => {
  const scene = useScene();
  const FALLBACK = join(BUILD, 'executable/tsrun-glibc-start');

  beforeAll(() => {
    execFileSync('cmake', ['--build', BUILD, '--target', 'tsrun-glibc-start-executable']);
  }, 120_000);

  test('is another one', () => {
    expect(isOwn(FALLBACK)).toBe(false);
    expect(cpuids(FALLBACK)).toBeGreaterThan(0);
    if (KNOWN) expect(cpuids(OWN)).toBe(0);
  });

  test('does the same', async () => {
    const log = openSync('/dev/null', 'r+');
    const quiet: RunOptions = { stdio: [log, log, log] };
    const both: Result[][] = [];
    for (const file of [OWN, FALLBACK]) {
      const call = (args: string[], options?: RunOptions) =>
        runProgram([file, '--root', scene.runtime.root, ...args], options);
      const id = newId();
      const results = [
        await call(['run', '--bundle', scene.bundle('echo out; echo err >&2; exit 3').path, id]),
        await call(['--version']),
        await call(['features']),
        await call(['state', 'none']),
        await call(['list', '--quiet']),
        await call(['create', '--bundle', scene.bundle('exec sleep 1000').path, id], quiet),
      ];
      scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
      results.push(await call(['start', id]), await call(['kill', id, 'KILL']));
      results.push(await call(['delete', '--force', id]));
      both.push(results);
    }
    closeSync(log);
    expect(both[0]).toEqual(both[1]);
    expect(both[0]?.[0]).toMatchObject({ status: 3, stdout: 'out\n', stderr: 'err\n' });
    expect(both[0]?.map(({ status }) => status)).toEqual([3, 0, 0, 1, 0, 0, 0, 0, 0]);
  });
});
