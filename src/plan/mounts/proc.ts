/** procfs: what may be mounted on /proc, and the private instance that steps go through. */

import type { Places } from '../../namespaces/namespaces.js';
import { invalid } from '../invalid.js';
import type { Step } from '../steps.js';

/**
 * Steps write through a procfs that no image can fake. One of our own takes
 * rights over the pid namespace; where that belongs to a user namespace above,
 * the host's is used.
 */
export function planPrivateProc(places: Places, initialUserNamespace: boolean): Step {
  const ours =
    places.pid === 'new' ||
    (places.pid === 'joined' && places.user !== 'new') ||
    (places.pid === 'own' && places.user === 'own' && initialUserNamespace);
  return { op: 'proc', at: '', private: ours };
}

/**
 * What may be covered inside /proc, as with runc: the files that tell a
 * container about the machine (lxcfs shows other numbers there), and no
 * setting that the runtime or a program writes in good faith.
 */
const COVERABLE: readonly string[] = [
  'cpuinfo',
  'diskstats',
  'loadavg',
  'meminfo',
  'net/dev',
  'slabinfo',
  'stat',
  'swaps',
  'sys/crypto/fips_enabled',
  'sys/kernel/ns_last_pid',
  'uptime',
  'version',
].map((name) => `/proc/${name}`);

/**
 * Nothing but a procfs goes on /proc: security labels and the like are written
 * through it. Of a bind mount the helper looks what it is.
 *
 * @param type of a new file system, undefined for a bind mount
 */
export function checkProcTarget(target: string, type: string | undefined, at: string): void {
  if (target === '/proc' && type !== undefined && type !== 'proc') {
    throw invalid(`${at}/type`, `${type} cannot be mounted on /proc`);
  }
  if (target.startsWith('/proc/') && !COVERABLE.includes(target)) {
    throw invalid(
      `${at}/destination`,
      `nothing can be mounted on ${target}: it is inside of /proc (maskedPaths hides, readonlyPaths protects)`,
    );
  }
}
