/** podman, as it comes from Debian, on this machine. */

import { testOperations } from '../../vm/managers/support/operations.js';
import { builds, cleanUpBuilds } from '../../vm/managers/support/podman-build.js';
import { cleanUpComposing, composing } from '../../vm/managers/support/podman-compose.js';
import { life } from '../../vm/managers/support/podman-life.js';
import { cleanUpNetworks, networks } from '../../vm/managers/support/podman-networks.js';
import {
  noOptions,
  options,
  readOnly,
  unconfined,
} from '../../vm/managers/support/podman-options.js';
import { cleanUpPods, pods } from '../../vm/managers/support/podman-pods.js';
import { optionsOfUser } from '../../vm/managers/support/podman-user.js';
import { rootfulPodman } from '../../vm/managers/support/podman.js';
import { IMPORT } from './support/place.js';
import { cleanUpNotifying, notifying } from './support/podman-notify.js';
import { usePodman } from './support/podman-place.js';

const place = usePodman(['/usr/bin/podman-compose'], IMPORT);

const podman = rootfulPodman('cgroupfs');

const cleanUp = 'podman rm -f -t 0 --ignore $name >/dev/null; rm -r $directory';

testOperations(place, 'the life of a container', { ...podman, operations: life('none'), cleanUp });

testOperations(place, 'options of podman run', {
  ...podman,
  operations: [
    ...options,
    noOptions(false),
    unconfined(false),
    readOnly(),
    // They are as good for root: what is left out is of a user alone, or in the list above.
    ...optionsOfUser.filter(({ name }) => /^--(userns=auto|uidmap)/.test(name)),
  ],
  cleanUp,
});

testOperations(place, 'a process that somebody waits for', {
  ...podman,
  operations: notifying,
  cleanUp: cleanUpNotifying,
});

testOperations(place, 'networks', { ...podman, operations: networks, cleanUp: cleanUpNetworks });

testOperations(place, 'pods', { ...podman, operations: pods('none'), cleanUp: cleanUpPods });

testOperations(place, 'images that are built', {
  ...podman,
  operations: builds,
  cleanUp: cleanUpBuilds,
});

testOperations(place, 'compose', {
  ...podman,
  operations: composing,
  cleanUp: cleanUpComposing,
});
