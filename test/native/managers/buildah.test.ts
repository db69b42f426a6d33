/** buildah, as it comes from Debian, on this machine. */

import { describe } from 'vitest';

import { building } from '../../vm/managers/support/buildah.js';
import { testOperations } from '../../vm/managers/support/operations.js';
import { IMPORT, IMPORT_OF_USER, usePlace } from './support/place.js';

const programs = ['/usr/bin/podman', '/usr/lib/podman/netavark', '/usr/bin/buildah'];

describe('buildah', () => {
  testOperations(usePlace({ programs, prepare: IMPORT }), 'building', {
    ...building('oci'),
    ...{ caller: 'root', cgroups: 'cgroupfs' },
  });
});

describe('buildah of a user', () => {
  testOperations(usePlace({ programs, prepare: IMPORT_OF_USER }), 'building', {
    ...building('rootless'),
    ...{ caller: 'user', cgroups: 'cgroupfs', shell: '/run/as-user' },
  });
});
