/** Gathers what a plan depends on besides the spec. */

import type { Native } from '../native/types.js';
import { apparmorFile } from '../apparmor/apparmor.js';
import { delegatedFiles } from '../cgroups/delegate.js';
import { cgroupOf, findUnifiedHierarchy, hasNsdelegate } from '../cgroups/mount.js';
import { cgroupPath } from '../cgroups/path.js';
import type { PlanFacts } from '../plan/plan.js';
import { checkLabel } from '../selinux/selinux.js';
import type { Spec } from '../spec/types.js';
import type { Rootfs } from './bundle.js';
import { readCaller, setgroupsDenied } from './caller.js';
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
  protectHostCgroups?: boolean | undefined;
  noPivot: boolean;
  foreground?: boolean;
  /** Name of the session keyring; absent for that of the caller. */
  keyring?: string | undefined;
  preservedFds: number;
  listenFds: number;
  notifyDirectory?: string;
  /** The place of the scope that systemd is going to make. */
  scope?: NonNullable<PlanFacts['cgroup']>;
  /** It is to have none of its own. */
  noCgroup?: boolean;
}

/** @throws TsrunError ERR_CONFIG_INVALID for a cgroupsPath that cannot be one */
export function gatherFacts(
  native: Native,
  request: FactsRequest,
  caller: Caller = readCaller(native, request.spec.process),
): PlanFacts {
  const place =
    request.noCgroup === true ? undefined : (request.scope ?? ownPlace(native, request));
  const { process, linux } = request.spec;
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
    ...(place === undefined ? {} : { cgroup: place }),
    // Several parts of a plan go by it, and it may change meanwhile.
    hasNsdelegate: () => (nsdelegate ??= hasNsdelegate(native)),
    delegatedFiles: () => delegatedFiles(native),
    ...(request.protectHostCgroups === true ? { protectHostCgroups: true } : {}),
    noPivot: request.noPivot,
    foreground: request.foreground === true,
    ...(request.noPivot ? { hostMounts: hostMounts(native, request.rootfs.path) } : {}),
    keyring: request.keyring,
    ownNamespaces: ownNamespaces(native, request.spec, request.namespaces),
    preservedFds: request.preservedFds,
    listenFds: request.listenFds,
    ...(apparmor === undefined ? {} : { apparmor }),
    ...(processLabel === undefined ? {} : { processLabel }),
    ...(mountLabel === undefined ? {} : { mountLabel }),
    ...(request.notifyDirectory === undefined ? {} : { notifyDirectory: request.notifyDirectory }),
    readRootFile: (path) => readRootFile(native, request.rootfs.fd, path),
  };
}

/** Where the container's cgroup is made with file system calls. */
function ownPlace(native: Native, { id, spec }: FactsRequest): PlanFacts['cgroup'] {
  const hierarchy = findUnifiedHierarchy(native);
  if (hierarchy === undefined) return undefined;
  const own = cgroupOf(native, 'self');
  return {
    ...hierarchy,
    path: cgroupPath({ cgroupsPath: spec.linux?.cgroupsPath, id, own }),
  };
}
