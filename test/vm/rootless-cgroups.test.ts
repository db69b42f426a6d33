/** Limits of an ordinary user: in a delegated part of the hierarchy, under a user's systemd, and without either. */

import { expect, test } from 'vitest';

import type { LinuxResources, Spec } from '../../src/spec/types.js';
import { useGuest } from './support/guest.js';
import { WITHOUT_NSDELEGATE, WITH_NSDELEGATE } from './support/nsdelegate.js';

const guest = useGuest();

/** nobody: has no session and no ids of its own. */
const UID = 65534;
const RUNTIME_DIRECTORY = '/run/tsrun-user';
const AS_USER = `systemd-run --quiet --collect --wait --pipe --uid=${UID} -E XDG_RUNTIME_DIR=${RUNTIME_DIRECTORY} -E PATH=$PATH`;

function bundle(
  script: string,
  resources: LinuxResources = {},
  change: (spec: Spec) => void = () => undefined,
): string {
  return guest.bundle(script, (spec) => {
    const map = [{ containerID: 0, hostID: UID, size: 1 }];
    spec.linux = {
      ...spec.linux,
      uidMappings: map,
      gidMappings: map,
      resources,
      namespaces: (['pid', 'mount', 'user'] as const).map((type) => ({ type })),
    };
    delete spec.hostname;
    spec.mounts = [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    ];
    change(spec);
  });
}

const LIMITS: LinuxResources = {
  // A user cannot have any in force, which would be told.
  devices: [{ allow: true, access: 'rwm' }],
  pids: { limit: 7 },
  memory: { limit: 32 << 20 },
};
const FORKS = 'for n in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done 2>&1';

/** The user's own directory, and what the script leaves in there is gone afterwards. */
function withDirectory(script: string): string {
  return `mkdir ${RUNTIME_DIRECTORY} && chown ${UID}:${UID} ${RUNTIME_DIRECTORY} || exit
    ${script}
    rm -r ${RUNTIME_DIRECTORY}`;
}

test('in a delegated part of the hierarchy limits are in force', async () => {
  const id = guest.newId();
  const script = guest.write(
    'delegated',
    `cd /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup) && mkdir own && echo $$ >own/cgroup.procs &&
      echo '+pids +memory' >cgroup.subtree_control || exit
    tsrun run --detach --bundle ${bundle('sleep 1000', LIMITS)} ${id} </dev/null >/dev/null || exit
    cat ${id}/pids.max ${id}/memory.max
    tsrun exec ${id} sh -c '${FORKS}'
    tsrun update --pids-limit 20 ${id}; cat ${id}/pids.max
    tsrun delete --force ${id}
    ls -d ${id} 2>/dev/null`,
  );
  const result = await guest.run(withDirectory(`${AS_USER} -p Delegate=yes sh ${script}`));
  expect(result).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^7\n33554432\nsh: can't fork: [^\n]*\n20\n$/) as string,
    stderr: '',
  });
});

/** It has its cgroups mounted, and may mount them once more. */
function withCgroups(spec: Spec): void {
  spec.linux?.namespaces?.push({ type: 'cgroup' });
  spec.mounts?.push(
    // Without a network namespace there is no sysfs.
    { destination: '/sys', type: 'cgroup', source: 'cgroup', options: ['rw'] },
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs' },
  );
  for (const set of ['bounding', 'effective', 'permitted'] as const) {
    spec.process?.capabilities?.[set]?.push('CAP_SYS_ADMIN');
  }
}

/** To the files of its cgroup's limits: where they are mounted, and where it mounts them itself. */
const ATTACK = `cd /sys && cat pids.max memory.max && grep -o pids cgroup.controllers && mkdir sub && rmdir sub
  for f in *.max cgroup.max.depth; do (echo 9 >$f) 2>/dev/null && echo "wrote $f"; done
  mkdir /tmp/again && mount -t cgroup2 none /tmp/again && cd /tmp/again
  for f in pids.max cgroup.max.depth; do (echo 9 >$f) 2>/dev/null && echo "wrote $f there"; done`;

