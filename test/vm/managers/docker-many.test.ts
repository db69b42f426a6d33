/** dockerd that is restarted while containers run, and many of them at once. */

import { beforeAll } from 'vitest';

import { useGuest } from '../support/guest.js';
import { startDaemons } from './support/daemons.js';
import { DOCKER } from './support/docker.js';
import { TEN, testOperations } from './support/operations.js';

const guest = useGuest();

beforeAll(() => startDaemons(guest));

/** Each takes dockerd a second of the processor; ten at once are ctr's (containerd.test.ts). */
const FIVE = TEN.slice(0, 5);

const COMMON = { manager: 'docker', caller: 'root', cgroups: 'systemd', prelude: DOCKER };

testOperations(guest, 'five containers at once', {
  ...COMMON,
  runtimes: ['tsrun'],
  operations: [
    {
      name: 'five times run at once',
      script: `for i in ${FIVE.join(' ')}; do
          { docker_run --rm --network none --name $name-$i --cidfile /run/$name.$i.id $image sh -c "echo out $i; exit $i"
            echo status $?; } &
        done | sort | tr '\\n' ' '
        for id in $(cat /run/$name.*.id); do
          wait_for "! grep -q -e '-id[^.]$id' /proc/[0-9]*/cmdline 2>/dev/null"
          left $id; grep $id /proc/mounts
        done
        docker ps -aq -f name=$name`,
      prints: [...FIVE.map((i) => `out ${i}`), ...FIVE.map((i) => `status ${i}`)].join(' '),
    },
  ],
  cleanUp:
    'rm -f /run/$name.*; docker ps -aq -f name=$name | xargs -r docker rm -f >/dev/null 2>&1',
});

testOperations(guest, 'containers that outlive the daemon', {
  ...COMMON,
  // The daemon is one for all: both runtimes have a container while it is restarted.
  runtimes: ['tsrun'],
  operations: [
    {
      name: 'restart of dockerd (live-restore)',
      script: `docker run -d --name $name --network none $image sh -c 'trap "exit 5" TERM; sleep 100000 & wait' >/dev/null
        docker run -d --name $name-crun --runtime crun --network none $image sh -c 'trap "exit 5" TERM; sleep 100000 & wait' >/dev/null
        pids() { docker inspect -f '{{.State.Pid}} {{.State.Status}}' $name $name-crun; }
        pids >/run/$name.before; systemctl restart docker; pids | cmp - /run/$name.before && echo same
        for container in $name $name-crun; do
          docker exec $container sh -c 'echo out; exit 4'; echo $?
          docker stop $container >/dev/null; docker inspect -f '{{.State.ExitCode}}' $container
        done`,
      prints: 'same\nout\n4\n5\nout\n4\n5',
    },
  ],
  cleanUp: 'rm -f /run/$name.before; docker rm -f $name $name-crun >/dev/null 2>&1',
});
