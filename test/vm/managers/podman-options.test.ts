/** podman, as it comes from Debian: what options of `podman run` do inside of the container. */

import { beforeAll } from 'vitest';

import type { Operation } from './support/operations.js';
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

const run = (options: string, script: string): string =>
  `podman run --rm --network none ${options} busybox sh -c 'exec 2>&1; ${script}'`;

const options: readonly Operation[] = [
  {
    name: 'run -it',
    script: `
      script -qec "$podman run --rm -it --network none busybox \\
        sh -c 'tty; echo \\$TERM; stat -c %t:%T /dev/console; exit 6'" /dev/null`,
    prints: /\/dev\/pts\/0\nxterm\n88:0$/,
    status: 6,
  },
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
    name: '--privileged',
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
  {
    name: '-v ro,z,rslave, --mount',
    script: `
      mkdir -p $directory/v && echo text >$directory/v/file && chown 1000:2000 $directory/v/file
      ${run(
        `-v $directory/v:/ro:ro -v $directory/v:/z:z,rslave,nosuid --mount type=bind,src=$directory/v,dst=/mnt,ro \\
        --mount type=tmpfs,dst=/t,tmpfs-size=1m -v $directory/v:/o:O`,
        `touch /ro/x; touch /mnt/x; touch /z/made && cat /ro/file; touch /o/over; ls /o /z
        grep -c " /z .*nosuid.* master:" /proc/self/mountinfo; grep -c " /t .*size=1024k" /proc/self/mountinfo`,
      )}`,
    prints:
      /^touch: .*Read-only.*\ntouch: .*Read-only.*\ntext\n\/o:\nfile\nmade\nover\n\n\/z:\nfile\nmade\n1\n1$/,
  },
  {
    name: '--userns=auto, -v idmap',
    script: `
      mkdir -p $directory/v && echo text >$directory/v/file && chown 1:2 $directory/v/file
      ${run(
        '--userns auto:size=5000 -v $directory/v:/v:idmap',
        'cut -c 11-40 /proc/self/uid_map; stat -c %u:%g /v/file; touch /v/made /made; stat -c %u:%g /v/made /made',
      )}
      stat -c %u:%g $directory/v/made`,
    prints: /^1\d{6} +5000\n1:2\n0:0\n0:0\n0:0$/,
  },
  {
    name: '--uidmap --gidmap, -v U',
    script: `
      mkdir -p $directory/u && touch $directory/u/file && chown 5:6 $directory/u $directory/u/file
      ${run(
        '--uidmap 0:300000:5000 --gidmap 0:400000:5000 --user 1000:1000 -v $directory/u:/u:U',
        'id -u; cat /proc/self/uid_map; stat -c %u:%g /u/file; touch /u/made; ls /sys/fs/cgroup/cgroup.procs',
      )}
      stat -c %u:%g $directory/u/made`,
    prints: /^1000\n +0 +300000 +5000\n1000:1000\n\/sys\/fs\/cgroup\/cgroup.procs\n301000:401000$/,
  },
  {
    name: '--memory, exceeded',
    script: `
      podman run --name $name --network none --memory 16m --memory-swap 16m busybox \\
        dd if=/dev/zero of=/dev/null bs=64M count=1
      echo $?; podman inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' $name`,
    // The last is conmon's to find out, and with crun, too, it often comes too late for that.
    prints: /^137\n137 (true|false)$/,
  },
  {
    name: '--cgroups=disabled --ipc=host --uts=host',
    script: run(
      '--cgroups disabled --ipc host --uts host',
      'cut -d : -f 3 /proc/self/cgroup | grep -c libpod-[^c]; hostname',
    ),
    prints: '0\nguest',
  },
  {
    name: 'runtime = "tsrun" in containers.conf',
    script: `
      CONTAINERS_CONF_OVERRIDE=/run/example-containers.conf /usr/bin/podman create --name $name-default busybox >/dev/null
      podman inspect -f '{{.OCIRuntime}}' $name-default; podman rm $name-default >/dev/null`,
    prints: 'tsrun',
  },
  {
    name: 'a command that is not there',
    script: `
      podman run --rm --network none busybox nothing; echo $?
      podman run --rm --network none busybox /etc/passwd; echo $?`,
    prints:
      /^Error:.*nothing.*not found.*attempted to invoke a command that was not found\n127\nError:.*\/etc\/passwd.*OCI permission denied\n126$/s,
  },
];

testOperations(guest, 'options of podman run', {
  ...rootfulPodman('systemd'),
  operations: options,
  cleanUp: 'podman rm -f -t 0 --ignore $name >/dev/null; rm -r $directory',
});
