/** podman, as it comes from Debian, for a user without privileges: pods, networks and images. */

import { beforeAll } from 'vitest';

import { testOperations } from './support/operations.js';
import { builds, cleanUpBuilds } from './support/podman-build.js';
import { OF_GROUPS, cleanUpPods, pods } from './support/podman-pods.js';
import { cleanUpOfUser, networkOfUser, usersPodman } from './support/podman-user.js';
import { usePodman } from './support/podman.js';
import { addUser } from './support/user.js';

const guest = usePodman();

beforeAll(async () => {
  await addUser(guest);
});

// With cgroupfs test/native/managers/ has it.
testOperations(guest, 'networks of a user', {
  ...usersPodman('systemd'),
  operations: [networkOfUser],
  cleanUp: cleanUpOfUser,
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
