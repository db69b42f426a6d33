/** podman, as it comes from Debian, for a user without privileges. */

import { beforeAll } from 'vitest';

import type { Operation } from './support/operations.js';
import { testOperations } from './support/operations.js';
import { IN_GROUP, exceeded, life } from './support/podman-life.js';
import { addNotifyReady, cleanUpNotifying, notifying } from './support/podman-notify.js';
import { cleanUpOfUser, optionsOfUser, usersPodman, withoutGroups } from './support/podman-user.js';
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

testOperations(guest, 'a process that the service manager of a user waits for', {
  ...usersPodman('systemd'),
  operations: notifying('user'),
  cleanUp: cleanUpNotifying('user'),
});
