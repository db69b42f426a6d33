/** podman, as it comes from Debian: images that are built. */

import { testOperations } from './support/operations.js';
import { builds, cleanUpBuilds } from './support/podman-build.js';
import { rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

for (const cgroups of ['systemd', 'cgroupfs'] as const) {
  testOperations(guest, `images that are built, with ${cgroups}`, {
    ...rootfulPodman(cgroups),
    operations: cgroups === 'systemd' ? builds : builds.slice(0, 1),
    cleanUp: cleanUpBuilds,
  });
}
