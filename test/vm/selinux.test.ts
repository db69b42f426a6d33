/**
 * SELinux labels, in a machine of their own: of AppArmor and SELinux a kernel has one. Its policy is
 * test/vm/guest/selinux.conf.
 */

import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { compileAttacker } from '../security/attackers/compile.js';
import { fill } from './support/fill.js';
import { ROOTFS, useOwnGuest } from './support/guest.js';

const CHECKPOLICY = '/usr/bin/checkpolicy';
const CONTAINED = 'u:r:contained_t:s0:c1,c2';
const OTHER = 'u:r:other_t:s0:c3';
const SHARED = 'u:object_r:box_t:s0';
const BOX = 'u:object_r:box_t:s0:c1,c2';

const guest = useOwnGuest(
  {
    init: 'init-selinux',
    kernelArguments: ['security=selinux', 'selinux=1', 'enforcing=0'],
  },
  (share) => {
    fill(share);
    const policy = ['-c', '33', '-M', '-U', 'allow', '-o', join(share, 'policy')];
    execFileSync(CHECKPOLICY, [...policy, 'test/vm/guest/selinux.conf']);
    const label = join(share, 'bin/label');
    execFileSync('cc', ['-static', '-O1', '-o', label, 'test/vm/support/label.c']);
    copyFileSync(label, join(share, 'rootfs/bin/label'));
    compileAttacker('exchange', join(share, 'bin'));
  },
  [CHECKPOLICY, '/usr/bin/podman', '/usr/bin/crun'],
);

/** Containers that are made while paths are exchanged. */
const ROUNDS = 8;

const SAY_LABEL = 'tr "\\0" "\\n" < /proc/self/attr/current';

test('the policy is in force, and what has no label of its own has that of the machine', async () => {
  expect(await guest.output(SAY_LABEL)).toBe('u:r:kernel_t:s0-s0:c0.c3\n');
});

const labelled =
  (more: (spec: Spec) => void = () => undefined) =>
  (spec: Spec): void => {
    if (spec.process !== undefined) spec.process.selinuxLabel = CONTAINED;
    spec.linux = { ...spec.linux, mountLabel: BOX };
    more(spec);
  };

/** The label of a mount, as mountinfo has it; undefined for none. */
function contextOf(mountinfo: readonly string[], target: string): string | undefined {
  const line = mountinfo.find((each) => each.split(' ')[4] === target);
  expect(line, `a mount on ${target}`).toBeDefined();
  return /[ ,]context="([^"]*)"/.exec(line ?? '')?.[1];
}

test('the program, its keyring and its mounts have the labels', async () => {
  const long = `size=${'0'.repeat(260)}4000`;
  const bundle = guest.bundle(
    [
      SAY_LABEL,
      'label --keyring',
      'echo > /dev/shm/file && label /dev/shm/file /dev/pts /dev/null /mnt /proc/acpi /own /old',
      'cat /proc/self/mountinfo',
    ].join('; '),
    labelled(({ mounts, linux, root }) => {
      if (root !== undefined) root.readonly = false;
      mounts?.push(
        { destination: '/mnt', type: 'bind', source: '/run', options: ['bind'] },
        {
          destination: '/own',
          type: 'tmpfs',
          source: 'own',
          // As managers write it, for mount(8).
          options: ['context="u:object_r:secret_t:s0:c0,c2"'],
        },
        // Too long for fsconfig(2).
        { destination: '/old', type: 'tmpfs', source: 'old', options: [long] },
      );
      linux?.maskedPaths?.push('/sys/firmware');
    }),
  );
  const output = await guest.output(`tsrun run --bundle ${bundle} ${guest.newId()}`);
  const lines = output.trimEnd().split('\n');
  expect(lines.slice(0, 9)).toEqual([
    CONTAINED,
    CONTAINED,
    BOX,
    BOX,
    BOX,
    // A bind mount keeps what it has.
    'u:object_r:kernel_t:s0',
    // What hides a directory.
    BOX,
    'u:object_r:secret_t:s0:c0,c2',
    BOX,
  ]);
  const mountinfo = lines.slice(9);
  const contexts = Object.fromEntries(
    ['/dev', '/dev/shm', '/dev/pts', '/dev/mqueue', '/proc', '/sys', '/sys/fs/cgroup'].map(
      (target) => [target, contextOf(mountinfo, target)],
    ),
  );
  expect(contexts).toEqual({ '/dev': BOX, '/dev/shm': BOX, '/dev/pts': BOX });
});

