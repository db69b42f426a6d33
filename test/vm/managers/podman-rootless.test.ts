/** podman, as it comes from Debian, for a user without privileges. */

import { beforeAll, expect } from 'vitest';

import { testOperations } from './support/operations.js';
import { prelude, usePodman } from './support/podman.js';

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
});

const run = (options: string, script: string): string =>
  `podman run --rm ${options} busybox sh -c 'exec 2>&1; ${script}'`;

const cleanUp = 'podman rm -f -t 0 --ignore $name >/dev/null; rm -r $directory';

testOperations(guest, 'without privileges, with the systemd of the user', {
  ...{ manager: 'podman', caller: 'user', cgroups: 'systemd', shell: '/run/as-user' },
  prelude: prelude('systemd'),
  runtimes: ['tsrun'],
  operations: [
    {
      name: 'run -d --memory --cpus --pids-limit',
      script: `
        podman run -d --name $name --pidfile $directory/pid --network none \\
          --memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 20 busybox sh -c 'echo started; exec sleep 1000' >/dev/null
        cd $(place) && cat memory.max cpu.max pids.max; pwd | cut -d / -f 5-7`,
      prints: '67108864\n50000 100000\n20\nuser.slice/user-34567.slice/user@34567.service',
    },
    {
      name: 'exec, exec -it',
      script: `
        podman exec $name sh -c 'id -u; cat /proc/self/cgroup; tr -s " " </proc/self/uid_map'
        script -qec "/usr/bin/podman --runtime $runtime exec -it $name sh -c 'tty; exit 5'" /dev/null`,
      prints: /^0\n0::\/\n 0 34567 1\n 1 \d+ 65536\n\W*\/dev\/pts\/0$/,
      status: 5,
    },
    {
      name: 'stats, top, logs',
      script: `
        podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' $name
        podman top $name pid user huser | tail -n 1; podman logs $name`,
      prints: /^[\d.]+[kM]B \/ 67\.11MB 1\n1 +root +34567\nstarted$/,
    },
    {
      name: 'pause, unpause, update',
      script: `
        podman pause $name >/dev/null && grep frozen $(place)/cgroup.events
        podman unpause $name >/dev/null && grep frozen $(place)/cgroup.events
        podman update --memory 96m --cpus 1 $name >/dev/null && cat $(place)/memory.max $(place)/cpu.max`,
      prints: 'frozen 1\nfrozen 0\n100663296\n100000 100000',
    },
    {
      name: 'restart, stop, rm -f',
      script: `
        podman restart -t 0 $name >/dev/null && cat $(place)/memory.max
        podman stop -t 0 $name >/dev/null && podman inspect -f '{{.State.Status}}' $name
        podman rm -f $name >/dev/null; podman container exists $name`,
      prints: '100663296\nexited',
      status: 1,
    },
    {
      name: '--userns=keep-id, -v, --network pasta',
      script: `
        mkdir -p $directory/v
        ${run(
          '--userns keep-id -v $directory/v:/v --read-only',
          'id -u; id -g; touch /v/made; stat -c %u:%g /v/made; ip -o address | grep -c "inet "; touch /file',
        )}
        stat -c %u:%g $directory/v/made`,
      prints: /^34567\n34567\n34567:34567\n[2-9]\ntouch: .*Read-only.*\n34567:34567$/,
    },
    {
      name: '--userns=auto, --cap-drop, --security-opt, --tmpfs, --ulimit, --init',
      script: run(
        `--network none --userns auto:size=3000 --cap-drop all --security-opt no-new-privileges --tmpfs /t:size=1m \\
        --ulimit nofile=100:200 --sysctl kernel.shmmax=123456 --init`,
        `awk "{ print \\$3 }" /proc/self/uid_map; grep -E "CapBnd|NoNewPrivs|Seccomp:" /proc/self/status
        ulimit -n; cat /proc/sys/kernel/shmmax; cat /proc/1/comm; grep -c " /t " /proc/self/mountinfo`,
      ),
      prints:
        /^(3000|\d+\n\d+)\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n100\n123456\n(catatonit|podman-init)\n1$/,
    },
  ],
  cleanUp,
});

testOperations(guest, 'without privileges, with cgroupfs', {
  ...{ manager: 'podman', caller: 'user', cgroups: 'cgroupfs', shell: '/run/as-user' },
  prelude: prelude('cgroupfs'),
  runtimes: ['tsrun'],
  operations: [
    {
      name: 'run -d, exec, stop, rm',
      script: `
        podman run -d --name $name --pidfile $directory/pid --network none busybox sleep 1000 >/dev/null
        podman exec $name id -u
        podman stop -t 0 $name >/dev/null && podman inspect -f '{{.State.Status}} {{.State.ExitCode}}' $name
        podman rm $name >/dev/null; podman container exists $name`,
      prints: '0\nexited 137',
      status: 1,
    },
    {
      name: '--network bridge, pod',
      script: `
        podman network create $name >/dev/null
        podman pod create --name $name --network $name >/dev/null
        podman run --rm --pod $name busybox sh -c 'ip -o address | grep -c "inet "'
        podman pod rm -f -t 0 $name >/dev/null && podman network rm $name >/dev/null`,
      prints: '2',
    },
    {
      name: 'build',
      script: `
        mkdir -p $directory/build && cd $directory/build
        printf 'FROM localhost/busybox\\nRUN echo built >/built; id -u\\nUSER 1000\\nRUN id -u\\n' >Containerfile
        # Its errors are the runtime's warnings, too: nobody but root has rules for devices.
        podman build --network none -t $name . 2>$directory/errors | grep -E '^(0|1000)$'
        podman run --rm --network none $name cat /built; podman rmi -f $name >/dev/null`,
      prints: '0\n1000\nbuilt',
    },
  ],
  cleanUp,
});
