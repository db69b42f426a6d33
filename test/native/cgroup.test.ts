/** linux.cgroupsPath, and mounts of type cgroup with and without a cgroup namespace, from inside. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import {
  inUserNamespace,
  linuxOf,
  mountAt,
  namespaceOf,
  parseMountInfo,
  processOf,
  setNamespace,
  useContainers,
} from '../support/inside.js';
import {
  PARENT,
  UNIFIED,
  inCgroup,
  mountCgroup,
  removeAfterwards,
} from '../support/cgroup-mounts.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();
/** Its line of the v2 hierarchy. */
const OWN = "grep '^0::' /proc/self/cgroup";

/** Where a relative path begins: beside the runtime's own cgroup. */
function beside(): string {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  return own.slice(0, own.lastIndexOf('/'));
}

describe('linux.cgroupsPath', () => {
  it.each([
    ['absolute', `${PARENT}/a`, `${PARENT}/a`],
    ['deep, with needless slashes', `${PARENT}//b/./c/`, `${PARENT}/b/c`],
    ['relative', `${PARENT.slice(1)}/d`, `${beside()}${PARENT}/d`],
  ])('%s is exactly where the process is', async (_, cgroupsPath, path) => {
    removeAfterwards(lab, PARENT, `${PARENT}/b`);
    const inside = await lab.inspect(
      { own: OWN, procs: `cat /sys/fs/cgroup${path}/cgroup.procs | wc -l` },
      inCgroup(cgroupsPath),
    );
    expect(inside.own).toBe(`0::${path}`);
    // The shell and what it starts for this.
    expect(Number(inside.procs)).toBeGreaterThanOrEqual(1);
    expect(existsSync(UNIFIED + path)).toBe(false);
  });

  it('is the id where nothing is given', async () => {
    const id = newId();
    const inside = await lab.inspect({ own: OWN }, inCgroup(undefined), { id });
    expect(inside.own).toBe(`0::${beside()}/${id}`);
  });

  it('holds a detached container, as its manager sees it', async () => {
    removeAfterwards(lab, PARENT);
    const path = `${PARENT}/e`;
    const runtime = lab.runtime();
    const id = newId();
    const bundle = lab.bundle('sleep 1000', (spec) => {
      linuxOf(spec).cgroupsPath = path;
    });
    const run = ['run', '--detach', '--bundle', bundle.path, id];
    lab.cleanup(() => runtime.clean());
    expect((await runtime(run, { stdio: ['ignore', 'ignore', 'ignore'] })).status).toBe(0);
    const { pid } = JSON.parse((await runtime(['state', id])).stdout) as { pid: number };
    expect(readFileSync(`/proc/${String(pid)}/cgroup`, 'utf8')).toContain(`0::${path}\n`);
    expect(readFileSync(join(UNIFIED, path, 'cgroup.procs'), 'utf8')).toBe(`${String(pid)}\n`);

    const second = await lab.run('true', inCgroup(path));
    expect(second).toMatchObject({ status: 1, stdout: '' });
    expect(second.stderr).toContain("container's cgroup is not empty");
    expect((await runtime(['delete', '--force', id])).status).toBe(0);
    expect(existsSync(UNIFIED + path)).toBe(false);
  });

  it.each(['..', `${PARENT}/../..`, '/', 'a\nb'])('%j is refused', async (cgroupsPath) => {
    const result = await lab.run('true', inCgroup(cgroupsPath));
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain('/linux/cgroupsPath');
    expect(existsSync(UNIFIED + PARENT)).toBe(false);
  });
});

