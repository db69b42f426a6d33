/** Row 14 (CVE-2023-25809): cgroups that a container can write to, above all its limits. */

import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';

import {
  PARENT,
  UNIFIED,
  inCgroup,
  mountCgroup,
  removeAfterwards,
} from '../support/cgroup-mounts.js';
import {
  dropNamespace,
  grant,
  inUserNamespace,
  linuxOf,
  processOf,
  useContainers,
} from '../support/inside.js';
import type { Change } from '../support/inside.js';
import { newId } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';
import type { Bundle } from '../support/bundle.js';
import { UID, makeUser } from '../support/user.js';
import type { User } from '../support/user.js';

const lab = useContainers();

let user: User;

beforeAll(() => {
  user = makeUser();
});

afterAll(() => {
  user.remove();
});

const WRITE = 'mkdir /sys/fs/cgroup/sub && echo made; rmdir /sys/fs/cgroup/sub';

test('belongs to the container’s user where it is delegated, but not its limits', async () => {
  const inside = await lab.inspect(
    {
      write: WRITE,
      owners:
        'cd /sys/fs/cgroup; stat -c "%n %u" . cgroup.procs cgroup.subtree_control cgroup.max.depth',
      limit: '(echo 5 > /sys/fs/cgroup/cgroup.max.depth)',
      move: 'cd /sys/fs/cgroup; mkdir sub; echo $$ > sub/cgroup.procs; grep ^0:: /proc/self/cgroup',
    },
    (spec, bundle) => {
      mountCgroup(spec, 'rw', 'nosuid');
      inUserNamespace(spec, bundle);
    },
  );
  expect(inside.write).toContain('made');
  expect(inside.owners.split('\n')).toEqual([
    '. 0',
    'cgroup.procs 0',
    'cgroup.subtree_control 0',
    'cgroup.max.depth 65534',
  ]);
  expect(inside.limit).toContain('Permission denied');
  expect(inside.move).toBe('0::/sub');
});

test('is not delegated where it is read-only', async () => {
  const inside = await lab.inspect(
    { write: WRITE, owners: 'stat -c %u /sys/fs/cgroup/cgroup.procs' },
    inUserNamespace,
  );
  expect(inside.write).toContain('Read-only file system');
  expect(inside.owners).toBe('65534');
});

/** What the host's root can write to of the hierarchy that it sees. */
async function reach(
  options: readonly string[],
  change: (spec: Spec) => void,
): Promise<{ seen: Record<'above' | 'kill' | 'own' | 'mounts', string>; stderr: string }> {
  // What is tried is the test's own, so that nothing else goes when it works.
  const victim = `${PARENT}/victim`;
  mkdirSync(UNIFIED + victim, { recursive: true });
  removeAfterwards(lab, PARENT, `${PARENT}/escaped`, victim);
  const own = `/sys/fs/cgroup${PARENT}/g`;
  const tries = {
    above: `cd /sys/fs/cgroup${PARENT}; sh -c 'echo $$ > victim/cgroup.procs'; mkdir escaped`,
    kill: `echo 1 > /sys/fs/cgroup${victim}/cgroup.kill && echo written`,
    own: `mkdir ${own}/sub && rmdir ${own}/sub && echo made`,
    mounts: "grep ' /sys/fs/cgroup' /proc/self/mountinfo",
  };
  const script = Object.values(tries)
    .map((line) => `(${line}) 2>&1; echo --`)
    .join('\n');
  const result = await lab.run(
    script,
    (spec) => {
      inCgroup(`${PARENT}/g`)(spec);
      mountCgroup(spec, 'rw');
      change(spec);
    },
    { globals: [...options] },
  );
  const [above = '', kill = '', own_ = '', mounts = ''] = result.stdout
    .split('--\n')
    .map((text) => text.trim());
  return { seen: { above, kill, own: own_, mounts }, stderr: result.stderr };
}

