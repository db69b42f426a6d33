/** Every step of create can fail in real life. The error says where, and nothing is left of it. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { CreateContainerOptions } from '../../src/index.js';
import type { Hook, Spec } from '../../src/spec/types.js';
import { makeBundle } from '../support/bundle.js';
import { api, codeOf, sleeper, useLibrary } from '../support/library.js';
import { leftOf } from '../support/left.js';
import { newId } from '../support/tsrun.js';

const { createContainer } = api;
const scene = useLibrary();
let work: string;
let root: string;
let id: string;

beforeEach(() => {
  ({ work, root, id } = scene);
});

const CGROUPS = '/sys/fs/cgroup/unified';
const HIERARCHY = readdirSync('/sys/fs/cgroup').includes('unified') ? CGROUPS : '/sys/fs/cgroup';
const PARENT = `tsrun-failures-${process.pid.toString()}`;
let occupant: ChildProcess;

beforeAll(async () => {
  // The first container of all starts the library's thread, which has descriptors.
  const bundle = makeBundle('true');
  const first = { root: join(bundle.path, 'state'), id: newId(), bundle: bundle.path };
  await (await createContainer({ ...first, stdio: 'ignore' })).delete({ force: true });
  bundle.remove();
  mkdirSync(join(HIERARCHY, PARENT, 'flat'), { recursive: true });
  writeFileSync(join(HIERARCHY, PARENT, 'flat/cgroup.max.depth'), '0');
  mkdirSync(join(HIERARCHY, PARENT, 'full'));
  occupant = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(occupant, 'spawn');
  writeFileSync(join(HIERARCHY, PARENT, 'full/cgroup.procs'), String(occupant.pid));
});

afterAll(async () => {
  const ended = once(occupant, 'exit');
  occupant.kill('SIGKILL');
  await ended;
  for (const name of ['flat', 'full', '.']) rmdirSync(join(HIERARCHY, PARENT, name));
});

interface Case {
  /** What the bundle is like. */
  change?: (spec: Spec, bundle: { path: string; rootfs: string }) => void;
  options?: () => Partial<CreateContainerOptions>;
  code: string;
  message: RegExp;
}

const linux = (change: Partial<NonNullable<Spec['linux']>>) => (spec: Spec) => {
  Object.assign(spec.linux ?? {}, change);
};
const mount =
  (type: string, source: string, options: string[], destination = '/mnt') =>
  (spec: Spec) => {
    spec.mounts?.push({ destination, type, source, options });
  };
const joinNetwork = (path: string) => (spec: Spec) => {
  const network = spec.linux?.namespaces?.find(({ type }) => type === 'network');
  if (network !== undefined) network.path = path;
};
const hook = (kind: keyof NonNullable<Spec['hooks']>, entry: Hook) => (spec: Spec) => {
  spec.hooks = { [kind]: [entry] };
};
const shell = (script: string): Hook => ({ path: '/bin/sh', args: ['sh', '-c', script] });
const run = (change: Partial<NonNullable<Spec['process']>>) => (spec: Spec) => {
  Object.assign(spec.process ?? {}, change);
};

