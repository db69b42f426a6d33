/** What the tests of podman share. */

import { readFileSync } from 'node:fs';
import { beforeAll, expect } from 'vitest';

import type { Guest } from '../../support/guest.js';
import { useGuest } from '../../support/guest.js';
import type { Scenario } from './operations.js';

/** For the top of a test file: podman with examples/containers.conf, and the image `busybox`. */
export function usePodman(): Guest {
  const guest = useGuest();
  beforeAll(async () => {
    const text = readFileSync('examples/containers.conf', 'utf8');
    const configuration = guest.write('containers.conf', text);
    const { status, stderr } = await guest.run(`
      set -e
      [ -e /run/podman-is-set-up ] && exit
      mkdir -p /etc/containers/containers.conf.d /var/lib/containers
      mount -t tmpfs containers /var/lib/containers
      cp ${configuration} /etc/containers/containers.conf.d/from-examples.conf
      # Of whom --userns=auto takes ids.
      for file in /etc/subuid /etc/subgid; do
        echo containers:1000000:1000000 >>$file
      done
      tar -C /run/rootfs -cf /tmp/busybox.tar .
      podman import /tmp/busybox.tar localhost/busybox
      : >/run/podman-is-set-up`);
    expect(status, stderr).toBe(0);
  });
  return guest;
}

/** Root's podman; `place` is the directory of the container's control group. */
export function rootfulPodman(
  cgroups: 'systemd' | 'cgroupfs',
): Pick<Scenario, 'manager' | 'caller' | 'cgroups' | 'prelude'> {
  return { manager: 'podman', caller: 'root', cgroups, prelude: prelude(cgroups) };
}

export function prelude(cgroups: string): string {
  return `
podman() { /usr/bin/podman --cgroup-manager ${cgroups} --runtime $runtime "$@"; }
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
