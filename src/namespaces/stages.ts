/**
 * In which order namespaces are entered: the kernel's rules about who may
 * enter what, as one pure function.
 *
 * - A namespace belongs to the user namespace that it was made in. It can be
 *   joined with CAP_SYS_ADMIN over that one, so never from a child of it.
 * - pid namespaces are entered by children only, so a joined one costs a
 *   second clone, and so does a new one that must belong to a user namespace
 *   which is not entered at the first clone.
 * - Others are entered in place by unshare(2) and setns(2).
 * - Whoever has the caller's ids and is in its user namespace has every right in a new one that the
 *   caller makes, with no capability at all (user_namespaces(7)). A process that executes something
 *   in there may be looked into by all of them, dumpable or not (ptrace(2)): by a container of root's
 *   with the machine's pid namespace. So root's helper is executed outside and made undumpable first.
 */

import { CLONE_NEWPID, CLONE_NEWUSER } from '../native/constants.js';
import type { LinuxNamespaceType } from '../spec/types.js';
import { NAMESPACE_FLAG, NAMESPACE_TYPES } from './namespaces.js';
import type { Places } from './namespaces.js';

export type Stage =
  | { op: 'join'; type: LinuxNamespaceType }
  | { op: 'fork'; flags: number }
  /** The parent writes the maps of the new user namespace. */
  | { op: 'id-map' }
  /** Opens the file of the offsets while that is allowed. */
  | { op: 'open-offsets' }
  /** A new time namespace with its offsets. */
  | { op: 'time' }
  /** From here on nobody may look into the process. */
  | { op: 'undumpable' };

export interface Stages {
  /** Of the first clone. */
  cloneFlags: number;
  enter: Stage[];
  /** What is left for unshare(2), once the process is root in its user namespace. */
  unshare: number;
}

/**
 * @param privileged the caller has CAP_SYS_ADMIN over its own user namespace
 * @param root the caller is its root, whose are the files in /proc of what is not dumpable (proc(5))
 */
export function planStages(places: Places, privileged: boolean, root: boolean): Stages {
  const joined: LinuxNamespaceType[] = [];
  let unshare = 0;
  for (const type of NAMESPACE_TYPES) {
    const place = places[type];
    if (place === 'joined') joined.push(type);
    else if (place === 'new' && type !== 'user' && type !== 'pid' && type !== 'time') {
      unshare |= NAMESPACE_FLAG[type];
    }
  }
  const time: Stage[] = places.time === 'new' ? [{ op: 'time' }] : [];

  if (joined.length === 0 && !(places.user === 'new' && root)) {
    const user = places.user === 'new';
    return {
      cloneFlags: (user ? CLONE_NEWUSER : 0) | (places.pid === 'new' ? CLONE_NEWPID : 0),
      enter: [
        // An unprivileged parent cannot write the maps of a process that is not dumpable,
        ...(user ? [{ op: 'id-map' } as const] : []),
        // nor can such a process write its own timens_offsets.
        ...time,
        { op: 'undumpable' },
      ],
      unshare,
    };
  }

  // A caller with rights over the machine uses them on everything before it gives them up for
  // those in a user namespace; one without gets its rights only there.
  const order = privileged ? joined : [...joined].sort((a, b) => userFirst(a) - userFirst(b));
  // New user and pid namespaces come after the joined ones, and the pid namespace must belong to
  // the user namespace, or no procfs could be mounted for it.
  const lateUser = places.user === 'new';
  const latePid = places.pid === 'new' && places.user !== 'own';
  const fork = (lateUser ? CLONE_NEWUSER : 0) | (latePid ? CLONE_NEWPID : 0);
  // It belongs to the joined user namespace, and takes the process that has opened the file.
  const earlyTime = places.user === 'joined' ? time : [];
  return {
    cloneFlags: places.pid === 'new' && !latePid ? CLONE_NEWPID : 0,
    enter: [
      ...(earlyTime.length > 0 ? [{ op: 'open-offsets' } as const] : []),
      // Processes of the joined namespaces may be the container's: they get nothing to look at.
      { op: 'undumpable' },
      ...order.map((type): Stage => ({ op: 'join', type })),
      ...earlyTime,
      ...(fork !== 0 || places.pid === 'joined' ? [{ op: 'fork', flags: fork } as const] : []),
      ...(lateUser ? [{ op: 'id-map' } as const] : []),
      ...(earlyTime.length > 0 ? [] : time),
    ],
    unshare,
  };
}

function userFirst(type: LinuxNamespaceType): number {
  return type === 'user' ? 0 : 1;
}
