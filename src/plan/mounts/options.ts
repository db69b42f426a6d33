/**
 * mounts[].options: every option of the spec's list (config.md, Linux mount
 * options) and what it comes to. Anything else is the file system's business.
 */

import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MOUNT_ATTR__ATIME,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../../native/constants.js';

/** MOUNT_ATTR_* to set and to clear (mount_setattr(2)). */
export interface Attributes {
  set: number;
  clear: number;
}

export interface MountOptions {
  bind: boolean;
  /** rbind */
  recursive: boolean;
  remount: boolean;
  attributes: Attributes;
  /** The `r...` options: the mount and everything below it. */
  recursiveAttributes: Attributes;
  /** MS_* of each propagation option, in the order in which they are applied. */
  propagation: number[];
  copyUp: boolean;
  idMap: 'none' | 'idmap' | 'ridmap';
  /** Flags of the file system itself, under the names fsconfig(2) takes them by. */
  superblock: string[];
  /** What is left for the file system, in order. */
  data: string[];
  /** Options without effect on this kernel. */
  ineffective: string[];
}

type Atime = 'relatime' | 'noatime' | 'strictatime';

type Option =
  | { set: number; recursive?: true }
  | { clear: number; recursive?: true }
  | { atime: Atime; recursive?: true }
  | { notAtime: Atime; recursive?: true }
  | { propagation: number }
  | { superblock: string }
  | { special: 'bind' | 'rbind' | 'remount' | 'tmpcopyup' | 'idmap' | 'ridmap' }
  /** A default that cannot be anything else here, or that only the kernel's log shows. */
  | { nothing: true }
  | { ineffective: true };

const OPTIONS: ReadonlyMap<string, Option> = new Map(
  Object.entries<Option>({
    async: { superblock: 'async' },
    atime: { notAtime: 'noatime' },
    bind: { special: 'bind' },
    defaults: { nothing: true },
    dev: { clear: MOUNT_ATTR_NODEV },
    diratime: { clear: MOUNT_ATTR_NODIRATIME },
    dirsync: { superblock: 'dirsync' },
    exec: { clear: MOUNT_ATTR_NOEXEC },
    idmap: { special: 'idmap' },
    // Whether a file system keeps versions is its own business; fsconfig(2) has no name for it.
    iversion: { ineffective: true },
    lazytime: { superblock: 'lazytime' },
    loud: { nothing: true },
    mand: { superblock: 'mand' },
    noatime: { atime: 'noatime' },
    nodev: { set: MOUNT_ATTR_NODEV },
    nodiratime: { set: MOUNT_ATTR_NODIRATIME },
    noexec: { set: MOUNT_ATTR_NOEXEC },
    noiversion: { nothing: true },
    nolazytime: { superblock: 'nolazytime' },
    nomand: { superblock: 'nomand' },
    norelatime: { notAtime: 'relatime' },
    nostrictatime: { notAtime: 'strictatime' },
    nosuid: { set: MOUNT_ATTR_NOSUID },
    nosymfollow: { set: MOUNT_ATTR_NOSYMFOLLOW },
    private: { propagation: MS_PRIVATE },
    ratime: { notAtime: 'noatime', recursive: true },
    rbind: { special: 'rbind' },
    rdev: { clear: MOUNT_ATTR_NODEV, recursive: true },
    rdiratime: { clear: MOUNT_ATTR_NODIRATIME, recursive: true },
    relatime: { atime: 'relatime' },
    remount: { special: 'remount' },
    rexec: { clear: MOUNT_ATTR_NOEXEC, recursive: true },
    ridmap: { special: 'ridmap' },
    rnoatime: { atime: 'noatime', recursive: true },
    rnodev: { set: MOUNT_ATTR_NODEV, recursive: true },
    rnodiratime: { set: MOUNT_ATTR_NODIRATIME, recursive: true },
    rnoexec: { set: MOUNT_ATTR_NOEXEC, recursive: true },
    rnorelatime: { notAtime: 'relatime', recursive: true },
    rnostrictatime: { notAtime: 'strictatime', recursive: true },
    rnosuid: { set: MOUNT_ATTR_NOSUID, recursive: true },
    rnosymfollow: { set: MOUNT_ATTR_NOSYMFOLLOW, recursive: true },
    ro: { set: MOUNT_ATTR_RDONLY },
    rprivate: { propagation: MS_PRIVATE | MS_REC },
    rrelatime: { atime: 'relatime', recursive: true },
    rro: { set: MOUNT_ATTR_RDONLY, recursive: true },
    rrw: { clear: MOUNT_ATTR_RDONLY, recursive: true },
    rshared: { propagation: MS_SHARED | MS_REC },
    rslave: { propagation: MS_SLAVE | MS_REC },
    rstrictatime: { atime: 'strictatime', recursive: true },
    rsuid: { clear: MOUNT_ATTR_NOSUID, recursive: true },
    rsymfollow: { clear: MOUNT_ATTR_NOSYMFOLLOW, recursive: true },
    runbindable: { propagation: MS_UNBINDABLE | MS_REC },
    rw: { clear: MOUNT_ATTR_RDONLY },
    shared: { propagation: MS_SHARED },
    silent: { nothing: true },
    slave: { propagation: MS_SLAVE },
    strictatime: { atime: 'strictatime' },
    suid: { clear: MOUNT_ATTR_NOSUID },
    symfollow: { clear: MOUNT_ATTR_NOSYMFOLLOW },
    sync: { superblock: 'sync' },
    tmpcopyup: { special: 'tmpcopyup' },
    unbindable: { propagation: MS_UNBINDABLE },
  }),
);