test('a device in a user namespace has the label of the mounts', async () => {
  const bundle = guest.bundle(
    'label /dev/own',
    labelled(({ linux }) => {
      const mapping = [{ containerID: 0, hostID: 0, size: 65_536 }];
      linux?.namespaces?.push({ type: 'user' });
      Object.assign(linux ?? {}, {
        ...{ uidMappings: mapping, gidMappings: mapping },
        devices: [{ path: '/dev/own', type: 'c', major: 1, minor: 5 }],
      });
    }),
  );
  expect(await guest.output(`tsrun run --bundle ${bundle} ${guest.newId()}`)).toBe(`${BOX}\n`);
});

test('exec has the label of the container, or that of --process-label', async () => {
  const bundle = guest.bundle('exec sleep 1000', labelled());
  const id = guest.newId();
  const say = `sh -c '${SAY_LABEL}; label --keyring'`;
  const output = await guest.output(`
    tsrun run -d --bundle ${bundle} ${id} </dev/null >/dev/null || exit
    tsrun exec ${id} ${say}
    tsrun exec --process-label ${OTHER} ${id} ${say}
    tsrun exec --process-label u:r:nope_t:s0 ${id} true 2>&1; echo $?
    tsrun delete --force ${id}
  `);
  expect(output.trimEnd().split('\n')).toEqual([
    CONTAINED,
    CONTAINED,
    OTHER,
    // The keyring of the container is there already: it is joined.
    CONTAINED,
    'tsrun: /selinuxLabel: cannot apply the label u:r:nope_t:s0: the policy has no such label',
    '255',
  ]);
});

test('a label that the policy writes otherwise is the same label', async () => {
  const bundle = guest.bundle(`${SAY_LABEL}; label /dev/shm`, (spec) => {
    if (spec.process !== undefined) spec.process.selinuxLabel = 'u:r:contained_t:s0:c3,c1,c2';
    spec.linux = { ...spec.linux, mountLabel: 'u:object_r:box_t:s0-s0:c2,c1' };
  });
  expect(await guest.output(`tsrun run --bundle ${bundle} ${guest.newId()}`)).toBe(
    'u:r:contained_t:s0:c1.c3\nu:object_r:box_t:s0-s0:c1,c2\n',
  );
});

test.each<[string, (spec: Spec) => void]>([
  [
    '/process/selinuxLabel',
    (spec) => {
      if (spec.process !== undefined) spec.process.selinuxLabel = 'u:r:nope_t:s0';
    },
  ],
  ['/linux/mountLabel', (spec) => (spec.linux = { ...spec.linux, mountLabel: 'u:r:nope_t:s0' })],
])('%s that the policy does not have is refused, and nothing is left', async (pointer, change) => {
  const bundle = guest.bundle('true', change);
  expect(await guest.run(`tsrun run --bundle ${bundle} ${guest.newId()}`)).toEqual({
    status: 1,
    stdout: '',
    stderr: `tsrun: ${pointer}: cannot apply the label u:r:nope_t:s0: the policy has no such label\n`,
  });
});

test('a /proc that is exchanged for a false one takes no label away (row 5)', async () => {
  const bundle = guest.bundle('label --self', labelled());
  const ids = Array.from({ length: ROUNDS }, () => guest.newId());
  const output = await guest.output(`
    fake=${ROOTFS}/fake/thread-self/attr
    mkdir -p $fake
    # What would be written to, and read back, there.
    for file in exec keycreate; do printf '%s' ${CONTAINED} > $fake/$file; done
    ln -s thread-self ${ROOTFS}/fake/self
    exchange ${ROOTFS} proc fake > /run/exchanging &
    attacker=$!
    until [ -s /run/exchanging ]; do sleep 0.01; done
    for id in ${ids.join(' ')}; do tsrun run --bundle ${bundle} $id 2>&1; done
    kill $attacker; wait $attacker 2>/dev/null
    [ -d ${ROOTFS}/fake/thread-self ] || mv -T ${ROOTFS}/proc ${ROOTFS}/proc.new
    cat ${ROOTFS}/*/thread-self/attr/*
    rm -r ${ROOTFS}/fake ${ROOTFS}/proc* /run/exchanging
    mkdir ${ROOTFS}/proc
  `);
  expect(output).toBe(`${CONTAINED}\n`.repeat(ROUNDS) + CONTAINED.repeat(2));
});

