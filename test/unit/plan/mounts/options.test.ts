import { describe, expect, it } from 'vitest';
import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MOUNT_ATTR__ATIME,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../../../../src/native/constants.js';
import { knownMountOptions, parseMountOptions } from '../../../../src/plan/mounts/options.js';
import type { MountOptions } from '../../../../src/plan/mounts/options.js';

const set = (bits: number, clear = 0): Partial<MountOptions> => ({
  attributes: { set: bits, clear },
});
const clear = (bits: number): Partial<MountOptions> => set(0, bits);
const recursiveSet = (bits: number, clear = 0): Partial<MountOptions> => ({
  recursiveAttributes: { set: bits, clear },
});
const recursiveClear = (bits: number): Partial<MountOptions> => recursiveSet(0, bits);
const superblock = (flag: string): Partial<MountOptions> => ({ superblock: [flag] });
const propagation = (flag: number): Partial<MountOptions> => ({ propagation: [flag] });

/** The list of config.md, Linux mount options, in its order. */
const TABLE: [string, Partial<MountOptions>][] = [
  ['async', superblock('async')],
  ['atime', clear(MOUNT_ATTR__ATIME)],
  ['bind', { bind: true }],
  ['defaults', {}],
  ['dev', clear(MOUNT_ATTR_NODEV)],
  ['diratime', clear(MOUNT_ATTR_NODIRATIME)],
  ['dirsync', superblock('dirsync')],
  ['exec', clear(MOUNT_ATTR_NOEXEC)],
  ['iversion', { ineffective: ['iversion'] }],
  ['lazytime', superblock('lazytime')],
  ['loud', {}],
  ['mand', superblock('mand')],
  ['noatime', set(MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME)],
  ['nodev', set(MOUNT_ATTR_NODEV)],
  ['nodiratime', set(MOUNT_ATTR_NODIRATIME)],
  ['noexec', set(MOUNT_ATTR_NOEXEC)],
  ['noiversion', {}],
  ['nolazytime', superblock('nolazytime')],
  ['nomand', superblock('nomand')],
  ['norelatime', {}],
  ['nostrictatime', clear(MOUNT_ATTR__ATIME)],
  ['nosuid', set(MOUNT_ATTR_NOSUID)],
  ['nosymfollow', set(MOUNT_ATTR_NOSYMFOLLOW)],
  ['private', propagation(MS_PRIVATE)],
  ['ratime', recursiveClear(MOUNT_ATTR__ATIME)],
  ['rbind', { bind: true, recursive: true }],
  ['rdev', recursiveClear(MOUNT_ATTR_NODEV)],
  ['rdiratime', recursiveClear(MOUNT_ATTR_NODIRATIME)],
  ['relatime', clear(MOUNT_ATTR__ATIME)],
  ['remount', { remount: true }],
  ['rexec', recursiveClear(MOUNT_ATTR_NOEXEC)],
  ['rnoatime', recursiveSet(MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME)],
  ['rnodev', recursiveSet(MOUNT_ATTR_NODEV)],
  ['rnodiratime', recursiveSet(MOUNT_ATTR_NODIRATIME)],
  ['rnoexec', recursiveSet(MOUNT_ATTR_NOEXEC)],
  ['rnorelatime', {}],
  ['rnostrictatime', recursiveClear(MOUNT_ATTR__ATIME)],
  ['rnosuid', recursiveSet(MOUNT_ATTR_NOSUID)],
  ['rnosymfollow', recursiveSet(MOUNT_ATTR_NOSYMFOLLOW)],
  ['ro', set(MOUNT_ATTR_RDONLY)],
  ['rprivate', propagation(MS_PRIVATE | MS_REC)],
  ['rrelatime', recursiveClear(MOUNT_ATTR__ATIME)],
  ['rro', recursiveSet(MOUNT_ATTR_RDONLY)],
  ['rrw', recursiveClear(MOUNT_ATTR_RDONLY)],
  ['rshared', propagation(MS_SHARED | MS_REC)],
  ['rslave', propagation(MS_SLAVE | MS_REC)],
  ['rstrictatime', recursiveSet(MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME)],
  ['rsuid', recursiveClear(MOUNT_ATTR_NOSUID)],
  ['rsymfollow', recursiveClear(MOUNT_ATTR_NOSYMFOLLOW)],
  ['runbindable', propagation(MS_UNBINDABLE | MS_REC)],
  ['rw', clear(MOUNT_ATTR_RDONLY)],
  ['shared', propagation(MS_SHARED)],
  ['silent', {}],
  ['slave', propagation(MS_SLAVE)],
  ['strictatime', set(MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME)],
  ['suid', clear(MOUNT_ATTR_NOSUID)],
  ['symfollow', clear(MOUNT_ATTR_NOSYMFOLLOW)],
  ['sync', superblock('sync')],
  ['tmpcopyup', { copyUp: true }],
  ['unbindable', propagation(MS_UNBINDABLE)],
  ['idmap', { idMap: 'idmap' }],
  ['ridmap', { idMap: 'ridmap' }],
];

const NONE = parseMountOptions([]);

describe("mount options of the spec's list", () => {
  it.each(TABLE)('%s', (name, effect) => {
    expect(parseMountOptions([name])).toEqual({ ...NONE, ...effect });
  });

  it('are all there are', () => {
    expect(knownMountOptions()).toEqual(TABLE.map(([name]) => name).sort());
  });
});

describe('other mount options', () => {
  it('are for the file system, in their order', () => {
    expect(parseMountOptions(['size=1m', 'ro', 'mode=755', 'constructor', '']).data).toEqual([
      'size=1m',
      'mode=755',
      'constructor',
    ]);
  });

  it('are nothing when they are empty', () => {
    expect(parseMountOptions([''])).toEqual(NONE);
  });
});

describe('options that contradict each other', () => {
  it.each([
    [['ro', 'rw'], 0, MOUNT_ATTR_RDONLY],
    [['rw', 'ro'], MOUNT_ATTR_RDONLY, 0],
    [['noatime', 'strictatime'], MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME],
    [['strictatime', 'noatime'], MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME],
    [['noatime', 'relatime'], 0, MOUNT_ATTR__ATIME],
    [['noatime', 'atime'], 0, MOUNT_ATTR__ATIME],
    // `atime` only takes back `noatime`.
    [['strictatime', 'atime'], MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME],
    [['noatime', 'nostrictatime'], MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME],
    [['strictatime', 'nostrictatime'], 0, MOUNT_ATTR__ATIME],
    [['relatime', 'norelatime'], 0, 0],
    [['strictatime', 'norelatime'], MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME],
  ])('%j: the last one wins', (options, bits, cleared) => {
    expect(parseMountOptions(options)).toEqual({ ...NONE, ...set(bits, cleared) });
  });

  it('do not touch the recursive ones', () => {
    expect(parseMountOptions(['rro', 'rw'])).toEqual({
      ...NONE,
      ...clear(MOUNT_ATTR_RDONLY),
      ...recursiveSet(MOUNT_ATTR_RDONLY),
    });
  });

  it('are all applied when they are about propagation', () => {
    expect(parseMountOptions(['rslave', 'shared']).propagation).toEqual([
      MS_SLAVE | MS_REC,
      MS_SHARED,
    ]);
  });
});
