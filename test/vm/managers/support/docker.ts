/** What the tests of docker share. */

import { OWNER } from './daemons.js';
import { LEFT, WAIT_FOR } from './operations.js';

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