const privileged = (spec: Spec): void => grant(spec, 'CAP_SYS_ADMIN');
/** It never gets what is in the bounding set alone. */
const bounded = (spec: Spec): void => {
  const { process } = spec;
  if (process?.capabilities === undefined) return;
  process.noNewPrivileges = true;
  process.capabilities.bounding = [...(process.capabilities.bounding ?? []), 'CAP_SYS_ADMIN'];
};
const again = (spec: Spec): void => {
  spec.mounts?.push({ destination: '/sys/fs/cgroup', options: ['remount', 'bind', 'rw'] });
};

test.each([
  ['without CAP_SYS_ADMIN', [], () => undefined],
  ['with CAP_SYS_ADMIN out of its reach', [], bounded],
  ['with --protect-host-cgroups', ['--protect-host-cgroups'], privileged],
  ['with a later entry that asks for more', [], again],
] as [string, string[], (spec: Spec) => void][])(
  'without a cgroup namespace, is writable in the container’s own part alone %s',
  async (_, options, change) => {
    const { seen, stderr } = await reach(options, change);
    expect(seen.above.match(/Read-only file system/g) ?? []).toHaveLength(2);
    expect(seen.kill).not.toContain('written');
    expect(seen.own).toBe('made');
    if (change === again) expect(stderr).toMatch(/\/mounts\/\d+: stays as it is, since only/);
    else expect(stderr).toBe('');
  },
);

test.each([
  ['from the beginning', () => undefined],
  [
    'by a later entry',
    (spec: Spec) => {
      mountCgroup(spec, 'ro');
      again(spec);
    },
  ],
] as [string, (spec: Spec) => void][])(
  'without a cgroup namespace, is one mount, and writable, to who has CAP_SYS_ADMIN: %s',
  async (_, change) => {
    const { seen, stderr } = await reach([], (spec) => {
      privileged(spec);
      change(spec);
    });
    expect(stderr).toBe('');
    expect(seen).toMatchObject({ above: '', kill: 'written', own: 'made' });
    expect(seen.mounts).toMatch(/^[^\n]* \/sys\/fs\/cgroup rw,[^\n]*$/);
  },
);

test.each([
  ['in a user namespace', inUserNamespace],
  ['with limits in reach', () => undefined],
] as [string, Change][])(
  'a later entry makes no read-only mount writable that must stay so: %s',
  async (_, change) => {
    const result = await lab.run(
      "grep -c ' /sys/fs/cgroup[^ ]* rw' /proc/self/mountinfo",
      (spec, bundle) => {
        mountCgroup(spec, 'ro');
        again(spec);
        if (change === inUserNamespace) dropNamespace(spec, 'cgroup');
        change(spec, bundle);
      },
    );
    expect(result.stderr).toMatch(/\/mounts\/\d+: stays as it is, since/);
    expect(result.stdout).toBe('0\n');
  },
);

test('is read-only in a user namespace without a cgroup namespace, which is told', async () => {
  // The container's own part too, which may belong to its root.
  const writable = "grep -c ' /sys/fs/cgroup[^ ]* rw' /proc/self/mountinfo";
  const result = await lab.run(`${WRITE}; ${writable}`, (spec, bundle) => {
    mountCgroup(spec, 'rw');
    dropNamespace(spec, 'cgroup');
    inUserNamespace(spec, bundle);
  });
  expect(result.stderr).toMatch(/\/mounts\/\d+: read-only/);
  expect(result.stderr).toContain('Read-only file system');
  expect(result.stdout).toBe('0\n');
});

/** The caller is root inside, and may mount: the hierarchy once more, for one. */
function asCaller(spec: Spec, uid: number, size: number): void {
  const map = [{ containerID: 0, hostID: uid, size }];
  Object.assign(linuxOf(spec), { uidMappings: map, gidMappings: map });
  linuxOf(spec).namespaces?.push({ type: 'user' });
  for (const set of ['bounding', 'effective', 'permitted'] as const) {
    processOf(spec).capabilities?.[set]?.push('CAP_SYS_ADMIN');
  }
}

const LIMITS = { 'cgroup.max.depth': '7', 'cgroup.max.descendants': '9' };

function limitsOf(cgroup: string): Record<string, string> {
  const read = (name: string): string => readFileSync(`${UNIFIED}${cgroup}/${name}`, 'utf8').trim();
  return Object.fromEntries(Object.keys(LIMITS).map((name) => [name, read(name)]));
}

