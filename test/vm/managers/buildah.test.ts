/** buildah, as it comes from Debian. */

import { beforeAll, expect } from 'vitest';

import { SHARE, useGuest } from '../support/guest.js';
import { testOperations } from './support/operations.js';

const guest = useGuest();

/** Storage of its own: podman's tests have theirs. */
const BUILDAH =
  'buildah() { /usr/bin/buildah --root /run/buildah/root --runroot /run/buildah/run "$@"; }';

beforeAll(async () => {
  const prepared = await guest.run(`
    ${BUILDAH}
    tar -C /run -xf ${SHARE}/images.tar ./layer.tar
    container=$(buildah from scratch) && buildah add -q $container /run/layer.tar / >/dev/null &&
      buildah commit -q --rm $container localhost/base`);
  expect(prepared, prepared.stderr).toMatchObject({ status: 0 });
});

testOperations(guest, 'building', {
  manager: 'buildah',
  caller: 'root',
  cgroups: 'systemd',
  prelude: `${BUILDAH}
    program=$(command -v $runtime) base=localhost/base
    buildah_run() { buildah run --runtime $program --isolation oci "$@"; }`,
  operations: [
    {
      name: 'bud',
      script: `mkdir /run/$name; cat >/run/$name/Containerfile <<END
FROM $base
RUN echo built >/made; cut -d: -f3 /proc/self/cgroup
USER 1000
RUN id -u
END
        buildah --runtime $program bud --isolation oci --network none -t $name /run/$name 2>/dev/null |
          grep -x -e / -e 1000`,
      prints: '/\n1000',
    },
    {
      name: 'from, run',
      script: `buildah from -q --name $name localhost/$name
        buildah_run --network none $name sh -c 'cat /made; id -u; exit 3' 2>/dev/null`,
      prints: /\nbuilt\n1000$/,
      status: 3,
    },
    {
      name: 'run --tty',
      script: `/bin/script -qec "/usr/bin/buildah --root /run/buildah/root \\
          --runroot /run/buildah/run run --runtime $program --isolation oci --network none \\
          --tty $name sh -c 'tty; exit 6'" /dev/null 2>/dev/null`,
      prints: /\/dev\/pts\/0$/m,
      status: 6,
    },
    {
      name: 'run --user --volume --cap-drop',
      script: `buildah_run --network none --user 0 --volume /run/rootfs:/mnt:ro --cap-drop all \\
          --hostname inside $name sh -c 'hostname; grep -c CapBnd:.0*$ /proc/self/status; touch /mnt/x' 2>&1 |
          grep -v ^Error`,
      prints: 'inside\n1\ntouch: /mnt/x: Read-only file system',
    },
  ],
  cleanUp: 'buildah rm $name; buildah rmi -f localhost/$name; rm -r /run/$name',
});
