/** Cgroups below a threaded one (cgroups(7), "Thread mode"). */

import type { Native } from '../native/types.js';
import type { CgroupPlace } from './record.js';

const TYPE_MAX = 64;

/**
 * A new cgroup below a threaded one takes processes only when it is made
 * threaded, too. It then has no limits of the controllers that are for
 * domains, memory and io above all; those have been refused by then.
 *
 * @returns whether it was one, and now is threaded
 */
export function makeThreaded(native: Native, { path }: CgroupPlace): boolean {
  const file = `${path}/cgroup.type`;
  const type = native.readText(file, TYPE_MAX);
  if (typeof type === 'number' || type.trim() !== 'domain invalid') return false;
  return native.writeText(file, 'threaded') === 0;
}
