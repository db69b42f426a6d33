/**
 * The steps of a plan: what the helper process does, one after another.
 *
 * Plain data. Every string is final and every flag is resolved; the native
 * side (native/wire/operations.def, native/child/) walks the list and decides
 * nothing. Paths called `target` are resolved inside the container's root with
 * openat2(RESOLVE_IN_ROOT); missing ones are made where the step says so.
 *
 * `at` is a JSON pointer into config.json, or '' where no field asked for the
 * step; only TypeScript reads it, when the step fails.
 */

/** Index of a descriptor in the helper's table; -1 for none. */
export type Slot = number;

/**
 * Of a `bind`: its source is resolved in the container's root, as a target is. kSourceInRoot of
 * native/wire/wire.h.
 */
export const SOURCE_IN_ROOT = -2;

/** Points at which the helper stops until the parent lets it go on. */
export const SyncPoint = {
  /** In a new user namespace: the parent writes the id maps. */
  idMap: 1,
  /** Namespaces and mounts are there, the root is not yet changed: prestart and createRuntime hooks. */
  runtimeHooks: 2,
  /** Everything is done but the start. */
  ready: 3,
  /** Before a user namespace is joined, in which hard limits cannot be raised: the parent does. */
  limits: 4,
  /**
   * In the cgroup of the caller: the parent has systemd make a scope of it, before everything
   * else, or moves it: when the namespaces are there (isSmall), or first of all (exec, spareCaller).
   */
  cgroup: 5,
  /**
   * The parent writes oom_score_adj: behind the namespaces, or first of all where a user namespace
   * is among them. Before the helper has said anything it may still share its memory with the
   * parent, to which the kernel would give the same value.
   */
  oomScoreAdj: 6,
} as const;
export type SyncPointValue = (typeof SyncPoint)[keyof typeof SyncPoint];

/** What a failure was, where an errno alone does not tell. Values are those of native/wire/wire.h. */
export const FailureCode = {
  none: 0,
  /** No directory of PATH has the program. */
  notInPath: 1,
  /** The program is a directory. */
  isDirectory: 2,
  /** The program's #! interpreter or ELF loader is missing; text names it. */
  missingInterpreter: 3,
  /** The program has no execute permission. */
  notExecutable: 4,
  /** What is at the target is not of the type that the step demands. */
  wrongType: 5,
  /** After the change of directory the current directory is outside of the root. */
  outsideRoot: 6,
  /** The file system that is there is not the one that the step demands. */
  wrongFileSystem: 7,
  /** The hook exited with a status or by a signal; text is `exit status N` or `signal N`. */
  hookFailed: 8,
  /** The hook ran longer than its timeout. */
  hookTimeout: 9,
  /** text is the kernel's own explanation (fsconfig log). */
  explained: 10,
  /** The program's format is none that the kernel runs. */
  badFormat: 11,
  /** The label that was read back is another; text is that one. */
  notApplied: 12,
  /** The namespace is not that of create, nor one that belongs to the container; text is its type. */
  namespaceChanged: 13,
  // Of a failure before the first step, whose step is NO_STEP.
  placeDescriptors: 14,
  nullDevice: 15,
  closeDescriptors: 16,
  keepCapabilities: 17,
  executeHelper: 18,
  cgroupWait: 19,
  readPlan: 20,
  decodePlan: 21,
  slotTable: 22,
  resetSignals: 23,
} as const;

/** kNoStep of native/wire/wire.h: a `failed` message that comes before the first step. */
export const NO_STEP = 0xffffffff;

/** Attributes and placement that all mounting steps share. */
export interface MountPlacement {
  /** Where in the container. */
  target: string;
  /** MOUNT_ATTR_* to set and to clear on the mount (mount_setattr(2)). */
  attrSet: number;
  attrClear: number;
  /** The same for the mount and everything mounted below it. */
  recursiveSet: number;
  recursiveClear: number;
  /** MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, with MS_REC or without; 0 to leave it. */
  propagation: number;
  /** Slot of a user namespace whose mapping the mount gets, -1 for none. */
  idMap: Slot;
  /** Whether the mapping goes to the mounts below too (ridmap). */
  idMapRecursive: boolean;
}

interface Origin {
  at: string;
}

export type Step = Origin & StepBody;

