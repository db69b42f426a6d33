/** Operations of podman on networks. */

import type { Operation } from './operations.js';
import { SERVER } from './podman-pods.js';

export const networks: readonly Operation[] = [
  {
    name: '--network bridge, -p',
    script: `
        [ $runtime = tsrun ] && port=8081 || port=8082
        podman network create $name >/dev/null
        podman run -d --name $name --network $name -p $port:80 busybox ${SERVER} >/dev/null
        get() { busybox wget -q -O - http://127.0.0.1:$port/ 2>/dev/null; }
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
];

/** Afterwards, whatever has failed. */
export const cleanUpNetworks = `
  podman rm -f -t 0 --ignore $name >/dev/null
  podman network rm -f $name >/dev/null
  rm -r $directory`;
