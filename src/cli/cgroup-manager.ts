/** Who makes a new container's cgroup: `--cgroup-manager`, as crun has it, and `--systemd-cgroup`, as runc. */

import { TsrunError } from '../errors.js';
import type { GlobalOptions } from './table.js';

/** @throws TsrunError ERR_USAGE when the two do not agree */
export function cgroupManager(globals: GlobalOptions): 'cgroupfs' | 'systemd' | 'disabled' {
  const manager = globals['cgroup-manager'];
  if (globals['systemd-cgroup'] !== true) return manager ?? 'cgroupfs';
  if (manager !== undefined && manager !== 'systemd') {
    throw new TsrunError(
      'ERR_USAGE',
      `cannot use --systemd-cgroup with --cgroup-manager ${manager}`,
    );
  }
  return 'systemd';
}
