/** podman, as it comes from Debian: networks, pods, files for Kubernetes. */

import { beforeAll } from 'vitest';

import { testOperations } from './support/operations.js';
import { SERVER, cleanUpPods, pods } from './support/podman-pods.js';
import { rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

// dockerd leaves it at DROP, which is also for what podman's bridges forward.
beforeAll(() => guest.run('iptables -P FORWARD ACCEPT'));

testOperations(guest, 'networks', {
  ...rootfulPodman('systemd'),
  operations: [
    {
      name: '--network bridge, -p',
      script: `
        [ $runtime = tsrun ] && port=8081 || port=8082
        podman network create $name >/dev/null
        podman run -d --name $name --network $name -p $port:80 busybox ${SERVER} >/dev/null
        get() { busybox wget -q -O - http://127.0.0.1:$port/; }
        until_true get`,
      prints: 'page',
    },
    {
      name: 'names in a network',
      script: `podman run --rm --network $name busybox sh -c "busybox wget -q -O - http://$name/; ip address | grep -c 'inet '"`,
      prints: 'page\n2',
    },
    {
      name: '--network container:',
      script: `podman run --rm --network container:$name busybox busybox wget -q -O - http://127.0.0.1/`,
      prints: 'page',
    },
    {
      name: '--network none, host',
      script: `
        podman run --rm --network none busybox sh -c "ip address | grep -c 'inet '"
        podman run --rm --network host busybox sh -c "ip address | grep -c ': podman'"`,
      prints: /^1\n[1-9]$/,
    },
  ],
  cleanUp: `
    podman rm -f -t 0 --ignore $name >/dev/null
    podman network rm -f $name >/dev/null
    rm -r $directory`,
});

for (const cgroups of ['systemd', 'cgroupfs'] as const) {
  testOperations(guest, `pods, with ${cgroups}`, {
    ...rootfulPodman(cgroups),
    operations: pods({ limited: true }),
    cleanUp: cleanUpPods,
  });
}
