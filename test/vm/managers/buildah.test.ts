/** buildah, as it comes from Debian. */

import { beforeAll } from 'vitest';

import { building } from './support/buildah.js';
import { testOperations } from './support/operations.js';
import { usePodman } from './support/podman.js';
import { addUser } from './support/user.js';

const guest = usePodman();

beforeAll(() => addUser(guest));

testOperations(guest, 'building', {
  ...building('oci'),
  ...{ caller: 'root', cgroups: 'systemd' },
});

testOperations(guest, 'building, by a user', {
  ...building('rootless'),
  ...{ caller: 'user', cgroups: 'systemd', shell: '/run/as-user' },
});
