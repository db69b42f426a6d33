/** Options of the library's functions. */

import { bundlePath } from '../lifecycle/bundle.js';
import type { Bundle } from '../lifecycle/bundle.js';
import { userBus } from '../cgroups/systemd/user-bus.js';
import type { PrepareOptions } from '../lifecycle/prepare.js';
import { absolutePath } from '../native/absolute-path.js';
import { loadNative, environment } from '../native/node.js';
import type { Native } from '../native/types.js';
import type { Step } from '../plan/steps.js';
import { requireSpec } from '../spec/load.js';
import type { Spec } from '../spec/types.js';
import { StateRoot, defaultRoot } from '../state/root.js';
import { loadBundle } from '../lifecycle/bundle.js';
import { variables } from '../variables.js';

export interface RootOptions {
  /**
   * Absolute path of the directory that holds the state of all containers.
   * Default: /run/tsrun for root, else $XDG_RUNTIME_DIR/tsrun; without a session, docs/rootless.md.
   */
  root?: string;
  /** Gets what the command line would log as a warning. Default: nobody is told. */
  onWarning?: (message: string) => void;
}

/**
 * Standard streams of a process in a container: the program's own, /dev/null,
 * or three descriptors (-1 for /dev/null), which stay the caller's to close.
 */
export type Stdio = 'inherit' | 'ignore' | readonly [number, number, number];

/** A step of the plan and the CLOCK_MONOTONIC time in nanoseconds at which it was done. */
export interface TraceEntry {
  step: Step;
  time: number;
}

export interface PlanOptions {
  /** Directory of the bundle, or a loaded bundle. */
  bundle: string | Bundle;
  /** Used in place of the bundle's config.json; checked like one. */
  spec?: Spec;
  /** Default: `container`. */
  id?: string;
  /** Move the root over / instead of pivot_root(2), for a root on a ramdisk. Default false. */
  noPivot?: boolean;
  /** Share the program's session keyring. Default false. */
  noNewKeyring?: boolean;
  /**
   * Mount the whole hierarchy of cgroups of the host for writing in no container, not in one with
   * CAP_SYS_ADMIN either. Default false.
   */
  protectHostCgroups?: boolean;
  /** The container's cgroup is that of a scope of systemd's (docs/cgroups.md). Default false. */
  systemdCgroup?: boolean;
}

export interface ContainerOptions extends RootOptions {
  /**
   * What the hooks that run outside of the container have for an environment where the configuration
   * has no `env` for them: this program's, as it is when they start, or an empty one. It is for what
   * this Container object does. Default `empty`.
   */
  hookEnv?: 'inherit' | 'empty';
}

export interface CreateContainerOptions extends ContainerOptions, Omit<PlanOptions, 'id'> {
  /** 1 to 255 of `A-Z a-z 0-9 _ + . -`, not `.` or `..`. Taken by the container until it is deleted. */
  id: string;
  /** Default `inherit`. */
  stdio?: Stdio;
  /** Path of a unix socket that gets the terminal's master side; needed with process.terminal. */
  consoleSocket?: string;
  /** File that gets the pid, without a newline. */
  pidFile?: string;
  /** Path of a unix socket that gets a pidfd of the container's process. */
  pidfdSocket?: string;
  /** Descriptors that the process gets as 3, 4, ... Default none. */
  preserveFds?: readonly number[];
  /** Called once, when everything but the start is done. */
  trace?: (entries: TraceEntry[]) => void;
}

/** The addon, the path of the root directory and the listener for warnings. */
export interface Context {
  native: Native;
  root: string;
  warn: (message: string) => void;
  /** Empty, or what is to be given to the functions that run hooks. */
  hooks: { hookEnvironment?: () => readonly string[] };
}

/**
 * Has the root directory open for one call.
 *
 * @throws TsrunError ERR_STATE when others can change it
 */
export async function withRoot<T>(
  { native, root: path }: Context,
  use: (root: StateRoot) => T | Promise<T>,
): Promise<T> {
  const root = StateRoot.open(native, path);
  try {
    return await use(root);
  } finally {
    root.close();
  }
}

export function contextOf(options: ContainerOptions): Context {
  const native = loadNative();
  return {
    native,
    root: absolutePath(native, options.root ?? defaultRoot(native, environment())),
    warn: options.onWarning ?? (() => undefined),
    hooks: options.hookEnv === 'inherit' ? { hookEnvironment: () => variables(environment()) } : {},
  };
}

/** Not resolved by its text: `..` behind a link is the kernel's to find. */
export function pathFromHere(native: Native, path: string): string {
  return path === '' || path.startsWith('/') ? path : `${absolutePath(native, '.')}/${path}`;
}

const PATHS = ['consoleSocket', 'pidFile', 'pidfdSocket'] as const;

type Paths = { bundle?: string | Bundle } & Partial<Record<(typeof PATHS)[number], string>>;

/**
 * The same with its paths from the directory that the program is in at the call: it may have gone to
 * another one when they are used, in a later turn.
 *
 * @throws TsrunError ERR_SYSTEM when the current directory has no path
 */
export function fromHere<T extends Paths>(native: Native, options: T): T {
  const changed: Paths = {};
  for (const name of PATHS) {
    const path = options[name];
    if (path !== undefined) changed[name] = pathFromHere(native, path);
  }
  const { bundle } = options;
  if (typeof bundle === 'string') changed.bundle = pathFromHere(native, bundle);
  else if (bundle !== undefined) {
    changed.bundle = { ...bundle, path: pathFromHere(native, bundle.path) };
  }
  return { ...options, ...changed };
}

export function streams(stdio: Stdio = 'inherit'): readonly [number, number, number] {
  if (stdio === 'inherit') return [0, 1, 2];
  return stdio === 'ignore' ? [-1, -1, -1] : stdio;
}

/** @throws TsrunError ERR_BUNDLE, ERR_CONFIG_INVALID */
export function bundleOf(native: Native, { bundle, spec }: PlanOptions): Bundle {
  if (spec !== undefined) {
    const directory = typeof bundle === 'string' ? bundle : bundle.path;
    return { path: bundlePath(native, directory), spec: requireSpec(spec) };
  }
  if (typeof bundle === 'string') return loadBundle(native, bundle);
  // It may have been changed since it was loaded.
  return { path: bundlePath(native, bundle.path), spec: requireSpec(bundle.spec) };
}

/** What createContainer and planContainer ask for alike. */
export function prepareOptions(
  native: Native,
  { noPivot, noNewKeyring, protectHostCgroups, systemdCgroup }: Partial<PlanOptions>,
): Partial<PrepareOptions> {
  return {
    noPivot: noPivot === true,
    noNewKeyring: noNewKeyring === true,
    protectHostCgroups: protectHostCgroups === true,
    ...(systemdCgroup === true
      ? { systemdCgroup: { userBus: userBus(native, environment()) } }
      : {}),
    spareCaller: true,
  };
}

export function traceEntries(
  trace: (entries: TraceEntry[]) => void,
): (steps: readonly Step[], times: readonly number[]) => void {
  return (steps, times) => {
    const entries: TraceEntry[] = [];
    times.forEach((time, index) => {
      const step = steps[index];
      if (step !== undefined) entries.push({ step, time });
    });
    trace(entries);
  };
}
