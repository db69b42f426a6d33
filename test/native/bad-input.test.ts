/**
 * Input that create and run must refuse: one clear line on standard error, one
 * error object in a JSON log, the exit status, and nothing left behind.
 */

import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Bundle } from '../support/bundle.js';
import { useScene } from '../support/scene.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';
import type { Result, RunOptions } from '../support/tsrun.js';

const scene = useScene();
let bundle: Bundle;
let log: string;

beforeEach(() => {
  bundle = scene.bundle('true');
  log = join(bundle.path, 'log.json');
});

afterEach(() => {
  rmSync(log, { force: true });
});

/** A command whose failure is told as managers read it. */
async function failing(args: string[], options: RunOptions = {}, status = 1): Promise<string> {
  rmSync(log, { force: true });
  const global = ['--log', log, '--log-format', 'json'];
  const result = await scene.runtime([...global, ...args], options);
  expectOneError(result, status);
  return result.stderr.slice(0, -1);
}

function expectOneError(result: Result, status: number): void {
  expect(result).toMatchObject({ status, signal: null, stdout: '' });
  expect(result.stderr).toMatch(/^(?!tsrun: )[^\n]+\n$/);
  const lines = readFileSync(log, 'utf8').split('\n');
  expect(lines).toHaveLength(2);
  const entry = JSON.parse(lines[0] ?? '') as { level: string; msg: string; time: string };
  expect(Object.keys(entry).sort()).toEqual(['level', 'msg', 'time']);
  expect(entry.level).toBe('error');
  expect(Number.isNaN(Date.parse(entry.time))).toBe(false);
  expect(entry.msg.replace(/\s*\n\s*/g, '; ')).toBe(result.stderr.slice(0, -1));
}

const create = (): string[] => ['create', '--bundle', bundle.path, newId()];
const run = (): string[] => ['run', '--bundle', bundle.path, newId()];

describe('config.json', () => {
  test.each([
    ['{\n  "ociVersion": "1.3.0",\n  "process": }\n', 3, 14],
    ['', 1, 1],
    ['{"a": 1,}', 1, 9],
    ['{"a": "\t"}', 1, 8],
    ['{"ä": 1 "b": 2}', 1, 9],
    ['{\r\n"a": 01}', 2, 7],
    ['{} x', 1, 4],
  ])('malformed: %j is told with line and column', async (text, line, column) => {
    writeFileSync(join(bundle.path, 'config.json'), text);
    const message = await failing(create());
    expect(message).toContain('config.json');
    expect(message).toMatch(new RegExp(`line ${String(line)},? column ${String(column)}\\b`));
  });

  test('with many faults: all of them are told, each by its pointer', async () => {
    const broken = {
      ociVersion: 1,
      process: { cwd: 'relative', args: [], user: { uid: -1, gid: 0 } },
      root: { path: 5 },
      linux: { namespaces: [{ type: 'pid' }, { type: 'pid' }, { type: 'nonsense' }] },
    };
    writeFileSync(join(bundle.path, 'config.json'), JSON.stringify(broken));
    const message = await failing(create());
    for (const pointer of [
      '/ociVersion',
      '/process/cwd',
      '/process/user/uid',
      '/root/path',
      '/linux/namespaces/2/type',
    ]) {
      expect(message).toContain(pointer);
    }
  });

  test('a field of a later version of tsrun is refused by its name, not ignored', async () => {
    bundle.spec.linux = { ...bundle.spec.linux, memoryPolicy: { mode: 'MPOL_DEFAULT' } };
    bundle.write();
    expect(await failing(run())).toContain('/linux/memoryPolicy');
  });

  test('missing', async () => {
    rmSync(join(bundle.path, 'config.json'));
    expect(await failing(create())).toMatch(/config\.json: no such file or directory$/);
  });
});

test('a bundle that is not there', async () => {
  const message = await failing(['create', '--bundle', '/no/such/bundle', newId()]);
  expect(message).toMatch(/\/no\/such\/bundle.*: no such file or directory$/);
});

test.each(['create', 'run'])('%s: a root file system that is not there', async (command) => {
  rmSync(bundle.rootfs, { recursive: true });
  const message = await failing([command, '--bundle', bundle.path, newId()]);
  expect(message).toMatch(/^\/root\/path: .*\/rootfs.*: no such file or directory$/);
});

test('a root file system that is a file', async () => {
  rmSync(bundle.rootfs, { recursive: true });
  writeFileSync(bundle.rootfs, '');
  expect(await failing(create())).toMatch(/^\/root\/path: .*not a directory$/);
});

