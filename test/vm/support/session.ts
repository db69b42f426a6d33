/** An ordinary user of the guest with a systemd of their own, as after a log-in. */

import { expect } from 'vitest';

import type { Guest } from './guest.js';

/** The first of 65536 ids in /etc/subuid and /etc/subgid. */
const SUBID = 5_000_000;

/**
 * Makes the user, whose name is that of the session; `PROGRAM WORD...` in the guest then runs
 * a command within it, in a unit of the user's systemd.
 *
 * @returns PROGRAM
 */
export async function makeSession(guest: Guest, name: string, uid: number): Promise<string> {
  const program = `/run/in-session-of-${name}`;
  const place = `XDG_RUNTIME_DIR=/run/user/${uid} DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/${uid}/bus`;
  // systemd-logind, which is not there, makes the directory and the environment else.
  const { status, stderr } = await guest.run(`
    id -u ${name} >/dev/null 2>&1 && exit
    set -e
    useradd -u ${uid} -m -s /bin/sh ${name}
    for file in /etc/subuid /etc/subgid; do
      sed -i /^${name}:/d $file
      echo ${name}:${SUBID}:65536 >>$file
    done
    mkdir -p /run/systemd/system/user@${uid}.service.d
    cat >/run/systemd/system/user@${uid}.service.d/environment.conf <<END
[Service]
Environment=${place}
END
    cat >/run/systemd/system/user-runtime-dir@${uid}.service <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/install -d -m 700 -o ${uid} -g ${uid} /run/user/${uid}
END
    cat >${program} <<END
#!/bin/sh
exec /usr/bin/setpriv --reuid ${uid} --regid ${uid} --clear-groups env HOME=/home/${name} ${place} \\
  /usr/bin/systemd-run --user --quiet --wait --pipe --collect -E PATH=\\$PATH "\\$@"
END
    chmod 755 ${program}
    systemctl daemon-reload
    systemctl start user@${uid}.service`);
  expect(status, stderr).toBe(0);
  return program;
}
