/** An ordinary user of the guest with a systemd of their own, as after a log-in. */

import { expect } from 'vitest';

import type { Guest } from './guest.js';

/** The first of 65536 ids in /etc/subuid and /etc/subgid. */
const SUBID = 5_000_000;

/** Shell: makes the user, with their systemd, as a log-in does. */
export function makeUser(name: string, uid: number): string {
  // systemd-logind, which is not there, makes the directory and the environment else.
  return `
    useradd -u ${uid} -m -s /bin/sh ${name}
    mkdir -p /run/systemd/system/user@${uid}.service.d
    cat >/run/systemd/system/user@${uid}.service.d/environment.conf <<END
[Service]
Environment=${placeOf(uid)}
END
    cat >/run/systemd/system/user-runtime-dir@${uid}.service <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/install -d -m 700 -o ${uid} -g ${uid} /run/user/${uid}
END
    systemctl daemon-reload
    systemctl start user@${uid}.service`;
}

/**
 * Shell: the beginning of a command that runs in a unit of the user's systemd; from there alone may
 * processes be moved to their cgroups.
 */
export function inSession(name: string, uid: number): string {
  return `/usr/bin/setpriv --reuid ${uid} --regid ${uid} --clear-groups \
  /usr/bin/env HOME=/home/${name} ${placeOf(uid)} \
  /usr/bin/systemd-run --user --quiet --wait --pipe --collect`;
}

function placeOf(uid: number): string {
  return `XDG_RUNTIME_DIR=/run/user/${uid} DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/${uid}/bus`;
}

/**
 * Makes the user, whose name is that of the session; `PROGRAM WORD...` in the guest then runs
 * a command within it.
 *
 * @returns PROGRAM
 */
export async function makeSession(guest: Guest, name: string, uid: number): Promise<string> {
  const program = `/run/in-session-of-${name}`;
  const { status, stderr } = await guest.run(`
    id -u ${name} >/dev/null 2>&1 && exit
    set -e
    ${makeUser(name, uid)}
    for file in /etc/subuid /etc/subgid; do
      sed -i /^${name}:/d $file
      echo ${name}:${SUBID}:65536 >>$file
    done
    cat >${program} <<'END'
#!/bin/sh
exec ${inSession(name, uid)} -E PATH="$PATH" "$@"
END
    chmod 755 ${program}`);
  expect(status, stderr).toBe(0);
  return program;
}
