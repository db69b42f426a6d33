/** podman, as it comes from Debian, on this machine, for a user without privileges. */

import { testOperations } from '../../vm/managers/support/operations.js';
import { builds, cleanUpBuilds } from '../../vm/managers/support/podman-build.js';
import { life } from '../../vm/managers/support/podman-life.js';
import { options } from '../../vm/managers/support/podman-options.js';
import { cleanUpPods, pods } from '../../vm/managers/support/podman-pods.js';
import {
  cleanUpOfUser,
  networkOfUser,
  optionsOfUser,
  withoutGroups,
  usersPodman,
} from '../../vm/managers/support/podman-user.js';
import { IMPORT_OF_USER } from './support/place.js';
import { cleanUpNotifying, notifying } from './support/podman-notify.js';
import { usePodman } from './support/podman-place.js';

const place = usePodman(['/usr/bin/pasta'], IMPORT_OF_USER);

const podman = usersPodman('cgroupfs');

testOperations(place, 'the life of a container of a user', {
  ...podman,
  operations: life('none'),
  cleanUp: cleanUpOfUser,
});

testOperations(place, 'options of podman run of a user', {
  ...podman,
  operations: [
    ...optionsOfUser,
    ...options.filter(({ name }) => /^(-v ro|--privileged|--network)/.test(name)),
    withoutGroups,
  ],
  cleanUp: cleanUpOfUser,
});

testOperations(place, 'networks of a user', {
  ...podman,
  operations: [networkOfUser],
  cleanUp: cleanUpOfUser,
});

testOperations(place, 'a process of a user that somebody waits for', {
  ...podman,
  operations: notifying,
  cleanUp: cleanUpNotifying,
});

testOperations(place, 'pods of a user', {
  ...podman,
  operations: pods('none'),
  cleanUp: cleanUpPods,
});

testOperations(place, 'images that a user builds', {
  ...podman,
  operations: builds,
  cleanUp: cleanUpBuilds,
});
