/** Which namespaces `create` puts a container into, for `exec` to compare. */

import type { Native } from '../native/types.js';
import { CLONE_NEWUSER, EACCES, EPERM } from '../native/constants.js';
import { cannotLook } from '../native/look.js';
import type { ContainerPlan } from '../plan/plan.js';
import type { NamespaceIdentity } from '../state/state.js';
import type { Caller } from './caller.js';

/**
 * @param inputs the descriptors of the plan's inputs
 * @param pid a process in the user namespace of the container, where that is a new one
 * @throws TsrunError ERR_SYSTEM
 */
export function identifyNamespaces(
  native: Native,
  plan: ContainerPlan,
  inputs: readonly number[],
  caller: Pick<Caller, 'userNamespace'>,
  pid: number,
): NamespaceIdentity {
  const joined: NamespaceIdentity['joined'] = [];
  let user = (plan.namespaces & CLONE_NEWUSER) === 0 ? caller.userNamespace : 0;
  plan.inputs.forEach((input, slot) => {
    if (input.kind !== 'namespace') return;
    const fd = inputs[slot] ?? -1;
    const inode = inodeOf(native, fd);
    if (input.flag === CLONE_NEWUSER) user = inode;
    else joined.push({ flag: input.flag, inode, owner: ownerOf(native, fd) });
  });
  if (plan.idMaps !== undefined) user = newUserNamespace(native, pid);
  return { user, setgroups: plan.setgroups, joined };
}

/**
 * Of a root without CAP_SYS_PTRACE the kernel does not say which namespaces a process has that
 * nobody may look into (ptrace(2)).
 */
function newUserNamespace(native: Native, pid: number): number {
  const path = `/proc/${pid}/ns/user`;
  const stat = native.stat(path);
  if (typeof stat !== 'number') return Number(stat.ino);
  if (stat === -EACCES || stat === -EPERM) return 0;
  throw cannotLook(native, `look up ${path}`, stat);
}

function inodeOf(native: Native, fd: number): number {
  const stat = native.fstat(fd);
  if (typeof stat === 'number') throw cannotLook(native, 'look at a namespace', stat);
  return Number(stat.ino);
}

function ownerOf(native: Native, fd: number): number {
  const owner = native.namespaceOwner(fd);
  if (owner === -EPERM) return 0;
  if (owner < 0) throw cannotLook(native, 'look up the owner of a namespace', owner);
  try {
    return inodeOf(native, owner);
  } finally {
    native.close(owner);
  }
}