test.each(['create', 'run'])('%s: a root file system without the program', async (command) => {
  rmSync(join(bundle.rootfs, 'bin'), { recursive: true });
  const message = await failing([command, '--bundle', bundle.path, newId()]);
  expect(message).toBe('exec: "sh": executable file not found in $PATH');
});

test('an id in use, an unknown id, and a stopped container', async () => {
  const id = newId();
  expect((await scene.runtime(['run', '--keep', '--bundle', bundle.path, id])).status).toBe(0);
  expect(await failing(['create', '--bundle', bundle.path, id])).toContain('already exists');
  expect(await failing(['exec', id, 'true'], {}, 255)).toContain('container not running');
  expect(await failing(['kill', id, 'TERM'])).toContain('container not running');
  expect(await failing(['start', id])).toContain('stopped');
  expect(await failing(['state', 'unknown'])).toBe('container "unknown" does not exist');
  expect((await scene.runtime(['delete', id])).status).toBe(0);
});

test('usage: an unknown command, option, or a missing argument', async () => {
  for (const args of [
    ['nonsense'],
    ['create', '--nonsense', 'x'],
    ['state'],
    ['create'],
    ['exec'],
  ]) {
    await failing(args);
  }
});

/** A shell's command before the runtime's, in a mount namespace of its own. */
const inMountNamespace = (script: string): string[] => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-ec'],
  `${script}; exec "$@"`,
  'sh',
];

test('a read-only root directory', async () => {
  const { root } = scene.runtime;
  const prefix = inMountNamespace(`mount --bind ${root} ${root}; mount -o remount,bind,ro ${root}`);
  for (const args of [create(), run()]) {
    const message = await failing(args, { prefix });
    expect(message).toMatch(/: read-only file system$/);
    expect(message).toContain(root);
  }
});

test('a root directory that cannot be made', async () => {
  const file = join(bundle.path, 'file');
  writeFileSync(file, '');
  const result = await runProgram([
    ...COMMAND,
    ...['--log', log, '--log-format', 'json', '--root', join(file, 'root'), ...create()],
  ]);
  expectOneError(result, 1);
  expect(result.stderr).toMatch(/not a directory\n$/);
});

// At each size another write of create is the first that fails.
test.each([1, 2, 3, 4, 5, 6])('no space on the state directory (%d pages)', async (pages) => {
  const { root } = scene.runtime;
  const after = join(bundle.path, 'after');
  // What is left is listed in there, where it can be seen.
  const prefix = [
    ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
    `mount -t tmpfs -o size=${String(pages * 4)}k tmpfs ${root} || exit 99
     i=0; while dd if=/dev/zero of=${root}/.fill bs=1k count=4 seek=$((i*4)) conv=notrunc 2>/dev/null; do i=$((i+1)); test $i = ${String(pages - 1)} && break; done
     "$@"; status=$?; ls ${root} > ${after}; exit $status`,
    'sh',
  ];
  const result = await scene.runtime(['--log', log, '--log-format', 'json', ...run()], { prefix });
  if (result.status !== 0) {
    expectOneError(result, 1);
    expect(result.stderr).toMatch(/: no space left on device\n$/);
  }
  // The first page is never enough.
  if (pages === 1) expect(result.status).toBe(1);
  expect(readFileSync(after, 'utf8')).toBe('');
});

describe('without privileges', () => {
  beforeEach(() => {
    chmodSync(bundle.path, 0o777);
    // Sticky, as a directory that all may write to has to be.
    chmodSync(scene.runtime.root, 0o1777);
  });

  const NOBODY = { uid: 65534, gid: 65534 };

  test('a container that takes them is refused, with what to do about it', async () => {
    const { root } = scene.runtime;
    for (const args of [create(), run()]) {
      const message = await failing(args, NOBODY);
      expect(message).toMatch(/user namespace.*: operation not permitted$/);
      expect(readdirSync(root)).toEqual([]);
    }
  });

  test('a state directory of root cannot be read or written', async () => {
    chmodSync(scene.runtime.root, 0o700);
    const map = [{ containerID: 0, hostID: 65534, size: 1 }];
    bundle.spec.linux = { ...bundle.spec.linux, uidMappings: map, gidMappings: map };
    bundle.spec.linux.namespaces?.push({ type: 'user' });
    bundle.write();
    expect(await failing(create(), NOBODY)).toMatch(/: permission denied$/);
    expect(await failing(['state', 'x'], NOBODY)).toMatch(/: permission denied$/);
  });

  test('another bundle that may not be read', async () => {
    mkdirSync(join(bundle.path, 'secret'), { mode: 0o700 });
    const args = ['create', '--bundle', join(bundle.path, 'secret'), newId()];
    expect(await failing(args, NOBODY)).toMatch(/: permission denied$/);
  });
});
