/** podman, as it comes from Debian, for a user without privileges. */

import { beforeAll, expect } from 'vitest';

import type { Operation, Scenario } from './support/operations.js';
import { testOperations } from './support/operations.js';
import { builds, cleanUpBuilds } from './support/podman-build.js';
import { IN_GROUP, life } from './support/podman-life.js';
import { addNotifyReady, cleanUpNotifying, notifying } from './support/podman-notify.js';
import { SERVER, cleanUpPods, pods } from './support/podman-pods.js';
import { addFilter, prelude, usePodman } from './support/podman.js';

const guest = usePodman();

const UID = 34567;

beforeAll(async () => {
  // Without systemd-logind, which does these two things for a session.
  const { status, stderr } = await guest.run(`
    id -u someone >/dev/null 2>&1 && exit
    set -e
    useradd -u ${UID} -m -s /bin/sh someone
    cd /run/systemd/system
    mkdir -p user@.service.d
    cat >user@.service.d/environment.conf <<END
[Service]
Environment=XDG_RUNTIME_DIR=/run/user/%i DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/%i/bus
END
    cat >user-runtime-dir@.service <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/install -d -m 700 -o %i -g %i /run/user/%i
END
    systemctl daemon-reload
    systemctl start user@${UID}.service
    # pasta takes over the addresses and routes of the machine, and cannot with those of a bridge.
    for link in /sys/class/net/*/bridge; do
      [ ! -e $link ] || ip link delete $(basename \${link%/bridge})
    done
    # As udev does it.
    modprobe tun
    chmod 666 /dev/fuse /dev/net/tun
    # Their processes come from the user's systemd: nobody else may move them to its control groups.
    cat >/run/as-user <<'END'
#!/bin/sh
exec setpriv --reuid ${UID} --regid ${UID} --clear-groups env HOME=/home/someone \\
  XDG_RUNTIME_DIR=/run/user/${UID} DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/${UID}/bus \\
  systemd-run --user --quiet --wait --pipe --collect -p Delegate=yes busybox sh "$@"
END
    chmod 755 /run/as-user
    # The kernel's overlay does not work on the one that /home is here.
    mkdir -p /home/someone/.local/share/containers
    mount -t tmpfs containers /home/someone/.local/share/containers
    chown -R someone:someone /home/someone
    echo 'podman import /tmp/busybox.tar localhost/busybox' >/run/import
    /run/as-user /run/import`);
  expect(status, stderr).toBe(0);
  await addNotifyReady(guest);
  await addFilter(guest);
});

type Cgroups = 'systemd' | 'cgroupfs';

function usersPodman(cgroups: Cgroups): Omit<Scenario, 'operations'> {
  return {
    ...{ manager: 'podman', caller: 'user', cgroups, shell: '/run/as-user' },
    prelude: prelude(cgroups),
  };
}

const run = (options: string, script: string): string =>
  `podman run --rm ${options} busybox sh -c 'exec 2>&1; ${script}'`;

// With -v U a file belongs to one of the user's further ids.
const cleanUp = 'podman rm -f -t 0 --ignore $name >/dev/null; podman unshare rm -r $directory';

/** After the limits of a container that runs. */
const place = (cgroups: Cgroups): Operation => ({
  name: 'the place of its control group',
  script: 'place | cut -d / -f 5-8',
  prints: `user.slice/user-${UID}.slice/user@${UID}.service/${cgroups === 'systemd' ? 'user' : 'app'}.slice`,
});

/** cpuset is not delegated to users. */
const ofUser = life({ cpuset: false });

testOperations(guest, 'the life of a container of a user, with systemd', {
  ...usersPodman('systemd'),
  operations: [...ofUser.slice(0, 2), place('systemd'), ...ofUser.slice(2)],
  cleanUp,
});

testOperations(guest, 'the life of a container of a user, with cgroupfs', {
  ...usersPodman('cgroupfs'),
  operations: [
    ...ofUser.slice(0, 2),
    place('cgroupfs'),
    ...ofUser.slice(2).filter(({ name }) => IN_GROUP.test(name)),
  ],
  cleanUp,
});

testOperations(guest, 'options of podman run of a user', {
  ...usersPodman('systemd'),
  operations: [
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
      script: run(
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
      name: '--memory, exceeded',
      script: `podman run --rm --network none --memory 16m --memory-swap 16m busybox \\
        dd if=/dev/zero of=/dev/null bs=64M count=1`,
      prints: '',
      status: 137,
    },
    {
      name: 'a command that is not there',
      script: `podman run --rm --network none busybox nothing`,
      prints: /^Error:.*nothing.*not found.*attempted to invoke a command that was not found$/s,
      status: 127,
    },
  ],
  cleanUp,
});

testOperations(guest, 'networks of a user', {
  ...usersPodman('cgroupfs'),
  operations: [
    {
      name: '--network bridge, container:',
      script: `
        podman network create $name >/dev/null
        podman run -d --name $name --network $name busybox ${SERVER} >/dev/null
        podman run --rm --network container:$name busybox sh -c \\
          "ip -o address | grep -c 'inet '; until busybox wget -q -O - http://127.0.0.1/; do :; done 2>/dev/null"
        podman rm -f -t 0 $name >/dev/null && podman network rm $name >/dev/null`,
      prints: '2\npage',
    },
  ],
  cleanUp,
});

testOperations(guest, 'a process that the service manager of a user waits for', {
  ...usersPodman('systemd'),
  operations: notifying('user'),
  cleanUp: cleanUpNotifying('user'),
});

testOperations(guest, 'pods of a user, with systemd', {
  ...usersPodman('systemd'),
  operations: pods({ limited: true }),
  cleanUp: cleanUpPods,
});

testOperations(guest, 'pods of a user, with cgroupfs', {
  ...usersPodman('cgroupfs'),
  // There podman gives the pod no limits, whatever the runtime.
  operations: pods({ limited: false }).filter(({ name }) => !name.startsWith('kube')),
  cleanUp: cleanUpPods,
});

for (const cgroups of ['systemd', 'cgroupfs'] as const) {
  testOperations(guest, `images that a user builds, with ${cgroups}`, {
    ...usersPodman(cgroups),
    operations: cgroups === 'systemd' ? builds : builds.slice(0, 1),
    cleanUp: cleanUpBuilds,
  });
}
