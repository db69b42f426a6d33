/** A user of the guest without privileges, with a systemd of their own. */

import { expect } from 'vitest';

import type { Guest } from '../../support/guest.js';
import { inSession, makeUser } from '../../support/session.js';

export const UID = 34567;

/** For beforeAll(): once for all. /run/as-user is a shell of the user's. */
export async function addUser(guest: Guest): Promise<void> {
  const { status, stderr } = await guest.run(`
    id -u someone >/dev/null 2>&1 && exit
    set -e
    ${makeUser('someone', UID)}
    # pasta takes over the addresses and routes of the machine, and cannot with those of a bridge.
    for link in /sys/class/net/*/bridge; do
      [ ! -e $link ] || ip link delete $(basename \${link%/bridge})
    done
    # As udev does it.
    modprobe tun
    chmod 666 /dev/fuse /dev/net/tun
    cat >/run/as-user <<'END'
#!/bin/sh
exec ${inSession('someone', UID)} -p Delegate=yes busybox sh "$@"
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
