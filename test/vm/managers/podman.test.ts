/** podman, as it comes from Debian. */

import { readFileSync } from 'node:fs';
import { beforeAll, expect } from 'vitest';

import { useGuest } from '../support/guest.js';
import { testOperations } from './support/operations.js';

const guest = useGuest();

beforeAll(async () => {
  const configuration = guest.write(
    'containers.conf',
    readFileSync('examples/containers.conf', 'utf8'),
  );
  const prepared = await guest.run(`
    set -e
    mkdir -p /etc/containers/containers.conf.d /var/lib/containers
    cp ${configuration} /etc/containers/containers.conf.d/tsrun.conf
    mount -t tmpfs containers /var/lib/containers
    tar -C /run/rootfs -c . | podman import - localhost/busybox`);
  expect(prepared, prepared.stderr).toMatchObject({ status: 0 });
});

const PODMAN = 'podman() { /usr/bin/podman --runtime $runtime "$@"; }';

testOperations(guest, 'a container that runs', {
  manager: 'podman',
  caller: 'root',
  cgroups: 'systemd',
  prelude: PODMAN,
  operations: [
    {
      name: 'run',
      script: 'podman run --rm --network none busybox sh -c "echo out; exit 3"',
      prints: 'out',
      status: 3,
    },
    {
      name: 'run -d',
      script: 'podman run -d --network none --name $name busybox sleep 1000',
      prints: /^[0-9a-f]{64}$/,
    },
    {
      name: 'exec',
      script: 'podman exec $name sh -c "echo out; exit 4"',
      prints: 'out',
      status: 4,
    },
    {
      name: 'rm -f',
      script: 'podman rm -t 0 -f $name >/dev/null && podman ps -aq --filter name=$name',
      prints: '',
    },
  ],
  cleanUp: 'podman rm -t 0 -f --ignore $name',
});
