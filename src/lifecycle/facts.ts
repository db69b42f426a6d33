/** Gathers what a plan depends on besides the spec. */

import type { Native } from '../native/types.js';
import { apparmorFile } from '../apparmor/apparmor.js';
import { delegatedFiles } from '../cgroups/delegate.js';
import { hasNsdelegate } from '../cgroups/mount.js';
import type { PlanFacts } from '../plan/plan.js';
import { checkLabel } from '../selinux/selinux.js';
import type { Spec } from '../spec/types.js';
import type { Rootfs } from './bundle.js';
import { setgroupsDenied } from './caller.js';
import type { Caller } from './caller.js';
import { hostMounts } from './host-mounts.js';
import { ownNamespaces } from './namespaces-own.js';
import type { NamespaceFiles } from './namespaces-own.js';
import { readRootFile } from './root-file.js';

export interface FactsRequest {
  id: string;
  /** Absolute path. */
  bundle: string;
  /** Open as long as the facts are used. */
  rootfs: Rootfs;
  /** The same. */
  namespaces: NamespaceFiles;
  spec: Spec;
  protectHostCgroups?: boolean;
  noPivot?: boolean;
  /** The runtime keeps the terminal. */
  keepTerminal?: boolean;
  /** Name of the session keyring; undefined for that of the caller. */
  keyring: string | undefined;
  listenFds?: number;
  notifyDirectory?: string;
  cgroup: PlanFacts['cgroup'];
}

/** @throws TsrunError ERR_SYSTEM and others when something cannot be found out */
export function gatherFacts(native: Native, request: FactsRequest, caller: Caller): PlanFacts {
  const { process, linux } = request.spec;
  const noPivot = request.noPivot === true;
  const processLabel = checkLabel(native, process?.selinuxLabel, '/process/selinuxLabel');
  const mountLabel = checkLabel(native, linux?.mountLabel, '/linux/mountLabel');
  let nsdelegate: boolean | undefined;
  const apparmor = apparmorFile(native, process?.apparmorProfile, '/process');
  return {
    id: request.id,
    bundle: request.bundle,
    uid: caller.uid,
    gid: caller.gid,
    effective: caller.effective,
    bounding: caller.bounding,
    lastCapability: caller.lastCapability,
    initialUserNamespace: caller.initialUserNamespace,
    setgroupsDenied: setgroupsDenied(native, caller),
    ...(request.cgroup === undefined ? {} : { cgroup: request.cgroup }),
    // Several parts of a plan go by it, and it may change meanwhile.
    hasNsdelegate: () => (nsdelegate ??= hasNsdelegate(native)),
    delegatedFiles: () => delegatedFiles(native),
    ...(request.protectHostCgroups === true ? { protectHostCgroups: true } : {}),
    noPivot,
    foreground: request.keepTerminal === true,
    ...(noPivot ? { hostMounts: hostMounts(native, request.rootfs.path) } : {}),
    keyring: request.keyring,
    ownNamespaces: ownNamespaces(native, request.spec, request.namespaces),
    listenFds: request.listenFds ?? 0,
    ...(apparmor === undefined ? {} : { apparmor }),
    ...(processLabel === undefined ? {} : { processLabel }),
    ...(mountLabel === undefined ? {} : { mountLabel }),
    ...(request.notifyDirectory === undefined ? {} : { notifyDirectory: request.notifyDirectory }),
    readRootFile: (path) => readRootFile(native, request.rootfs.fd, path),
  };
}
