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

/** Nothing but a procfs goes on /proc: security labels and the like are written through it. */
export function checkProcTarget(target: string, type: string, at: string): void {
  if (target === '/proc' && type !== 'proc') {
    throw invalid(`${at}/type`, `${type} cannot be mounted on /proc`);
  }
}
