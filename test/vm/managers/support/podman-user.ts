/** podman of a user without privileges. */

import type { Operation, Scenario } from './operations.js';
import { SERVER } from './podman-pods.js';
import { prelude } from './podman.js';

export type Cgroups = 'systemd' | 'cgroupfs';

export function usersPodman(cgroups: Cgroups): Omit<Scenario, 'operations'> {
  return {
    ...{ manager: 'podman', caller: 'user', cgroups, shell: '/run/as-user' },
    prelude: prelude(cgroups),
  };
}

const run = (options: string, script: string): string =>
  `podman run --rm ${options} busybox sh -c 'exec 2>&1; ${script}'`;

/** The other runtime's container with keep-id has all of the user's ids, for a moment. */
const runWithFreeIds = (options: string, script: string): string => `
        for try in $(seq 100); do
          ${run(options, script)} >$directory/output 2>&1
          status=$?
          grep -q 'not enough unused IDs' $directory/output || break
        done
        cat $directory/output
        (exit $status)`;

// With -v U a file belongs to one of the user's further ids.
export const cleanUpOfUser =
  'podman rm -f -t 0 --ignore $name >/dev/null; podman unshare rm -r $directory';

export const networkOfUser: Operation = {
  name: '--network bridge, container:',
  script: `
        podman network create $name >/dev/null
        podman run -d --name $name --network $name busybox ${SERVER} >/dev/null
        podman run --rm --network container:$name busybox sh -c \\
          "ip -o address | grep -c 'inet '; until busybox wget -q -O - http://127.0.0.1/; do :; done 2>/dev/null"
        podman rm -f -t 0 $name >/dev/null && podman network rm $name >/dev/null`,
  prints: '2\npage',
};

/** For users podman itself fails at --ipc=host. */
export const withoutGroups: Operation = {
  name: '--cgroups=disabled --uts=host',
  script: run(
    '--network none --cgroups disabled --uts host',
    'cut -d : -f 3 /proc/self/cgroup | grep -c libpod-[^c]; hostname',
  ),
  prints: '0\nguest',
};

/** Options of `podman run` that need nothing of the machine. */
export const optionsOfUser: readonly Operation[] = [
  {
    name: 'run -it',
    // What a container of a moment prints, podman does not always show: with crun neither.
    script: `
        script -qec "$podman run --rm -it --network none busybox \\
          sh -c 'tty | grep -q /dev/pts/0 && test \\$TERM = xterm -a -t 1 -a -t 2 && exit 6'" /dev/null >/dev/null`,
    prints: '',
    status: 6,
  },
  {
    name: '--userns=keep-id, -v ro, --network pasta, --read-only',
    script: `
        mkdir -p $directory/v
        ${run(
          '--userns keep-id -v $directory/v:/v -v $directory/v:/ro:ro --read-only',
          'id -u; id -g; touch /v/made; stat -c %u:%g /v/made; ip -o address | grep -c "inet "; touch /file; touch /ro/file',
        )}
        stat -c %u:%g $directory/v/made`,
    prints:
      /^34567\n34567\n34567:34567\n[2-9]\ntouch: .*Read-only.*\ntouch: .*Read-only.*\n34567:34567$/,
  },
  {
    name: '--userns=auto, --cap-drop, --security-opt no-new-privileges, --tmpfs, --ulimit, --sysctl, --init',
    script: runWithFreeIds(
      `--network none --userns auto:size=3000 --cap-drop all --security-opt no-new-privileges --tmpfs /t:size=1m \\
        --ulimit nofile=100:200 --sysctl kernel.shmmax=123456 --init`,
      `awk "{ print \\$3 }" /proc/self/uid_map; grep -E "CapBnd|NoNewPrivs|Seccomp:" /proc/self/status
        ulimit -n; cat /proc/sys/kernel/shmmax; cat /proc/1/comm; grep -c " /t " /proc/self/mountinfo`,
    ),
    prints:
      /^(3000|\d+\n\d+)\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n100\n123456\n(catatonit|podman-init)\n1$/,
  },
  {
    name: '--uidmap, -v U,z, --cap-add, --security-opt seccomp,mask,unmask, --device',
    script: `
        mkdir -p $directory/u && touch $directory/u/file
        ${run(
          `--network none --uidmap 0:1:5000 --gidmap 0:1:5000 -v $directory/u:/u:U,z --cap-drop all --cap-add net_admin \\
          --security-opt seccomp=/run/no-directories.json --security-opt mask=/proc/meminfo \\
          --security-opt unmask=/proc/sys --device /dev/fuse:/dev/other`,
          `tr -s " " </proc/self/uid_map; stat -c %u:%g /u/file; grep CapEff /proc/self/status; mkdir /tmp/a
          wc -l </proc/meminfo; grep -c " /proc/sys " /proc/self/mountinfo
          stat -c "%F %t:%T" /dev/other; : 3<>/dev/other && echo opened`,
        )}`,
    prints:
      /^0 1 5000\n0:0\nCapEff:\t0000000000001000\nmkdir: .*(not supported|Unsupported).*\n0\n0\ncharacter special file a:e5\nopened$/i,
  },
  {
    name: '-v idmap, --userns=keep-id, auto',
    script: `
        mkdir -p $directory/i && touch $directory/i/file
        ${run('--network none -v $directory/i:/i:idmap', 'stat -c %u:%g /i/file')}
        # Of a mount that is not the user's own the kernel lets nobody else map the ids.
        for userns in keep-id auto; do
          ${runWithFreeIds('--network none --userns $userns -v $directory/i:/i:idmap', 'stat -c %u:%g /i/file')}
          echo $?
        done`,
    prints:
      /^0:0\nError: .*peration not permitted: OCI permission denied\n126\nError: .*peration not permitted: OCI permission denied\n126$/,
  },
  {
    name: 'a command that is not there',
    script: `podman run --rm --network none busybox nothing`,
    prints: /^Error:.*nothing.*not found.*attempted to invoke a command that was not found$/s,
    status: 127,
  },
];
