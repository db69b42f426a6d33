/**
 * The container plan: everything that is going to happen, as plain data.
 *
 * src/plan/container.ts makes one from a validated spec and the facts of the
 * host; src/lifecycle/execute.ts carries it out. Nothing here needs a
 * privilege, and a plan can be printed, compared and tested.
 */

import type { CgroupWrite } from '../cgroups/limits/write.js';
import type { Slot, Step } from './steps.js';

/** A line of /proc/PID/uid_map (user_namespaces(7)). */
export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

/**
 * What the parent opens before the clone and hands to the helper: element i of
 * ContainerPlan.inputs becomes slot i.
 */
export type PlanInput = { at: string } & (
  | { kind: 'namespace'; path: string; /** CLONE_NEW* that the file must be. */ flag: number }
  /** open_tree(OPEN_TREE_CLONE) with the caller's rights, in the caller's mount namespace. */
  | {
      kind: 'tree';
      path: string;
      recursive: boolean;
      /** Slot of an earlier `id-map` or user namespace input, whose mapping the tree gets. */
      idMap?: Slot;
      /** Whether the mapping goes to the mounts below too (ridmap). */
      idMapRecursive?: boolean;
    }
  /** A device node that cannot be made inside, as a mount; the ids are the caller's. */
  | {
      kind: 'device';
      path: string;
      mode: number;
      major: number;
      minor: number;
      uid: number;
      gid: number;
      /** linux.mountLabel, empty for none. */
      label: string;
    }
  /** A user namespace that exists only to carry this mapping (mount_setattr(2), MOUNT_ATTR_IDMAP). */
  | { kind: 'id-map'; uidMappings: IdMapping[]; gidMappings: IdMapping[] }
  /** The root file system as the caller has found it, O_PATH: all that is asked of it is asked of this. */
  | { kind: 'root' }
  /** The exec fifo of the container, O_RDWR: nobody has to be at the other end. */
  | { kind: 'fifo' }
  /** The fifo in which `start` learns how the rest went, O_RDWR. */
  | { kind: 'report' }
  /** The compiled program of linux.seccomp. */
  | { kind: 'seccomp' }
  /** pidfd of the container's init process, for exec. */
  | { kind: 'container' }
);

/**
 * A hard limit that the parent raises where it is lower, since a process in a
 * user namespace may not (getrlimit(2)); the step `rlimit` does the rest.
 */
export interface PlanLimit {
  at: string;
  /** RLIMIT_* number. */
  resource: number;
  hard: bigint;
}

export interface ContainerPlan {
  /** Of the first clone3: CLONE_NEWUSER and CLONE_NEWPID where new ones are wanted and can be made there. */
  cloneFlags: number;
  /**
   * CLONE_NEW* that the helper makes while the parent still encodes the steps: those of the first
   * `unshare`, where nothing else comes before it.
   */
  earlyNamespaces: number;
  inputs: PlanInput[];
  /** Number of slots: those of the inputs first, then those that steps fill. */
  slots: number;
  steps: Step[];
  /** What the parent writes at the idMap sync point; absent without a new user namespace. */
  idMaps?: { uidMappings: IdMapping[]; gidMappings: IdMapping[] };
  /** Raised at the sync point idMap or limits; empty outside of a user namespace. */
  limits: PlanLimit[];
  /** Written by the parent right after the clone. */
  oomScoreAdj?: number;
  /** The limits of linux.resources: what the parent writes to the cgroup before the clone. */
  cgroupWrites?: CgroupWrite[];
  /** The process is born in its cgroup, or moved there by the parent at the sync point cgroup. */
  cgroupJoin: 'clone' | 'sync';
  /**
   * The processes get a cgroup of their own below the one that has the limits: the root of the
   * container could write to the files of these, were they in the root of its cgroup namespace.
   */
  cgroupSubgroup?: true;
  /** The process gets a pseudoterminal, and a `console` message will come. */
  terminal: boolean;
  /** CLONE_NEW* of every namespace that is not the runtime's own, for a later exec. */
  namespaces: number;
  /** The container's user namespace lets its processes set their supplementary groups. */
  setgroups: boolean;
  /** What the log should say: dropped capabilities and the like. */
  warnings: string[];
}

/** What a plan depends on besides the spec; gathered once by src/lifecycle/facts.ts. */
export interface PlanFacts {
  id: string;
  /** Absolute path of the bundle directory. */
  bundle: string;
  /** Effective ids of the caller. */
  uid: number;
  gid: number;
  /** Effective capabilities of the caller, a bit mask. */
  effective: bigint;
  /**
   * Of what the process asks for, the bounding set of the caller: what can be granted to a
   * container that makes no user namespace.
   */
  bounding: bigint;
  /** Highest capability number of this kernel. */
  lastCapability: number;
  /** False inside a user namespace: no device nodes, no device programs. */
  initialUserNamespace: boolean;
  /** /proc/self/setgroups says `deny`: nothing below can set supplementary groups either. */
  setgroupsDenied?: boolean;
  /** The cgroup v2 hierarchy and the container's place in it; absent when it has none. */
  cgroup?: {
    /** Mount point of the v2 hierarchy, e.g. /sys/fs/cgroup or /sys/fs/cgroup/unified. */
    root: string;
    /** `unified`: the mount point is /sys/fs/cgroup itself. */
    layout: 'unified' | 'hybrid';
    /** Path of the container's cgroup below root, with a leading slash. */
    path: string;
    /** systemd makes it, around the process. */
    manager?: 'systemd';
    /** A process born in it would count there with the memory of the caller, for which there may be no room. */
    joinAfterExec?: true;
  };
  /**
   * Whether the kernel keeps a cgroup namespace from the limits of the cgroup that is its root
   * (Documentation/admin-guide/cgroup-v2.rst, "nsdelegate"). Asked only where that matters.
   */
  hasNsdelegate(): boolean;
  /** Names of the files of a cgroup that the kernel has for whom it is delegated to. */
  delegatedFiles(): string[];
  /** No container gets the whole hierarchy of the host for writing. */
  protectHostCgroups?: boolean;
  noPivot: boolean;
  /** The runtime keeps the terminal of the process, and copies what is printed there. */
  foreground?: boolean;
  /** With noPivot: mount points of the host's procfs and sysfs. */
  hostMounts?: readonly string[];
  /** Name of the session keyring that is made; absent where the program keeps that of the caller. */
  keyring?: string | undefined;
  /** CLONE_NEW* flags of spec namespaces whose path leads to the runtime's own namespace. */
  ownNamespaces: number;
  /** LISTEN_FDS of the caller, 0 when it has none. */
  listenFds: number;
  /** Host directory with the relayed notify socket `notify.sock` in it, when the caller has NOTIFY_SOCKET. */
  notifyDirectory?: string;
  /** Attribute file of AppArmor (apparmorFile); absent when no profile is to be applied. */
  apparmor?: string;
  /** process.selinuxLabel and linux.mountLabel as the policy writes them (checkLabel). */
  processLabel?: string;
  mountLabel?: string;
  /** HOME lookup is inside the container: a reader of files below its root file system; undefined when absent or too large. */
  readRootFile(path: string): string | undefined;
}
