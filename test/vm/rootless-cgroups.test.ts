/** Limits of an ordinary user: in a delegated part of the hierarchy, under a user's systemd, and without either. */

import { expect, test } from 'vitest';

import type { LinuxResources } from '../../src/spec/types.js';
import { useGuest } from './support/guest.js';

const guest = useGuest();

/** nobody: has no session and no ids of its own. */
const UID = 65534;
const RUNTIME_DIRECTORY = '/run/tsrun-user';
const AS_USER = `systemd-run --quiet --collect --wait --pipe --uid=${UID} -E XDG_RUNTIME_DIR=${RUNTIME_DIRECTORY} -E PATH=$PATH`;

function bundle(script: string, resources: LinuxResources = {}): string {
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

test('under a systemd of the user the container has a scope, which its commands find from outside', async () => {
  const id = guest.newId();
  const script = guest.write(
    'user',
    `tsrun --systemd-cgroup run --detach --bundle ${bundle('sleep 1000', LIMITS)} ${id} </dev/null >/dev/null || exit
    systemctl --user show tsrun-${id}.scope -p TasksMax,MemoryMax --value
    tsrun exec ${id} sh -c '${FORKS}'
    tsrun update --pids-limit 20 ${id}
    systemctl --user show tsrun-${id}.scope -p TasksMax --value
    tsrun delete --force ${id}
    systemctl --user list-units --all --plain --no-legend 'tsrun-*'`,
  );
  const bus = `${RUNTIME_DIRECTORY}/bus`;
  const result = await guest.run(
    withDirectory(`
      systemd-run --quiet --unit=user-bus --uid=${UID} /usr/bin/dbus-daemon --session --nofork \
        --address=unix:path=${bus}
      systemd-run --quiet --unit=user-manager --uid=${UID} -p Delegate=yes -p Type=notify \
        -E HOME=${RUNTIME_DIRECTORY} -E XDG_RUNTIME_DIR=${RUNTIME_DIRECTORY} \
        -E DBUS_SESSION_BUS_ADDRESS=unix:path=${bus} /lib/systemd/systemd --user
      ${AS_USER} sh ${script}
      systemctl stop user-manager user-bus`),
  );
  expect(result).toMatchObject({ status: 0, stderr: '' });
  const [first, second, ...lines] = result.stdout.trimEnd().split('\n');
  expect([first, second].sort()).toEqual(['33554432', '7']);
  expect(lines).toEqual([expect.stringMatching(/^sh: can't fork: /), '20']);
});

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