/** A part of the hierarchy that is the user's, with the caller in a cgroup of it. */
function delegated(): { path: string; caller: string } {
  const path = `${PARENT}-user`;
  const caller = `${path}/caller`;
  mkdirSync(UNIFIED + caller, { recursive: true });
  removeAfterwards(lab, path, caller);
  for (const name of ['', '/cgroup.procs', '/cgroup.subtree_control', '/caller/cgroup.procs']) {
    chownSync(UNIFIED + path + name, UID, UID);
  }
  return { path, caller };
}

/** Files of a cgroup that can be opened for writing, each tried. */
const WRITABLE = `for file in $(ls); do
    if test -f $file && (: >>$file) 2>/dev/null; then echo "writable $file"; fi
  done`;
const TRY = `cd /sys/fs/cgroup && ${WRITABLE}; mkdir sub && echo made && rmdir sub`;

/** With what is left, the hierarchy mounted once more, and the limits that are there taken down. */
const AGAIN = `mkdir /tmp/again; mount -t cgroup2 none /tmp/again && cd /tmp/again && echo mounted
  for file in cgroup.max.* $(ls | grep 'max$'); do echo 1 >$file; done 2>/dev/null
  ls`;

const DELEGATED = readFileSync('/sys/kernel/cgroup/delegate', 'utf8').trim().split('\n');

function expectDelegatedAlone(output: string): void {
  const found = output.matchAll(/^writable (.*)$/gm);
  const files = [...found].flatMap(([, file = '']) => (file === '' ? [] : [file]));
  expect(files).toContain('cgroup.procs');
  expect(files.filter((file) => !DELEGATED.includes(file))).toEqual([]);
  expect(output).toMatch(/^made$/m);
}

/** Runs the runtime; the program before it has `"$@"` run it. */
type Call = (args: readonly string[], before: string) => Promise<Result>;

async function attack(call: Call, bundle: string, cgroup: string): Promise<void> {
  const id = newId();
  const output = join(lab.directory(), 'output');
  try {
    const run = ['run', '--detach', '--bundle', bundle, id];
    // Not the container's to keep open.
    const started = await call(run, `exec "$@" </dev/null >${output} 2>&1`);
    expect({ ...started, output: readFileSync(output, 'utf8') }).toMatchObject({
      status: 0,
      output: '',
    });
    const exec = async (script: string): Promise<string> => {
      const result = await call(['exec', id, 'sh', '-c', script], 'exec "$@"');
      expect(result).toMatchObject({ status: 0, stderr: '' });
      return result.stdout;
    };
    expectDelegatedAlone(await exec(TRY));
    expect(await exec(AGAIN)).toMatch(/^mounted\n/);
    expect(limitsOf(cgroup)).toEqual(LIMITS);
  } finally {
    await call(['delete', '--force', id], 'exec "$@"');
  }
}

function victim(
  cgroup: string,
  uid: number,
  size: number,
  change: (spec: Spec) => void = () => undefined,
): Bundle {
  return lab.bundle('exec sleep 1000', (spec) => {
    mountCgroup(spec, 'rw');
    asCaller(spec, uid, size);
    const pts = spec.mounts?.find(({ type }) => type === 'devpts');
    if (pts?.options !== undefined) pts.options = pts.options.filter((o) => !o.startsWith('gid='));
    spec.mounts?.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
    linuxOf(spec).cgroupsPath = cgroup;
    linuxOf(spec).resources = { unified: LIMITS };
    change(spec);
  });
}

test('of an ordinary user’s container are never the ones with its limits', async () => {
  const { path, caller } = delegated();
  const cgroup = `${path}/container`;
  const bundle = victim(cgroup, UID, 1);
  user.give(bundle.path);
  const enter = `echo $$ > ${UNIFIED}${caller}/cgroup.procs && `;
  const call: Call = (args, before) =>
    user.tsrun(args, { prefix: ['sh', '-c', enter + before, 'sh'] });
  await attack(call, bundle.path, cgroup);
});

