/** containerd and dockerd, as services of the guest, with tsrun and crun for runtimes. */

import { expect } from 'vitest';

import { blockOf, wordOf } from '../../../support/page.js';
import { SHARE } from '../../support/guest.js';
import type { Guest } from '../../support/guest.js';

/** A second dockerd, whose default runtime is tsrun and whose containers have a user namespace. */
export const REMAPPED = 'unix:///run/docker-remapped.sock';
/** Where the ids of that one's containers begin. */
export const REMAPPED_ID = 200_000;

/** What that one's BuildKit calls runc with, which is tsrun. */
export const BUILDKIT_CALLS = '/run/buildkit/calls';

const START_TIMEOUT_MS = 400_000;

export const TSRUN = '/usr/local/bin/tsrun';
const CRUN = '/usr/bin/crun';

/** What the pages call the runtime, and have users look at it with. */
export const HANDLER = wordOf('docs/kubernetes.md', /^ *handler: (\S+)$/);
export const ROOT_OF_PODS = wordOf('docs/kubernetes.md', /`tsrun --root (\S+) list`/);
export const ROOT_OF_CTR = wordOf('docs/containerd.md', /`tsrun --root (\S+) list`/);
/** Of runtimes with cgroups that are not systemd's: what is added to a handler. */
export const PLAIN = '-plain';

const CONTAINERD_PAGE = blockOf('docs/containerd.md', 'toml', 'version = 2');

/** What users are told to write, of a runtime that is called NAME and is PROGRAM. */
function runtime(name: string, program: string, options = ''): string {
  return (
    CONTAINERD_PAGE.replace(/^version.*$/m, '')
      .replaceAll(`runtimes.${HANDLER}`, `runtimes.${name}`)
      .replaceAll('/usr/bin/tsrun', program) + options
  );
}

const SYSTEMD = wordOf('docs/kubernetes.md', /`(SystemdCgroup = true)`/);

const CONTAINERD = `version = 2
${runtime(HANDLER, TSRUN, SYSTEMD)}
${runtime(HANDLER + PLAIN, TSRUN)}
${runtime('crun', CRUN, SYSTEMD)}
${runtime(`crun${PLAIN}`, CRUN)}
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "${HANDLER}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
`;

const DOCKER_PAGE = blockOf('docs/docker.md', 'json').replaceAll('/usr/bin/tsrun', TSRUN);
const DEFAULT_RUNTIME = wordOf('docs/docker.md', /`("default-runtime": "\w+")`/);
const { runtimes } = JSON.parse(DOCKER_PAGE) as { runtimes: object };
const DOCKER = JSON.stringify({
  ...(JSON.parse(`{${DEFAULT_RUNTIME}}`) as object),
  runtimes: { ...runtimes, crun: { path: CRUN } },
  'live-restore': true,
});

/** Networks of pods, and of `ctr run --cni`. */
const PODS = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      ...{ type: 'bridge', bridge: 'cni-pods', isGateway: true },
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: '10.77.0.0/16' }]],
        dataDir: '/run/cni-addresses',
      },
    },
  ],
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
    -E PATH=/run/buildkit:$PATH dockerd --config-file /etc/docker/remapped.json --containerd /run/containerd/containerd.sock \\
    --containerd-namespace remapped --containerd-plugins-namespace remapped-plugins \\
    --data-root /var/lib/docker-remapped --exec-root /run/docker-remapped \\
    --pidfile /run/docker-remapped.pid --host ${REMAPPED} \\
    --bridge none --iptables=false --ip6tables=false --userns-remap remapped \\
    --add-runtime tsrun=${TSRUN} --add-runtime crun=${CRUN} --default-runtime tsrun`;

/** What runc was called with: managers take it where they are told nothing else. */
const RUNC_CALLS = '/run/runc-calls';

/** A shell function that complains where a container is not of the runtime that it should be. */
export const OWNER = `
  # owner ROOT ID: by its state that is running there, or by the calls of runc
  owner() {
    { tsrun --root $1 list | grep -q "^$2 .* running " && echo tsrun
      [ -e $1/$2/status ] && echo crun
      grep -qF $2 ${RUNC_CALLS} && echo runc; } >/run/$name.owner
    [ $runtime = "$(cat /run/$name.owner)" ] || echo "not of $runtime:" $(cat /run/$name.owner)
    rm /run/$name.owner
    [ $runtime = tsrun ] || tsrun --root $1 state $2 2>&1 | grep -q 'of another runtime' || echo taken for ours
  }`;

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
    mkdir /run/buildkit
    printf '#!/bin/sh\\necho "$@" >>${BUILDKIT_CALLS}\\nexec ${TSRUN} "$@"\\n' >/run/buildkit/runc
    chmod 755 /run/buildkit/runc
    printf '#!/bin/sh\\necho "$@" >>${RUNC_CALLS}\\nexec /usr/sbin/runc "$@"\\n' >/usr/local/sbin/runc
    chmod 755 /usr/local/sbin/runc
    >${RUNC_CALLS}
    mkdir -p /etc/containerd /etc/docker /etc/cni/net.d /opt/cni
    ln -s /usr/lib/cni /opt/cni/bin
    echo '${PODS}' >/etc/cni/net.d/10-pods.conflist
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
