/**
 * dockerd, as it comes from Debian, on this machine: without networks and limits,
 * for which it takes more of the kernel. Beside it runc: crun refuses what dockerd
 * always asks for (an I/O weight of 0) where there is no controller for it.
 * containerd's own client asks for `cpu.shares` of every task, which no runtime can give here.
 */

import { ending, joining } from '../../vm/managers/support/docker.js';
import { testOperations } from '../../vm/managers/support/operations.js';
import { usePlace } from './support/place.js';

const START = `
dockerd --exec-root /run/docker --data-root /run/docker-data --pidfile /run/docker.pid --bridge none \\
  --iptables=false --ip6tables=false --storage-driver vfs --exec-opt native.cgroupdriver=cgroupfs \\
  --add-runtime tsrun=$(command -v tsrun) >/run/docker.log 2>&1 &
for i in $(seq 300); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
tar -C /run/rootfs -c . | docker import - busybox >/dev/null || { cat /run/docker.log; exit; }`;

const programs = ['/usr/sbin/dockerd', '/usr/bin/docker', '/usr/bin/containerd'];

testOperations(usePlace({ programs, prepare: START }), 'docker', {
  manager: 'docker',
  caller: 'root',
  runtimes: ['tsrun', 'runc'],
  cgroups: 'cgroupfs',
  prelude: `
    docker_run() { docker run --runtime $runtime --network none "$@"; }
    show() { docker inspect -f "{{$1}}" $name; }
    frozen() { cat /sys/fs/cgroup/docker/$(show .Id)/cgroup.freeze; }`,
  operations: [
    {
      name: 'run',
      script: `docker_run --rm --cap-drop all --read-only --tmpfs /t:size=1m --hostname inside busybox sh -c '
          hostname; grep -c CapBnd:.0*$ /proc/self/status; touch /x 2>/dev/null || touch /t/x && echo made; exit 3'`,
      prints: 'inside\n1\nmade',
      status: 3,
    },
    {
      name: 'run -it',
      script: `/bin/script -qec "docker run --rm -it --runtime $runtime --network none busybox sh -c 'tty; exit 6'" /dev/null`,
      prints: /\/dev\/pts\/0$/,
      status: 6,
    },
    {
      name: 'run -d',
      script: `docker_run -d --name $name busybox sh -c 'trap "exit 5" TERM; echo started; sleep 100000 & wait' >/dev/null
        show .HostConfig.Runtime; show .State.Status
        [ $runtime != tsrun ] || tsrun --root /run/docker/runtime-runc/moby list -q | grep -c "^$(show .Id)$"`,
      prints: /^(tsrun\nrunning\n1|runc\nrunning)$/,
    },
    ...joining,
    {
      name: 'pause, unpause',
      script: 'docker pause $name >/dev/null; frozen; docker unpause $name >/dev/null; frozen',
      prints: '1\n0',
    },
    ...ending,
    {
      name: 'rm -f',
      script:
        'docker start $name >/dev/null; docker rm -f $name >/dev/null; ls /sys/fs/cgroup/docker',
      prints: /^(?!.*\b[0-9a-f]{64}\b)/s,
    },
    {
      name: 'a command that is not there',
      script: 'docker_run --rm busybox nothing >/dev/null 2>&1; echo $?',
      prints: /^12[57]$/,
    },
  ],
});