export type StepBody =
  // Order and namespaces.
  | { op: 'sync'; point: SyncPointValue }
  /** unshare(2) */
  | { op: 'unshare'; flags: number }
  /** setns(2): flags are CLONE_NEW*; the descriptor is a namespace or a pidfd. */
  | { op: 'setns'; fd: Slot; flags: number }
  /**
   * setns(2) to the namespaces of the process behind a pidfd, and then the comparison: the user
   * namespace is `user`, which owns the others. `known` names other namespaces that may stay as they
   * are, three numbers each: CLONE_NEW*, inode, inode of the owner or 0 for one outside of `user`.
   * With a `user` of 0 nothing is compared.
   */
  | { op: 'join'; fd: Slot; flags: number; user: number; known: number[] }
  /** setgroups(2) to none. */
  | { op: 'clear-groups' }
  /** Second clone(CLONE_PARENT | flags): the copy goes on, this process ends. */
  | { op: 'fork'; flags: number }
  /** Opens /proc/self/timens_offsets for a `time` step of the same process. */
  | { op: 'open-offsets' }
  /** unshare(CLONE_NEWTIME), the lines for timens_offsets, and entering it. */
  | { op: 'time'; offsets: string }
  /** PR_SET_DUMPABLE */
  | { op: 'dumpable'; on: boolean }
  /** All four uids and gids at once, keeping capabilities; groups cleared when asked. */
  | { op: 'become'; uid: number; gid: number; clearGroups: boolean }
  /** setsid(2) */
  | { op: 'session' }
  /** Joins a new session keyring of that name. */
  | { op: 'keyring'; name: string }
  | { op: 'loopback' }
  | { op: 'hostname'; name: string }
  | { op: 'domainname'; name: string }

  // Mounts.
  /** mount(2) on / with MS_REC and a propagation: cuts the copied tree off the host's. */
  | { op: 'propagation'; flags: number }
  /** Keeps a clone of a host path for a later `bind`; follows links. */
  | { op: 'open-tree'; path: string; recursive: boolean; slot: Slot }
  /**
   * The tree in the slot becomes one of the helper's own mount namespace, where the parent can open
   * that: what the caller's mounts forbid cannot be undone there.
   */
  | { op: 'lock-tree'; slot: Slot }
  /**
   * Makes `path` (or the tree in `slot`) the mount that becomes the root; a bind of itself. With
   * `sharing` the host may share mounts that come there, and gets nothing of what the helper mounts
   * on them.
   */
  | { op: 'root'; path: string; slot: Slot; sharing: boolean }
  /** A new file system (fsopen, fsconfig, fsmount, move_mount). */
  | ({
      op: 'mount';
      type: string;
      source: string;
      /** `key=value` or `flag`, as the file system takes them. */
      options: string[];
      /** Copy what is at the target into the new file system first (tmpfs only). */
      copyUp: boolean;
      /** Where the mount stays open for a later `remount`, -1 for nowhere. */
      keep: Slot;
    } & MountPlacement)
  /**
   * A clone of an existing tree: of `source`, which is on the host, or with SOURCE_IN_ROOT for a slot
   * in the container; or the tree in `slot`, which it fills.
   */
  | ({
      op: 'bind';
      source: string;
      slot: Slot;
      recursive: boolean;
      /** As of `mount`; what came in a slot is kept there anyway. */
      keep: Slot;
    } & MountPlacement)
  /** Changes of attributes and propagation of the mount in a slot; with -1 of what is at the target. */
  | ({ op: 'remount'; mount: Slot } & MountPlacement)
  /** Makes the files of the cgroup that the mount in a slot shows read-only, but for these. */
  | { op: 'protect-limits'; mount: Slot; delegated: string[] }
  /** Attributes of the root mount itself. */
  | { op: 'root-attributes'; set: number; clear: number }
  /** Propagation of the root mount: as it is mounted, and in the end (rootfsPropagation). */
  | { op: 'root-propagation'; flags: number }
  /** Makes a directory and its parents, mode for the new ones. */
  | { op: 'mkdir'; target: string; mode: number }
  /** A device node; mode has the S_IFCHR, S_IFBLK or S_IFIFO type bits. An equal node is left alone. */
  | {
      op: 'device';
      target: string;
      mode: number;
      major: number;
      minor: number;
      uid: number;
      gid: number;
      /** An entry of `mounts` lies on the way; any other mount is refused there. */
      crosses: boolean;
    }
  /** What is there already stays, or goes when `replace` says so. */
  | { op: 'symlink'; target: string; contents: string; replace: boolean }
  /**
   * Hides a path: /dev/null over a file, an empty read-only tmpfs over a directory, with `label` as
   * its SELinux label unless that is empty; absent is fine.
   */
  | { op: 'mask'; target: string; label: string }
  /** Makes a path and what is below it read-only; absent is fine. */
  | { op: 'readonly'; target: string }
  /** Opens a procfs of our own (a new instance, or the host's where none can be made) for later steps. */
  | { op: 'proc'; private: boolean }
  /** Writes a value to a file below /proc/sys of the private procfs. */
  | { op: 'sysctl'; file: string; value: string }
  /**
   * Writes to an attribute of the process itself below the private procfs, and
   * checks what is read back; `expected` empty: does not.
   */
  | { op: 'label'; file: string; text: string; expected: string }
  /** A pseudoterminal of the container's devpts: 0-2 and the controlling terminal; size 0 leaves it. */
  | {
      op: 'console';
      columns: number;
      rows: number;
      uid: number;
      mountConsole: boolean;
      /** ONLCR is cleared. */
      bareNewlines: boolean;
    }
  /** pivot_root(2) to the root mount, the old root detached. */
  | { op: 'pivot' }
  /** An empty directory over a mount of the old root, which --no-pivot leaves in the namespace. */
  | { op: 'cover'; path: string; label: string }
  /** --no-pivot: move the root mount over / and chroot. */
  | { op: 'move-root' }
  /** chroot(2): no mount namespace of its own. */
  | { op: 'chroot'; path: string; slot: Slot }

  // The process.
  /** Owner of 0-2 where they are not /dev/null and not ours to keep (uid inside). */
  | { op: 'stdio-owner'; uid: number }
  /** sched_setattr(2); nanoseconds. */
  | {
      op: 'scheduler';
      policy: number;
      flags: number | bigint;
      nice: number;
      priority: number;
      runtime: number | bigint;
      deadline: number | bigint;
      period: number | bigint;
    }
  /** prlimit(2) of the process itself. */
  | { op: 'rlimit'; resource: number; soft: bigint; hard: bigint }
  /** ioprio_set(2) */
  | { op: 'ioprio'; value: number }
  /** sched_setaffinity(2); an empty list stands for every CPU. */
  | { op: 'affinity'; cpus: number[] }
  | { op: 'personality'; persona: number }
  | { op: 'no-new-privileges' }
  /**
   * seccomp(2) with the program in the slot. With `listener` a message
   * `listener` has the descriptor that answers SCMP_ACT_NOTIFY.
   */
  | { op: 'seccomp'; program: Slot; flags: number; listener: boolean }
  | { op: 'umask'; mask: number }
  /**
   * Bounding set, groups, ids, then the other sets. Sets are bit masks.
   * `setGroups` false leaves the supplementary groups (setgroups is denied).
   */
  | {
      op: 'credentials';
      uid: number;
      gid: number;
      groups: number[];
      setGroups: boolean;
      bounding: bigint;
      effective: bigint;
      permitted: bigint;
      inheritable: bigint;
      ambient: bigint;
    }
  /** chdir(2), and the check that it is inside the root. `late`: only when the first try was denied. */
  | { op: 'cwd'; path: string; late: boolean }
  /** chdir(2) on the host, for hooks and other programs outside of a container. */
  | { op: 'host-cwd'; path: string }
  /** Finds the program: `file` itself when it has a slash, else in the directories. */
  | { op: 'find'; file: string; directories: string[] }
  /** Closes every slot but these, the procfs, and what else set-up has opened. */
  | { op: 'forget'; keep: Slot[] }
  /** Waits for a byte in the exec fifo, which `start` writes; from then on failures are told in the report. */
  | { op: 'gate'; fifo: Slot; report: Slot }
  /** Runs a program to its end, state (before + pid + after) on its standard input. */
  | {
      op: 'hook';
      path: string;
      args: string[];
      env: string[];
      /** Seconds, 0 for none. */
      timeout: number;
      before: string;
      after: string;
      /** Its working directory is the root that is mounted, or the directory in the slot. */
      inRoot: boolean;
      slot: Slot;
    }
  /** execve(2) of what `find` found. */
  | { op: 'exec'; args: string[]; env: string[] };

export type Operation = StepBody['op'];