test.each([
  ['with', WITH_NSDELEGATE, '', ''],
  [
    'without',
    WITHOUT_NSDELEGATE,
    '/container',
    // Of a cgroup below that of the limits.
    'wrote pids.max there\nwrote cgroup.max.depth there\n',
  ],
])(
  'in a delegated part a container cannot write its limits, %s nsdelegate',
  async (_, option, subgroup, written) => {
    const id = guest.newId();
    const attack = guest.write('attack', ATTACK);
    const limited = bundle('sleep 1000', LIMITS, withCgroups);
    const script = guest.write(
      'limits',
      `cd /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup) && mkdir own && echo $$ >own/cgroup.procs &&
      echo '+pids +memory' >cgroup.subtree_control || exit
    tsrun run --detach --bundle ${limited} ${id} </dev/null >/dev/null || exit
    grep -c . ${id}${subgroup}/cgroup.procs
    tsrun exec ${id} sh -c "$(cat ${attack})"
    cat ${id}/pids.max ${id}/memory.max ${id}/cgroup.max.depth
    tsrun update --pids-limit 20 ${id}
    cat ${id}/pids.max; tsrun exec ${id} cat /sys/pids.max
    tsrun delete --force ${id}
    ls -d ${id} 2>/dev/null`,
    );
    const result = await guest.run(
      withDirectory(`
      ${option}
      ${AS_USER} -p Delegate=yes sh ${script}
      ${WITH_NSDELEGATE}`),
    );
    expect(result).toEqual({
      status: 0,
      stdout: `1\n7\n33554432\npids\n${written}7\n33554432\nmax\n20\n20\n`,
      stderr: '',
    });
  },
);

test.each([
  ['with', WITH_NSDELEGATE, ''],
  ['without', WITHOUT_NSDELEGATE, '/container'],
])(
  'under a systemd of the user the container has a scope, which its commands find from outside, %s nsdelegate',
  async (_, option, subgroup) => {
    const id = guest.newId();
    const script = guest.write(
      'user',
      `tsrun --systemd-cgroup run --detach --bundle ${bundle('sleep 1000', LIMITS)} ${id} </dev/null >/dev/null || exit
    systemctl --user show tsrun-${id}.scope -p TasksMax,MemoryMax --value
    tsrun exec ${id} grep -o 'tsrun-${id}.*' /proc/self/cgroup
    tsrun exec ${id} sh -c '${FORKS}'
    tsrun update --pids-limit 20 ${id}
    systemctl --user show tsrun-${id}.scope -p TasksMax --value
    tsrun delete --force ${id}
    systemctl --user list-units --all --plain --no-legend 'tsrun-*'`,
    );
    const bus = `${RUNTIME_DIRECTORY}/bus`;
    const result = await guest.run(
      withDirectory(`
      ${option}
      systemd-run --quiet --unit=user-bus --uid=${UID} /usr/bin/dbus-daemon --session --nofork \
        --address=unix:path=${bus}
      systemd-run --quiet --unit=user-manager --uid=${UID} -p Delegate=yes -p Type=notify \
        -E HOME=${RUNTIME_DIRECTORY} -E XDG_RUNTIME_DIR=${RUNTIME_DIRECTORY} \
        -E DBUS_SESSION_BUS_ADDRESS=unix:path=${bus} /lib/systemd/systemd --user
      ${AS_USER} sh ${script}
      systemctl stop user-manager user-bus
      ${WITH_NSDELEGATE}`),
    );
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const [first, second, ...lines] = result.stdout.trimEnd().split('\n');
    expect([first, second].sort()).toEqual(['33554432', '7']);
    expect(lines).toEqual([
      `tsrun-${id}.scope${subgroup}`,
      expect.stringMatching(/^sh: can't fork: /),
      '20',
    ]);
  },
);

test('without delegation it runs in the cgroup of its caller, and limits are an error', async () => {
  const [free, limited] = [guest.newId(), guest.newId()];
  const result = await guest.run(
    withDirectory(`
      ${AS_USER} tsrun run --bundle ${bundle('cat /proc/self/cgroup')} ${free}
      ${AS_USER} tsrun run --bundle ${bundle('true', LIMITS)} ${limited}; echo $?`),
  );
  expect(result.stdout).toMatch(/^0::\/system\.slice\/run-\S+\.service\n1\n$/);
  expect(result.stderr).toMatch(
    /^[^\n]*permission denied; \/linux\/resources\/pids\/limit needs one[^\n]*\n$/,
  );
});
