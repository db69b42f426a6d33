/**
 * What is kept about a container, in `state.json` (state-file.ts).
 *
 * Everything that a command after `create` needs is in here, so that
 * config.json is never read again.
 */

import type { StepBody } from '../plan/steps.js';
import type { CgroupRecord } from '../cgroups/manager.js';
import type { HierarchyRoot } from '../cgroups/record.js';
import type { ScopeRecord } from '../cgroups/systemd/scope.js';
import type { Hook, LinuxPersonality, Process } from '../spec/types.js';

/** Version of the format: another one is refused, never guessed at. */
export const STATE_VERSION = 5;

/**
 * A step that comes after the start gate, with what its error message needs:
 * when one fails, nobody but `start` is there to say why.
 */
export interface LateStep {
  index: number;
  step: StepBody & { at: string };
}

/**
 * What the table of `list` shows, and what it needs to know whether that is
 * still true. Kept short: it is read of all containers.
 */
export interface ContainerSummary {
  version: typeof STATE_VERSION;
  id: string;
  /** `creating` until `create` has done everything. */
  phase: 'creating' | 'created';
  /** The container's first process as the caller sees it, 0 when there is none yet. */
  pid: number;
  /** Its start time in clock ticks since boot (proc_pid_stat(5)): pid and start time name a process for good. */
  startTime: number;
  /** Absolute path of the bundle directory. */
  bundle: string;
  /** RFC 3339, UTC. */
  created: string;
  /** Name of the user who made it. */
  owner: string;
  /** Of its cgroup, null when it has none of its own. */
  cgroupPath: string | null;
  /** What that path starts from; absent without a cgroup, and in states of earlier tsruns. */
  cgroupHierarchy?: HierarchyRoot;
  /** Id of the boot that it was made in (boot.ts), where the state may outlive that. */
  boot?: string;
}

/** What only commands that do something with the container need. */
export interface ContainerDetails {
  /** Of the spec that the container was made from. */
  ociVersion: string;
  /** Absolute path of the root file system. */
  rootfs: string;
  annotations: Record<string, string>;
  /** The cgroup and who manages it; null when the container has none of its own. */
  cgroup: CgroupRecord | null;
  /** The unit that the cgroup belongs to, where systemd manages it; noted before it is made. */
  scope?: ScopeRecord;
  /** CLONE_NEW* of the namespaces that are not the runtime's own. */
  namespaces: number;
  /** It has a new pid namespace, whose other processes end with the first one. */
  newPidNamespace: boolean;
  /** Ids that set-up ran under in the container's user namespace: its root. */
  setup: { uid: number; gid: number };
  /** Made without privileges over the machine. */
  rootless: boolean;
  /** Name of its session keyring (lifecycle/keyring.ts); absent where it has that of its creator. */
  keyring?: string;
  /** The process has a pseudoterminal. */
  terminal: boolean;
  /** Hooks of later commands. */
  hooks: { poststart: Hook[]; poststop: Hook[] };
  /** How the filter of system calls beside it is loaded, and who answers SCMP_ACT_NOTIFY; absent without one. */
  seccomp?: { flags: number; listener: boolean; path?: string; metadata?: string };
}

export type ContainerState = ContainerSummary & ContainerDetails;

/**
 * Which namespaces `create` has put the container into. Its first process can make itself others,
 * so `exec` goes by this, and not by what that process has in /proc.
 */
export interface NamespaceIdentity {
  /** Inode number of the user namespace; 0 where the kernel has none, or did not show it. */
  user: number;
  /** The user namespace allows setgroups(2): that does not change once its gid_map is written. */
  setgroups: boolean;
  /** The namespaces that were there before. What is made in the user namespace belongs to that. */
  joined: {
    /** CLONE_NEW* */
    flag: number;
    inode: number;
    /** Inode number of the user namespace that owns it; 0 for one that the caller is not in. */
    owner: number;
  }[];
}

/** What only `exec` and the failure of a start need: it has a line of its own. */
export interface LaterState {
  /** The spec's process object, the defaults of `exec`. */
  process: Process | undefined;
  personality?: LinuxPersonality;
  identity: NamespaceIdentity;
  lateSteps: LateStep[];
}
