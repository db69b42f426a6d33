/** containerd and dockerd, as services of the guest, with tsrun and crun for runtimes. */

import { expect } from 'vitest';

import { SHARE } from '../../support/guest.js';
import type { Guest } from '../../support/guest.js';

/** A second dockerd, whose default runtime is tsrun and whose containers have a user namespace. */
export const REMAPPED = 'unix:///run/docker-remapped.sock';
/** Where the ids of that one's containers begin. */
export const REMAPPED_ID = 200_000;

const START_TIMEOUT_MS = 400_000;

const CONTAINERD = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "tsrun"
${['/usr/local/bin/tsrun', '/usr/bin/crun']
  .map((program) => {
    const table = `plugins."io.containerd.grpc.v1.cri".containerd.runtimes.${program.replace(/.*\//, '')}`;
    return `  [${table}]
    runtime_type = "io.containerd.runc.v2"
    [${table}.options]
      BinaryName = "${program}"
      SystemdCgroup = true
`;
  })
  .join('')}`;

const DOCKER = JSON.stringify({
  runtimes: { tsrun: { path: '/usr/local/bin/tsrun' }, crun: { path: '/usr/bin/crun' } },
});

/** The disk takes half of what it has, from its beginning: others write to its end. */
const DISK = `
  /sbin/mke2fs -q -F -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 /dev/nvme0n1 4g
  mkdir /run/disk
  mount /dev/nvme0n1 /run/disk
  for directory in containerd docker docker-remapped; do
    mkdir -p /run/disk/$directory /var/lib/$directory
    mount --bind /run/disk/$directory /var/lib/$directory
  done`;

const REMAPPED_SERVICE = `systemd-run --quiet --unit docker-remapped -p Type=notify -p Delegate=yes \\
    dockerd --config-file /etc/docker/remapped.json --containerd /run/containerd/containerd.sock \\
    --containerd-namespace remapped --containerd-plugins-namespace remapped-plugins \\
    --data-root /var/lib/docker-remapped --exec-root /run/docker-remapped \\
    --pidfile /run/docker-remapped.pid --host ${REMAPPED} \\
    --bridge none --iptables=false --ip6tables=false --userns-remap remapped \\
    --add-runtime tsrun=/usr/local/bin/tsrun --add-runtime crun=/usr/bin/crun --default-runtime tsrun`;

/**
 * Starts both daemons of docker, and containerd below them, if that has not been
 * done; all have images localhost/busybox and localhost/pause:1. They stay until
 * the guest ends: starting takes longer than all that is done with them.
 */
export async function startDaemons(guest: Guest): Promise<void> {
  const result = await guest.run(
    `set -e
    [ -e /run/daemons-ready ] && exit
    ${DISK}
    echo remapped:x:2000:2000::/:/bin/sh >>/etc/passwd
    echo remapped:x:2000: >>/etc/group
    echo remapped:${REMAPPED_ID}:65536 | tee -a /etc/subuid >>/etc/subgid
    mkdir -p /etc/containerd /etc/docker
    cat >/etc/containerd/config.toml <<'END'\n${CONTAINERD}END
    echo '${DOCKER}' >/etc/docker/daemon.json
    echo '{}' >/etc/docker/remapped.json
    systemctl start containerd
    all() {
      pids=
      for script; do sh -c "$script" >/dev/null & pids="$pids $!"; done
      for pid in $pids; do wait $pid; done
    }
    all 'systemctl start docker && docker load -i ${SHARE}/images.tar' \\
      '${REMAPPED_SERVICE} && docker -H ${REMAPPED} load -i ${SHARE}/images.tar' \\
      'ctr image import ${SHARE}/images.tar' \\
      'ctr -n k8s.io image import ${SHARE}/images.tar'
    touch /run/daemons-ready`,
    START_TIMEOUT_MS,
  );
  expect(result, result.stderr).toMatchObject({ status: 0 });
}
