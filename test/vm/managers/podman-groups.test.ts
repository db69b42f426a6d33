/** podman, as it comes from Debian: networks, pods, files for Kubernetes. */

import { beforeAll } from 'vitest';

import { testOperations } from './support/operations.js';
import { cleanUpNetworks, networks } from './support/podman-networks.js';
import { OF_GROUPS, cleanUpPods, pods } from './support/podman-pods.js';
import { rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

// dockerd leaves it at DROP, which is also for what podman's bridges forward.
beforeAll(() => guest.run('iptables -P FORWARD ACCEPT'));

testOperations(guest, 'networks', {
  ...rootfulPodman('systemd'),
  operations: networks,
  cleanUp: cleanUpNetworks,
});

testOperations(guest, 'pods, with systemd', {
  ...rootfulPodman('systemd'),
  operations: pods('of pods'),
  cleanUp: cleanUpPods,
});

testOperations(guest, 'pods, with cgroupfs', {
  ...rootfulPodman('cgroupfs'),
  // The rest test/native/managers/ has.
  operations: pods('of pods').filter(({ name }) => OF_GROUPS.test(name)),
  cleanUp: cleanUpPods,
});
