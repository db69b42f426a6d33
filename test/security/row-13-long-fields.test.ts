/** Row 13 (CVE-2021-43784): fields that are longer than a message has room for, or have a NUL in them. */

import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { REQUEST, ended, native, openDescriptors, spawn } from '../support/addon.js';
import { linuxOf, processOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import type { Result } from '../support/tsrun.js';

const scene = useScene();

/** In config.json each: a text in this place. */
const PLACES: Record<string, (spec: Spec, text: string) => void> = {
  '/process/args/1': (spec, text) => (processOf(spec).args = ['true', text]),
  '/process/args/0': (spec, text) => (processOf(spec).args = [text]),
  '/process/env/1': (spec, text) => processOf(spec).env?.splice(1, 1, `A=${text}`),
  '/process/cwd': (spec, text) => (processOf(spec).cwd = `/${text}`),
  '/hostname': (spec, text) => (spec.hostname = text),
  '/root/path': (spec, text) => (spec.root = { path: text }),
  '/mounts/7/destination': (spec, text) =>
    spec.mounts?.push({ destination: `/${text}`, type: 'tmpfs', source: 'tmpfs' }),
  '/mounts/7/source': (spec, text) =>
    spec.mounts?.push({ destination: '/mnt', source: `/${text}`, options: ['bind'] }),
  '/mounts/7/type': (spec, text) =>
    spec.mounts?.push({ destination: '/mnt', type: text, source: 'x' }),
  '/mounts/7': (spec, text) =>
    spec.mounts?.push({
      ...{ destination: '/mnt', type: 'tmpfs', source: 'x', options: [`mpol=${text}`] },
    }),
  '/linux/maskedPaths/0': (spec, text) => (linuxOf(spec).maskedPaths = [`/${text}`]),
  '/linux/readonlyPaths/0': (spec, text) => (linuxOf(spec).readonlyPaths = [`/${text}`]),
  '/linux/sysctl': (spec, text) => (linuxOf(spec).sysctl = { 'kernel.msgmax': text }),
  '/linux/cgroupsPath': (spec, text) => (linuxOf(spec).cgroupsPath = `/${text}`),
  '/linux/namespaces': (spec, text) =>
    linuxOf(spec).namespaces?.push({ type: 'time', path: `/${text}` }),
  '/linux/devices/0': (spec, text) =>
    (linuxOf(spec).devices = [{ path: `/dev/${text}`, type: 'c', major: 1, minor: 3 }]),
  '/hooks/createContainer/0': (spec, text) =>
    (spec.hooks = { createContainer: [{ path: `/${text}` }] }),
};

const REASON =
  /too long|invalid argument|not found in \$PATH|longer than 64 bytes|more than 255 bytes/;

const TOO_MUCH = expect.stringMatching(
  /^tsrun: exec: "(true|sh)": argument list too long\n$/,
) as string;

/** What the kernel has no bound for below its bound of all arguments together (execve(2)). */
const ARGUMENTS = ['/process/args/1', '/process/env/1'];

test.for(Object.keys(PLACES))(
  '%s: what is too long or has a NUL is an error that names it',
  async (pointer, context) => {
    if (process.env['TSRUN_ADDON'] !== undefined) context.skip('commands have another addon');
    const result = async (text: string): Promise<Result> => {
      const bundle = scene.bundle('true');
      PLACES[pointer]?.(bundle.spec, text);
      bundle.write();
      return scene.run(bundle);
    };
    const refused = { status: 1, signal: null, stdout: '' };
    const nul = await result('a\0b');
    expect(nul).toMatchObject(refused);
    expect(nul.stderr).toMatch(/^tsrun: config\.json is not valid: [^\n]+\n$/);
    expect(nul.stderr).toContain(pointer);
    // What fails in the helper is named by its step.
    const step = pointer.replace(/^(\/mounts\/7)\/.*$/, '$1');
    const named = pointer.startsWith('/process/args') ? 'exec: "' : step;
    for (const text of ['x'.repeat(0x1_0000), 'y'.repeat(0x20_0000)]) {
      const long = await result(text);
      if (ARGUMENTS.includes(pointer)) {
        if (text.length === 0x1_0000) expect(long).toMatchObject({ status: 0, stderr: '' });
        else expect(long).toMatchObject({ ...refused, stderr: TOO_MUCH });
        continue;
      }
      expect(long).toMatchObject(refused);
      expect(long.stderr).toMatch(/^tsrun: [^\n]+\n$/);
      expect(long.stderr).toMatch(REASON);
      expect(long.stderr).toContain(named);
    }
  },
);

test('steps of the wrong shape are refused before anything is made', () => {
  const before = openDescriptors();
  const bad: [unknown, string][] = [
    [{ op: 'nonsense' }, 'unknown operation'],
    [{}, 'must have an operation'],
    [7, 'must be an object'],
    [{ op: 'hostname' }, 'must be a string'],
    [{ op: 'hostname', name: 7 }, 'must be a string'],
    [{ op: 'hostname', name: 'a\0b' }, 'NUL'],
    [{ op: 'exec', args: 'sh', env: [] }, 'must be an array'],
    [{ op: 'exec', args: ['a\0b'], env: [] }, 'NUL'],
    [{ op: 'exec', args: [1], env: [] }, 'must hold strings'],
    [{ op: 'umask', mask: '0' }, 'a number is expected'],
    [{ op: 'umask', mask: 1n << 70n }, 'more than 64 bits'],
  ];
  for (const [step, message] of bad) expect(() => spawn([step])).toThrow(message);
  expect(openDescriptors()).toBe(before);
});

test('what is no plan is refused before a helper is started', () => {
  const before = openDescriptors();
  const getter = Object.defineProperty({}, 'trace', {
    get: () => {
      throw new Error('not told');
    },
    enumerable: true,
  }) as Record<string, unknown>;
  Object.assign(getter, REQUEST, { steps: [{ op: 'session' }] });
  expect(() => native.spawn(getter as never)).toThrow('not told');
  // CLONE_THREAD and what it needs: the helper would take the place of the caller.
  expect(spawn([{ op: 'session' }], { cloneFlags: 0x10000 | 0x800 | 0x100 })).toBe(-22);
  expect(spawn([{ op: 'session' }], { preserve: new Array<number>(16_385).fill(-1) })).toBe(-22);
  // Their lengths are no sizes of memory.
  const list: unknown[] = [];
  list.length = 2 ** 32 - 1;
  expect(() => spawn([{ op: 'session' }], { fds: list })).toThrow('a number is expected');
  const profile = { defaultAction: 0, architectures: [], rules: list };
  expect(() => native.compileSeccomp(profile as never)).toThrow('a rule must be an object');
  expect(openDescriptors()).toBe(before);
});

test('text of 64 KiB and more passes whole', async () => {
  const long = 'x'.repeat(100_000);
  const helper = spawn([
    { op: 'find', file: '/bin/busybox', directories: [] },
    { op: 'exec', args: ['sh', '-c', `test \${#1} = 100000 && exit 9`, 'sh', long], env: [] },
  ]) as { pidfd: number; socket: number };
  expect(await ended(helper.pidfd)).toEqual({ status: 9, signal: 0 });
  native.close(helper.pidfd);
  native.close(helper.socket);
});