test('an enforcing policy keeps the container from what it must not read', async () => {
  const script = 'cat /mnt/secret/file; cat /mnt/other/file; cat /mnt/own/file';
  const free = guest.bundle(script, mounted);
  const kept = guest.bundle(script, labelled(mounted));
  const kinds = {
    secret: 'u:object_r:secret_t:s0',
    other: 'u:object_r:box_t:s0:c3',
    own: BOX,
  };
  function mounted(spec: Spec): void {
    spec.mounts?.push({
      destination: '/mnt',
      type: 'bind',
      source: '/run/kinds',
      options: ['rbind'],
    });
  }
  const makeKinds = Object.entries(kinds).map(
    ([name, label]) => `mkdir -p /run/kinds/${name}
      mount -t tmpfs -o 'context="${label}"' ${name} /run/kinds/${name}
      echo ${name} > /run/kinds/${name}/file`,
  );
  const result = await guest.run(`set -e
    ${makeKinds.join('\n')}
    trap 'echo 0 > /sys/fs/selinux/enforce' EXIT
    echo 1 > /sys/fs/selinux/enforce
    tsrun run --bundle ${free} ${guest.newId()}
    tsrun run --bundle ${kept} ${guest.newId()} 2>&1
    umount /run/kinds/*
  `);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout.trimEnd().split('\n')).toEqual([
    'secret',
    'other',
    'own',
    expect.stringMatching(/secret\/file'?: Permission denied/),
    expect.stringMatching(/other\/file'?: Permission denied/),
    'own',
  ]);
});

test('podman -v with z and Z: files have the label that every container may read, or this one alone', async () => {
  const result = await guest.run(`
    etc=/run/podman/etc
    mkdir -p $etc/selinux/targeted/contexts /run/podman/bin
    cp -a /etc/passwd /etc/group /etc/nsswitch.conf /etc/os-release /etc/containers $etc/
    printf 'SELINUX=permissive\nSELINUXTYPE=targeted\n' >$etc/selinux/config
    printf 'process = "u:r:contained_t:s0"\nfile = "u:object_r:box_t:s0"\n' \\
      >$etc/selinux/targeted/contexts/lxc_contexts
    mount --bind $etc /etc
    trap 'echo 0 >/sys/fs/selinux/enforce; umount /etc; rm -rf /run/podman' EXIT
    podman() {
      TMPDIR=/tmp /usr/bin/podman --root /run/podman/root --runroot /run/podman/run --tmpdir /run/podman/tmp \\
        --storage-driver vfs --cgroup-manager cgroupfs --events-backend none "$@"
    }
    # run LEVEL OPTIONS...
    run() {
      level=$1
      shift
      podman --runtime $(command -v $runtime) run --rm --network none --log-driver none --pids-limit 0 \\
        --security-opt label=level:$level "$@"
    }
    for runtime in tsrun crun; do
      v=/run/podman/$runtime
      mkdir -p $v/shared $v/private
      echo text | tee $v/shared/file >$v/private/file
      run s0:c1,c2 -v $v/shared:/shared:z -v $v/private:/private:Z --rootfs ${ROOTFS} sh -c \\
        'tr "\\0" "\\n" </proc/self/attr/current; label /shared /shared/file /private/file'
      label $v/shared/file $v/private/file
      echo 1 >/sys/fs/selinux/enforce
      run s0:c3 -v $v:/v --rootfs ${ROOTFS} sh -c 'cat /v/shared/file /v/private/file 2>&1'
      echo 0 >/sys/fs/selinux/enforce
    done
  `);
  const one: unknown[] = [
    ...[CONTAINED, SHARED, SHARED, BOX, SHARED, BOX],
    'text',
    expect.stringMatching(/private\/file'?: Permission denied/),
  ];
  expect(result.stdout.trimEnd().split('\n'), result.stderr).toEqual([...one, ...one]);
});
