/** mounts[]: one entry, and the steps that it comes to. */

import {
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../../native/constants.js';
import type { Mount } from '../../spec/types.js';
import { withMountLabel } from '../../selinux/selinux.js';
import { invalid, unsupported } from '../invalid.js';
import { clean, resolve } from '../path.js';
import type { MountPlacement, Slot, Step } from '../steps.js';
import type { CgroupContext } from './cgroup.js';
import {
  cgroupView,
  isCgroupMount,
  ownCgroup,
  protectCgroups,
  showsLimits,
  staysReadOnly,
} from './cgroup.js';
import { withoutEffectOnBind } from './options.js';
import type { Attributes, MountOptions } from './options.js';
import { NO_CHANGE } from './kept.js';
import type { Change, KeptMounts, Placed } from './kept.js';
import { checkProcTarget } from './proc.js';
import type { ProtectedCgroups } from './protected-cgroups.js';
import type { Source, Sources } from './sources.js';

export interface MountContext extends CgroupContext {
  sources: Sources;
  warnings: string[];
  /** Steps for after the set-up of the root: what must not be read-only before. */
  late: Step[];
  cgroups: ProtectedCgroups;
  /** What is changed after it was made. */
  kept: KeptMounts;
  /** An entry makes mounts below its own writable. */
  clearsBelow: boolean;
  /** linux.mountLabel */
  label?: string | undefined;
}

/** An entry of `mounts` with its options read. */
export interface ParsedMount {
  mount: Mount;
  options: MountOptions;
  at: string;
  /** Slot of its mapping, -1 for none. */
  idMap: Slot;
}

/** @param before the steps of the entries before this one */
export function planMount(
  parsed: ParsedMount,
  context: MountContext,
  before: readonly Step[],
): Step[] {
  const { mount, options, at } = parsed;
  const target = clean(mount.destination);
  if (target === '/') throw invalid(`${at}/destination`, 'cannot be the root');
  warnIneffective(parsed, context.warnings);
  if (options.copyUp && mount.type !== 'tmpfs') {
    throw unsupported(`${at}/options`, `tmpcopyup is for tmpfs, not for ${mount.type ?? 'a bind'}`);
  }
  if (options.remount) return planRemount(parsed, target, context, before);
  const bind = options.bind || mount.type === 'bind';
  checkProcTarget(target, bind ? undefined : mount.type, at);
  if (bind) return planBind(parsed, target, context);
  if (isCgroupMount(mount)) return planCgroup(parsed, target, context);
  return planFileSystem(parsed, target, context);
}

function warnIneffective({ mount, options, at }: ParsedMount, warnings: string[]): void {
  const bind = (options.bind || mount.type === 'bind') && !options.remount;
  if (!bind && options.ineffective.length === 0) return;
  const ignored = bind ? withoutEffectOnBind(options) : options.ineffective;
  if (ignored.length > 0) warnings.push(`${at}/options: without effect: ${ignored.join(', ')}`);
}

function planRemount(
  parsed: ParsedMount,
  target: string,
  context: MountContext,
  before: readonly Step[],
): Step[] {
  const { options, at, idMap } = parsed;
  const others = [...options.superblock, ...options.data];
  if (others.length > 0 && !options.bind) {
    throw unsupported(
      `${at}/options`,
      `remount can only change attributes of a mount, not ${others.join(', ')}`,
    );
  }
  // What came with the root has a name and nothing else.
  const mounted = lastOn(target, before);
  if (mounted !== undefined && context.cgroups.has(mounted)) keepReadOnly(parsed, context);
  const [first = 0, ...further] = options.propagation;
  const placed = placement(options, target, first, idMap);
  const changes: Change[] = [
    { op: 'remount', at, mount: -1, ...placed },
    ...furtherPropagation(further, target, at),
  ];
  if (mounted !== undefined) context.kept.keep(mounted, changes, true);
  const { attributes, recursiveAttributes } = options;
  const below = clearsReadOnly(recursiveAttributes);
  if (below || clearsReadOnly(attributes)) {
    changes.push(...context.cgroups.protectAgain(at, target, below));
  }
  return changes;
}

export function clearsReadOnly({ clear }: Attributes): boolean {
  return (clear & MOUNT_ATTR_RDONLY) !== 0;
}

function keepReadOnly({ options, at }: ParsedMount, context: MountContext): void {
  const { attributes, recursiveAttributes } = options;
  if (!clearsReadOnly(attributes) && !clearsReadOnly(recursiveAttributes)) return;
  const reason = staysReadOnly(context);
  if (reason === undefined) return;
  attributes.clear &= ~MOUNT_ATTR_RDONLY;
  recursiveAttributes.clear &= ~MOUNT_ATTR_RDONLY;
  context.warnings.push(`${at}: stays as it is, since ${reason}`);
}

/** Undefined also where a later mount on a directory above covers it, and may have one there. */
function lastOn(target: string, steps: readonly Step[]): Placed | undefined {
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i];
    if (step?.op !== 'mount' && step?.op !== 'bind') continue;
    if (step.target === target) return step;
    if (target.startsWith(`${step.target}/`)) return undefined;
  }
  return undefined;
}

