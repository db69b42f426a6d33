/** A user of the guest without privileges, with a systemd of their own. */

import { expect } from 'vitest';

import type { Guest } from '../../support/guest.js';

export const UID = 34567;

/** For beforeAll(): once for all. /run/as-user is a shell of the user's. */
export async function addUser(guest: Guest): Promise<void> {
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
}
