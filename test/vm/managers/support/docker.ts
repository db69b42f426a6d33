/** What the tests of docker share. */

import { OWNER } from './daemons.js';
import { LEFT, WAIT_FOR } from './operations.js';
import type { Operation } from './operations.js';

/** Where the shim has containers of dockerd's with this --exec-root. */
export const ROOT_OF_DOCKER = '/run/docker/runtime-runc/moby';

/** Functions of the shell; tsrun is the default runtime, and crun is named. */
export const DOCKER = `${WAIT_FOR}
  ${LEFT}
  ${OWNER}
  image=localhost/busybox
  by="--runtime $runtime"
  [ $runtime != tsrun ] || by=
  docker_run() { docker run $by "$@"; }
  # crun freezes one cgroup further down.
  frozen() { cat $(find . -name cgroup.events) | grep -c 'frozen 1'; }
  show() { docker inspect -f "{{$1}}" $name; }
  group() { cd /sys/fs/cgroup/system.slice/docker-$(cat /run/$name.id).scope; }`;

/** With a container `$name` that prints `started`, and ends with 5 when it is asked to. */
export const joining: readonly Operation[] = [
  {
    name: 'exec',
    script: 'docker exec $name sh -c "echo out; exit 4"',
    prints: 'out',
    status: 4,
  },
  {
    name: 'exec -it',
    script: `/bin/script -qec "docker exec -it $name sh -c 'tty; exit 6'" /dev/null`,
    prints: /\/dev\/pts\/0$/,
    status: 6,
  },
];

/** With one whose shell has a `sleep` beside it; `show` is a function of the prelude. */
export const ending: readonly Operation[] = [
  {
    name: 'top',
    script: 'docker top $name -o pid,comm | sed 1d | tr -s " " | cut -d" " -f2',
    prints: 'sh\nsleep',
  },
  {
    name: 'restart, logs',
    script: 'docker restart $name >/dev/null; docker logs $name',
    prints: 'started\nstarted',
  },
  {
    name: 'stop',
    script: 'docker stop $name >/dev/null; show .State.ExitCode',
    prints: '5',
  },
];
