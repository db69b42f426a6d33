/** podman, as it comes from Debian: images that are built. */

import { testOperations } from './support/operations.js';
import { builds, cleanUpBuilds } from './support/podman-build.js';
import { rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

// With cgroupfs test/native/managers/ has them.
testOperations(guest, 'images that are built', {
  ...rootfulPodman('systemd'),
  operations: builds,
  cleanUp: cleanUpBuilds,
});
