/** What the tests of podman share. */

import { readFileSync } from 'node:fs';
import { beforeAll, expect } from 'vitest';

import type { Guest } from '../../support/guest.js';
import { useGuest } from '../../support/guest.js';
import { INSTALL } from '../../support/install.js';
import type { Scenario } from './operations.js';

/** apt starts many programs, one after the other. */
const SET_UP_TIMEOUT_MS = 400_000;

/**
 * For the top of a test file: podman that knows tsrun from the installed package
 * alone, and the image `busybox`. examples/containers.conf is in /run.
 */
export function usePodman(): Guest {
  const guest = useGuest();
  beforeAll(async () => {
    const text = readFileSync('examples/containers.conf', 'utf8');
    const example = guest.write('containers.conf', text);
    const { status, stderr } = await guest.run(
      `
      set -e
      ${INSTALL}
      install_package
      [ -e /run/podman-is-set-up ] && exit
      mkdir -p /var/lib/containers
      mount -t tmpfs containers /var/lib/containers
      cp ${example} /run/example-containers.conf
      # Of whom --userns=auto takes ids.
      for file in /etc/subuid /etc/subgid; do
        echo containers:1000000:1000000 >>$file
      done
      tar -C /run/rootfs -cf /tmp/busybox.tar .
      podman import /tmp/busybox.tar localhost/busybox
      : >/run/podman-is-set-up`,
      SET_UP_TIMEOUT_MS,
    );
    expect(status, stderr).toBe(0);
  });
  return guest;
}

/** Lets a container do everything but make directories. */
export const FILTER = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }],
};

/** A filter of system calls with which no directory can be made, as /run/no-directories.json. */
export async function addFilter(guest: Guest): Promise<void> {
  const filter = guest.write('no-directories.json', JSON.stringify(FILTER));
  await guest.output(`cp ${filter} /run/no-directories.json`);
}

/** Root's podman; `place` is the directory of the container's control group. */
export function rootfulPodman(
  cgroups: 'systemd' | 'cgroupfs',
): Pick<Scenario, 'manager' | 'caller' | 'cgroups' | 'prelude'> {
  return { manager: 'podman', caller: 'root', cgroups, prelude: prelude(cgroups) };
}

export function prelude(cgroups: string): string {
  return `
podman="/usr/bin/podman --cgroup-manager ${cgroups} --runtime $runtime"
podman() { $podman "$@"; }
directory=\${XDG_RUNTIME_DIR:-/run}/$name
place() { echo /sys/fs/cgroup$(sed -n s/^0:://p /proc/$(cat $directory/pid)/cgroup); }
# until_true COMMAND...: half a minute at most.
until_true() {
  for try in $(seq 150); do
    "$@" && return
    sleep 0.2
  done
  echo "never came true: $*"
}
mkdir -p $directory`;
}