const CASES: Record<string, Case> = {
  'a file system that the kernel does not have': {
    change: mount('nofs', 'none', []),
    code: 'ERR_SYSTEM',
    message: /^\/mounts\/7: cannot mount nofs .*no such device$/,
  },
  'an option that the file system does not have': {
    change: mount('tmpfs', 'tmpfs', ['sise=4k']),
    code: 'ERR_SYSTEM',
    message: /^\/mounts\/7: .*sise/,
  },
  'a bind source that is not there': {
    change: mount('bind', '/nowhere', ['rbind']),
    code: 'ERR_SYSTEM',
    message: /^\/mounts\/7: .*\/nowhere.*no such file or directory$/,
  },
  'a directory over a file': {
    change: mount('bind', '/etc', ['rbind'], '/etc/passwd'),
    code: 'ERR_SYSTEM',
    message: /^\/mounts\/7: .*not a directory$/,
  },
  'a root file system that is a file': {
    change: (spec, { path }) => {
      writeFileSync(join(path, 'file'), '');
      spec.root = { path: 'file' };
    },
    code: 'ERR_BUNDLE',
    message: /^\/root\/path: .*file.*not a directory$/,
  },
  'a root file system that is a link to itself': {
    change: (spec, { path }) => {
      symlinkSync('loop', join(path, 'loop'));
      spec.root = { path: 'loop' };
    },
    code: 'ERR_BUNDLE',
    message: /^\/root\/path: .*loop.*symbolic links$/,
  },
  'a program that is not there': {
    change: run({ args: ['nope'] }),
    code: 'ERR_EXEC',
    message: /exec: "nope": executable file not found in \$PATH/,
  },
  'a working directory that is a file': {
    change: run({ cwd: '/bin/busybox' }),
    code: 'ERR_SYSTEM',
    message: /^\/process\/cwd: .*not a directory$/,
  },
  'a namespace that is not there': {
    change: joinNetwork('/run/nowhere'),
    code: 'ERR_SYSTEM',
    message: /^\/linux\/namespaces\/1: .*no such file or directory$/,
  },
  'a namespace of another type': {
    change: joinNetwork('/proc/self/ns/uts'),
    code: 'ERR_CONFIG_INVALID',
    message: /^\/linux\/namespaces\/1: .*not a network namespace$/,
  },
  'more id mappings than the kernel takes': {
    change: (spec) => {
      const mappings = Array.from({ length: 341 }, (_, n) => ({
        containerID: n,
        hostID: 70000 + 2 * n,
        size: 1,
      }));
      spec.linux?.namespaces?.push({ type: 'user' });
      linux({ uidMappings: mappings, gidMappings: mappings })(spec);
    },
    code: 'ERR_CONFIG_INVALID',
    message: /\/linux\/uidMappings: .*340/,
  },
  'a sysctl that is not there': {
    change: linux({ sysctl: { 'net.nowhere': '1' } }),
    code: 'ERR_SYSTEM',
    message: /^\/linux\/sysctl\/net.nowhere: .*no such file or directory$/,
  },
  'a sysctl that does not take the value': {
    change: linux({ sysctl: { 'net.ipv4.ip_forward': 'word' } }),
    code: 'ERR_SYSTEM',
    message: /^\/linux\/sysctl\/net.ipv4.ip_forward: .*invalid argument$/,
  },
  'a device where none can be made': {
    change: linux({ devices: [{ type: 'c', path: '/proc/device', major: 1, minor: 3 }] }),
    code: 'ERR_SYSTEM',
    message: /^\/linux\/devices\/0: .*\/proc\/device/,
  },
  'a terminal without devpts': {
    change: (spec) => {
      run({ terminal: true })(spec);
      spec.mounts = spec.mounts?.filter(({ type }) => type !== 'devpts') ?? [];
    },
    options: () => ({ consoleSocket: join(work, 'socket') }),
    code: 'ERR_CONSOLE',
    message: /^\/process\/terminal: /,
  },
  'a console socket that is not there': {
    change: run({ terminal: true }),
    options: () => ({ consoleSocket: join(work, 'nowhere') }),
    code: 'ERR_CONSOLE',
    message: /console socket .*nowhere: no such file or directory$/,
  },
  'a console socket that is a file': {
    change: run({ terminal: true }),
    options: () => ({ consoleSocket: '/etc/passwd' }),
    code: 'ERR_CONSOLE',
    message: /console socket .*: connection refused$/,
  },
  'a pidfd socket that is not there': {
    options: () => ({ pidfdSocket: join(work, 'nowhere') }),
    code: 'ERR_CONSOLE',
    message: /pidfd socket .*: no such file or directory$/,
  },
  'a pid file in a directory that is not there': {
    options: () => ({ pidFile: join(work, 'no/where') }),
    code: 'ERR_STATE',
    message: /no\/where.*: no such file or directory$/,
  },
  'a cgroup below one that allows none': {
    change: linux({ cgroupsPath: `/${PARENT}/flat/c` }),
    code: 'ERR_CGROUP',
    message: /flat\/c: .*cgroup.max.depth/,
  },
  'a cgroup that has processes': {
    change: linux({ cgroupsPath: `/${PARENT}/full` }),
    code: 'ERR_CGROUP',
    message: /^container's cgroup is not empty: 1 process/,
  },
  'a prestart hook that fails': {
    change: hook('prestart', shell('exit 3')),
    code: 'ERR_HOOK',
    message: /^\/hooks\/prestart\/0: .*exit status 3/,
  },
  'a createRuntime hook that is not there': {
    change: hook('createRuntime', { path: '/nowhere/hook' }),
    code: 'ERR_HOOK',
    message: /^\/hooks\/createRuntime\/0: .*no such file or directory/,
  },
  'a createRuntime hook that takes too long': {
    change: hook('createRuntime', { ...shell('exec sleep 1000'), timeout: 1 }),
    code: 'ERR_HOOK',
    message: /^\/hooks\/createRuntime\/0: .*1 s/,
  },
  'a createContainer hook that dies': {
    change: hook('createContainer', shell('kill -9 $$')),
    code: 'ERR_HOOK',
    message: /^\/hooks\/createContainer\/0: .*signal 9/,
  },
  'a process that is killed while it is set up': {
    change: hook('createRuntime', shell(`kill -9 $(grep -o '"pid": *[0-9]*' | tr -dc 0-9)`)),
    code: 'ERR_SYSTEM',
    message: /^the process was killed by signal 9 while it was set up/,
  },
};