test('are out of reach for an ordinary user’s container that has none of them mounted', async () => {
  const { path, caller } = delegated();
  const cgroup = `${path}/container`;
  const bundle = victim(cgroup, UID, 1, (spec) => {
    spec.mounts = spec.mounts?.filter(({ type }) => type !== 'cgroup') ?? [];
  });
  user.give(bundle.path);
  const id = newId();
  const enter = `echo $$ > ${UNIFIED}${caller}/cgroup.procs && exec "$@"`;
  const call = (...args: string[]): Promise<Result> =>
    user.tsrun(args, { prefix: ['sh', '-c', enter, 'sh'], stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const output = join(lab.directory(), 'output');
    const run = `exec >${output} 2>&1; ${enter}`;
    await user.tsrun(['run', '--detach', '--bundle', bundle.path, id], {
      prefix: ['sh', '-c', run, 'sh'],
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    expect(readFileSync(output, 'utf8')).toBe('');
    expect((await call('exec', id, 'sh', '-c', AGAIN)).stdout).toMatch(/^mounted\n/);
    expect(limitsOf(cgroup)).toEqual(LIMITS);
  } finally {
    await call('delete', '--force', id);
  }
});

test('of a user namespace whose root is the host’s are never the ones with its limits', async () => {
  const cgroup = `${PARENT}/mapped`;
  removeAfterwards(lab, PARENT);
  const { path } = victim(cgroup, 0, 65_536);
  const call: Call = (args, before) =>
    lab.runtime()([...args], { prefix: ['sh', '-c', before, 'sh'] });
  await attack(call, path, cgroup);
});

/** As an earlier container may have left it. */
function used(): string {
  const path = `${PARENT}/used`;
  mkdirSync(`${UNIFIED}${path}/container`, { recursive: true });
  removeAfterwards(lab, PARENT, path, `${path}/container`);
  return path;
}

test('are as new for a container, whatever an earlier one wrote to its own', async () => {
  const path = used();
  writeFileSync(`${UNIFIED}${path}/container/cgroup.max.depth`, '3');
  const inside = await lab.inspect({ depth: 'cat /sys/fs/cgroup/cgroup.max.depth' }, (spec) => {
    mountCgroup(spec, 'rw');
    asCaller(spec, 0, 65_536);
    linuxOf(spec).cgroupsPath = path;
  });
  expect(inside.depth).toBe('max');
});

test('take any container after one could not be created in them', async () => {
  const path = used();
  const passedOn = (): string => readFileSync(`${UNIFIED}${path}/cgroup.subtree_control`, 'utf8');
  const before = passedOn();
  const failed = await lab.run('true', (spec) => {
    asCaller(spec, 0, 65_536);
    linuxOf(spec).cgroupsPath = path;
    spec.hooks = { createRuntime: [{ path: '/bin/false' }] };
  });
  expect(failed.stderr).toContain('hook');
  expect(passedOn()).toBe(before);
  const next = await lab.run('echo in', (spec) => {
    linuxOf(spec).cgroupsPath = path;
  });
  expect(next).toMatchObject({ status: 0, stdout: 'in\n' });
});

test('of the host’s root, which may not mount, have limits that it cannot write', async () => {
  const inside = await lab.inspect({ try: TRY }, (spec) => {
    mountCgroup(spec, 'rw');
  });
  expectDelegatedAlone(inside.try);
});

test('of a cgroup namespace that is joined are read-only to a user, which is told', async () => {
  // Its root is the test's own cgroup; it could be any.
  const holder = await lab.holder(['--cgroup']);
  const result = await lab.run(TRY, (spec) => {
    mountCgroup(spec, 'rw');
    asCaller(spec, 0, 65_536);
    const namespaces = linuxOf(spec).namespaces ?? [];
    for (const namespace of namespaces) {
      if (namespace.type === 'cgroup') namespace.path = `/proc/${String(holder)}/ns/cgroup`;
    }
  });
  expect(result.stdout).not.toMatch(/writable|made/);
  expect(result.stderr).toMatch(
    /\/mounts\/\d+: read-only, since a cgroup namespace that is joined/,
  );
});