function planBind(parsed: ParsedMount, target: string, context: MountContext): Step[] {
  const { mount, options, at, idMap } = parsed;
  if (mount.source === undefined || mount.source === '') {
    throw invalid(`${at}/source`, 'must be given for a bind mount');
  }
  const path = resolve(context.facts.bundle, mount.source);
  const source = context.sources.open(path, options.recursive, at, idMap, mapsRecursively(options));
  const steps = attachTree(parsed, target, source, options.recursive, context);
  // Opened before the container has mounts of cgroups.
  if (source.slot >= 0) return steps;
  const inRoot = context.sources.inRoot(path);
  if (inRoot === undefined && !(options.recursive && context.clearsBelow)) return steps;
  const { before, after } = context.cgroups.withoutClones(at, inRoot);
  return [...before, ...steps, ...after];
}

function attachTree(
  parsed: ParsedMount,
  target: string,
  source: Source,
  recursive: boolean,
  context: MountContext,
): Step[] {
  const { options, at } = parsed;
  const [first = 0, ...further] = cutOff(source.propagation, options.propagation);
  const deferred = deferReadOnly(parsed, target, target === '/dev', context);
  const bind: Placed = {
    op: 'bind',
    at,
    source: source.source,
    slot: source.slot,
    recursive,
    keep: -1,
    ...placement(options, target, first, source.idMap),
    idMapRecursive: source.idMapRecursive,
  };
  return [bind, ...changesOf(bind, further, deferred, context)];
}

/** The changes that come next; `deferred` comes later. */
function changesOf(
  placed: Placed,
  further: readonly number[],
  deferred: readonly Change[],
  { kept }: MountContext,
): Change[] {
  const changes = furtherPropagation(further, placed.target, placed.at);
  kept.keep(placed, changes, false);
  kept.keep(placed, deferred, true);
  return changes;
}