describe('a mount of type cgroup', () => {
  const WRITE = 'mkdir /sys/fs/cgroup/sub && echo made; rmdir /sys/fs/cgroup/sub';
  const SEEN = {
    own: OWN,
    mounts: 'cat /proc/self/mountinfo',
    // Pids as the container counts them.
    procs: 'cat /sys/fs/cgroup/cgroup.procs',
    write: 'mkdir /sys/fs/cgroup/sub && echo made; rmdir /sys/fs/cgroup/sub 2>/dev/null',
  };

  it('shows the container’s own cgroup alone in a cgroup namespace', async () => {
    const inside = await lab.inspect(SEEN);
    expect(inside.own).toBe('0::/');
    expect(inside.procs.split('\n')).toContain('1');
    expect(inside.write).toContain('Read-only file system');
    const mount = mountAt(parseMountInfo(inside.mounts), '/sys/fs/cgroup');
    expect(mount).toMatchObject({ type: 'cgroup2', root: '/' });
    expect(mount.options).toEqual(['ro', 'nosuid', 'nodev', 'noexec', 'relatime']);
  });

  it('can be written to where nothing forbids it', async () => {
    const inside = await lab.inspect(
      {
        ...SEEN,
        move: 'cd /sys/fs/cgroup; mkdir sub; echo $$ > sub/cgroup.procs; grep ^0:: /proc/self/cgroup',
        back: 'echo $$ > cgroup.procs; rmdir sub; grep ^0:: /proc/self/cgroup',
      },
      (spec) => {
        mountCgroup(spec);
      },
    );
    expect(inside.write).toBe('made');
    expect(inside.move).toBe('0::/sub');
    expect(inside.back).toBe('0::/');
  });

  it('is what the container leaves below it too', async () => {
    const id = newId();
    const inside = await lab.inspect(
      { left: 'mkdir -p /sys/fs/cgroup/x/y; echo $$ > /sys/fs/cgroup/x/y/cgroup.procs; echo $?' },
      (spec) => {
        mountCgroup(spec);
      },
      { id },
    );
    expect(inside.left).toBe('0');
    // That nothing of it is left is what every test ends with.
  });

  it('belongs to a user that is not root', async () => {
    const inside = await lab.inspect({ write: WRITE }, (spec) => {
      mountCgroup(spec, 'rw');
      processOf(spec).user = { uid: 1000, gid: 1000 };
    });
    expect(inside.write).toBe('made');
  });

  it('belongs to no user of the host’s in a user namespace that is joined', async () => {
    removeAfterwards(lab, PARENT);
    const holder = await lab.holder(['--user']);
    for (const file of ['uid_map', 'gid_map']) {
      writeFileSync(`/proc/${String(holder)}/${file}`, '0 100000 65536');
    }
    const owner = join(lab.directory(), 'owner');
    const inside = await lab.inspect({ id: 'id -u' }, (spec, bundle) => {
      inUserNamespace(spec, bundle);
      mountCgroup(spec, 'rw');
      linuxOf(spec).cgroupsPath = `${PARENT}/joined`;
      delete linuxOf(spec).uidMappings;
      delete linuxOf(spec).gidMappings;
      setNamespace(spec, 'user', `/proc/${String(holder)}/ns/user`);
      processOf(spec).user = { uid: 1000, gid: 1000 };
      const args = ['sh', '-c', `stat -c %u ${UNIFIED}${PARENT}/joined > ${owner}`];
      spec.hooks = { createRuntime: [{ path: '/bin/sh', args }] };
    });
    expect(inside.id).toBe('1000');
    expect(readFileSync(owner, 'utf8')).toBe('0\n');
  });

  it('shows the whole hierarchy without a cgroup namespace', async () => {
    removeAfterwards(lab, PARENT);
    const inside = await lab.inspect(
      { ...SEEN, procs: `cat /sys/fs/cgroup${PARENT}/g/cgroup.procs` },
      inCgroup(`${PARENT}/g`),
    );
    expect(inside.own).toBe(`0::${PARENT}/g`);
    expect(inside.procs.split('\n')).toContain('1');
    expect(inside.write).toContain('Read-only file system');
    const mount = mountAt(parseMountInfo(inside.mounts), '/sys/fs/cgroup');
    expect(mount).toMatchObject({ type: 'cgroup2', root: '/' });
    expect(mount.options).toContain('ro');
  });

  it('shows the joined namespace’s view', async () => {
    mkdirSync(UNIFIED + PARENT);
    removeAfterwards(lab, PARENT);
    const holder = await lab.holder(['--cgroup'], UNIFIED + PARENT);
    const id = newId();
    const inside = await lab.inspect(
      { own: OWN, ns: 'readlink /proc/self/ns/cgroup', ls: 'ls -d /sys/fs/cgroup/inner' },
      (spec) => {
        linuxOf(spec).cgroupsPath = `${PARENT}/inner`;
        setNamespace(spec, 'cgroup', `/proc/${String(holder)}/ns/cgroup`);
      },
      { id },
    );
    expect(inside.ns).toBe(namespaceOf('cgroup', holder));
    expect(inside.own).toBe('0::/inner');
    expect(inside.ls).toBe('/sys/fs/cgroup/inner');
  });
});
