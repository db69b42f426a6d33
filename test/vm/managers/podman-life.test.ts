/** podman, as it comes from Debian: what happens to one container in its life. */

import { beforeAll } from 'vitest';

import { testOperations } from './support/operations.js';
import { IN_GROUP, exceeded, life } from './support/podman-life.js';
import { addNotifyReady, cleanUpNotifying, notifying } from './support/podman-notify.js';
import { rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

beforeAll(() => addNotifyReady(guest));

const cleanUp = 'podman rm -f -t 0 --ignore $name >/dev/null; rm -r $directory';

testOperations(guest, 'the life of a container, with systemd', {
  ...rootfulPodman('systemd'),
  operations: life('all'),
  cleanUp,
});

testOperations(guest, 'the life of a container, with cgroupfs', {
  ...rootfulPodman('cgroupfs'),
  operations: [...life('all').filter(({ name }) => IN_GROUP.test(name)), exceeded('137\n137 true')],
  cleanUp,
});

testOperations(guest, 'a process that a service manager waits for', {
  ...rootfulPodman('systemd'),
  operations: notifying('system'),
  cleanUp: cleanUpNotifying('system'),
});
