/** Switching controllers on for a cgroup, in cgroup.subtree_control of all above it. */

import { readIfThere } from '../../native/look.js';
import type { Native } from '../../native/types.js';

const FILE_MAX = 4096;

/** Where the kernel refused to switch a controller on, and its errno (positive). */
export interface Refusal {
  file: string;
  errno: number;
}

/**
 * Switches on every controller that the hierarchy has, as runc does, from its
 * root down to the parent of the cgroup. What the caller may not change there
 * may have been changed for it (delegation), so a refusal is no failure yet.
 *
 * @param root mount point of the hierarchy
 * @param directory of the cgroup
 * @returns the first refusal of each controller that had one
 * @throws TsrunError ERR_CGROUP when the hierarchy's controllers cannot be read
 */
export function enableControllers(
  native: Native,
  root: string,
  directory: string,
): Map<string, Refusal> {
  const refusals = new Map<string, Refusal>();
  const names = controllersIn(native, root);
  if (names.length === 0) return refusals;
  const all = names.map((name) => `+${name}`).join(' ');
  let end = root.length;
  while (end !== -1 && end < directory.length) {
    const file = `${directory.slice(0, end)}/cgroup.subtree_control`;
    // All or nothing, so one by one where it is nothing.
    if (native.writeText(file, all) < 0) {
      for (const name of names) {
        const status = native.writeText(file, `+${name}`);
        if (status < 0 && !refusals.has(name)) refusals.set(name, { file, errno: -status });
      }
    }
    end = directory.indexOf('/', end + 1);
  }
  return refusals;
}

/**
 * The controllers that a cgroup has.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function controllersIn(native: Native, directory: string): string[] {
  return namesIn(native, `${directory}/cgroup.controllers`);
}

/** Those that it passes on to the cgroups below it; see controllersIn(). */
export function controllersBelow(native: Native, directory: string): string[] {
  return namesIn(native, `${directory}/cgroup.subtree_control`);
}

function namesIn(native: Native, file: string): string[] {
  const text = readIfThere(native, file, FILE_MAX, 'ERR_CGROUP') ?? '';
  return text.split(/\s+/).filter((name) => name !== '');
}