describe('create fails at', () => {
  test.each(Object.entries(CASES))('%s', async (_, { change, options, code, message }) => {
    const socket = createServer(() => undefined);
    await new Promise<void>((resolve) => socket.listen(join(work, 'socket'), resolve));
    const bundle = scene.make('true');
    change?.(bundle.spec, bundle);
    bundle.write();
    const open = readdirSync('/proc/self/fd').length;
    const children = childrenOf();

    const error: unknown = await createContainer({
      root,
      id,
      bundle: bundle.path,
      stdio: 'ignore',
      ...options?.(),
    }).catch((reason: unknown) => reason);
    if (!(error instanceof api.TsrunError)) throw new Error('no TsrunError', { cause: error });
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    // One line, and not a stack of causes.
    expect(error.message).not.toContain('\n');

    expect(leftOf({ id, root, bundle: bundle.path })).toEqual([]);
    expect(childrenOf()).toEqual(children);
    const ended = once(socket, 'close');
    socket.close();
    await ended;
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(open);
  });
});

/** Pids of this process's children, zombies too. */
function childrenOf(): string[] {
  return readdirSync('/proc/self/task')
    .flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' '))
    .filter((pid) => pid !== '')
    .sort();
}

test('what has failed can be tried again with the same id', async () => {
  const bundle = scene.make('exit 3', mount('nofs', 'none', []));
  const create = () => createContainer({ root, id, bundle: bundle.path, stdio: 'ignore' });
  expect(await codeOf(create())).toBe('ERR_SYSTEM');
  bundle.spec.mounts?.pop();
  bundle.write();
  const container = await create();
  await container.start();
  expect(await container.wait()).toEqual({ status: 3, signal: 0 });
  await container.delete();
});

test.each(['startContainer', 'poststart'] as const)(
  'after a failed %s hook the container is stopped',
  async (kind) => {
    const pointer = `/hooks/${kind}/0`;
    const bundle = scene.make('', (spec) => {
      sleeper(spec);
      hook(kind, shell('exit 4'))(spec);
    });
    const container = await createContainer({ root, id, bundle: bundle.path, stdio: 'ignore' });
    const error: unknown = await container.start().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_HOOK', pointer });
    expect(await container.state()).toMatchObject({ status: 'stopped' });
    await container.delete();
    expect(leftOf({ id, root, bundle: bundle.path })).toEqual([]);
  },
);