const ATIME: Readonly<Record<Atime, number>> = {
  relatime: MOUNT_ATTR_RELATIME,
  noatime: MOUNT_ATTR_NOATIME,
  strictatime: MOUNT_ATTR_STRICTATIME,
};

/** Names of the options that are understood here, sorted; for `features`. */
export function knownMountOptions(): string[] {
  return [...OPTIONS.keys()].sort();
}

/** Asking for what is the case anyway. */
const DEFAULT_FLAGS: readonly string[] = ['async', 'nolazytime', 'nomand'];

/** A bind mount has no file system of its own whose options it could set. */
export function withoutEffectOnBind({ ineffective, superblock, data }: MountOptions): string[] {
  return [...ineffective, ...superblock.filter((flag) => !DEFAULT_FLAGS.includes(flag)), ...data];
}

export function parseMountOptions(options: readonly string[]): MountOptions {
  const result: MountOptions = {
    bind: false,
    recursive: false,
    remount: false,
    attributes: { set: 0, clear: 0 },
    recursiveAttributes: { set: 0, clear: 0 },
    propagation: [],
    copyUp: false,
    idMap: 'none',
    superblock: [],
    data: [],
    ineffective: [],
  };
  const { data, attributes } = result;
  for (const name of options) {
    // As in the comma-separated lists of mount(8), where managers split them from.
    if (name === '') continue;
    const option = OPTIONS.get(name);
    if (option === undefined) {
      data.push(name);
    } else if ('set' in option && option.recursive === undefined) {
      // As applyAttribute(): what most mounts have.
      attributes.set |= option.set;
      attributes.clear &= ~option.set;
    } else {
      apply(result, name, option);
    }
  }
  return result;
}

function apply(result: MountOptions, name: string, option: Option): void {
  if ('special' in option) applySpecial(result, option.special);
  else if ('propagation' in option) result.propagation.push(option.propagation);
  else if ('superblock' in option) result.superblock.push(option.superblock);
  else if ('ineffective' in option) result.ineffective.push(name);
  else if (!('nothing' in option)) {
    applyAttribute(option.recursive ? result.recursiveAttributes : result.attributes, option);
  }
}

function applySpecial(
  result: MountOptions,
  special: 'bind' | 'rbind' | 'remount' | 'tmpcopyup' | 'idmap' | 'ridmap',
): void {
  switch (special) {
    case 'bind':
    case 'rbind':
      result.bind = true;
      if (special === 'rbind') result.recursive = true;
      return;
    case 'remount':
      result.remount = true;
      return;
    case 'tmpcopyup':
      result.copyUp = true;
      return;
    case 'idmap':
    case 'ridmap':
      result.idMap = special;
      return;
  }
}

/** The later of two options that contradict each other wins. */
function applyAttribute(
  attributes: Attributes,
  option: { set: number } | { clear: number } | { atime: Atime } | { notAtime: Atime },
): void {
  if ('set' in option) {
    attributes.set |= option.set;
    attributes.clear &= ~option.set;
  } else if ('clear' in option) {
    attributes.set &= ~option.clear;
    attributes.clear |= option.clear;
  } else if ('atime' in option) {
    setAtime(attributes, ATIME[option.atime]);
  } else {
    withdrawAtime(attributes, option.notAtime);
  }
}

/** The access time is one field with three values: it is cleared as a whole and set anew. */
function setAtime(attributes: Attributes, value: number): void {
  attributes.set = (attributes.set & ~MOUNT_ATTR__ATIME) | value;
  attributes.clear |= MOUNT_ATTR__ATIME;
}

/**
 * The opposite of one value takes back an earlier option that asked for it.
 * Where there is none, `atime` and `nostrictatime` mean the kernel's default,
 * which is relatime; `norelatime` has no meaning of its own (mount(8)).
 */
function withdrawAtime(attributes: Attributes, value: Atime): void {
  const chosen = (attributes.clear & MOUNT_ATTR__ATIME) !== 0;
  if (chosen && (attributes.set & MOUNT_ATTR__ATIME) !== ATIME[value]) return;
  if (value === 'relatime') {
    attributes.clear &= ~MOUNT_ATTR__ATIME;
  } else {
    setAtime(attributes, MOUNT_ATTR_RELATIME);
  }
}
