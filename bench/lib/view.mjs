// Where the benchmark runs.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const ENTERED = 'TSRUN_BENCH_VIEW';

// The host's mounts stay as they are.
const SCRIPT = `set -e
  mount --make-rprivate /
  umount -R /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  exec "$@"`;

/**
 * Debian's crun refuses a hybrid layout of cgroups (v1 hierarchies, and v2 at
 * /sys/fs/cgroup/unified). So that every runtime sees the same, this program
 * starts itself again in a mount namespace of its own where /sys/fs/cgroup is the
 * v2 hierarchy. Where the host has that, it just goes on.
 */
export function enterCgroup2View() {
  if (process.env[ENTERED] === '1') return;
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return;
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status, error } = spawnSync('unshare', ['--mount', 'sh', '-c', SCRIPT, 'sh', ...self], {
    stdio: 'inherit',
    env: { ...process.env, [ENTERED]: '1' },
  });
  if (error) throw error;
  process.exit(status ?? 1);
}
