/** podman, as it comes from Debian, for a user without privileges. */

import { beforeAll } from 'vitest';

import type { Operation } from './support/operations.js';
import { testOperations } from './support/operations.js';
import { builds, cleanUpBuilds } from './support/podman-build.js';
import { IN_GROUP, exceeded, life } from './support/podman-life.js';
import { addNotifyReady, cleanUpNotifying, notifying } from './support/podman-notify.js';
import { OF_GROUPS, cleanUpPods, pods } from './support/podman-pods.js';
import {
  cleanUpOfUser,
  networkOfUser,
  optionsOfUser,
  usersPodman,
  withoutGroups,
} from './support/podman-user.js';
import type { Cgroups } from './support/podman-user.js';
import { addFilter, usePodman } from './support/podman.js';
import { UID, addUser } from './support/user.js';

const guest = usePodman();

beforeAll(async () => {
  await addUser(guest);
  await addNotifyReady(guest);
  await addFilter(guest);
});

/** After the limits of a container that runs. */
const place = (cgroups: Cgroups): Operation => ({
  name: 'the place of its control group',
  script: 'place | cut -d / -f 5-8',
  prints: `user.slice/user-${UID}.slice/user@${UID}.service/${cgroups === 'systemd' ? 'user' : 'app'}.slice`,
});

/** cpuset is not delegated to users. */
const ofUser = life('without cpuset');

testOperations(guest, 'the life of a container of a user, with systemd', {
  ...usersPodman('systemd'),
  operations: [...ofUser.slice(0, 2), place('systemd'), ...ofUser.slice(2)],
  cleanUp: cleanUpOfUser,
});

testOperations(guest, 'the life of a container of a user, with cgroupfs', {
  ...usersPodman('cgroupfs'),
  operations: [
    ...ofUser.slice(0, 2),
    place('cgroupfs'),
    ...ofUser.slice(2).filter(({ name }) => IN_GROUP.test(name)),
    exceeded('137\n137 true'),
  ],
  cleanUp: cleanUpOfUser,
});

testOperations(guest, 'options of podman run of a user', {
  ...usersPodman('systemd'),
  operations: [
    ...optionsOfUser,
    withoutGroups,
    {
      name: '--privileged --network=host',
      script: `
        inside=$(podman run --rm --privileged --network host busybox \\
          sh -c 'mount -t tmpfs none /mnt && readlink /proc/self/ns/net')
        [ "$inside" = "$(readlink /proc/self/ns/net)" ] && echo same`,
      prints: 'same',
    },
    {
      name: '--memory, exceeded',
      script: `podman run --rm --network none --memory 16m --memory-swap 16m busybox \\
        dd if=/dev/zero of=/dev/null bs=64M count=1`,
      prints: '',
      status: 137,
    },
  ],
  cleanUp: cleanUpOfUser,
});

// With cgroupfs test/native/managers/ has it.
testOperations(guest, 'networks of a user', {
  ...usersPodman('systemd'),
  operations: [networkOfUser],
  cleanUp: cleanUpOfUser,
});

testOperations(guest, 'a process that the service manager of a user waits for', {
  ...usersPodman('systemd'),
  operations: notifying('user'),
  cleanUp: cleanUpNotifying('user'),
});

testOperations(guest, 'pods of a user, with systemd', {
  ...usersPodman('systemd'),
  operations: pods('of pods'),
  cleanUp: cleanUpPods,
});

testOperations(guest, 'pods of a user, with cgroupfs', {
  ...usersPodman('cgroupfs'),
  // There podman gives the pod no limits, whatever the runtime. The rest test/native/managers/ has.
  operations: pods('of containers').filter(({ name }) => OF_GROUPS.test(name)),
  cleanUp: cleanUpPods,
});

// With cgroupfs test/native/managers/ has them.
testOperations(guest, 'images that a user builds', {
  ...usersPodman('systemd'),
  operations: builds,
  cleanUp: cleanUpBuilds,
});