/** Whatever the options ask for is asked of a tree that no longer is the host's. */
function cutOff(cut: number, options: readonly number[]): number[] {
  if (cut === 0) return [...options];
  const [first = 0] = options;
  const cuts = (first & MS_REC) !== 0 && (first & (MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) !== 0;
  return cuts ? [...options] : [cut, ...options];
}

function planCgroup(parsed: ParsedMount, target: string, context: MountContext): Step[] {
  const { options, at } = parsed;
  const { facts, places, sources, warnings } = context;
  const view = cgroupView(places, facts);
  const reason = protectCgroups(context, options);
  if (reason !== undefined) warnings.push(`${at}: read-only, since ${reason}`);
  if (view.kind === 'mount') {
    const mount = { ...parsed.mount, type: 'cgroup2' };
    const steps = planFileSystem({ ...parsed, mount }, target, context);
    if (!showsLimits(context, options)) return withReadOnly(steps, parsed, false, context);
    const [placed, ...changes] = steps;
    if (placed?.op !== 'mount') return steps;
    const protection: Change = {
      op: 'protect-limits',
      at,
      mount: -1,
      delegated: facts.delegatedFiles(),
    };
    context.kept.keep(placed, [protection], false);
    const { propagation } = options;
    context.cgroups.add({ placed, protection, recursive: true, propagation });
    return [placed, protection, ...changes];
  }
  const source = sources.openCut(view.path, view.recursive, at);
  const own = ownCgroup(view, context, options);
  if (own === undefined) {
    const steps = attachTree(parsed, target, source, view.recursive, context);
    return withReadOnly(steps, parsed, view.recursive, context);
  }
  const readOnly: ParsedMount = {
    ...parsed,
    options: { ...options, attributes: readOnlyToo(options) },
  };
  const writable = sources.openCut(view.path + own, false, at);
  const ownTarget = target === '/' ? own : target + own;
  const whole = attachTree(readOnly, target, source, view.recursive, context);
  return [
    ...withReadOnly(whole, readOnly, view.recursive, context, ownTarget),
    ...attachTree(parsed, ownTarget, writable, false, context),
  ];
}

/** A mount of cgroups that is read-only may have to stay so. */
function withReadOnly(
  steps: Step[],
  { options, at }: ParsedMount,
  recursive: boolean,
  context: MountContext,
  own?: string,
): Step[] {
  const [placed] = steps;
  if (placed?.op !== 'mount' && placed?.op !== 'bind') return steps;
  const set = placed.attrSet | placed.recursiveSet;
  if ((set & MOUNT_ATTR_RDONLY) === 0) return steps;
  const protection: Change = {
    op: 'remount',
    at,
    mount: -1,
    ...NO_CHANGE,
    target: placed.target,
    [recursive ? 'recursiveSet' : 'attrSet']: MOUNT_ATTR_RDONLY,
  };
  const { propagation } = options;
  context.cgroups.add({ placed, protection, recursive, propagation, ...(own && { own }) });
  return steps;
}

function readOnlyToo({ attributes }: MountOptions): MountOptions['attributes'] {
  return {
    set: attributes.set | MOUNT_ATTR_RDONLY,
    clear: attributes.clear & ~MOUNT_ATTR_RDONLY,
  };
}

function planFileSystem(parsed: ParsedMount, target: string, context: MountContext): Step[] {
  const { mount, options, at, idMap } = parsed;
  const type = mount.type;
  if (type === undefined || type === '') {
    throw invalid(`${at}/type`, 'must be given for what is not a bind mount');
  }
  const readOnly = (options.attributes.set & MOUNT_ATTR_RDONLY) !== 0;
  const { superblock, data, propagation } = options;
  let fileSystem = superblock.length === 0 ? data : [...superblock, ...data];
  // A device that is read-only wants its file system to be so too.
  if (readOnly && !VIRTUAL.has(type)) fileSystem = ['ro', ...fileSystem];
  // Mounts inside come later, and their targets may have to be made.
  const deferred = deferReadOnly(parsed, target, type === 'tmpfs' || target === '/dev', context);
  const step: Placed = {
    op: 'mount',
    at,
    type,
    source: mount.source === undefined || mount.source === '' ? 'none' : mount.source,
    options: withMountLabel(type, fileSystem, context.label),
    copyUp: options.copyUp,
    keep: -1,
    // As placement(), which a container has too many of to spread them.
    target,
    attrSet: options.attributes.set,
    attrClear: options.attributes.clear,
    recursiveSet: options.recursiveAttributes.set,
    recursiveClear: options.recursiveAttributes.clear,
    propagation: propagation[0] ?? 0,
    idMap,
    idMapRecursive: idMap >= 0 && mapsRecursively(options),
  };
  if (propagation.length < 2 && deferred.length === 0) return [step];
  return [step, ...changesOf(step, propagation.slice(1), deferred, context)];
}

/** File systems without a device, some of them shared with the host: read-only is for the mount alone. */
const VIRTUAL: ReadonlySet<string> = new Set([
  'proc',
  'sysfs',
  'tmpfs',
  'ramfs',
  'devpts',
  'devtmpfs',
  'mqueue',
  'cgroup',
  'cgroup2',
  'bpf',
  'debugfs',
  'tracefs',
  'securityfs',
  'selinuxfs',
  'configfs',
  'fusectl',
  'hugetlbfs',
  'binfmt_misc',
  'pstore',
  'efivarfs',
]);

function deferReadOnly(
  { options, at }: ParsedMount,
  target: string,
  applies: boolean,
  context: MountContext,
): readonly Change[] {
  if (!applies || (options.attributes.set & MOUNT_ATTR_RDONLY) === 0) return NONE;
  options.attributes.set &= ~MOUNT_ATTR_RDONLY;
  const change: Change = {
    op: 'remount',
    at,
    mount: -1,
    ...NO_CHANGE,
    target,
    attrSet: MOUNT_ATTR_RDONLY,
  };
  context.late.push(change);
  return [change];
}

const NONE: readonly Change[] = [];

function placement(
  options: MountOptions,
  target: string,
  propagation: number,
  idMap: Slot,
): MountPlacement {
  return {
    target,
    attrSet: options.attributes.set,
    attrClear: options.attributes.clear,
    recursiveSet: options.recursiveAttributes.set,
    recursiveClear: options.recursiveAttributes.clear,
    propagation,
    idMap,
    idMapRecursive: idMap >= 0 && mapsRecursively(options),
  };
}

function mapsRecursively(options: MountOptions): boolean {
  return options.idMap === 'ridmap';
}

/** One call sets one propagation; shared after slave is both. */
function furtherPropagation(flags: readonly number[], target: string, at: string): Change[] {
  return flags.map((propagation) => ({
    op: 'remount',
    at,
    mount: -1,
    ...NO_CHANGE,
    target,
    propagation,
  }));
}

/** Attaches a tree that an input has: `source` is its name in errors. */
export function planTreeBind(source: string, target: string, at: string, slot: Slot): Step {
  return { op: 'bind', at, source, slot, recursive: false, keep: -1, ...NO_CHANGE, target };
}

/** A bind of a path of the host that no entry of `mounts` asked for. */
export function planHostBind(
  path: string,
  target: string,
  attrSet: number,
  at: string,
  sources: Sources,
): Step {
  const source = sources.openCut(path, false, at);
  return {
    op: 'bind',
    at,
    source: source.source,
    slot: source.slot,
    recursive: false,
    keep: -1,
    ...NO_CHANGE,
    target,
    attrSet,
    propagation: source.propagation,
  };
}
