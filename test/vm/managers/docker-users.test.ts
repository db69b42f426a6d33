/** dockerd with --userns-remap, and tsrun for its default runtime. */

import { beforeAll } from 'vitest';

import { useGuest } from '../support/guest.js';
import { REMAPPED, REMAPPED_ID, startDaemons } from './support/daemons.js';
import { DOCKER } from './support/docker.js';
import { testOperations } from './support/operations.js';

const guest = useGuest();

beforeAll(() => startDaemons(guest));

/** Where the shim has its containers; as docker.ts has it of the other dockerd. */
const ROOT = `/run/docker-remapped/runtime-runc/remapped-${REMAPPED_ID}.${REMAPPED_ID}`;

testOperations(guest, 'a container with --userns-remap', {
  manager: 'docker, remapped',
  caller: 'root',
  cgroups: 'systemd',
  prelude: `export DOCKER_HOST=${REMAPPED}
    ${DOCKER}`,
  operations: [
    {
      name: 'run -d -v --memory, owners',
      script: `mkdir /run/$name.host; >/run/$name.host/of-root
        docker_run -d --name $name --cidfile /run/$name.id --memory 64m --health-cmd 'test -e /ok' \\
          --health-start-period 600s --health-start-interval 500ms --health-interval 600s \\
          -v $name:/data -v /run/$name.host:/host $image sh -c '
            trap "exit 5" TERM; tr -s " " </proc/self/uid_map; stat -c %u /bin /data /host /host/of-root
            touch /host/file 2>&1; >/data/of-root; >/data/of-user; chown 1000:1000 /data/of-user; >/ok
            sleep 100000 & wait' >/dev/null
        wait_for '[ "$(show .State.Health.Status)" != starting ]'; show .State.Health.Status
        docker logs $name; group; cat memory.max
        cd $(docker volume inspect -f '{{.Mountpoint}}' $name); stat -c %u . of-root of-user
        owner ${ROOT} $(cat /run/$name.id)`,
      prints: [
        ...['healthy', ` 0 ${REMAPPED_ID} 65536`, '0', '0', '65534', '65534'],
        ...['touch: /host/file: Permission denied', '67108864'],
        ...[0, 0, 1000].map((id) => REMAPPED_ID + id),
      ].join('\n'),
    },
    {
      name: 'exec, exec -it',
      script: `docker exec $name sh -c 'id -u; tr -s " " </proc/self/uid_map; exit 4'; echo $?
        /bin/script -qec "docker exec -u 1000 -it $name sh -c 'id -u; tty; exit 6'" /dev/null`,
      prints: new RegExp(`^0\\n 0 ${REMAPPED_ID} 65536\\n4\\n1000\\n/dev/pts/0$`),
      status: 6,
    },
    {
      name: 'update, pause, unpause, stats',
      script: `docker update --memory 96m --memory-swap 96m --cpus 0.25 $name >/dev/null
        group; cat memory.max cpu.max
        docker pause $name >/dev/null; frozen; docker unpause $name >/dev/null; frozen
        docker stats --no-stream --format "{{.MemUsage}} {{.PIDs}}" $name`,
      prints: /^100663296\n25000 100000\n1\n0\n[1-9][0-9.]*[KM]iB \/ 96MiB 2$/,
    },
    {
      name: 'restart, logs, stop',
      script: `docker restart $name >/dev/null; wait_for '[ $(docker logs $name | grep -c 65536) = 2 ]'
        docker stop $name >/dev/null; show .State.Status; show .State.ExitCode`,
      prints: 'exited\n5',
    },
    {
      name: 'run -it',
      script: `/bin/script -qec "docker run $by -it --rm --name $name-it $image sh -c 'tty; touch /x; stat -c %u /x; exit 7'" /dev/null`,
      prints: '/dev/pts/0\n0',
      status: 7,
    },
    {
      name: 'rm -f, volume rm',
      script: `docker rm -f $name >/dev/null; docker volume rm $name >/dev/null
        docker volume ls -q -f name=$name
        left "$(cat /run/$name.id)"`,
      prints: '',
    },
  ],
  cleanUp: `docker rm -f $name $name-it >/dev/null 2>&1; docker volume rm -f $name >/dev/null
    rm -rf /run/$name.id /run/$name.host`,
});
