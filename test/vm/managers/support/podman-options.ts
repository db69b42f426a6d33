/** Options of `podman run` that need nothing of the machine. */

import type { Operation } from './operations.js';

export const run = (options: string, script: string): string =>
  `podman run --rm --network none ${options} busybox sh -c 'exec 2>&1; ${script}'`;

export const options: readonly Operation[] = [
  {
    name: 'run -it',
    script: `
      # Of a container that ends at once podman does not always show all.
      typed() { until_true grep -q 88:0 $directory/said; echo; }
      : >$directory/said
      typed | script -qec "$podman run --rm -it --network none busybox \\
        sh -c 'tty; echo \\$TERM; stat -c %t:%T /dev/console; read x; exit 6'" /dev/null >$directory/said
      status=$?
      cat $directory/said
      exit $status`,
    prints: /\/dev\/pts\/0\nxterm\n88:0\b/,
    status: 6,
  },
  {
    name: '-v ro,z,rslave, --mount',
    script: `
      mkdir -p $directory/v && echo text >$directory/v/file
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
    name: '--cgroups=disabled --ipc=host --uts=host',
    script: run(
      '--cgroups disabled --ipc host --uts host',
      'cut -d : -f 3 /proc/self/cgroup | grep -c libpod-[^c]; hostname',
    ),
    prints: '0\nguest',
  },
  {
    name: 'a command that is not there',
    script: `
      podman run --rm --network none busybox nothing; echo $?
      podman run --rm --network none busybox /etc/passwd; echo $?`,
    prints:
      /^Error:.*nothing.*not found.*attempted to invoke a command that was not found\n127\nError:.*\/etc\/passwd.*OCI permission denied\n126$/s,
  },
  {
    name: '--privileged',
    script: run('--privileged', 'mount -t tmpfs none /mnt && echo mounted'),
    prints: 'mounted',
  },
  {
    name: '--network none, host',
    script: `
        podman run --rm --network none busybox sh -c "ip address | grep -c 'inet '"
        inside=$(podman run --rm --network host busybox readlink /proc/self/ns/net)
        [ "$inside" = "$(readlink /proc/self/ns/net)" ] && echo same`,
    prints: '1\nsame',
  },
];

/** @param labels whether there is AppArmor */
export const noOptions = (labels: boolean): Operation => ({
  name: '(no options)',
  script: run(
    '',
    `${labels ? LABEL : ''}grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status
      ulimit -n; wc -l </proc/timer_list`,
  ),
  prints: new RegExp(
    `^${labels ? String.raw`containers-default-\S+ \(enforce\)\n` : ''}CapEff:\t00000000800405fb
NoNewPrivs:\t0\nSeccomp:\t2\n\\d+\n0$`,
  ),
});

/** @param labels whether there is AppArmor */
export const unconfined = (labels: boolean): Operation => ({
  name: '--security-opt mask,unmask,seccomp=unconfined,apparmor=unconfined',
  script: run(
    `--security-opt mask=/proc/meminfo:/home --security-opt unmask=/proc/timer_list:/proc/sys \\
      --security-opt seccomp=unconfined --security-opt apparmor=unconfined`,
    `${labels ? LABEL : ''}grep Seccomp: /proc/self/status
      wc -l </proc/meminfo; ls /home | wc -l; [ -s /dev/null ] || head -n 1 /proc/timer_list | cut -d " " -f 1
      grep -c " /proc/sys " /proc/self/mountinfo`,
  ),
  prints: `${labels ? 'unconfined\n' : ''}Seccomp:\t0\n0\n0\nTimer\n0`,
  status: 1,
});

const LABEL = 'cat /proc/self/attr/current; ';

/** With more options, what is done with them, and what that prints, as a regular expression. */
export const readOnly = (more = '', script = '', prints = ''): Operation => ({
  name: `--read-only --tmpfs --sysctl --ulimit --init ${more}`.trim(),
  script: run(
    `--read-only --tmpfs /scratch:size=1m,mode=700,noexec ${more} \\
      --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=123456 --ulimit nofile=100:200 --init`,
    `touch /file; touch /tmp/file && grep -c " /scratch .*noexec.*size=1024k" /proc/self/mountinfo
      cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax; ulimit -n; ulimit -Hn; cat /proc/1/comm
      ${script}`,
  ),
  prints: new RegExp(
    String.raw`^touch: .*Read-only file system\n1\n1\n123456\n100\n200\n(catatonit|podman-init)${prints}$`,
  ),
});
