/** Operations of buildah, on podman's image `busybox`. */

import type { Operation, Scenario } from './operations.js';
import { whileItWaits } from './podman-build.js';

export type Isolation = 'oci' | 'rootless';

const prelude = (isolation: Isolation): string => `
program=$(command -v $runtime)
directory=\${XDG_RUNTIME_DIR:-/run}/$name
buildah_run() { buildah run --runtime $program --isolation ${isolation} --network none "$@"; }
mkdir -p $directory`;

const operations = (isolation: Isolation): readonly Operation[] => [
  {
    name: 'bud',
    script: `
        mkfifo $directory/there $directory/go
        cat >$directory/Containerfile <<'END'
FROM localhost/busybox
RUN echo there >/wait/there; cat /wait/go; echo built >/made; grep ^0:: /proc/self/cgroup
USER 1000
RUN id -u
END
        buildah --runtime $program bud --isolation ${isolation} --network none -v $directory:/wait -t $name $directory \\
          >$directory/said 2>&1 &
        ${whileItWaits('$directory')}
        grep -x -e 0::/ -e 1000 $directory/said`,
    prints: 'buildah-buildah\n0::/\n1000',
  },
  {
    name: 'from, run',
    script: `buildah from -q --name $name localhost/$name
        buildah_run $name sh -c 'cat /made; id -u; exit 3' 2>/dev/null`,
    prints: /\nbuilt\n1000$/,
    status: 3,
  },
  {
    name: 'run --tty',
    script: `
        /bin/script -qec "buildah run --runtime $program --isolation ${isolation} --network none \\
          --tty $name sh -c 'tty; exit 6'" /dev/null 2>/dev/null`,
    prints: /\/dev\/pts\/0$/m,
    status: 6,
  },
  {
    name: 'run --user --volume --cap-drop',
    script: `
        buildah_run --user 0 --volume $directory:/wait --volume /run/rootfs:/mnt:ro --cap-drop all --hostname inside \\
          $name sh -c 'echo there >/wait/there; cat /wait/go
            hostname; grep -c CapBnd:.0*$ /proc/self/status; touch /mnt/x' >$directory/said 2>&1 &
        ${whileItWaits('$directory')}
        grep -v ^Error $directory/said`,
    prints: 'buildah-buildah\ninside\n1\ntouch: /mnt/x: Read-only file system',
  },
];

/** @param isolation `rootless` is a user's, in the namespace that buildah makes for them */
export const building = (isolation: Isolation): Omit<Scenario, 'caller' | 'cgroups'> => ({
  manager: 'buildah',
  prelude: prelude(isolation),
  operations: operations(isolation),
  cleanUp: 'buildah rm $name; buildah rmi -f localhost/$name; rm -r $directory',
});
