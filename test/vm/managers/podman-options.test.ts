/** podman, as it comes from Debian: what options of `podman run` do inside of the container. */

import { beforeAll } from 'vitest';

import type { Operation } from './support/operations.js';
import { exceeded } from './support/podman-life.js';
import { options, run } from './support/podman-options.js';
import { testOperations } from './support/operations.js';
import { addFilter, rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

/** Keeps a container from one file. */
const PROFILE = `
profile podman-test flags=(attach_disconnected,mediate_deleted) {
  file,
  signal,
  deny /etc/group r,
}
`;

beforeAll(async () => {
  const profile = guest.write('podman-test', PROFILE);
  await guest.output(`/sbin/apparmor_parser -r ${profile}`);
  await addFilter(guest);
});

const ofMachine: readonly Operation[] = [
  {
    name: '(no options)',
    script: run(
      '',
      'cat /proc/self/attr/current; grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status; ulimit -n; wc -l </proc/timer_list',
    ),
    prints:
      /^containers-default-\S+ \(enforce\)\nCapEff:\t00000000800405fb\nNoNewPrivs:\t0\nSeccomp:\t2\n\d+\n0$/,
  },
  {
    name: '--cap-drop --cap-add --security-opt no-new-privileges,seccomp,apparmor',
    script: run(
      `--cap-drop all --cap-add net_admin,chown --security-opt no-new-privileges \\
      --security-opt seccomp=/run/no-directories.json --security-opt apparmor=podman-test`,
      `cat /proc/self/attr/current; grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status
      mkdir /tmp/a; cat /etc/group; head -n 1 /etc/passwd`,
    ),
    prints:
      /^podman-test \(enforce\)\nCapEff:\t0000000000001001\nCapBnd:\t0000000000001001\nNoNewPrivs:\t1\nSeccomp:\t2\nmkdir: .*(not supported|Unsupported).*\ncat: .*denied\nroot/i,
  },
  {
    name: '--security-opt mask,unmask,seccomp=unconfined,apparmor=unconfined',
    script: run(
      `--security-opt mask=/proc/meminfo:/home --security-opt unmask=/proc/timer_list:/proc/sys \\
      --security-opt seccomp=unconfined --security-opt apparmor=unconfined`,
      `cat /proc/self/attr/current; grep Seccomp: /proc/self/status
      wc -l </proc/meminfo; ls /home | wc -l; [ -s /dev/null ] || head -n 1 /proc/timer_list | cut -d " " -f 1
      grep -c " /proc/sys " /proc/self/mountinfo`,
    ),
    prints: 'unconfined\nSeccomp:\t0\n0\n0\nTimer\n0',
    status: 1,
  },
  {
    name: '--privileged: capabilities, devices',
    script: run(
      '--privileged',
      'grep CapEff /proc/self/status; test -b /dev/nvme0n1 && mount -t tmpfs none /mnt && echo mounted',
    ),
    prints: /^CapEff:\t000001ffffffffff\nmounted$/,
  },
  {
    name: '--read-only --tmpfs --device --sysctl --ulimit --init',
    script: run(
      `--read-only --tmpfs /scratch:size=1m,mode=700,noexec --device /dev/nvme0n1:/dev/disk:r \\
      --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=123456 --ulimit nofile=100:200 --init`,
      `touch /file; touch /tmp/file && grep -c " /scratch .*noexec.*size=1024k" /proc/self/mountinfo
      head -c 512 /dev/disk | wc -c; dd if=/dev/zero of=/dev/disk count=1
      cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax; ulimit -n; ulimit -Hn; cat /proc/1/comm`,
    ),
    prints:
      /^touch: .*Read-only file system\n1\n512\ndd: .*not permitted\n1\n123456\n100\n200\n(catatonit|podman-init)$/,
  },
  // conmon has it from the container's scope, which is sometimes gone by then, with crun too.
  exceeded(/^137\n137 (true|false)$/),
  {
    name: 'runtime = "tsrun" in containers.conf',
    script: `
      CONTAINERS_CONF_OVERRIDE=/run/example-containers.conf /usr/bin/podman create --name $name-default busybox >/dev/null
      podman inspect -f '{{.OCIRuntime}}' $name-default; podman rm $name-default >/dev/null`,
    prints: 'tsrun',
  },
];

testOperations(guest, 'options of podman run', {
  ...rootfulPodman('systemd'),
  operations: [...options, ...ofMachine],
  cleanUp: 'podman rm -f -t 0 --ignore $name >/dev/null; rm -r $directory',
});
